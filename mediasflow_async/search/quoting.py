"""How names and values are written in a search, and read back.

`rsql` is the language of the parser that the API seems to use: a value is plain, or stands in
quotes with backslash escapes. `fiql` is the older language that the guide names: nothing is quoted,
every special character is percent-encoded.
"""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import quote as percent_encode
from urllib.parse import unquote as percent_decode

QuoteStyle = Literal["rsql", "fiql"]

RESERVED = "\"'();,=<>!~"
_PLAIN = re.compile(rf"[^{RESERVED}\s\x00-\x1f\x7f]+")
_NEEDS_BACKSLASH = re.compile(r'[\\"]')
_BACKSLASHED = re.compile(r"\\(.)", re.DOTALL)


def is_plain(text: str) -> bool:
    """Tell whether `text` can stand in a search without quotes."""
    return _PLAIN.fullmatch(text) is not None


def write_name(name: str, style: QuoteStyle) -> str:
    """Write a selector such as `fields.REF`."""
    return name if style == "rsql" else percent_encode(name, safe="")


def write_value(value: str, style: QuoteStyle) -> str:
    """Write one value, with no more quoting than it needs.

    Raises:
        ValueError: the value is empty, which `fiql` has no way to write.
    """
    if style == "fiql":
        return _percent_encoded(value)
    if is_plain(value):
        return value
    escaped = _NEEDS_BACKSLASH.sub(r"\\\g<0>", value)
    return f'"{escaped}"'


def _percent_encoded(value: str) -> str:
    if not value:
        raise ValueError("an empty value cannot be written with quote_style='fiql'; use 'rsql'")
    return percent_encode(value, safe="*:")


def read_quoted(token: str) -> str:
    """Read a token in single or double quotes; a backslash makes any character plain."""
    return _BACKSLASHED.sub(r"\1", token[1:-1])


def read_plain(token: str, style: QuoteStyle) -> str:
    """Read a token without quotes.

    Raises:
        UnicodeDecodeError: the percent-encoded bytes are not UTF-8.
    """
    return token if style == "rsql" else percent_decode(token, errors="strict")
