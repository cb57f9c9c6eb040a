"""Secrets, masks, and logs that show neither."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from typing import Final

__all__ = [
    "LOGGER",
    "Secret",
    "hidden",
    "mask_http_loggers",
    "mask_phone",
    "mask_text",
    "masked_http_logs",
]


# A space in a URL is %20 or +. Masking too much costs nothing here.
_PHONE_LIKE: Final = re.compile(
    r"(?<!\d)(?:(?:\+|00?|33)(?:[\d\s.()+/\u2010-\u2015-]|%20){7,}\d|\d{9,})"
)
_TOKEN: Final = re.compile(
    r"(?i)\b(?:bearer|basic)\s+[\w.~+/=-]+|\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?|set-cookie\b.*"
)
_SHORTEST_SECRET: Final = 4
_NAMED: Final = re.compile(
    r"""(?ix) (["']? (?:pass(?:word|wd)?|mot\ de\ passe|(?:access_)?token|jwt) ["']? \s* [=:] \s*)
    ("[^"]*" | '[^']*' | [^\s&,;}]+)"""
)


class Secret:
    """A password or a token that no repr, log, format or pickle can show.

    Args:
        value: the text to protect.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the protected text: call it where the text goes out, nowhere else."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> tuple[object, ...]:
        msg = "a Secret cannot be pickled: pass credentials to each process on their own"
        raise TypeError(msg)


def mask_phone(number: object) -> str:
    """Return a phone number with all but its prefix and its last two digits starred.

    ``+33612345678`` becomes ``+336*****78``; anything short is starred whole.
    """
    text = str(number)
    shown = 4 if text.startswith("+") else 3
    hidden = len(text) - shown - 2
    return f"{text[:shown]}{'*' * hidden}{text[-2:]}" if hidden > 1 else "*" * len(text)


def mask_text(text: str) -> str:
    """Return text from outside with phone numbers, tokens and passwords masked."""
    masked = _NAMED.sub(r"\1***", _TOKEN.sub("***", text))
    return _PHONE_LIKE.sub(lambda match: mask_phone(match[0]), masked)


def hidden(text: str, secrets: Iterable[str]) -> str:
    """Return text with each of the secrets starred; one of a few letters would shred it."""
    for secret in secrets:
        text = text.replace(secret, "***") if len(secret) >= _SHORTEST_SECRET else text
    return text


LOGGER: Final = logging.getLogger("mediasflow_async")
"""Method, path template, status, attempt, time and request id of each call, at DEBUG."""

_HTTP_LOGGERS: Final = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2")
_secrets_in_use: ContextVar[Sequence[str] | None] = ContextVar("secrets_in_use", default=None)


class _Mask(logging.Filter):
    """Masks what other loggers say while a request of ours is under way.

    httpx logs whole URLs, in which a search or a test puts phone numbers, and httpcore logs
    response headers, in which a login answers with the token.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        secrets = _secrets_in_use.get()
        if secrets is not None:
            record.msg, record.args = mask_text(hidden(record.getMessage(), secrets)), None
        return True


_MASK: Final = _Mask()


def mask_http_loggers() -> None:
    """Put the mask on httpx's loggers; harmless to repeat, without effect on other traffic."""
    for name in _HTTP_LOGGERS:
        logging.getLogger(name).addFilter(_MASK)


class masked_http_logs:  # noqa: N801 - a context manager, which every attempt enters
    """Mask numbers, tokens and passwords in what httpx and httpcore log inside the block.

    Args:
        secrets: the secrets of the request, which are known by their text.
    """

    __slots__ = ("_secrets", "_token")

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = secrets

    def __enter__(self) -> None:
        self._token = _secrets_in_use.set(self._secrets)

    def __exit__(self, *_: object) -> None:
        _secrets_in_use.reset(self._token)
