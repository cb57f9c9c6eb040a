"""From a request to its answer, without any network: every operation of the API (Guide: 2).

`Api.answer` finds the operation by method and path, checks address, token and checksum, reads
the input, and runs the operation in one transaction of the store. What was due by the sandbox's
clock happens first: deferred requests, scheduled campaigns, replies.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mediasflow_async.sandbox import blacklist, campaigns, lists, reading, reports
from mediasflow_async.sandbox.context import RequestContext, Server
from mediasflow_async.sandbox.http import (
    Answer,
    HttpError,
    Request,
    forbidden,
    invalid,
    not_found,
    unsupported_media,
)
from mediasflow_async.sandbox.rules import FORM, JSON, ServerRules
from mediasflow_async.sandbox.shaping import Shaper
from mediasflow_async.sandbox.users import LOGIN, dead_token_answer, log_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta

__all__ = ["Api"]

_UPLOAD_PATH = "lists/upload"


class Api:
    """The operations of the API over one simulated server. Threads may share it.

    Args:
        server: what the operations read and change.

    Attributes:
        server: the same.
        shaper: gives the answers their form.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.shaper = Shaper(server.rules)
        self._router = _Router(_operations(server.rules))
        self._deferred = _DeferredRequests()

    def body_limit(self, path: str) -> int:
        """Return how many bytes a request to `path` may have."""
        rules = self.server.rules
        return rules.max_upload_bytes if path == _UPLOAD_PATH else rules.max_body_bytes

    def names(self, request: Request) -> frozenset[str]:
        """Return the values of `Fault.operation` for a request; empty for an unknown one."""
        try:
            operation = self._router.match(request.path).by_method.get(request.method)
        except HttpError:
            return frozenset()
        if operation is None:
            return frozenset()
        extra = _kind_of_injection(request) if operation.name == "inject" else ()
        return frozenset({operation.name, *extra})

    def answer(self, request: Request) -> Answer:
        """Process a request; blocks while another one is processed."""
        self.process_deferred()
        return self._answer(request)

    def defer(self, request: Request, delay: timedelta) -> None:
        """Process a request when `delay` has passed, by the sandbox's clock."""
        self._deferred.add(request, self.server.clock.now() + delay)

    def process_deferred(self) -> None:
        """Process the deferred requests that are due; nobody waits for their answers."""
        for due, request in self._deferred.take(self.server.clock.now()):
            self._answer(request, due)

    def clear(self) -> None:
        """Forget the requests that came, and those that are deferred."""
        self._deferred.clear()
        self.shaper.clear()

    def _answer(self, request: Request, at: datetime | None = None) -> Answer:
        """Process a request at a moment, by default the present."""
        try:
            return self._processed(request, at)
        except HttpError as error:
            if error.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
                error.status = self.server.rules.unsupported_type
            return self.shaper.refused(error)

    def _processed(self, request: Request, at: datetime | None) -> Answer:
        rules = self.server.rules
        if rules.registered_ips is not None and request.client_ip not in rules.registered_ips:
            raise forbidden("this address is not registered with Mediasflow", "UNKNOWN_IP")
        if request.url.endswith("/") not in _SLASHES[rules.trailing_slashes](request.path):
            raise not_found("path")
        match = self._router.match(request.path)
        if request.method == "OPTIONS":
            return Answer(headers={"Allow": match.allowed})
        operation = match.operation(request.method)
        self.shaper.admit()
        if operation.run is None:
            return log_in(request, rules, self.server.users, self.server.tokens)
        try:
            caller = self.server.tokens.owner(request.headers.get("authorization", ""), at)
        except HttpError as error:
            return dead_token_answer(rules, error)
        if rules.checksum:
            _check_digest(request)
        # Reading comes before the transaction: it is slow for large uploads.
        data = () if operation.read is None else (operation.read(request, rules),)
        with campaigns.current_state(self.server, at) as (db, now):
            path_id = reading.number(match.id)
            context = RequestContext(self.server, db, caller, request, path_id, now)
            found = operation.run(context, *data)
        return self.shaper.done(operation.name, request, found)


@frozen
class _Operation:
    """One function of the API.

    Attributes:
        name: as in `Fault.operation`.
        method: in capitals.
        path: below the base URL; `{id}` stands for one segment.
        run: returns what to answer, given a RequestContext and what `read` returned; None for
            the login, which has neither.
        read: turns the request into the operation's input, without the store; None where there
            is no input beyond path and query.
    """

    name: str
    method: str
    path: str
    run: Callable[..., Any] | None = None
    read: Callable[[Request, ServerRules], Any] | None = None


def _operations(rules: ServerRules) -> tuple[_Operation, ...]:
    return (
        _Operation(LOGIN, "POST", rules.login_path.strip("/")),
        _Operation("inject", "POST", "campaigns/inject", campaigns.inject, _json),
        _Operation("sender", "PUT", "campaigns/{id}/sender", campaigns.set_sender, _params),
        _Operation("test", "PUT", "campaigns/{id}/test", campaigns.send_tests, _params),
        *(
            _Operation("cancel", method, "campaigns/{id}/cancel", campaigns.cancel)
            for method in sorted(rules.cancel_methods)
        ),
        _Operation("report_csv", "GET", "campaigns/report/{id}", reports.campaign_csv),
        _Operation("report_json", "GET", "campaigns/reportjson/{id}", reports.campaign_json),
        _Operation("period_csv", "GET", "campaigns/report", reports.period_csv),
        _Operation("period_json", "GET", "campaigns/reportjson", reports.period_json),
        _Operation("blacklist_add", "POST", "blacklist", blacklist.add_entry, _json),
        _Operation("blacklist", "GET", rules.blacklist_path.strip("/"), blacklist.list_entries),
        _Operation("upload", "POST", _UPLOAD_PATH, lists.upload, lists.read_upload),
    )


# Whether a path may, or must, end with a slash.
_SLASHES: Mapping[str, Callable[[str], tuple[bool, ...]]] = {
    "any": lambda _: (True, False),
    "printed": lambda path: (path in {"campaigns/report", "campaigns/reportjson"},),
    "always": lambda _: (True,),
    "never": lambda _: (False,),
}


def _json(request: Request, rules: ServerRules) -> reading.Object:
    return reading.json_object(request, rules.json_content_types)


def _params(request: Request, rules: ServerRules) -> reading.Object:
    """Read the parameters of a PUT from wherever the rules allow."""
    kinds = rules.put_content_types
    if kinds is not None and request.content_type not in kinds:
        raise unsupported_media(request.content_type, " or ".join(sorted(kinds)))
    data: dict[str, Any] = dict(request.query) if "query" in rules.put_params else {}
    if not request.body.strip():
        return data
    is_json = request.content_type == JSON or request.body.lstrip().startswith(b"{")
    if is_json and "json" in rules.put_params:
        return data | dict(reading.json_object(request, frozenset({JSON, FORM})))
    if not is_json and request.content_type == FORM and "form" in rules.put_params:
        return data | request.form()
    raise unsupported_media(request.content_type, " or ".join(sorted(rules.put_params)))


class _Router:
    """Finds operations by path."""

    def __init__(self, operations: tuple[_Operation, ...]) -> None:
        self._by_path: dict[str, dict[str, _Operation]] = {}
        for operation in operations:
            self._by_path.setdefault(operation.path, {})[operation.method] = operation
        self._patterns = [(_pattern(path), path) for path in self._by_path]

    def match(self, path: str) -> _Match:
        """Return what is behind `path`.

        Raises:
            HttpError: 404, nothing.
        """
        for pattern, template in self._patterns:
            if found := pattern.fullmatch(path):
                return _Match(self._by_path[template], found.groupdict().get("id", ""))
        raise not_found("path")


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.escape(path).replace(re.escape("{id}"), "(?P<id>[^/]+)"))


@frozen
class _Match:
    """The operations behind one path.

    Attributes:
        by_method: operation of each method.
        id: what stands for `{id}` in the path, empty without one.
    """

    by_method: Mapping[str, _Operation]
    id: str

    @property
    def allowed(self) -> str:
        """The `Allow` header, as a JAX-RS server writes it."""
        extra = {"HEAD"} if "GET" in self.by_method else set[str]()
        return ", ".join(sorted({*self.by_method, *extra, "OPTIONS"}))

    def operation(self, method: str) -> _Operation:
        """Return the operation of `method`; HEAD is answered as GET.

        Raises:
            HttpError: 405, this path has no such method.
        """
        found = self.by_method.get("GET" if method == "HEAD" else method)
        if found is None:
            raise HttpError(
                HTTPStatus.METHOD_NOT_ALLOWED,
                "METHOD_NOT_ALLOWED",
                f"{method} is not allowed here",
                headers={"Allow": self.allowed},
            )
        return found


class _DeferredRequests:
    """Requests that wait for a time of the sandbox's clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[datetime, Request]] = []

    def add(self, request: Request, due: datetime) -> None:
        """Keep a request until `due`."""
        with self._lock:
            self._waiting.append((due, request))

    def take(self, now: datetime) -> list[tuple[datetime, Request]]:
        """Return those that are due, each once with its time, in the order of these."""
        with self._lock:
            due = sorted((pair for pair in self._waiting if pair[0] <= now), key=lambda at: at[0])
            self._waiting = [pair for pair in self._waiting if pair[0] > now]
        return due

    def clear(self) -> None:
        """Forget them all."""
        with self._lock:
            self._waiting.clear()


def _kind_of_injection(request: Request) -> tuple[str, ...]:
    """Return what `Fault.operation` calls a request to /campaigns/inject beside `inject`."""
    try:
        data = json.loads(request.body)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(data, dict):
        return ()
    if str(data.get("startNow")).lower() != "true":
        return ("prepare",)
    return ("send",) if data.get("campaignId") is None else ("launch",)


def _check_digest(request: Request) -> None:
    if not request.body:
        return
    digest = base64.b64encode(hashlib.sha256(request.body).digest()).decode()
    if f"sha-256=:{digest}:" not in request.headers.get("content-digest", ""):
        raise invalid("Content-Digest", "the body's SHA-256 is missing or wrong", "CHECKSUM")
