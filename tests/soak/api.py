"""The few functions of the API that a sender calls, and what each does to the ledger. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson
from attrs import frozen

from tests.soak.campaigns import is_mute, is_refused
from tests.soak.ledger import Draft, Ledger
from tests.soak.replies import csv, json_reply

__all__ = ["LEDGER", "Api", "ApiCall"]

LEDGER: Final = "/ledger"
_API: Final = "/v1/"
_REPORT: Final = "campaigns/report/"
_COLUMNS: Final = "REF_LIST;ID_LINE;INT_MOBILE;STATUS_CODE;STATUS_TEXT"
_ROW: Final = "list;1;+33600001601;16;Delivered"


@frozen
class ApiCall:
    """What a request is about.

    Attributes:
        operation: what it asks for.
        about: the key of the campaign, if it is about one.
        process: does it, and returns the answer.
        number: of the campaign, if it has one.
    """

    operation: str
    about: str
    process: Callable[[], bytes]
    number: int | None = None


@frozen
class Api:
    """Understands requests.

    Attributes:
        ledger: what is there.
    """

    ledger: Ledger

    def call_of(self, method: str, target: str, body: bytes) -> ApiCall:
        """Return what a request asks for."""
        path = target.partition("?")[0].removeprefix(_API)
        if (method, path) == ("POST", "users/login"):
            return ApiCall("login", "", lambda: json_reply({}, Authorization="Bearer of-the-soak"))
        if (method, path) == ("POST", "campaigns/inject"):
            return self._injection(orjson.loads(body))
        if method == "GET" and path.startswith(_REPORT):
            return self._about("report", path.removeprefix(_REPORT), _report)
        if method == "PUT" and path.endswith("/sender"):
            return self._about("set sender", path.split("/")[1], _sender)
        return ApiCall("unknown", path, _unknown)

    def _injection(self, order: dict[str, Any]) -> ApiCall:
        is_launch = order.get("startNow") is True
        if "campaignId" in order:
            act = self._launched if is_launch else _looked_at
            return self._about("launch" if is_launch else "look", order["campaignId"], act)
        key = str(order["campaignName"])
        if is_launch:
            return ApiCall("send", key, lambda: self._launched(self.ledger.add(key)))
        return ApiCall("prepare", key, lambda: self._prepared(key))

    def _about(self, operation: str, number: Any, act: Callable[[Draft], bytes]) -> ApiCall:
        draft = self.ledger.drafts.get(int(number))
        if draft is None:
            return ApiCall(operation, "", _unknown)
        return ApiCall(operation, draft.key, lambda: act(draft), draft.number)

    def _prepared(self, key: str) -> bytes:
        if is_refused(key):
            return json_reply({"error": "REFUSED", "message": "not this one"}, 400)
        return _campaign(self.ledger.add(key), "DRAFT")

    def _launched(self, draft: Draft) -> bytes:
        """Send it once more, as the server does that the sending promise fears."""
        self.ledger.launch(draft)
        return _campaign(draft, "INPROGRESS")


def _campaign(draft: Draft, status: str | None) -> bytes:
    data: dict[str, Any] = {"id": draft.number, "campaignName": draft.key}
    return json_reply(data | ({} if status is None else {"status": status}))


def _looked_at(draft: Draft) -> bytes:
    status = "INPROGRESS" if draft.launches else "DRAFT"
    return _campaign(draft, None if is_mute(draft.key) else status)


def _sender(draft: Draft) -> bytes:
    if draft.launches:
        return json_reply({"error": "NO_DRAFT", "message": "it is no draft any more"}, 409)
    return _looked_at(draft)


def _report(draft: Draft) -> bytes:
    """Show rows for some campaigns only: for the others they would come much later."""
    if not draft.launches:
        return _unknown()
    has_rows = draft.number % 2 and not is_mute(draft.key)
    return csv(_COLUMNS, _ROW) if has_rows else csv(_COLUMNS)


def _unknown() -> bytes:
    return json_reply({"error": "NOT_FOUND", "message": "there is no such thing"}, 404)
