"""The options of a session: from arguments, then the environment, then the defaults."""

from __future__ import annotations

import ipaddress
import math
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import httpx
from attrs import Factory, evolve, field, frozen

from mediasflow_async._core.not_given import NOT_GIVEN, Duration
from mediasflow_async._core.token_stores import FileTokenStore
from mediasflow_async.errors import ConfigurationError
from mediasflow_async.secrecy import Secret

__all__ = [
    "Settings",
    "count_of",
    "from_environment",
    "is_loopback",
    "normalised_base_url",
    "rate_of",
    "seconds_of",
]


def _default_timeouts(settings: Settings) -> Mapping[str, float | None]:
    return settings.timeouts(settings.timeout_seconds)


@frozen(kw_only=True)
class Settings:
    """How a session talks to the server.

    Attributes:
        timeout_seconds: longest wait for the next bytes of an answer; None for no limit.
        connect_timeout_seconds: longest wait for a connection.
        deadline_seconds: longest time for a call with all its attempts and waits, up to the
            head of the answer where it is streamed.
        max_in_flight: requests under way at once.
        rate: requests per second that the session never exceeds; None for no limit.
        max_response_bytes: size of a decoded answer beyond which reading stops; reports that
            are streamed have no such limit.
        default_timeouts: the timeouts of a request for which no other was given.
    """

    timeout_seconds: float | None = 30.0
    connect_timeout_seconds: float | None = 5.0
    deadline_seconds: float | None = 120.0
    max_in_flight: int = 50
    rate: float | None = None
    max_response_bytes: int = 64 * 2**20
    # Asked by every call: stored rather than computed.
    default_timeouts: Mapping[str, float | None] = field(
        init=False, repr=False, eq=False, default=Factory(_default_timeouts, takes_self=True)
    )

    def changed(self, **options: Any) -> Settings:
        """Return these settings with the options of a session, those NOT_GIVEN left as they are.

        Raises:
            ConfigurationError: names the option that cannot be taken.
        """
        given = {name: value for name, value in options.items() if value is not NOT_GIVEN}
        return evolve(self, **dict(_setting(name, value) for name, value in given.items()))

    def timeouts(self, timeout: Duration) -> Mapping[str, float | None]:
        """Return the timeouts of one request in seconds, by httpx's names."""
        return _timeouts(self.connect_timeout_seconds, seconds_of(timeout, "timeout"))


@lru_cache(maxsize=64)
def _timeouts(connect: float | None, read: float | None) -> Mapping[str, float | None]:
    # All requests share it: nobody may change it.
    return MappingProxyType({"connect": connect, "read": read, "write": read, "pool": read})


_DURATIONS: Final = frozenset({"timeout", "connect_timeout", "deadline"})


def _setting(name: str, value: Any) -> tuple[str, Any]:
    if name in _DURATIONS:
        return f"{name}_seconds", seconds_of(value, name)
    return name, rate_of(value, name) if name == "rate" else count_of(value, name)


def from_environment(
    overrides: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the arguments of a session: the given ones over those that the environment holds.

    An empty variable counts as not set; ``none`` means no limit. Credentials are taken from one
    place: a username or a token that is given leaves those of the environment out.

    Raises:
        ConfigurationError: names the variable whose value cannot be read.
    """
    source = os.environ if environment is None else environment
    found: dict[str, Any] = {}
    for name in (*_TEXTS, *_NUMBERS):
        text = source.get(_ENVIRONMENT_PREFIX + name.upper(), "")
        if text.strip() and name not in overrides:
            found[name] = _number(name, text.strip()) if name in _NUMBERS else _text(name, text)
    if (path := source.get(_TOKEN_STORE, "").strip()) and "token_store" not in overrides:
        found["token_store"] = FileTokenStore(path)
    if _CREDENTIALS & set(overrides):
        found = {name: value for name, value in found.items() if name not in _CREDENTIALS}
    return found | dict(overrides)


_ENVIRONMENT_PREFIX: Final = "MEDIASFLOW_"

# Session argument, by the end of the variable's name.
_TEXTS: Final = ("username", "password", "token", "base_url")

_CREDENTIALS: Final = frozenset({"username", "password", "token"})

_TOKEN_STORE: Final = _ENVIRONMENT_PREFIX + "TOKEN_STORE"
_NUMBERS: Final[dict[str, Callable[[str], float]]] = {
    "timeout": float,
    "connect_timeout": float,
    "deadline": float,
    "max_in_flight": int,
    "rate": float,
}


def _text(name: str, text: str) -> str | Secret:
    # A password may begin or end with a space; nothing else does.
    return Secret(text) if name in {"password", "token"} else text.strip()


def _number(name: str, text: str) -> float | None:
    variable = _ENVIRONMENT_PREFIX + name.upper()
    if text.lower() == "none":
        return None
    try:
        value = _NUMBERS[name](text)
    except ValueError:
        raise ConfigurationError(f"{variable} is not a number: {text!r}") from None
    if not 0 < value < math.inf:
        raise ConfigurationError(f"{variable} is not a positive number: {text!r}")
    return value


def normalised_base_url(url: str) -> httpx.URL:
    """Return the base URL with a closing slash.

    Raises:
        ConfigurationError: when it is no absolute URL, carries credentials or a query, or is
            plain http beyond this machine (Guide: 1.2, HTTPS only).
    """
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError, UnicodeEncodeError):
        raise ConfigurationError("base_url cannot be read as a URL") from None
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise ConfigurationError("base_url holds no credentials, query or fragment")
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        # What was given may be a URL with a password in it, its scheme forgotten.
        raise ConfigurationError("base_url starts with https:// and the name of a host")
    if parsed.scheme == "http" and not is_loopback(parsed.host):
        raise ConfigurationError(
            f"base_url: plain http is allowed on this machine only, and {parsed.host} is another"
        )
    return parsed.copy_with(path=parsed.path.rstrip("/") + "/")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def seconds_of(value: Duration, name: str) -> float | None:
    """Return a time option in seconds, None for no limit.

    Raises:
        ConfigurationError: for what is no duration, or not a positive one; it names the option.
    """
    if value is None:
        return None
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if not _is_number(seconds) or not 0 < seconds < math.inf:
        raise ConfigurationError(
            f"{name} is a positive number of seconds, a timedelta or None, not {value!r}"
        )
    return float(seconds)


def count_of(value: int, name: str) -> int:
    """Return an option that counts.

    Raises:
        ConfigurationError: for what is no whole number from 1 up; it names the option.
    """
    if not isinstance(value, int) or not _is_number(value) or value < 1:
        raise ConfigurationError(f"{name} is a whole number from 1 up, not {value!r}")
    return value


def rate_of(value: float | None, name: str) -> float | None:
    """Return an option that is a rate, None for no limit.

    Raises:
        ConfigurationError: for what is no positive number; it names the option.
    """
    if value is not None and (not _is_number(value) or not 0 < value < math.inf):
        raise ConfigurationError(f"{name} is a positive number or None, not {value!r}")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
