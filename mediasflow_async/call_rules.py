"""What keeps a call below the base URL and its headers in one piece."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote

from mediasflow_async.errors import Problem
from mediasflow_async.operations import OperationKind

__all__ = [
    "CAMPAIGN_ID",
    "filled_id_problems",
    "header_problems",
    "kind_problems",
    "method_problems",
    "path_problems",
]

CAMPAIGN_ID: Final = "{campaign_id}"
"""What stands in a path for the number of the campaign."""

_UNSAFE_PATH: Final = re.compile(
    r"^[a-z][a-z0-9+.-]*:|^/|\\|[\x00-\x20\x7f?#]|(?:^|/)\.{1,2}(?:/|$)", re.IGNORECASE
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OWN_HEADERS: Final = frozenset({"authorization", "host", "content-length", "transfer-encoding"})


def kind_problems(kind: object) -> Iterator[Problem]:
    """Yield a problem for what is no kind of operation."""
    if not isinstance(kind, OperationKind):
        yield Problem("kind", f"is one of {', '.join(OperationKind)}")


def method_problems(method: object) -> Iterator[Problem]:
    """Yield a problem for what is no HTTP method."""
    if not (isinstance(method, str) and method.isascii() and method.isalpha()):
        yield Problem("method", "an HTTP method, such as GET")


def path_problems(path: object) -> Iterator[Problem]:
    """Yield a problem for a path that could lead out of the base URL, as it is or decoded."""
    if not isinstance(path, str) or any(map(_UNSAFE_PATH.search, (path, unquote(path)))):
        yield Problem("path", "a relative path below the base URL, without '..', query or fragment")


def filled_id_problems(path: object, campaign_id: object) -> Iterator[Problem]:
    """Yield a problem for a campaign that is given, or needed, and is no number."""
    is_needed = isinstance(path, str) and CAMPAIGN_ID in path
    is_number = isinstance(campaign_id, int) and campaign_id is not True and campaign_id > 0
    if (is_needed or campaign_id is not None) and not is_number:
        yield Problem("campaign_id", "the positive number that the server gave to the campaign")


def header_problems(headers: Mapping[str, str]) -> Iterator[Problem]:
    """Yield a problem for each header that is not the caller's to set, or cannot be sent."""
    for name, value in headers.items():
        if rule := _header_rule(name, value):
            yield Problem(f"headers[{name!r}]", rule)


def _header_rule(name: object, value: object) -> str:
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        return "a header name is made of letters, digits and hyphens"
    if name.lower() in _OWN_HEADERS:
        return "is set by the session"
    if not isinstance(value, str) or not value.isascii() or _CONTROL.search(value):
        return "a header value is ASCII text without line breaks"
    return "" if value == value.strip() else "a header value neither begins nor ends with a space"
