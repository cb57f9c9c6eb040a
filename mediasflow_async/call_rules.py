"""What keeps a call below the base URL and its headers in one piece."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from mediasflow_async.errors import Problem
from mediasflow_async.operations import Operation, OperationKind

__all__ = ["CAMPAIGN_ID", "call_problems"]

CAMPAIGN_ID: Final = "{campaign_id}"
"""What stands in a path for the number of the campaign."""

_UNSAFE_PATH: Final = re.compile(
    r"^[a-z][a-z0-9+.-]*:|^/|\\|[\x00-\x20\x7f?#]|(?:^|/)\.{1,2}(?:/|$)", re.IGNORECASE
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OWN_HEADERS: Final = frozenset({"authorization", "host", "content-length", "transfer-encoding"})


def call_problems(
    operation: Operation, campaign_id: object, headers: Mapping[str, str]
) -> Iterator[Problem]:
    """Yield what is wrong with a call, as it is given by whoever makes it."""
    # One function for all: these are asked of every call, and seldom find anything.
    kind, method, path = operation.kind, operation.method, operation.path
    if not isinstance(kind, OperationKind):
        yield Problem("kind", f"is one of {', '.join(OperationKind)}")
    if not isinstance(method, str) or not (method.isascii() and method.isalpha()):
        yield Problem("method", "an HTTP method, such as GET")
    if not isinstance(path, str) or not _is_safe(path):
        # Neither as it is nor decoded may it lead out of the base URL.
        yield Problem("path", "a relative path below the base URL, without '..', query or fragment")
    if _lacks_id(path, campaign_id):
        yield Problem("campaign_id", "the positive number that the server gave to the campaign")
    for name, value in headers.items():
        # A header may be somebody else's to set, or one that cannot be sent.
        if rule := _header_rule(name, value):
            yield Problem(f"headers[{name!r}]", rule)


def _lacks_id(path: object, campaign_id: object) -> bool:
    """Whether a campaign is given, or needed, and is no number."""
    if campaign_id is None:
        return isinstance(path, str) and CAMPAIGN_ID in path
    return not (isinstance(campaign_id, int) and campaign_id is not True and campaign_id > 0)


@lru_cache(maxsize=128)
def _is_safe(path: str) -> bool:
    return not any(map(_UNSAFE_PATH.search, (path, unquote(path))))


def _header_rule(name: object, value: object) -> str:
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        return "a header name is made of letters, digits and hyphens"
    if name.lower() in _OWN_HEADERS:
        return "is set by the session"
    if not isinstance(value, str) or not value.isascii() or _CONTROL.search(value):
        return "a header value is ASCII text without line breaks"
    return "" if value == value.strip() else "a header value neither begins nor ends with a space"
