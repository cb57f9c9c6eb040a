"""From a request to its answer, without any network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mediasflow_async.sandbox import blacklist, campaigns, lists, reading, reports
from mediasflow_async.sandbox.campaigns import run_due
from mediasflow_async.sandbox.context import RequestContext, Server
from mediasflow_async.sandbox.http import (
    Answer,
    HttpError,
    Request,
    error_answer,
    forbidden,
    invalid,
    not_found,
    unsupported_media,
)
from mediasflow_async.sandbox.login import log_in
from mediasflow_async.sandbox.rules import FORM, JSON, ServerRules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import timedelta


LOGIN = "login"
UPLOAD_PATH = "lists/upload"


@frozen
class Operation:
    """One function of the API.

    Attributes:
        name: as in `Fault.operation`.
        method: in capitals.
        path: below the base URL; `{id}` stands for one segment.
        read: turns the request into the operation's input, without the store.
        run: answers, given that input and the path's id (empty without one).
    """

    name: str
    method: str
    path: str
    read: Callable[[Request, ServerRules], Any]
    run: Callable[[RequestContext, str, Any], Answer]


def _nothing(_request: Request, _rules: ServerRules) -> None:
    return None


def _json(request: Request, rules: ServerRules) -> reading.Object:
    return reading.json_object(request, rules.json_content_types)


def _params(request: Request, rules: ServerRules) -> reading.Object:
    """Read the parameters of a PUT from wherever the rules allow."""
    data: dict[str, Any] = dict(request.query) if "query" in rules.put_params else {}
    if not request.body.strip():
        return data
    is_json = request.content_type == JSON or request.body.lstrip().startswith(b"{")
    if is_json and "json" in rules.put_params:
        return data | dict(reading.json_object(request, frozenset({JSON, FORM})))
    if not is_json and request.content_type == FORM and "form" in rules.put_params:
        return data | request.form()
    raise unsupported_media(request.content_type, " or ".join(sorted(rules.put_params)))


def operations(rules: ServerRules) -> tuple[Operation, ...]:
    """Return every operation. Guide: 2."""
    login = Operation(LOGIN, "POST", rules.login_path.strip("/"), _nothing, _log_in)
    return (login, *_campaign_operations(rules), *_report_operations(), *_other_operations(rules))


def _log_in(context: RequestContext, _id: str, _data: object) -> Answer:
    return log_in(context.server, context.request)


def _campaign_operations(rules: ServerRules) -> tuple[Operation, ...]:
    one = "campaigns/{id}/"
    return (
        Operation(
            "inject",
            "POST",
            "campaigns/inject",
            _json,
            lambda context, _, data: campaigns.inject(context, data),
        ),
        Operation("sender", "PUT", f"{one}sender", _params, campaigns.set_sender),
        Operation("test", "PUT", f"{one}test", _params, campaigns.send_tests),
        *(
            Operation("cancel", method, f"{one}cancel", _nothing, campaigns.cancel)
            for method in sorted(rules.cancel_methods)
        ),
    )


def _report_operations() -> tuple[Operation, ...]:
    functions: Mapping[str, tuple[str, Callable[..., Answer]]] = {
        "report_csv": ("report/{id}", lambda context, id_, _: reports.campaign_csv(context, id_)),
        "report_json": (
            "reportjson/{id}",
            lambda context, id_, _: reports.campaign_json(context, id_),
        ),
        "period_csv": ("report", lambda context, *_: reports.period_csv(context)),
        "period_json": ("reportjson", lambda context, *_: reports.period_json(context)),
    }
    return tuple(
        Operation(name, "GET", f"campaigns/{path}", _nothing, run)
        for name, (path, run) in functions.items()
    )


def _other_operations(rules: ServerRules) -> tuple[Operation, ...]:
    return (
        Operation(
            "blacklist_add",
            "POST",
            "blacklist",
            _json,
            lambda context, _, data: blacklist.add_entry(context, data),
        ),
        Operation(
            "blacklist",
            "GET",
            rules.blacklist_path.strip("/"),
            _nothing,
            lambda context, *_: blacklist.list_entries(context),
        ),
        Operation(
            "upload",
            "POST",
            UPLOAD_PATH,
            lists.read_upload,
            lambda context, _, data: lists.upload(context, data),
        ),
    )


@frozen
class Match:
    """The operations behind one path.

    Attributes:
        by_method: operation of each method.
        id: what stands for `{id}` in the path, empty without one.
    """

    by_method: Mapping[str, Operation]
    id: str

    @property
    def allowed(self) -> str:
        """The `Allow` header, as a JAX-RS server writes it."""
        extra = {"HEAD"} if "GET" in self.by_method else set[str]()
        return ", ".join(sorted({*self.by_method, *extra, "OPTIONS"}))


class Router:
    """Finds operations by path."""

    def __init__(self, found: Iterable[Operation]) -> None:
        self._by_path: dict[str, dict[str, Operation]] = {}
        for operation in found:
            self._by_path.setdefault(operation.path, {})[operation.method] = operation
        self._patterns = [(_pattern(path), path) for path in self._by_path]

    def match(self, path: str) -> Match:
        """Return what is behind `path`.

        Raises:
            HttpError: 404, nothing.
        """
        for pattern, template in self._patterns:
            if found := pattern.fullmatch(path):
                return Match(self._by_path[template], found.groupdict().get("id", ""))
        raise not_found("path")


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.escape(path).replace(re.escape("{id}"), "(?P<id>[^/]+)"))


class Api:
    """The functions of the guide over one server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._rules = server.rules
        self._router = Router(operations(server.rules))

    def body_limit(self, path: str) -> int:
        """Return how many bytes a request to `path` may have."""
        rules = self._rules
        return rules.max_upload_bytes if path == UPLOAD_PATH else rules.max_body_bytes

    def names(self, request: Request) -> frozenset[str]:
        """Return what `Fault.operation` may call this request; empty for none of the API's."""
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
        """Process a request so much later, by the sandbox's clock."""
        self._server.deferred.add(request, self._server.clock.now() + delay)

    def process_deferred(self) -> None:
        """Process the requests that were put off until now; nobody waits for their answers."""
        for request in self._server.deferred.take(self._server.clock.now()):
            self._answer(request)

    def _answer(self, request: Request) -> Answer:
        try:
            return self._processed(request)
        except HttpError as error:
            return error_answer(self._rules, error)

    def _processed(self, request: Request) -> Answer:
        ips = self._rules.registered_ips
        if ips is not None and request.client_ip not in ips:
            raise forbidden("this address is not registered with Mediasflow", "UNKNOWN_IP")
        match = self._router.match(request.path)
        if request.method == "OPTIONS":
            return Answer(headers={"Allow": match.allowed})
        operation = _operation(match, request.method)
        if operation.name == LOGIN:
            return log_in(self._server, request)
        return self._run(operation, match.id, request)

    def _run(self, operation: Operation, path_id: str, request: Request) -> Answer:
        caller = self._server.tokens.owner(request.headers.get("authorization", ""))
        if self._rules.checksum:
            _check_digest(request)
        data = operation.read(request, self._rules)
        with self._server.store.transaction() as db:
            now = self._server.clock.now()
            run_due(db, self._server, now.timestamp())
            return operation.run(
                RequestContext(self._server, db, caller, request, now), path_id, data
            )


def _operation(match: Match, method: str) -> Operation:
    operation = match.by_method.get("GET" if method == "HEAD" else method)
    if operation is None:
        raise HttpError(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED",
            f"{method} is not allowed here",
            headers={"Allow": match.allowed},
        )
    return operation


def _kind_of_injection(request: Request) -> tuple[str, ...]:
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
