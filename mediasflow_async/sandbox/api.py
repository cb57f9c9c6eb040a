"""From a request to its answer, without any network."""

from __future__ import annotations

import base64
import hashlib
import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from mediasflow_async.sandbox.errors import Refusal, forbidden, invalid
from mediasflow_async.sandbox.http import Answer, Call
from mediasflow_async.sandbox.launching import settle
from mediasflow_async.sandbox.login import log_in
from mediasflow_async.sandbox.operations import (
    LOGIN,
    UPLOAD_PATH,
    Match,
    Operation,
    Router,
    operations,
)
from mediasflow_async.sandbox.wire import refusal_answer
from mediasflow_async.sandbox.world import Task, World

if TYPE_CHECKING:
    from datetime import timedelta


class Api:
    """The functions of the guide over one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rules = world.rules
        self._router = Router(operations(world.rules))

    def body_limit(self, path: str) -> int:
        """Return how many bytes a request to `path` may have."""
        rules = self._rules
        return rules.max_upload_bytes if path == UPLOAD_PATH else rules.max_body_bytes

    def names(self, call: Call) -> frozenset[str]:
        """Return what `Fault.operation` may call this request; empty for none of the API's."""
        try:
            operation = self._router.match(call.path).by_method.get(call.method)
        except Refusal:
            return frozenset()
        if operation is None:
            return frozenset()
        extra = _kind_of_injection(call) if operation.name == "inject" else ()
        return frozenset({operation.name, *extra})

    def answer(self, call: Call) -> Answer:
        """Process a request; blocks while another one is processed."""
        self.catch_up()
        return self._answer(call)

    def put_off(self, call: Call, delay: timedelta) -> None:
        """Process a request so much later, by the sandbox's clock."""
        self._world.late.add(call, self._world.clock.now() + delay)

    def catch_up(self) -> None:
        """Process the requests that were put off until now; nobody waits for their answers."""
        for call in self._world.late.take(self._world.clock.now()):
            self._answer(call)

    def _answer(self, call: Call) -> Answer:
        try:
            return self._processed(call)
        except Refusal as refusal:
            return refusal_answer(self._rules, refusal)

    def _processed(self, call: Call) -> Answer:
        ips = self._rules.registered_ips
        if ips is not None and call.client_ip not in ips:
            raise forbidden("this address is not registered with Mediasflow", "UNKNOWN_IP")
        match = self._router.match(call.path)
        if call.method == "OPTIONS":
            return Answer(headers={"Allow": match.allowed})
        operation = _operation(match, call.method)
        if operation.name == LOGIN:
            return log_in(self._world, call)
        return self._run(operation, match.id, call)

    def _run(self, operation: Operation, path_id: str, call: Call) -> Answer:
        caller = self._world.tokens.owner(call.headers.get("authorization", ""))
        if self._rules.checksum:
            _check_digest(call)
        data = operation.read(call, self._rules)
        with self._world.store.transaction() as db:
            now = self._world.clock.now()
            settle(db, self._world, now.timestamp())
            return operation.run(Task(self._world, db, caller, call, now), path_id, data)


def _operation(match: Match, method: str) -> Operation:
    operation = match.by_method.get("GET" if method == "HEAD" else method)
    if operation is None:
        raise Refusal(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED",
            f"{method} is not allowed here",
            headers={"Allow": match.allowed},
        )
    return operation


def _kind_of_injection(call: Call) -> tuple[str, ...]:
    try:
        data = json.loads(call.body)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(data, dict):
        return ()
    if str(data.get("startNow")).lower() != "true":
        return ("prepare",)
    return ("send",) if data.get("campaignId") is None else ("launch",)


def _check_digest(call: Call) -> None:
    if not call.body:
        return
    digest = base64.b64encode(hashlib.sha256(call.body).digest()).decode()
    if f"sha-256=:{digest}:" not in call.headers.get("content-digest", ""):
        raise invalid("Content-Digest", "the body's SHA-256 is missing or wrong", "CHECKSUM")
