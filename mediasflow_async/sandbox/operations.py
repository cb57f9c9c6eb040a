"""The operations of the API: which path and method they have, and what they do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mediasflow_async.sandbox import blacklist, campaigns, lists, reading, reports
from mediasflow_async.sandbox.errors import not_found, unsupported_media
from mediasflow_async.sandbox.login import log_in
from mediasflow_async.sandbox.rules import FORM, JSON, ServerRules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mediasflow_async.sandbox.http import Answer, Call
    from mediasflow_async.sandbox.world import Task

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
    read: Callable[[Call, ServerRules], Any]
    run: Callable[[Task, str, Any], Answer]


def _nothing(_call: Call, _rules: ServerRules) -> None:
    return None


def _json(call: Call, rules: ServerRules) -> reading.Object:
    return reading.json_object(call, rules.json_content_types)


def _params(call: Call, rules: ServerRules) -> reading.Object:
    """Read the parameters of a PUT from wherever the rules allow."""
    data: dict[str, Any] = dict(call.query) if "query" in rules.put_params else {}
    if not call.body.strip():
        return data
    is_json = call.content_type == JSON or call.body.lstrip().startswith(b"{")
    if is_json and "json" in rules.put_params:
        return data | dict(reading.json_object(call, frozenset({JSON, FORM})))
    if not is_json and call.content_type == FORM and "form" in rules.put_params:
        return data | call.form()
    raise unsupported_media(call.content_type, " or ".join(sorted(rules.put_params)))


def operations(rules: ServerRules) -> tuple[Operation, ...]:
    """Return every operation. Guide: 2."""
    login = Operation(LOGIN, "POST", rules.login_path.strip("/"), _nothing, _log_in)
    return (login, *_campaign_operations(rules), *_report_operations(), *_other_operations(rules))


def _log_in(task: Task, _id: str, _data: object) -> Answer:
    return log_in(task.world, task.call)


def _campaign_operations(rules: ServerRules) -> tuple[Operation, ...]:
    one = "campaigns/{id}/"
    return (
        Operation(
            "inject",
            "POST",
            "campaigns/inject",
            _json,
            lambda task, _, data: campaigns.inject(task, data),
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
        "report_csv": ("report/{id}", lambda task, id_, _: reports.campaign_csv(task, id_)),
        "report_json": ("reportjson/{id}", lambda task, id_, _: reports.campaign_json(task, id_)),
        "period_csv": ("report", lambda task, *_: reports.period_csv(task)),
        "period_json": ("reportjson", lambda task, *_: reports.period_json(task)),
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
            lambda task, _, data: blacklist.add_entry(task, data),
        ),
        Operation(
            "blacklist",
            "GET",
            rules.blacklist_path.strip("/"),
            _nothing,
            lambda task, *_: blacklist.list_entries(task),
        ),
        Operation(
            "upload",
            "POST",
            UPLOAD_PATH,
            lists.read_upload,
            lambda task, _, data: lists.upload(task, data),
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
            Refusal: 404, nothing.
        """
        for pattern, template in self._patterns:
            if found := pattern.fullmatch(path):
                return Match(self._by_path[template], found.groupdict().get("id", ""))
        raise not_found("path")


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.escape(path).replace(re.escape("{id}"), "(?P<id>[^/]+)"))
