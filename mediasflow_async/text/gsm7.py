"""The GSM-7 alphabet of SMS: 3GPP TS 23.038, section 6.2.1, default table and extension."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["BASIC", "ESCAPE", "EXTENSION", "OUTSIDE", "escaped", "is_gsm7"]

ESCAPE: Final = "\x1b"

# The place in the table is the septet: 16 characters a row, so `Ç` is 0x09 and `à` is 0x7F.
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
"""The default table: 128 characters of one septet, the escape (0x1B) among them."""

EXTENSION: Final = "\f^{}\\[~]|€"
"""The characters of two septets, of which the first is the escape."""

OUTSIDE: Final = re.compile(f"[^{re.escape(BASIC.replace(ESCAPE, '') + ''.join(EXTENSION))}]")
"""Matches one character that GSM-7 cannot carry; a bare escape is one."""


def is_gsm7(text: str) -> bool:
    """Tell whether GSM-7 can carry every character of `text`, as it is written."""
    return OUTSIDE.search(text) is None


def escaped(text: str) -> str:
    """Return GSM-7 text with the escape before each extended character: one character a septet."""
    for character in EXTENSION:
        text = text.replace(character, ESCAPE + character)
    return text
