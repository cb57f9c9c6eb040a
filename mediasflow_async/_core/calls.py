"""A call before it leaves: what it asks for, what it does to the world, its rules.

All that a caller gives is checked here, so that nothing can lead out of the base URL or replace
what the session sets itself.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Protocol, TypedDict, cast
from urllib.parse import parse_qsl, unquote

import httpx
import orjson
from attrs import Factory, field, frozen

from mediasflow_async._core.judgement import Expected
from mediasflow_async._core.not_given import NOT_GIVEN, Duration, NotGiven
from mediasflow_async._core.options import Settings, seconds_of
from mediasflow_async._core.proof import Guard
from mediasflow_async.dialect import JSON_TYPE
from mediasflow_async.errors import InvalidRequest, Problem
from mediasflow_async.models.values import ENCODABLE_RULE
from mediasflow_async.secrecy import mask_text

__all__ = [
    "Call",
    "CallParts",
    "Join",
    "Operation",
    "OperationKind",
    "joining",
    "make_call",
    "operation_of",
]


_QueryParams = Mapping[str, Any] | Sequence[tuple[str, Any]]

Join = Callable[[str, _QueryParams | None, bool], bytes]
"""Gives what the request line says of a path below the base URL, and of query parameters.

The last argument tells whether the path is sent as it is, with or without a slash at its end.
"""


@frozen(kw_only=True)
class Call:
    """One call, ready to be attempted any number of times.

    Attributes:
        operation: what is called.
        target: path and query, as they stand in the request line.
        headers: headers of the caller's own.
        content: the body in memory, or None.
        body: a streamed body, or None.
        content_type: media type of `content`.
        announced: media type that is announced whatever the body is, or None for that of the body.
        campaign_id: the campaign concerned, or None.
        timeouts: longest waits of each attempt in seconds, by httpx's names.
        deadline_seconds: longest time for all attempts together, or None.
        guard: may veto each request before it leaves, or None.
    """

    operation: Operation
    target: bytes = field(repr=False)
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)
    body: _Body | None = field(default=None, repr=False)
    content_type: str | None = None
    announced: str | None = None
    campaign_id: int | None = None
    timeouts: Mapping[str, float | None]
    deadline_seconds: float | None
    guard: Guard | None = field(default=None, repr=False)

    def secrets(self) -> Iterator[str]:
        """Yield what was sent and no error may repeat: texts, but for those that name a choice."""
        yield from _values_in(self.target.partition(b"?")[2])
        if self.content is None:
            return
        if self.content_type == JSON_TYPE:
            yield from _texts_in(orjson.loads(self.content))
        else:
            yield from _values_in(self.content)


# Names whose values are choices or bounds: an error that shows them helps.
_CHOICES: Final = frozenset(
    "typeSelect type typeItem types renderer sender brand scheduleOn keyName keyField from to "
    "status".split()
)


def _values_in(form: bytes) -> Iterator[str]:
    return (value for name, value in parse_qsl(form.decode("ascii")) if name not in _CHOICES)


def _texts_in(data: object) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for name, value in data.items():
            if name not in _CHOICES:
                yield from _texts_in(value)
    elif isinstance(data, list):
        for item in data:
            yield from _texts_in(item)


class CallParts(TypedDict, total=False):
    """What may be given with a call.

    Attributes:
        campaign_id: fills ``{campaign_id}`` in the path, and stands in every error.
        params: query parameters.
        json: body that is written as JSON.
        form: body that is written as a form.
        body: body that is streamed.
        content_type: media type that is announced instead of the body's own, also without a body.
        headers: further headers; the session's own cannot be replaced.
        timeout: longest wait for the next bytes, instead of the session's.
        deadline: longest time for the whole call, instead of the session's.
        guard: called at the moment before the first byte of each attempt leaves; what it raises
            reaches the caller as it is, and nothing has left.
    """

    campaign_id: int | None
    params: _QueryParams | None
    json: Any
    form: Mapping[str, str] | None
    body: _Body | None
    content_type: str | None
    headers: Mapping[str, str] | None
    timeout: Duration | NotGiven
    deadline: Duration | NotGiven
    guard: Guard | None


class _Body(Protocol):
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


def make_call(operation: Operation, join: Join, settings: Settings, parts: CallParts) -> Call:
    """Return a checked call.

    Args:
        operation: what is called.
        join: gives the request target of a path.
        settings: the session's timeouts.
        parts: what is given with it.

    Raises:
        InvalidRequest: for a path or a header that could reach somewhere else, a campaign
            number that is none, or a body that is no JSON.
    """
    campaign_id = parts.get("campaign_id")
    headers, announced = parts.get("headers") or {}, parts.get("content_type")
    if announced is not None:
        headers = {**headers, "Content-Type": announced}
    problems = list(_problems(operation, campaign_id, headers))
    if problems:
        raise InvalidRequest(problems=problems)
    filled = operation.path.replace(_CAMPAIGN_ID, str(campaign_id))
    content, content_type = _encoded(parts.get("json"), parts.get("form"))
    timeout, deadline = parts.get("timeout", NOT_GIVEN), parts.get("deadline", NOT_GIVEN)
    return Call(
        operation=operation,
        target=_target(join, filled, parts.get("params"), is_as_given=operation.is_as_given),
        headers=dict(headers) if headers else _NO_HEADERS,
        content=content,
        body=parts.get("body"),
        content_type=content_type,
        announced=announced,
        campaign_id=campaign_id,
        timeouts=settings.default_timeouts if timeout is NOT_GIVEN else settings.timeouts(timeout),
        deadline_seconds=(
            settings.deadline_seconds if deadline is NOT_GIVEN else seconds_of(deadline, "deadline")
        ),
        guard=parts.get("guard"),
    )


_CAMPAIGN_ID: Final = "{campaign_id}"
"""What stands in a path for the number of the campaign."""
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


def _problems(
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
        rule = "a relative path below the base URL, without '..', query, fragment or surrogates"
        yield Problem("path", rule)
    if _lacks_id(path, campaign_id):
        yield Problem("campaign_id", "the positive number that the server gave to the campaign")
    for name, value in headers.items():
        # A header may be somebody else's to set, or one that cannot be sent.
        if rule := _header_rule(name, value):
            yield Problem(f"headers[{name!r}]", rule)


def _lacks_id(path: object, campaign_id: object) -> bool:
    """Whether a campaign is given, or needed, and is no number."""
    if campaign_id is None:
        return isinstance(path, str) and _CAMPAIGN_ID in path
    return not (isinstance(campaign_id, int) and campaign_id is not True and campaign_id > 0)


_UNSAFE_PATH: Final = re.compile(
    r"^[a-z][a-z0-9+.-]*:|^/|\\|[\x00-\x20\x7f?#\ud800-\udfff]|(?:^|/)\.{1,2}(?:/|$)", re.IGNORECASE
)


@lru_cache(maxsize=128)
def _is_safe(path: str) -> bool:
    return not any(map(_UNSAFE_PATH.search, (path, unquote(path))))


_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OWN_HEADERS: Final = frozenset({"authorization", "host", "content-length", "transfer-encoding"})


def _header_rule(name: object, value: object) -> str:
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        return "a header name is made of letters, digits and hyphens"
    if name.lower() in _OWN_HEADERS:
        return "is set by the session"
    if not isinstance(value, str) or not value.isascii() or _CONTROL.search(value):
        return "a header value is ASCII text without line breaks"
    return "" if value == value.strip() else "a header value neither begins nor ends with a space"


def _target(join: Join, path: str, params: _QueryParams | None, *, is_as_given: bool) -> bytes:
    try:
        return join(path, params, is_as_given)
    except httpx.InvalidURL:
        rule = "longer than a URL can be, or with characters that it cannot hold"
    except UnicodeEncodeError:
        rule = ENCODABLE_RULE
    raise InvalidRequest(problems=[Problem("params" if params else "path", rule)])


_FORM_TYPE: Final = "application/x-www-form-urlencoded"


def _encoded(json: Any, form: Mapping[str, str] | None) -> tuple[bytes | None, str | None]:
    if form is None and json is None:
        return None, None
    try:
        if form is None:
            return orjson.dumps(json), JSON_TYPE
        return str(httpx.QueryParams(dict(form))).encode("ascii"), _FORM_TYPE
    except UnicodeEncodeError:
        problem = Problem("form", ENCODABLE_RULE)
    except (orjson.JSONEncodeError, TypeError) as error:
        problem = Problem("json", f"cannot be written as JSON: {error}")
    raise InvalidRequest(problems=[problem])


_REMEMBERED: Final = 128


def joining(base_url: httpx.URL, trailing_slashes: str = "printed") -> Join:
    """Return what gives the request targets of paths below a base; the latest are remembered.

    Args:
        base_url: the base.
        trailing_slashes: whether the paths of functions end with a slash, as in `Dialect`.
    """

    @lru_cache(maxsize=_REMEMBERED)
    def as_given(path: str) -> bytes:
        return base_url.join(path).raw_path

    @lru_cache(maxsize=_REMEMBERED)
    def formed(path: str) -> bytes:
        return as_given(path).rstrip(b"/") + (b"/" if trailing_slashes == "always" else b"")

    def join(path: str, params: _QueryParams | None, is_as_given: bool) -> bytes:  # noqa: FBT001
        target = as_given(path) if is_as_given or is_printed else formed(path)
        if not params:
            return target
        query = httpx.QueryParams(cast("Any", params))
        return base_url.copy_with(raw_path=target).copy_merge_params(query).raw_path

    is_printed = trailing_slashes == "printed"
    return join


def _may_send(operation: Operation) -> bool:
    return operation.kind in _SENDING


@frozen
class Operation:
    """A function of the API.

    Attributes:
        kind: what it does to the world.
        method: its HTTP method.
        path: its path below the base URL, with ``{campaign_id}`` for the number.
        expects: what its answer holds when it was done.
        is_as_given: whether its path is one that the dialect does not form.
        may_send: whether it can make SMS go out.
    """

    kind: OperationKind
    method: str
    path: str
    expects: Expected = field(default=Expected.ANYTHING, repr=False)
    is_as_given: bool = field(default=False, repr=False, eq=False)
    # Asked several times of every call: stored rather than computed.
    may_send: bool = field(
        init=False, repr=False, eq=False, default=Factory(_may_send, takes_self=True)
    )

    @property
    def shown_path(self) -> str:
        """The path as errors and logs may show it: a path of the caller's own can hold a number."""
        return mask_text(self.path)


class OperationKind(StrEnum):
    """What a call does to the world, which decides whether it may be repeated in doubt."""

    READ = "READ"
    """Changes nothing: repeated freely."""
    SET = "SET"
    """Sets a state, the same however often: repeated freely."""
    PREPARE = "PREPARE"
    """Makes a draft; a second one is waste, not harm: repeated freely."""
    LAUNCH = "LAUNCH"
    """Sends a prepared campaign: never repeated blindly."""
    ONE_SHOT = "ONE_SHOT"
    """Sends SMS at once: never repeated blindly."""

    @property
    def is_repeatable(self) -> bool:
        """Whether a request may be sent again while nobody knows if it was executed."""
        return self not in _SENDING


_SENDING: Final = (OperationKind.LAUNCH, OperationKind.ONE_SHOT)


def operation_of(kind: OperationKind | str | None, method: str, path: str) -> Operation:
    """Return the operation that a caller's own request is, unchecked.

    Without a kind, reading methods are READ, and all others ONE_SHOT: never repeated in doubt.
    """
    verb = method.upper() if isinstance(method, str) else method
    default = OperationKind.READ if verb in _READING_METHODS else OperationKind.ONE_SHOT
    known = default if kind is None else _KINDS.get(kind, kind)
    return Operation(known, verb, path, is_as_given=True)


_READING_METHODS: Final = ("GET", "HEAD", "OPTIONS")
_KINDS: Final[dict[Any, Any]] = {member.value: member for member in OperationKind}
