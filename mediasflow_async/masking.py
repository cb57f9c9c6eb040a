"""What may be shown of a secret, a phone number or a body: the one place that decides."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

__all__ = ["Secret", "hidden", "mask_phone", "mask_text"]

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
