"""How the simulated server puts into bytes what its operations found, or why they refused.

Operations know nothing of it: they return plain data or raise HttpError. What the guide leaves
open about answers is chosen by `ServerRules` and carried out here.
"""

from __future__ import annotations

import csv
import html
import io
import json
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from attrs import frozen

from mediasflow_async.sandbox.http import Answer, HttpError, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mediasflow_async.sandbox.rules import AnswerShape, EmptyShape, ErrorStyle, ServerRules

__all__ = ["Shaper", "Table", "refusal"]

_TEXT = "text/plain; charset=utf-8"
_HTML = "text/html; charset=utf-8"
_DRAFT = "DRAFT"

Object = dict[str, Any]


@frozen
class Table:
    """A CSV report.

    Attributes:
        names: of the columns.
        rows: cells of each line, one for each column.
        status_text: index of the column STATUS_TEXT.
    """

    names: Sequence[str]
    rows: Sequence[Sequence[str]]
    status_text: int


class Shaper:
    """Gives answers the form that the rules choose. Threads may share it.

    Args:
        rules: which of the plausible servers answers.
    """

    def __init__(self, rules: ServerRules) -> None:
        self._rules = rules
        self._lock = threading.Lock()
        self._received = 0
        self._delayed: set[str] = set()

    def clear(self) -> None:
        """Forget which requests came before."""
        with self._lock:
            self._received = 0
            self._delayed.clear()

    def admit(self) -> None:
        """Count a request.

        Raises:
            HttpError: 429, it is one of those that the rules refuse.
        """
        with self._lock:
            self._received += 1
            is_busy = self._rules.busy_every and self._received % self._rules.busy_every == 0
        if is_busy:
            raise HttpError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "TOO_MANY_REQUESTS",
                "too many requests",
                headers={"Retry-After": self._rules.retry_after},
            )

    def refused(self, error: HttpError) -> Answer:
        """Return the answer to a request that was refused."""
        return refusal(self._rules.error_style, error, self._rules)

    def done(self, operation: str, request: Request, found: Any) -> Answer:
        """Return the answer to a request that was processed.

        Args:
            operation: its name, as in `Fault.operation`.
            request: the request.
            found: what the operation returned: an object, a list of rows, or a Table.
        """
        rules = self._rules
        if "report" in operation or "period" in operation:
            if self._is_delayed(request):
                return self._not_ready()
            if isinstance(found, Table):
                return _csv_answer(rules, found)
            return _rows_answer(rules, request, found, "reports")
        if operation == "blacklist":
            return _rows_answer(rules, request, found, "blacklist")
        return _change_answer(rules, operation, found)

    def _is_delayed(self, request: Request) -> bool:
        address = f"{request.path}?{urlencode(sorted(request.query.items()))}"
        with self._lock:
            is_first = address not in self._delayed
            self._delayed.add(address)
        delay = self._rules.report_delay
        return delay == "always" or (delay == "once" and is_first)

    def _not_ready(self) -> Answer:
        body = {"status": "IN_PROGRESS", "message": "the report is not ready"}
        headers = {"Retry-After": self._rules.retry_after}
        return _json(self._rules, body, status=HTTPStatus.ACCEPTED, headers=headers)


# What was refused.


def refusal(style: ErrorStyle, error: HttpError, rules: ServerRules | None = None) -> Answer:
    """Return the answer that refuses a request.

    Args:
        style: how, as in `ServerRules.error_style`.
        error: why.
        rules: for the names and the charset of JSON, None for those of the guide.
    """
    status = HTTPStatus.OK if style.startswith("ok") else error.status
    if style in _TEXTS:
        content_type, write = _TEXTS[style]
        return Answer(status, write(error).encode(), content_type, error.headers)
    data = _COMPLAINTS[style](error)
    data = rules.spelled(data) if rules else data
    body, content_type = _encoded(data, rules.json_charset if rules else None)
    if style == "ok_problem":
        content_type = content_type.replace("json", "problem+json", 1)
    return Answer(status, body, content_type, error.headers)


_ERROR_PAGE = """<!DOCTYPE html><html><head><title>{status} - {code}</title></head>
<body><h1>HTTP Status {status} - {code}</h1><p>{message}</p><hr/></body></html>"""


def _page(error: HttpError) -> str:
    message = html.escape(error.message)
    return _ERROR_PAGE.format(status=error.status, code=error.code, message=message)


def _sentence(error: HttpError) -> str:
    return f"{error.code}: {error.message}"


_TEXTS: Mapping[str, tuple[str, Callable[[HttpError], str]]] = {
    "text": (_TEXT, _sentence),
    "html": (_HTML, _page),
    "ok_html": (_HTML, _page),
    "ok_text": (_TEXT, _sentence),
    "ok_word": (_TEXT, lambda _: "KO"),
    "ok_empty": (_TEXT, lambda _: ""),
    "ok_broken": ("application/json", lambda error: f'{{"error": "{error.code}", "mess'),
}


def _complaint(error: HttpError) -> Object:
    body = {"error": error.code, "message": error.message}
    return body if error.field is None else body | {"field": error.field}


def _violations(error: HttpError) -> Object:
    """Return what RESTEasy makes of a violation of Bean Validation."""
    violation = {"path": error.field or "arg0", "message": error.message, "value": ""}
    return {"exception": None, "fieldViolations": [], "parameterViolations": [violation]}


def _problem(error: HttpError) -> Object:
    return {"title": error.code, "status": error.status, "detail": error.message}


_COMPLAINTS: Mapping[str, Callable[[HttpError], object]] = {
    "json": _complaint,
    "ok": _complaint,
    "ok_success": lambda error: {"success": False, "message": error.message},
    "ok_ok": lambda error: {"ok": False, "reason": error.message},
    "ok_result": lambda error: {"result": "KO", "message": error.message},
    "ok_status": lambda error: {"status": "KO", "message": error.message},
    "ok_errors": lambda error: {"errors": [{"field": error.field, "message": error.message}]},
    "ok_error_code": lambda error: {"errorCode": error.code, "errorMessage": error.message},
    "ok_code": lambda error: {"code": error.status, "message": error.message},
    "ok_message": lambda error: {"message": error.message},
    "ok_violations": _violations,
    "ok_problem": _problem,
    "ok_false": lambda _: False,
}


# What was changed.

_NOUNS = {
    "inject": "campaign",
    "sender": "campaign",
    "cancel": "campaign",
    "test": "test",
    "upload": "list",
    "blacklist_add": "entry",
}

# The member that names each, what an answer with the id alone calls it, and another spelling.
_IDS = {
    "campaign": ("id", "campaignId", "campaignID"),
    "test": ("campaignId", "campaignId", "campaignID"),
    "list": ("id", "id", "idlistItems"),
    "entry": ("item", "item", "ITEM"),
}
_BRIEF: Mapping[str, object] = {
    "object": {},
    "success": {"success": True},
    "message": {"message": "The request has been taken into account"},
}


def _change_answer(rules: ServerRules, operation: str, found: Object) -> Answer:
    """Return the answer to an operation that changed something."""
    noun = _NOUNS[operation]
    is_launch = operation == "inject" and found["status"] != _DRAFT
    shape = _shape(rules, operation, is_launch=is_launch)
    if shape == "empty":
        return Answer(HTTPStatus.NO_CONTENT)
    if shape == "text":
        return Answer(body=b"OK", content_type=_TEXT)
    if shape == "accepted":
        return _json(rules, _BRIEF["message"], status=HTTPStatus.ACCEPTED)
    if shape in _BRIEF:
        return _json(rules, _BRIEF[shape])
    found = _odd(rules, found)
    data = rules.spelled(_named(_with_state(rules, found) if is_launch else found, noun, shape))
    return _json(rules, data if shape == "number" else _in_envelope(rules, data, noun))


def _shape(rules: ServerRules, operation: str, *, is_launch: bool) -> AnswerShape:
    by_operation: dict[str, AnswerShape] = {
        "inject": rules.launch_answer if is_launch else rules.prepare_answer,
        "sender": rules.sender_answer,
        "test": rules.test_answer,
        "cancel": rules.cancel_answer,
        "blacklist_add": rules.blacklist_add_answer,
        "upload": rules.upload_answer,
    }
    return by_operation[operation]


def _with_state(rules: ServerRules, campaign: Object) -> Object:
    states = {"draft": _DRAFT, "null": None, "unknown": "ACCEPTED"}
    states |= {"present": campaign["status"], "lower": campaign["status"].lower()}
    return campaign | {"status": states[rules.launch_state]}


def _named(found: Object, noun: str, shape: AnswerShape) -> object:
    name, alone, other = _IDS[noun]
    if shape == "number":
        return found[name]
    if shape == "id":
        return {alone: found[name]}
    if shape == "respelled":
        return {other if key == name else key: value for key, value in found.items()}
    return found


# Rows.


def _rows_answer(rules: ServerRules, request: Request, rows: Sequence[Any], noun: str) -> Answer:
    """Return the rows of a JSON report or of the blacklist."""
    shape = rules.empty_report if noun == "reports" else rules.empty_blacklist
    if not rows and shape != "rows":
        return _nothing(rules, shape, noun)
    rows = [_odd(rules, row) if isinstance(row, dict) else row for row in rows]
    rows = rows if noun == "reports" else list(map(rules.spelled, rows))
    shown, headers = (rows, {}) if rules.pages == "whole" else _paged(rules, request, rows)
    data = _arranged(rules, shown, noun)
    if rules.pages not in ("whole", "link"):
        data = _page_object(rules, request, data, len(rows))
    if isinstance(data, list) and rules.envelope == "list":
        return _json(rules, data, headers=headers)
    return _json(rules, _in_envelope(rules, data, noun), headers=headers)


def _nothing(rules: ServerRules, shape: EmptyShape, noun: str) -> Answer:
    if shape == "no_content":
        return Answer(HTTPStatus.NO_CONTENT)
    if shape == "empty":
        return Answer()
    if shape == "not_found":
        error = HttpError(HTTPStatus.NOT_FOUND, "NO_DATA", "nothing was found")
        return refusal(rules.error_style, error, rules)
    return _json(rules, {"null": None, "object": {}, "null_rows": {noun: None}}[shape])


def _arranged(rules: ServerRules, rows: Sequence[Any], noun: str) -> Any:
    is_report = noun == "reports"
    if is_report and rules.report_shape in _GROUPS:
        return _GROUPS[rules.report_shape](rows)
    is_wrapped = rules.report_shape == "wrapped" if is_report else rules.blacklist_shape == "items"
    return {"items": rows} if is_wrapped and rules.pages == "whole" else rows


def _by_campaign(rows: Sequence[Object]) -> list[Object]:
    groups: dict[object, list[Object]] = {}
    for row in rows:
        rest = {name: value for name, value in row.items() if name != "campaignId"}
        groups.setdefault(row["campaignId"], []).append(rest)
    return [{"campaignId": number, "rows": group} for number, group in groups.items()]


def _by_number(rows: Sequence[Object]) -> Object:
    groups: dict[str, list[Object]] = {}
    for row in rows:
        rest = {name: value for name, value in row.items() if name != "item"}
        groups.setdefault(row["item"], []).append(rest)
    return {number: rest if rest[1:] else rest[0] for number, rest in groups.items()}


_GROUPS: Mapping[str, Callable[[Sequence[Object]], object]] = {
    "by_campaign": _by_campaign,
    "by_number": _by_number,
}


def _page_number(request: Request) -> int:
    written = request.query.get("page", "")
    return int(written) if written.isascii() and written.isdigit() else 0


def _paged(
    rules: ServerRules, request: Request, rows: Sequence[Any]
) -> tuple[Sequence[Any], dict[str, str]]:
    """Return the rows of the page that is asked for, and the headers that go with it."""
    start = _page_number(request) * rules.page_rows
    address = _next_address(rules, request, len(rows))
    headers = {"Link": f'<{address}>; rel="next"'} if rules.pages == "link" and address else {}
    return rows[start : start + rules.page_rows], headers


def _next_address(rules: ServerRules, request: Request, total: int) -> str | None:
    number = _page_number(request) + 1
    if number * rules.page_rows >= total:
        return None
    return f"{request.url}?{urlencode({**request.query, 'page': number})}"


def _page_object(rules: ServerRules, request: Request, rows: Sequence[Any], total: int) -> Object:
    if rules.pages == "next":
        return {"items": rows, "total": total, "next": _next_address(rules, request, total)}
    if rules.pages == "cut":
        return {"content": rows, "totalElements": total}
    number = _page_number(request)
    pages = -(-total // rules.page_rows)
    return {
        "content": rows,
        "totalElements": total,
        "totalPages": pages,
        "number": number,
        "size": rules.page_rows,
        "numberOfElements": len(rows),
        "first": number == 0,
        "last": number + 1 >= pages,
        "empty": not rows,
    }


# JSON.


def _in_envelope(rules: ServerRules, data: object, noun: str) -> object:
    envelopes = {
        "bare": data,
        "data": {"data": data},
        "name": {noun: data},
        "status": {"status": "OK", "data": data},
        "list": [data],
    }
    return rules.spelled(envelopes[rules.envelope])


def _odd(rules: ServerRules, found: Object) -> Object:
    """Return an object with the ids and the secondary fields that the rules choose."""
    data = {name: _odd_id(rules, name, value) for name, value in found.items()}
    if rules.odd_fields == "array_for_map":
        return {name: [] if value == {} else value for name, value in data.items()}
    if rules.odd_fields in ("no_index", "index_array"):
        links = {
            name: _odd_links(rules, data[name]) for name in ("tinyList", "tracks") & data.keys()
        }
        return data | links
    odd = _ODD_VALUES.get(rules.odd_fields, {})
    return data | {name: value for name, value in odd.items() if name in data}


_ODD_VALUES: Mapping[str, Object] = {
    "null_in_map": {
        "defaultForHeader": {"VILLE": None},
        "validCountryCounter": {"FR": None},
        "maxDatasMap": {"PRENOM": None},
    },
    "decimal_comma": {"creditCount": "1,0", "maxSizeDataLine": "1,0", "previewCounter": "1,0"},
    "nan": dict.fromkeys(("creditCount", "maxSizeDataLine", "previewCounter"), float("nan")),
}


def _odd_links(rules: ServerRules, links: Sequence[Object]) -> list[Object]:
    bare = [{name: value for name, value in link.items() if name != "index"} for link in links]
    if rules.odd_fields == "no_index":
        return bare
    return [one | {"index": [link["index"]]} for one, link in zip(bare, links, strict=True)]


_HUGE = 2**63


def _odd_id(rules: ServerRules, name: str, value: Any) -> Any:
    if name not in ("id", "campaignId") or rules.ids == "plain":
        return value
    odd = {"zero": 0, "negative": -value, "huge": _HUGE + value, "text": f"c{value}"}
    return odd[rules.ids]


def _json(
    rules: ServerRules,
    data: object,
    *,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    body, content_type = _encoded(
        _as_strings(data) if rules.values_as_strings else data, rules.json_charset
    )
    mark = "\ufeff".encode() if rules.json_bom else b""
    return Answer(status, mark + body, content_type, headers or {})


def _encoded(data: object, charset: str | None) -> tuple[bytes, str]:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    content_type = "application/json" + (f";charset={charset}" if charset else "")
    return text.encode(charset or "utf-8", errors="replace"), content_type


def _as_strings(data: object) -> object:
    match data:
        case dict():
            return {key: _as_strings(value) for key, value in data.items()}
        case list():
            return [_as_strings(value) for value in data]
        case bool():
            return str(data).lower()
        case int() | float():
            return str(data)
        case _:
            return data


# CSV.


def _csv_answer(rules: ServerRules, table: Table) -> Answer:
    if not table.rows and rules.empty_report in ("no_content", "empty", "not_found"):
        return _nothing(rules, rules.empty_report, "reports")
    mark = "\ufeff" if rules.csv_bom else ""
    encoding = rules.csv_encoding
    return Answer(
        body=(mark + _csv_text(rules, table)).encode(encoding, errors="replace"),
        content_type=f"text/csv; charset={encoding}",
        headers={"Content-Disposition": 'attachment; filename="report.csv"'},
    )


def _csv_text(rules: ServerRules, table: Table) -> str:
    preambles = {"none": "", "sep": f"sep={rules.csv_delimiter}\r\n", "title": "Rapport SMS\r\n"}
    text = io.StringIO()
    text.write(preambles[rules.csv_preamble])
    writer = csv.writer(text, delimiter=rules.csv_delimiter, lineterminator="\r\n")
    if rules.csv_header_case != "none":
        writer.writerow(table.names)
    rows = list(table.rows)
    if rows and rules.csv_quotes == "open":
        text.write(_unclosed(rules, rows.pop(0), table.status_text))
    writer.writerows(rows)
    if rules.csv_total:
        writer.writerow(["TOTAL", len(table.rows)])
    return text.getvalue()


def _unclosed(rules: ServerRules, row: Sequence[str], index: int) -> str:
    cells = [f'"{cell}' if place == index else cell for place, cell in enumerate(row)]
    return rules.csv_delimiter.join(cells) + "\r\n"
