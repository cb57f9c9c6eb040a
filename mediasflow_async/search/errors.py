"""The error that unreadable search text raises."""

from __future__ import annotations

import re

from mediasflow_async.masking import mask_phone

_LONG_NUMBER = re.compile(r"\+?\d(?:[ .]?\d){5,}")
_PICTURE_RADIUS = 40


def hide_digits(text: str) -> str:
    """Return `text` with every number of six digits and more half hidden.

    The length stays the same, so that a position in `text` still points at the same place.
    """
    return _LONG_NUMBER.sub(lambda number: mask_phone(number[0]), text)


class SearchSyntaxError(ValueError):
    """A search, or a pattern inside one, cannot be read.

    Its text shows the place with a caret; phone numbers in it are half hidden.

    Attributes:
        reason: what is wrong, without the place.
        text: the text that was read, numbers half hidden.
        position: index of the offending character in `text`, counted from 0.
    """

    def __init__(self, reason: str, text: str, position: int) -> None:
        self.reason = reason
        self.text = hide_digits(text)
        self.position = position
        super().__init__(reason, self.text, position)

    def __str__(self) -> str:
        start = max(0, self.position - _PICTURE_RADIUS)
        picture = self.text[start : self.position + _PICTURE_RADIUS]
        one_line = "".join(character if character.isprintable() else " " for character in picture)
        caret = " " * (self.position - start) + "^"
        return f"{self.reason} (character {self.position + 1})\n  {one_line}\n  {caret}"
