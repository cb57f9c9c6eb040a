"""What keeps passwords, tokens and phone numbers out of reprs, errors and logs.

A `Secret` cannot be shown by accident; text from outside is masked before it becomes part of an
error; and what httpx and httpcore log is masked while a request of ours is under way. Masks look
for what is like a number or a token, and err to mask too much.
"""

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

LOGGER: Final = logging.getLogger("mediasflow_async")
"""Logs each attempt at DEBUG: method, path template, status, attempt, time and request id."""


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


# A space in a URL is %20 or +.
_PHONE_LIKE: Final = re.compile(
    r"(?<!\d)(?:(?:\+|00?|33)(?:[\d\s.()+/\u2010-\u2015-]|%20){7,}\d|\d{9,})"
)
_TOKEN: Final = re.compile(
    r"(?i)\b(?:bearer|basic)\s+[\w.~+/=-]+|\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?|set-cookie\b.*"
)

_NAMED: Final = re.compile(
    r"""(?ix) (["']? (?:pass(?:word|wd)?|mot\ de\ passe|(?:access_)?token|jwt) ["']? \s* [=:] \s*)
    ("[^"]*" | '[^']*' | [^\s&,;}]+)"""
)

_SHORTEST_SECRET: Final = 4


def mask_text(text: str) -> str:
    """Return text with all that is like a phone number, a token or a password starred."""
    masked = _NAMED.sub(r"\1***", _TOKEN.sub("***", text))
    return _PHONE_LIKE.sub(lambda match: mask_phone(match[0]), masked)


def mask_phone(number: object) -> str:
    """Return a phone number with all but its prefix and its last two digits starred.

    ``+33612345678`` becomes ``+336******78``; a short text is starred whole.
    """
    text = str(number)
    shown = 4 if text.startswith("+") else 3
    stars = len(text) - shown - 2
    return f"{text[:shown]}{'*' * stars}{text[-2:]}" if stars > 1 else "*" * len(text)


def hidden(text: str, secrets: Iterable[str]) -> str:
    """Return text with each of the secrets starred, but those of less than 4 characters.

    So short a secret would star parts of ordinary words.
    """
    for secret in secrets:
        text = text.replace(secret, "***") if len(secret) >= _SHORTEST_SECRET else text
    return text


_HTTP_LOGGERS: Final = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2")
_secrets_in_use: ContextVar[Sequence[str] | None] = ContextVar("secrets_in_use", default=None)


def mask_http_loggers() -> None:
    """Mask what httpx and httpcore log within `masked_http_logs`; harmless to repeat."""
    for name in _HTTP_LOGGERS:
        logging.getLogger(name).addFilter(_MASK)


class masked_http_logs:  # noqa: N801 - a context manager, which every attempt enters
    """Mask numbers, tokens and passwords in what httpx and httpcore log inside the block.

    Other requests of the program, in other tasks and outside of the block, are logged as ever.

    Args:
        secrets: the exact secrets of the request, which are starred wherever they stand.
    """

    __slots__ = ("_secrets", "_token")

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = secrets

    def __enter__(self) -> None:
        self._token = _secrets_in_use.set(self._secrets)

    def __exit__(self, *_: object) -> None:
        _secrets_in_use.reset(self._token)


class _Mask(logging.Filter):
    """Masks log records while a request of ours is under way.

    httpx logs whole URLs, and a search or a test has phone numbers in its URL; httpcore logs the
    headers of responses, and a login answers with the token in one.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        secrets = _secrets_in_use.get()
        if secrets is not None:
            record.msg, record.args = mask_text(hidden(record.getMessage(), secrets)), None
        return True


_MASK: Final = _Mask()
