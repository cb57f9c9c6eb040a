"""From a call to the request of one attempt, as this server turned out to want it.

Heads repeat themselves and are written once; media type and method are negotiated, where the
guide leaves them open.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from functools import lru_cache, partial
from typing import Final, NamedTuple

import httpx

from mediasflow_async._core.bearers import REDIRECTS
from mediasflow_async._core.calls import Call
from mediasflow_async._core.proof import Proof
from mediasflow_async._core.routes import Answer
from mediasflow_async.dialect import FORM_TYPE, JSON_TYPE, Dialect, wants_checksum
from mediasflow_async.errors import MediasflowError, Sent, is_refused_under_success, told_by
from mediasflow_async.transport import SMALL_BYTES, Head, Headers, Origin, Outgoing, head_of

__all__ = ["CANCEL_PATH", "Choice", "Negotiation", "RequestWriter"]


_METHODS_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose requests have a length, even if that is 0."""

# httpx would take more, and take a body that breaks off for whole.
_ACCEPTED_ENCODING: Final = b"gzip"
_COOKIE: Final = b"Cookie"


class RequestWriter:
    """Writes the requests of a session as they go over the wire.

    Requests repeat themselves but for their bodies: heads that are alike are written once.

    Args:
        base_url: the address that every request is below.
    """

    def __init__(self, base_url: httpx.URL) -> None:
        self._base_url = base_url
        self._origin: Origin = (base_url.scheme, base_url.raw_host, base_url.port, None)
        # Of its own, so that no bearer outlives the session.
        self._head = lru_cache(maxsize=128)(partial(_head_of, (self._origin, base_url.netloc)))

    def write(
        self,
        call: Call,
        choice: Choice,
        token: str | None,
        proof: Proof,
        cookie: str | None = None,
    ) -> Outgoing:
        """Return the request of one attempt.

        Args:
            call: what is called.
            choice: method and media type, as this server wants them.
            token: the bearer, None for a login.
            proof: told by the transport what leaves.
            cookie: the value of the `Cookie` header, None for none.

        Raises:
            httpx.LocalProtocolError: when it would not be exactly one well-formed request.
        """
        content, body = call.content or b"", call.body
        length = body.length if body else len(content)
        head = self._head(choice, call.target, token, cookie)
        outgoing = Outgoing(
            head=head,
            content=content,
            length=length if length or choice.method in _METHODS_WITH_BODY else None,
            timeouts=call.timeouts,
            observer=proof,
            stream=body.stream if body else None,
            may_wait=call.guard is None,
            is_once=call.operation.may_send,
        )
        if len(content) > SMALL_BYTES:
            outgoing = outgoing.with_content(content)
        return outgoing.with_headers(_own_headers(call, choice)) if call.headers else outgoing

    def redirected(
        self,
        outgoing: Outgoing,
        answer: Answer,
        call: Call,
        cookie_for: Callable[[bytes], str | None],
    ) -> Outgoing | None:
        """Return the request that a redirect asks for, where it may be followed at all.

        Only a GET to the same origin: the bearer belongs to that origin, and repeating anything
        else could send twice.

        Args:
            outgoing: the request that was redirected.
            answer: the redirect.
            call: what is called; a `Cookie` header of the caller's own stays.
            cookie_for: gives the value of the `Cookie` header for another target: a cookie
                belongs to a path, and a redirect may have set one.
        """
        if answer.status not in REDIRECTS or outgoing.head.method != "GET":
            return None
        url = self._joined(outgoing.head.target, httpx.Headers(answer.headers).get("location"))
        if url is None or _origin_of(url) != self._origin or url.userinfo:
            return None
        headers = outgoing.head.headers
        if "cookie" not in map(str.lower, call.headers):
            headers = _with_cookie(headers, cookie_for(url.raw_path))
        head = head_of(self._origin, "GET", url.raw_path, headers)
        return outgoing._replace(head=head, content=b"", length=None, stream=None)

    def _joined(self, target: bytes, location: str | None) -> httpx.URL | None:
        if location is None:
            return None
        try:
            return self._base_url.copy_with(raw_path=target).join(location)
        except httpx.InvalidURL:
            return None


def _head_of(
    address: tuple[Origin, bytes],
    choice: Choice,
    target: bytes,
    token: str | None,
    cookie: str | None,
) -> Head:
    origin, host = address
    headers = [
        (b"Host", host),
        (b"Accept", b"application/json, text/csv, */*;q=0.5"),
        (b"Accept-Encoding", _ACCEPTED_ENCODING),
        (b"Connection", b"keep-alive"),
        (b"User-Agent", b"mediasflow-async"),
    ]
    if token is not None:
        headers.append((b"Authorization", b"Bearer " + token.encode("ascii")))
    if cookie is not None:
        headers.append((_COOKIE, cookie.encode("ascii")))
    if choice.content_type is not None:
        headers.append((b"Content-Type", choice.content_type.encode("ascii")))
    return head_of(origin, choice.method, target, headers)


def _with_cookie(headers: Headers, cookie: str | None) -> Headers:
    kept = [header for header in headers if header[0] != _COOKIE]
    return kept if cookie is None else [*kept, (_COOKIE, cookie.encode("ascii"))]


def _own_headers(call: Call, choice: Choice) -> Headers:
    """Return the caller's headers, but for the type of a body that we write."""
    return [
        (name.encode("ascii"), value.encode("ascii"))
        for name, value in call.headers.items()
        if choice.content_type is None or name.lower() != "content-type"
    ]


def _origin_of(url: httpx.URL) -> Origin:
    # As it goes over the wire: a host that is no name of any language cannot be shown.
    return url.scheme, url.raw_host, url.port, None


CANCEL_PATH: Final = "campaigns/{campaign_id}/cancel"


class Choice(NamedTuple):
    """What one request was sent with.

    Attributes:
        method: its HTTP method.
        content_type: the media type announced for its body, or None without a body.
    """

    method: str
    content_type: str | None


_choice = lru_cache(maxsize=64)(Choice)


class Negotiation:
    """Remembers for a session which media type and which method the server accepts.

    The guide announces JSON under the type of forms, and gives no method for a cancel. A
    refusal with 415 or 405 says that nothing was executed, so the other choice is tried once.

    Args:
        dialect: the choices to start from.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._json_type = dialect.json_content_type
        self._cancel_method: str = dialect.cancel_method
        self._refused: set[str] = set()

    def choice_for(self, call: Call) -> Choice:
        """Return what to send a call with, as far as is known."""
        method = self._cancel_method if _is_cancel(call) else call.operation.method
        if call.announced is not None:
            return _choice(method, call.announced)
        if call.body is not None:
            return _choice(method, call.body.content_type)
        is_json = call.content_type == JSON_TYPE
        return _choice(method, self._json_type if is_json else call.content_type)

    def learns_from(self, error: MediasflowError, call: Call, choice: Choice) -> bool:
        """Take a refusal; True when the call is worth sending again, with another choice."""
        if error.sent is Sent.UNKNOWN:
            return False
        is_json = call.content_type == JSON_TYPE and call.announced is None
        if error.status == _UNSUPPORTED_MEDIA_TYPE and is_json:
            self._refused.add(choice.content_type or "")
            other = JSON_TYPE if choice.content_type == FORM_TYPE else FORM_TYPE
            if other in self._refused:
                return False
            self._json_type = other
            return True
        if error.status == _METHOD_NOT_ALLOWED and _is_cancel(call):
            self._refused.add(choice.method)
            return self._finds_method(getattr(error, "allow", ()))
        return False

    def name_cures(self, error: MediasflowError, call: Call, choice: Choice) -> None:
        """Name in an error the options of a `Dialect` that its answer hints at.

        What only the caller of a resource has decided is named by the resource.

        Args:
            error: what a request ended with.
            call: the call.
            choice: what it was sent with.
        """
        options = [f"Dialect({option})" for option in self._cures(error, call, choice)]
        if options:
            error.next_step = f"{error.next_step} This server may want {' or '.join(options)}."

    def _cures(self, error: MediasflowError, call: Call, choice: Choice) -> Iterator[str]:
        if error.status not in _HINTING:
            return
        if wants_checksum(error, self.dialect):
            yield "checksum=content_digest"
        if _is_cancel(call) and _is_of_a_method(error):
            tried = {choice.method, *self._refused}
            others = (method for method in _PREFERRED_METHODS if method not in tried)
            yield from (f"cancel_method={method!r}" for method in others)
        if call.content_type == JSON_TYPE and call.announced is None:
            yield from self._other_types(error, choice)
        if not call.operation.is_as_given and _is_of_a_path(error, call):
            has_slash = call.target.partition(b"?")[0].endswith(b"/")
            yield f"trailing_slashes={'never' if has_slash else 'always'!r}"

    def _other_types(self, error: MediasflowError, choice: Choice) -> Iterator[str]:
        """Yield the media types that JSON may be wanted under, where it may not have been read."""
        told = told_by(error)
        if error.status == _UNSUPPORTED_MEDIA_TYPE:
            other = "application/json; charset=UTF-8"
        elif (_is_refused(error, _UNREAD) and _OF_A_TYPE.search(told)) or (
            _is_refused(error, _BAD_REQUESTS) and _UNREAD_BODY.search(told)
        ):
            other = JSON_TYPE if choice.content_type == FORM_TYPE else FORM_TYPE
        else:
            return
        if other not in {choice.content_type, *self._refused}:
            yield f"json_content_type={other!r}"

    def _finds_method(self, allowed: Container[str]) -> bool:
        for method in _PREFERRED_METHODS:
            if method in allowed and method not in self._refused:
                self._cancel_method = method
                return True
        return False


def _is_cancel(call: Call) -> bool:
    return call.operation.path == CANCEL_PATH


def _is_refused(error: MediasflowError, statuses: Container[int | None]) -> bool:
    """Whether a request was refused by such a status, or under a status of success."""
    return error.status in statuses or is_refused_under_success(error)


def _is_of_a_method(error: MediasflowError) -> bool:
    """Whether a cancel may have been refused for its method, rather than for its campaign."""
    told = told_by(error)
    if error.status == _NOT_FOUND:
        return not _OF_A_CAMPAIGN.search(told)
    return error.status in _NO_SUCH_METHOD or bool(_OF_A_METHOD.search(told))


def _is_of_a_path(error: MediasflowError, call: Call) -> bool:
    """Whether an answer may be about the path of a function, rather than about what it names."""
    if error.status != _NOT_FOUND:
        return error.status in _MOVED
    is_about_it = call.campaign_id is None or _OF_A_PATH.search(told_by(error))
    return bool(is_about_it) and getattr(error, "field", None) is None


_NOT_FOUND: Final = 404
_METHOD_NOT_ALLOWED: Final = 405
_UNSUPPORTED_MEDIA_TYPE: Final = 415

# GET comes last: a cancel by GET could be repeated by any cache or proxy on the way.
_PREFERRED_METHODS: Final = ("PUT", "POST", "DELETE", "GET")

_NO_SUCH_METHOD: Final = frozenset({404, 405, 501})
_MOVED: Final = frozenset({301, 307, 308})
_BAD_REQUESTS: Final = frozenset({400, 422})
_UNREAD: Final = _BAD_REQUESTS | {500}
# Statuses of answers that can be about the form of a request.
_HINTING: Final = _NO_SUCH_METHOD | _MOVED | _BAD_REQUESTS | {200, 403, 412, 415, 500}
_OF_A_CAMPAIGN: Final = re.compile(r"(?i)campa(?:ign|gne)")
_OF_A_METHOD: Final = re.compile(r"(?i)\b(?:put|method|verbe?)\b|not.?allowed")
_OF_A_PATH: Final = re.compile(
    r"(?i)\b(?:path|ur[il]|route|endpoint|handler|mapping|servlet|page)\b"
)
_OF_A_TYPE: Final = re.compile(
    r"(?i)media.?type|content.?type|json|unmarshal|deseriali[sz]|malformed|pars(?:e|ing)"
)
# What a server says that has not read a JSON body as such, or that says nothing.
_UNREAD_BODY: Final = re.compile(
    r"(?i)unsupported|unexpected|\bbody\b|\bentity\b|mandatory|missing|required|obligatoire"
    r"|manquant|must not be (?:null|blank|empty)|bad request|http status|no explanation"
)
