"""The GSM-7 alphabet (3GPP TS 23.038), and replacements for the characters outside of it.

`to_gsm7` previews the platform's `autoREPLACETOGSM7`, and `replace_emoji` its `autoREPLACEEMOJI`.
The guide gives one example of each and no table, so the tables here are ours. Guide: 2.1.
"""
# ruff: noqa: RUF001  the tables are full of characters that look alike

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final
from unicodedata import category, name, normalize

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "BASIC",
    "ESCAPE",
    "EXTENSION",
    "OUTSIDE",
    "Culprit",
    "Replaced",
    "equivalent",
    "escaped",
    "find_culprits",
    "is_gsm7",
    "replace_emoji",
    "replace_to_gsm7",
    "to_gsm7",
]

ESCAPE: Final = "\x1b"

# A character's index is its septet: 16 characters a row, so `Ç` is 0x09 and `à` is 0x7F.
BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
"""The default alphabet: 128 characters of one septet, the escape (0x1B) among them."""

EXTENSION: Final = "\f^{}\\[~]|€"
"""The extension table: characters of two septets, the first of which is the escape."""

OUTSIDE: Final = re.compile(f"[^{re.escape(BASIC.replace(ESCAPE, '') + ''.join(EXTENSION))}]")
"""Matches one character that GSM-7 cannot carry; an escape in a text is one too."""


def is_gsm7(text: str) -> bool:
    """Tell whether GSM-7 can carry every character of `text`, which is not normalised first."""
    return OUTSIDE.search(text) is None


def escaped(text: str) -> str:
    """Return GSM-7 text with an escape before each character of `EXTENSION`.

    Each character of the result is one septet.
    """
    for character in EXTENSION:
        text = text.replace(character, ESCAPE + character)
    return text


def to_gsm7(text: str) -> str:
    """Return `text` with every character that GSM-7 cannot carry replaced by one that it can.

    `ç`, `â`, `ê` and `ë` become `c`, `a`, `e` and `e`; what GSM-7 has (`é è à ù € £ ñ`) stays.
    The `[preview]` extra (the package `anyascii`) transliterates other scripts; without it, their
    letters become `?`. A second call changes nothing more. Guide: 2.1, `autoREPLACETOGSM7`.
    """
    return OUTSIDE.sub(lambda found: _replacement(found[0]), normalize("NFC", text))


def replace_to_gsm7(text: str) -> Replaced:
    """Return what `to_gsm7` makes of `text`, and each replacement. Guide: 2.1."""
    return Replaced(to_gsm7(text), find_culprits(text))


@frozen
class Replaced:
    """A text after `replace_to_gsm7`. Guide: 2.1, `autoREPLACETOGSM7`.

    Attributes:
        text: the new text, which GSM-7 can carry.
        replacements: the characters that were replaced, in order.
    """

    text: str
    replacements: tuple[Culprit, ...]

    @property
    def longer(self) -> bool:
        """Whether a replacement takes more than one septet, as when `œ` becomes `oe`."""
        return any(len(escaped(each.replacement)) > 1 for each in self.replacements)


def find_culprits(text: str) -> tuple[Culprit, ...]:
    """Return the characters of `text`, after NFC, that GSM-7 cannot carry."""
    return tuple(
        Culprit(found[0], found.start(), _name(found[0]), _replacement(found[0]))
        for found in OUTSIDE.finditer(normalize("NFC", text))
    )


@frozen
class Culprit:
    """A character that GSM-7 cannot carry. Guide: 2.1, `allowUCS2`.

    Attributes:
        character: the character itself.
        index: its index in the text after NFC, counted from 0.
        name: its Unicode name, or `U+001B` where it has none.
        replacement: what `to_gsm7` writes instead; `?` when nothing resembles it.
    """

    character: str
    index: int
    name: str
    replacement: str


def _name(character: str) -> str:
    return name(character, f"U+{ord(character):04X}")


_UNKNOWN: Final = "?"


@lru_cache(maxsize=4096)
def _replacement(character: str) -> str:
    found = equivalent(character)
    if found is not None:
        return found
    transliterated = _transliterated(character)
    return transliterated if transliterated and is_gsm7(transliterated) else _UNKNOWN


@lru_cache(maxsize=4096)
def equivalent(character: str) -> str | None:
    """Return what GSM-7 has for a character outside of it, four septets at most, or None.

    The answer comes from our table and from Unicode alone, whatever is installed: `ê` gives `e`
    and `…` gives `...`; emoji and the letters of other scripts give None.
    """
    candidates = (respell(character) for respell in (_REPLACEMENTS.get, _decomposed))
    return next((each for each in candidates if each is not None and is_gsm7(each)), None)


# Holds only what Unicode does not decompose, or decomposes badly: this table is asked first.
_REPLACEMENTS: Final = {
    **dict.fromkeys("‘’‚‛ʼ′´`‹›", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‐‑‒–—―−•", "-"),
    "…": "...",
    "·": ".",
    "⁄": "/",
    "×": "x",
    "°": "o",
    "©": "(C)",
    "®": "(R)",
    "\t": " ",
    "\x85": "\n",
    "\u2028": "\n",
    "\u2029": "\n",
    "\u1680": " ",
    "œ": "oe",
    "Œ": "OE",
    "µ": "u",
    "ẞ": "ß",
    "ı": "i",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
}


# Unicode categories of combining marks, format and control characters.
_DROPPED: Final = frozenset({"Mn", "Me", "Cf", "Cc"})


def _decomposed(character: str) -> str:
    parts = (part for part in normalize("NFKD", character) if category(part) not in _DROPPED)
    return "".join(_REPLACEMENTS.get(part, part) for part in parts)


def _transliterated(character: str) -> str:
    ascii_text = _anyascii()(character)
    return "".join(_REPLACEMENTS.get(part, part) for part in ascii_text)


@cache
def _anyascii() -> Callable[[str], str]:
    try:
        from anyascii import anyascii
    except ImportError:
        return lambda _: ""
    return anyascii


_EMOJI: Final = {
    ":-)": "\N{SLIGHTLY SMILING FACE}",
    ":)": "\N{SLIGHTLY SMILING FACE}",
    ":-(": "\N{SLIGHTLY FROWNING FACE}",
    ":(": "\N{SLIGHTLY FROWNING FACE}",
    ";-)": "\N{WINKING FACE}",
    ";)": "\N{WINKING FACE}",
    ":-D": "\N{GRINNING FACE}",
    ":D": "\N{GRINNING FACE}",
    ":-P": "\N{FACE WITH STUCK-OUT TONGUE}",
    ":P": "\N{FACE WITH STUCK-OUT TONGUE}",
    ":-O": "\N{FACE WITH OPEN MOUTH}",
    ":-*": "\N{FACE THROWING A KISS}",
    ":-|": "\N{NEUTRAL FACE}",
    ":-/": "\N{CONFUSED FACE}",
    ":'(": "\N{CRYING FACE}",
    "B-)": "\N{SMILING FACE WITH SUNGLASSES}",
    "<3": "\N{HEAVY BLACK HEART}",
}

_EMOTICON: Final = re.compile("|".join(map(re.escape, _EMOJI)))


def replace_emoji(text: str) -> str:
    """Return `text` with emoticons replaced by emoji: `:-)` becomes a smiling face.

    One emoji makes the whole message UCS-2, 70 characters a segment. Guide: 2.1,
    `autoREPLACEEMOJI`.
    """
    return _EMOTICON.sub(lambda found: _EMOJI[found[0]], text)
