"""What keeps passwords, tokens and phone numbers out of reprs, errors and logs.

A `Secret` cannot be shown by accident; text from outside is masked before it becomes part of an
error; and what httpx and httpcore log is masked while a request of ours is under way. Masks look
for what is like a number or a token, and err to mask too much.
"""

from __future__ import annotations

import binascii
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from html import unescape
from itertools import chain
from typing import Final
from urllib.parse import unquote

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

    So short a secret would star parts of ordinary words. Secrets are found as they are, as URLs,
    JSON and HTML escape them, any of these over another, and in base64; of a long one, so is a
    part of 16 characters.
    """
    wanted = {secret[:_LOOKED_AT] for secret in secrets if len(secret) >= _SHORTEST_SECRET}
    if not wanted or not text:
        return text
    for secret in sorted(wanted, key=len, reverse=True):
        text = text.replace(secret, "***")
    return _Traces(wanted).starred(text)


_LOOKED_AT: Final = 4096
_LONG_PART: Final = 16
_MOST_LAYERS: Final = 2
_BASE64: Final = re.compile(r"[\w+/-]{6,}={0,2}", re.ASCII)


class _Traces:
    """Finds secrets where they are encoded.

    Args:
        secrets: what is looked for.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._wholes = {_alike(secret) for secret in secrets}
        self._parts = {
            each[at : at + _LONG_PART]
            for each in self._wholes
            for at in range(len(each) - _LONG_PART + 1)
        }

    def starred(self, text: str) -> str:
        """Return text with three stars for each part that is, or encodes, a secret."""
        is_secret = bytearray(len(text))
        for begin, end in self._found(text):
            is_secret[begin:end] = b"\1" * (end - begin)
        return re.sub("\0+", "***", "".join(map(_starred, text, is_secret)))

    def _found(self, text: str) -> Iterator[tuple[int, int]]:
        for plain, places in _layers(text):
            for begin, end in chain(self._as_it_is(_alike(plain)), self._in_base64(plain)):
                yield places[begin][0], places[end - 1][1]

    def _as_it_is(self, text: str) -> Iterator[tuple[int, int]]:
        for whole in self._wholes:
            at = text.find(whole)
            while at >= 0:
                yield at, at + len(whole)
                at = text.find(whole, at + 1)
        for at in range(len(text) - _LONG_PART + 1 if self._parts else 0):
            if text[at : at + _LONG_PART] in self._parts:
                yield at, at + _LONG_PART

    def _in_base64(self, text: str) -> Iterator[tuple[int, int]]:
        for run in _BASE64.finditer(text):
            # Words have no capitals or digits inside.
            if not run[0][1:].islower() and any(map(self._is_in, _from_base64(run[0]))):
                yield run.span()

    def _is_in(self, text: str) -> bool:
        return any(any(self._as_it_is(_alike(plain))) for plain, _ in _layers(text))


def _starred(character: str, is_secret: int) -> str:
    return "\0" if is_secret else character


def _alike(text: str) -> str:
    """Return a text of the same length in which what encodings do not keep is the same."""
    spaced = text.translate(_SPACES)
    lower = spaced.lower()
    return lower if len(lower) == len(text) else spaced


_SPACES: Final = str.maketrans("+\t\r\n\0", "     ")
_Places = list[tuple[int, int]]
"""Where each character of a text without escapes begins and ends in the text with them."""


def _layers(text: str) -> Iterator[tuple[str, _Places]]:
    """Yield a text as it is, and without its escapes, of one kind after the other in any order."""
    seen = {text}
    layers: list[tuple[str, _Places, int]] = [(text, [(at, at + 1) for at in range(len(text))], 0)]
    for plain, places, depth in layers:
        yield plain, places
        for escape, decode in _ESCAPES if depth < _MOST_LAYERS else ():
            further, origins = _unescaped(plain, places, escape, decode)
            if further not in seen:
                seen.add(further)
                layers.append((further, origins, depth + 1))


def _unescaped(
    text: str, places: _Places, escape: re.Pattern[str], decode: Callable[[str], str]
) -> tuple[str, _Places]:
    characters: list[str] = []
    origins: _Places = []
    at = 0
    for found in escape.finditer(text):
        begin, end = found.span()
        decoded = decode(found[0])
        characters += [text[at:begin], decoded]
        origins += [*places[at:begin], *[(places[begin][0], places[end - 1][1])] * len(decoded)]
        at = end
    return "".join((*characters, text[at:])), [*origins, *places[at:]]


def _from_json(escape: str) -> str:
    if escape[1] == "u":
        return bytes.fromhex(escape.replace("\\u", "")).decode("utf-16-be", errors="replace")
    return _JSON_ESCAPES.get(escape[1], escape[1])


_JSON_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_ESCAPES: Final[Sequence[tuple[re.Pattern[str], Callable[[str], str]]]] = (
    (re.compile(r"(?:%[0-9a-fA-F]{2})+"), unquote),
    (re.compile(r"(?:\\u[0-9a-fA-F]{4})+|\\[\"'\\/bfnrt]"), _from_json),
    (re.compile(r"&#?\w+;"), unescape),
)


def _from_base64(run: str) -> Iterator[str]:
    """Yield what a run of letters may stand for; it may have begun at any of four places."""
    letters = run.rstrip("=").translate(_OTHER_BASE64)
    for skipped in range(4):
        shifted = letters[skipped:]
        # A last letter alone encodes nothing.
        whole = shifted[:-1] if len(shifted) % 4 == 1 else shifted
        data = binascii.a2b_base64(whole + "=" * (-len(whole) % 4))
        yield data.decode("utf-8", errors="replace")


_OTHER_BASE64: Final = str.maketrans("-_", "+/")


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
