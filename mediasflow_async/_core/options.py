"""The options of a session: from arguments, then the environment, then the defaults.

So are proxies and certificates, which the environment holds for all programs. They are read and
checked here, and handed on as values: nothing below looks into the environment itself. An error
names the variable and never shows its value, which may hold a password.
"""

from __future__ import annotations

import ipaddress
import math
import os
import re
import ssl
from collections.abc import Callable, Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.request import getproxies, proxy_bypass

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
    "proxy_of_environment",
    "rate_of",
    "seconds_of",
    "tls_of_environment",
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
_COUNTS: Final = frozenset({"max_in_flight"})


def _text(name: str, text: str) -> str | Secret:
    if name == "base_url":
        normalised_base_url(text.strip(), _ENVIRONMENT_PREFIX + name.upper())
    # A password may begin or end with a space; nothing else does.
    return Secret(text) if name in {"password", "token"} else text.strip()


def _number(name: str, text: str) -> float | None:
    variable = _ENVIRONMENT_PREFIX + name.upper()
    if text.lower() == "none" and name not in _COUNTS:
        return None
    try:
        value = _NUMBERS[name](text)
    except ValueError:
        kind = "whole number" if name in _COUNTS else "number"
        raise ConfigurationError(f"{variable} is not a {kind}") from None
    if not 0 < value < math.inf:
        raise ConfigurationError(f"{variable} is not a positive number")
    return value


def normalised_base_url(url: str, name: str = "base_url") -> httpx.URL:
    """Return the base URL with a closing slash.

    Raises:
        ConfigurationError: when it is no absolute URL, carries credentials or a query, has no
            port that exists, or is plain http beyond this machine (Guide: 1.2, HTTPS only). It
            gives the option or the variable by this name.
    """
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError, UnicodeError):
        raise ConfigurationError(f"{name} cannot be read as a URL") from None
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise ConfigurationError(f"{name} holds no credentials, query or fragment")
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        # What was given may be a URL with a password in it, its scheme forgotten.
        raise ConfigurationError(f"{name} starts with https:// and the name of a host")
    if not _is_port(parsed.port):
        # The system counts on from 0: the bearer would go to another port.
        raise ConfigurationError(f"{name} has a port that does not exist: 1 to {_LAST_PORT} do")
    if parsed.scheme == "http" and not is_loopback(parsed.host):
        raise ConfigurationError(
            f"{name}: plain http is allowed on this machine only, and {parsed.host} is another"
        )
    return parsed.copy_with(path=parsed.path.rstrip("/") + "/")


_LAST_PORT: Final = 2**16 - 1


def _is_port(port: int | None) -> bool:
    """Whether a port exists; None is the one of the scheme."""
    return port is None or 0 < port <= _LAST_PORT


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def proxy_of_environment(url: httpx.URL, tls: ssl.SSLContext | None) -> httpx.Proxy | None:
    """Return the proxy that the environment names for an address, None for a direct connection.

    It is in ``HTTPS_PROXY``, else in ``ALL_PROXY``, unless ``NO_PROXY`` has the host, all of them
    in capitals or not. Where there are none, macOS and Windows have settings of the system. This
    machine itself is reached without a proxy.

    Args:
        url: the address that is talked to.
        tls: settings for a proxy that is reached by https.

    Raises:
        ConfigurationError: names the variable that holds no proxy, or one that needs an extra.
    """
    if is_loopback(url.host):
        return None
    found = getproxies()
    named = ((scheme, found.get(scheme, "").strip()) for scheme in (url.scheme, "all"))
    scheme, address = next(((name, text) for name, text in named if text), ("", ""))
    if not address or _is_direct(url, found):
        return None
    return _proxy_at(address, _variable_of(scheme), tls)


def _variable_of(scheme: str) -> str:
    """Return the name of the variable that holds the proxy of a scheme, as it is spelled."""
    name = f"{scheme}_proxy"
    for spelled in (name, name.upper(), *os.environ):
        if spelled.lower() == name and os.environ.get(spelled):
            return spelled
    return f"the {scheme} proxy in the settings of the system"


def _proxy_at(address: str, variable: str, tls: ssl.SSLContext | None) -> httpx.Proxy:
    url = _address_of(address) if _PROXY_ADDRESS.fullmatch(address) else None
    if url is None or not url.host or not _is_port(url.port):
        raise ConfigurationError(f"{variable} is no address of a proxy", next_step=_WRITE_A_PROXY)
    scheme = "socks5h" if url.scheme == "socks" else url.scheme
    if scheme not in _PROXY_SCHEMES:
        raise ConfigurationError(f"{variable} begins with none of {', '.join(_PROXY_SCHEMES)}")
    if scheme.startswith("socks") and find_spec("socksio") is None:
        raise ConfigurationError(
            f"{variable} is a SOCKS proxy, which needs a package that is not installed",
            next_step="Install it: pip install 'httpx[socks]'.",
        )
    return httpx.Proxy(url.copy_with(scheme=scheme), ssl_context=tls if scheme == "https" else None)


def _address_of(text: str) -> httpx.URL | None:
    try:
        return httpx.URL(text if "://" in text else f"http://{text}")
    except (httpx.InvalidURL, UnicodeError):
        return None


# With an @ after the host, a sign of the password was taken for the end of it.
_PROXY_ADDRESS: Final = re.compile(
    r"(?:[\w+.-]+://)?(?:[^\s/?#@]*@)?(?:\[[^\s/?#@\[\]]+\]|[^\s/?#@:\[\]\"']+)(?::\d+)?"
    r"(?:[/?#][^@]*)?"
)
_PROXY_SCHEMES: Final = ("http", "https", "socks5", "socks5h")
_WRITE_A_PROXY: Final = (
    "Write http://proxy.example:3128, or http://name:password@proxy.example:3128 with the signs "
    "in name and password percent-encoded, such as %40 for @."
)


def _is_direct(url: httpx.URL, found: Mapping[str, str]) -> bool:
    """Whether an address is reached without the proxy that the environment has."""
    if "no" not in found:
        return bool(proxy_bypass(url.host))
    return any(_is_named(url, entry) for entry in re.split(r"[\s,;|]+", found["no"].lower()))


def _is_named(url: httpx.URL, entry: str) -> bool:
    """Whether an entry of ``NO_PROXY`` means an address.

    Docker, Kubernetes, curl and Go write names, whose subdomains are meant as well, with or
    without a dot or a star before them, addresses and networks, each of them with or without a
    port. What is none of these means nothing.
    """
    scheme, _, rest = entry.strip("\"'").rpartition("://")
    host, port = rest.rstrip("/"), ""
    if host.count(":") == 1 or "]:" in host:
        host, _, port = host.rpartition(":")
    if scheme not in {"", "all", url.scheme} or port not in {"", str(url.port or _HTTPS_PORT)}:
        return False
    return _is_host_named(url, host.replace("[", "").replace("]", ""))


_HTTPS_PORT: Final = 443


def _is_host_named(url: httpx.URL, host: str) -> bool:
    try:
        address = ipaddress.ip_address(url.host)
    except ValueError:
        names = {each.rstrip(".") for each in (url.host, url.raw_host.decode("ascii"))}
        domain = host.lstrip("*.").rstrip(".")
        if not domain:
            return host == "*"
        return any(f".{name}".endswith(f".{domain}") or fnmatchcase(name, host) for name in names)
    try:
        return address in ipaddress.ip_network(host, strict=False)
    except ValueError:
        return fnmatchcase(url.host, host)


def tls_of_environment() -> ssl.SSLContext:
    """Return httpx's TLS settings: the certificates of the environment, or those of certifi.

    ``SSL_CERT_FILE`` comes first, then ``SSL_CERT_DIR``. Reading them takes long: call it in a
    thread.

    Raises:
        ConfigurationError: names the variable that leads to no certificates.
    """
    file, folders = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if folders and not file and not any(map(_has_certificates, folders.split(os.pathsep))):
        raise ConfigurationError(
            "SSL_CERT_DIR has no certificates",
            next_step="It is a folder with a file for each, named as `openssl rehash` does.",
        )
    try:
        return httpx.create_ssl_context()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        # Only the file that TLS keys are logged to comes with its name.
        is_key_log = getattr(error, "filename", None) is not None
    if is_key_log and "SSLKEYLOGFILE" in os.environ:
        raise ConfigurationError(f"SSLKEYLOGFILE cannot be written: {reason}")
    if file:
        raise ConfigurationError(f"SSL_CERT_FILE has no certificates that can be read: {reason}")
    raise ConfigurationError(
        f"the certificates that certifi ships cannot be read: {reason}",
        next_step="Add its file cacert.pem to the application, or set SSL_CERT_FILE.",
    )


def _has_certificates(folder: str) -> bool:
    try:
        return any(_HASHED_NAME.fullmatch(each.name) for each in Path(folder).iterdir())
    except (OSError, ValueError):
        return False


_HASHED_NAME: Final = re.compile(r"[0-9a-f]{8}\.\d+")


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
