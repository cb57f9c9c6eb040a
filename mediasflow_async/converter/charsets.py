"""The charset of an answer: what comes in another one is made UTF-8, piece by piece."""

from __future__ import annotations

import codecs
import re
from typing import Final

__all__ = ["Utf8", "charset_of"]

# Those that a page of text may have: Python has codecs that are none, or know no replacements.
_OF_TEXTS: Final = re.compile(r"utf-16|cp[0-9]|iso8859|mac|koi8")
_CHARSET: Final = re.compile(r"charset\s*=\s*[\"']?([\w.:+-]+)", re.IGNORECASE)
_MARKS: Final = {
    codecs.BOM_UTF8: "",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_ENOUGH: Final = 4
# Which of the first bytes are not zero, in text that begins with letters of ASCII.
_UTF16: Final[dict[tuple[bool, ...], str]] = {
    (True, False, True, False): "utf-16-le",
    (False, True, False, True): "utf-16-be",
}


def charset_of(media_type: str) -> str:
    """Return Python's name of the charset that a `Content-Type` announces, or an empty text.

    Empty too where it is UTF-8 or unknown. What says ISO-8859-1 is read as Windows-1252, as
    browsers do: it has the same letters, and those that French texts need besides.
    """
    announced = _CHARSET.search(media_type)
    try:
        name = codecs.lookup(announced[1]).name if announced else ""
    except LookupError:
        return ""
    return {"iso8859-1": "cp1252"}.get(name, name if _OF_TEXTS.match(name) else "")


class Utf8:
    """Makes UTF-8 of bytes in any charset; what is UTF-8, or may be, is passed on as it is.

    A byte order mark decides, or else the charset that was announced. Without either, text that
    begins with a zero byte beside a letter is UTF-16.

    Args:
        charset: what `charset_of` says.
    """

    def __init__(self, charset: str = "") -> None:
        self._charset = charset
        self._start = b""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._is_decided = False

    def feed(self, data: bytes) -> bytes:
        """Return these bytes in UTF-8; the first few may be kept until there are more."""
        if not self._is_decided:
            data = self._start + data
            if len(data) < _ENOUGH:
                self._start = data
                return b""
            data = self._decided(data)
        return data if self._decoder is None else self._decoder.decode(data).encode()

    def finish(self) -> bytes:
        """Return what is left when the bytes have ended."""
        data = b"" if self._is_decided else self._decided(self._start)
        return data if self._decoder is None else self._decoder.decode(data, final=True).encode()

    def _decided(self, start: bytes) -> bytes:
        self._is_decided = True
        charset, mark = self._charset, b""
        for known, name in _MARKS.items():
            if start.startswith(known):
                charset, mark = name, known if name else b""
                break
        else:
            charset = charset or _utf16_of(start)
            if charset == "utf-16":
                # Without a mark it begins with the larger half of each letter (RFC 2781).
                charset = _utf16_of(start) or "utf-16-be"
        if charset:
            self._decoder = codecs.getincrementaldecoder(charset)(errors="replace")
        return start.removeprefix(mark)


def _utf16_of(start: bytes) -> str:
    return _UTF16.get(tuple(byte != 0 for byte in start[:_ENOUGH]), "")
