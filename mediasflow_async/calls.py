"""A call on its way out: what it asks for, and what is known of it while it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Protocol, TypedDict, cast

import httpx
import orjson
from attrs import field, frozen

from mediasflow_async.call_rules import CAMPAIGN_ID, call_problems
from mediasflow_async.dialect import JSON_TYPE
from mediasflow_async.errors import InvalidRequest, Problem
from mediasflow_async.not_given import NOT_GIVEN, Duration, NotGiven
from mediasflow_async.operations import Operation
from mediasflow_async.proof import Guard
from mediasflow_async.settings import Settings

__all__ = ["Body", "Call", "CallParts", "Join", "QueryParams", "joining", "make_call"]

QueryParams = Mapping[str, Any] | Sequence[tuple[str, Any]]

Join = Callable[[str], httpx.URL]
"""Gives the address of a path."""

_REMEMBERED: Final = 128
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class Body(Protocol):
    """A body that is streamed, and can be streamed again."""

    @property
    def content_type(self) -> str:
        """Its media type."""
        ...

    @property
    def length(self) -> int:
        """Its length in bytes."""
        ...

    def stream(self) -> AsyncIterator[bytes]:
        """Return its bytes from the start."""
        ...


class CallParts(TypedDict, total=False):
    """What may be given with a call.

    Attributes:
        campaign_id: fills ``{campaign_id}`` in the path, and stands in every error.
        params: query parameters.
        json: body that is written as JSON.
        form: body that is written as a form.
        body: body that is streamed.
        headers: further headers; the session's own cannot be replaced.
        timeout: longest wait for the next bytes, instead of the session's.
        deadline: longest time for the whole call, instead of the session's.
        guard: called at the moment before the first byte of each attempt leaves; what it raises
            reaches the caller as it is, and nothing has left.
    """

    campaign_id: int | None
    params: QueryParams | None
    json: Any
    form: Mapping[str, str] | None
    body: Body | None
    headers: Mapping[str, str] | None
    timeout: Duration | NotGiven
    deadline: Duration | NotGiven
    guard: Guard | None


@frozen(kw_only=True)
class Call:
    """One call, ready to be attempted any number of times.

    Attributes:
        operation: what is called.
        url: the whole address, query parameters included.
        headers: headers of the caller's own.
        content: the body in memory, or None.
        body: a streamed body, or None.
        content_type: media type of `content`.
        campaign_id: the campaign concerned, or None.
        timeouts: longest waits of each attempt in seconds, by httpx's names.
        deadline_seconds: longest time for all attempts together, or None.
        guard: may veto each departure, or None.
    """

    operation: Operation
    url: httpx.URL = field(repr=False)
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)
    body: Body | None = field(default=None, repr=False)
    content_type: str | None = None
    campaign_id: int | None = None
    timeouts: Mapping[str, float | None]
    deadline_seconds: float | None
    guard: Guard | None = field(default=None, repr=False)


def make_call(operation: Operation, join: Join, settings: Settings, parts: CallParts) -> Call:
    """Return a checked call.

    Args:
        operation: what is called.
        join: gives the address of a path.
        settings: the session's timeouts.
        parts: what is given with it.

    Raises:
        InvalidRequest: for a path or a header that could reach somewhere else, a campaign
            number that is none, or a body that is no JSON.
    """
    campaign_id = parts.get("campaign_id")
    headers = parts.get("headers") or {}
    problems = list(call_problems(operation, campaign_id, headers))
    if problems:
        raise InvalidRequest(problems=problems)
    filled = operation.path.replace(CAMPAIGN_ID, str(campaign_id))
    content, content_type = _encoded(parts.get("json"), parts.get("form"))
    return Call(
        operation=operation,
        url=_url(join, filled, parts.get("params")),
        headers=dict(headers) if headers else _NO_HEADERS,
        content=content,
        body=parts.get("body"),
        content_type=content_type,
        campaign_id=campaign_id,
        timeouts=settings.timeouts(parts.get("timeout", NOT_GIVEN)),
        deadline_seconds=settings.deadline_or_default(parts.get("deadline", NOT_GIVEN)),
        guard=parts.get("guard"),
    )


def joining(base_url: httpx.URL) -> Join:
    """Return what gives the addresses of paths below a base; the latest are remembered."""
    return lru_cache(maxsize=_REMEMBERED)(base_url.join)


def _url(join: Join, path: str, params: QueryParams | None) -> httpx.URL:
    try:
        url = join(path)
        return url.copy_merge_params(httpx.QueryParams(cast("Any", params))) if params else url
    except httpx.InvalidURL:
        rule = "longer than a URL can be, or with characters that it cannot hold"
    raise InvalidRequest(problems=[Problem("params" if params else "path", rule)])


def _encoded(json: Any, form: Mapping[str, str] | None) -> tuple[bytes | None, str | None]:
    if form is not None:
        text = str(httpx.QueryParams(dict(form)))
        return text.encode("ascii"), "application/x-www-form-urlencoded"
    if json is None:
        return None, None
    try:
        return orjson.dumps(json), JSON_TYPE
    except (orjson.JSONEncodeError, TypeError) as error:
        reason = str(error)
    raise InvalidRequest(problems=[Problem("json", f"cannot be written as JSON: {reason}")])
