"""Answers as each plausible server gives them: one rule after another."""

from __future__ import annotations

import socket
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from mediasflow_async.sandbox import Fault, Sandbox, ServerRules
from tests.support.sandboxes import LINK, with_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    Json = dict[str, Any]
    Order = Callable[..., httpx.Response]

MOBILE = "0612345678"
UNKNOWN = "campaigns/1/sender?sender=ACME"


@pytest.mark.parametrize(
    ("style", "status", "body"),
    [
        pytest.param(style, status, body, marks=with_rules(error_style=style), id=style)
        for style, status, body in (
            ("json", 404, '{"error":"NOT_FOUND","message":"no such campaign"}'),
            ("text", 404, "NOT_FOUND: no such campaign"),
            ("ok", 200, '{"error":"NOT_FOUND","message":"no such campaign"}'),
            ("ok_success", 200, '{"success":false,"message":"no such campaign"}'),
            ("ok_ok", 200, '{"ok":false,"reason":"no such campaign"}'),
            ("ok_result", 200, '{"result":"KO","message":"no such campaign"}'),
            ("ok_status", 200, '{"status":"KO","message":"no such campaign"}'),
            ("ok_errors", 200, '{"errors":[{"field":null,"message":"no such campaign"}]}'),
            ("ok_error_code", 200, '{"errorCode":"NOT_FOUND","errorMessage":"no such campaign"}'),
            ("ok_code", 200, '{"code":404,"message":"no such campaign"}'),
            ("ok_message", 200, '{"message":"no such campaign"}'),
            ("ok_problem", 200, '{"title":"NOT_FOUND","status":404,"detail":"no such campaign"}'),
            ("ok_text", 200, "NOT_FOUND: no such campaign"),
            ("ok_word", 200, "KO"),
            ("ok_false", 200, "false"),
            ("ok_empty", 200, ""),
            ("ok_broken", 200, '{"error": "NOT_FOUND", "mess'),
        )
    ],
)
def test_a_refusal_comes_in_the_style_of_the_server(
    http: httpx.Client, style: str, status: int, body: str
) -> None:
    response = http.put(UNKNOWN)
    assert (response.status_code, response.text) == (status, body)
    assert ("problem+json" in response.headers["content-type"]) == (style == "ok_problem")


@with_rules(error_style="ok_violations")
def test_a_violation_names_its_field(http: httpx.Client) -> None:
    body = http.post("blacklist", json={}).json()
    assert [found["path"] for found in body["parameterViolations"]] == ["typeItem"]


@with_rules(error_style="ok_html")
def test_a_page_refuses_under_200(http: httpx.Client) -> None:
    response = http.put(UNKNOWN)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")


def test_a_fault_refuses_in_any_style(sandbox: Sandbox, order: Order) -> None:
    sandbox.faults.add(Fault(operation="send", when="after", refusal="ok_success"))
    assert order().json() == {"success": False, "message": "a fault of the sandbox: 409"}
    assert len(sandbox.messages) == 1


@pytest.mark.parametrize(
    ("shape", "status", "body"),
    [
        pytest.param(shape, status, body, marks=with_rules(launch_answer=shape), id=shape)
        for shape, status, body in (
            ("id", 200, '{"campaignId":943}'),
            ("number", 200, "943"),
            ("object", 200, "{}"),
            ("success", 200, '{"success":true}'),
            ("message", 200, '{"message":"The request has been taken into account"}'),
            ("accepted", 202, '{"message":"The request has been taken into account"}'),
            ("text", 200, "OK"),
            ("empty", 204, ""),
        )
    ],
)
def test_a_launch_is_answered_briefly(
    sandbox: Sandbox, order: Order, shape: str, status: int, body: str
) -> None:
    response = order()
    assert shape
    assert (response.status_code, response.text) == (status, body)
    assert len(sandbox.messages) == 1


@with_rules(
    prepare_answer="id",
    sender_answer="success",
    test_answer="text",
    cancel_answer="message",
    blacklist_add_answer="id",
    upload_answer="respelled",
)
def test_each_operation_has_a_shape_of_its_own(
    sandbox: Sandbox, http: httpx.Client, order: Order, upload: Callable[..., Json]
) -> None:
    assert order(startNow=None).json() == {"campaignId": 943}
    assert http.put("campaigns/943/sender?sender=ACME").json() == {"success": True}
    assert http.put(f"campaigns/943/test?phoneNumbers={MOBILE}").text == "OK"
    tomorrow = sandbox.clock.now() + timedelta(days=1)
    assert order(scheduleOn=f"{tomorrow:%Y-%m-%dT%H:%M:%SZ}").json()["status"] == "SCHEDULED"
    assert list(http.put("campaigns/944/cancel").json()) == ["message"]
    entry = {"item": MOBILE, "typeItem": "MOBILE"}
    assert http.post("blacklist", json=entry).json() == {"item": "+33612345678"}
    assert upload(f"mobile\n{MOBILE}")["idlistItems"]


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        pytest.param(state, shown, marks=with_rules(launch_state=state), id=state)
        for state, shown in (
            ("draft", "DRAFT"),
            ("null", None),
            ("unknown", "ACCEPTED"),
            ("lower", "injected"),
        )
    ],
)
def test_a_launch_names_another_state(order: Order, state: str, shown: str | None) -> None:
    assert state
    assert order(startNow=None).json()["status"] == "DRAFT"
    assert order().json()["status"] == shown


@pytest.mark.parametrize(
    ("ids", "shown"),
    [
        pytest.param(ids, shown, marks=with_rules(ids=ids), id=ids)
        for ids, shown in (("zero", 0), ("negative", -943), ("huge", 2**63 + 943), ("text", "c943"))
    ],
)
def test_ids_are_odd(order: Order, http: httpx.Client, ids: str, shown: object) -> None:
    assert ids
    assert order().json()["id"] == shown
    assert [row["campaignId"] for row in http.get("campaigns/reportjson/943").json()] == [shown]


@pytest.mark.parametrize(
    ("envelope", "names"),
    [
        pytest.param(envelope, names, marks=with_rules(envelope=envelope), id=envelope)
        for envelope, names in (
            ("data", ["data", "data"]),
            ("name", ["campaign", "reports"]),
            ("status", ["status data", "status data"]),
            ("list", ["a list", "a list"]),
        )
    ],
)
def test_an_envelope_stands_around_what_was_asked(
    order: Order, http: httpx.Client, envelope: str, names: list[str]
) -> None:
    def of(body: Any) -> str:
        return "a list" if isinstance(body, list) else " ".join(body)

    assert envelope
    assert [of(order().json()), of(http.get("campaigns/reportjson/943").json())] == names


@pytest.mark.parametrize(
    ("odd", "name", "value"),
    [
        pytest.param(odd, name, value, marks=with_rules(odd_fields=odd), id=odd)
        for odd, name, value in (
            ("null_in_map", "defaultForHeader", {"VILLE": None}),
            ("decimal_comma", "creditCount", "1,0"),
            ("array_for_map", "defaultForHeader", []),
            ("no_index", "tinyList", [{name: LINK[name] for name in LINK if name != "index"}]),
            ("index_array", "tinyList", [LINK | {"index": [0]}]),
        )
    ],
)
def test_a_secondary_field_is_odd(order: Order, odd: str, name: str, value: Any) -> None:
    found = order(tinyList=[LINK], msg="Voir ${track_1}").json()[name]
    if isinstance(value, list) and value:
        found = [{key: link[key] for key in value[0] if key in link} for link in found]
    assert (odd, found) == (odd, value)


@with_rules(odd_fields="nan")
def test_a_number_is_none(order: Order) -> None:
    assert '"creditCount":NaN' in order().text


@with_rules(json_charset="ISO-8859-1", json_bom=False)
def test_json_has_another_charset(order: Order) -> None:
    response = order(msg="Déjà")
    assert response.headers["content-type"] == "application/json;charset=ISO-8859-1"
    assert b"D\xe9j\xe0" in response.content


@with_rules(json_bom=True)
def test_json_has_a_byte_order_mark(order: Order) -> None:
    assert order().content.startswith(b"\xef\xbb\xbf{")


@pytest.mark.parametrize(
    ("dates", "pattern"),
    [
        pytest.param(dates, pattern, marks=with_rules(campaign_dates=dates), id=dates)
        for dates, pattern in (
            ("french", r"\d+ \S+ \d{4} \d\d:\d\d:\d\d"),
            ("date_string", r"\w{3} \w{3} \d\d \d\d:\d\d:\d\d CES?T \d{4}"),
        )
    ],
)
def test_another_java_writes_the_dates(order: Order, dates: str, pattern: str) -> None:
    import re

    assert re.fullmatch(pattern, order().json()["creationDate"]), dates


@pytest.mark.parametrize(
    ("status", "reports", "blacklist"),
    [
        pytest.param(*found, marks=with_rules(empty_report=shape, empty_blacklist=shape), id=shape)
        for shape, *found in (
            ("rows", 200, "[]", "[]"),
            ("no_content", 204, "", ""),
            ("empty", 200, "", ""),
            ("null", 200, "null", "null"),
            ("object", 200, "{}", "{}"),
            ("null_rows", 200, '{"reports":null}', '{"blacklist":null}'),
        )
    ],
)
def test_nothing_has_many_shapes(
    order: Order, http: httpx.Client, status: int, reports: str, blacklist: str
) -> None:
    order()
    found = http.get("campaigns/reportjson/943?status=20")
    assert (found.status_code, found.text) == (status, reports)
    found = http.get("blacklist")
    assert (found.status_code, found.text) == (status, blacklist)


@with_rules(empty_report="not_found", empty_blacklist="not_found")
def test_nothing_is_not_found(order: Order, http: httpx.Client) -> None:
    order()
    paths = ("campaigns/reportjson/943?status=20", "campaigns/report/943?status=20", "blacklist")
    assert [http.get(path).status_code for path in paths] == [404] * 3
    assert len(http.get("campaigns/reportjson/943").json()) == 1


@with_rules(report_delay="once", retry_after="7")
def test_a_report_is_not_ready_at_first(order: Order, http: httpx.Client) -> None:
    order()
    first, second, other = (
        http.get(f"campaigns/{path}/943") for path in ("reportjson", "reportjson", "report")
    )
    assert (first.status_code, first.headers["retry-after"]) == (202, "7")
    assert (second.status_code, other.status_code) == (200, 202)


@with_rules(report_delay="always")
def test_a_report_is_never_ready(order: Order, http: httpx.Client) -> None:
    order()
    assert {http.get("campaigns/reportjson/943").status_code for _ in range(3)} == {202}


@pytest.mark.parametrize(
    ("shape", "name", "value"),
    [
        pytest.param(shape, name, value, marks=with_rules(report_shape=shape), id=shape)
        for shape, name, value in (
            ("columns", "STATUS_CODE", "16"),
            ("camel", "statusCode", "16"),
            ("spaced", "STATUS CODE", "16"),
            ("status_object", "status", {"code": 16, "text": "Delivered"}),
            ("french", "etat", "Delivered"),
        )
    ],
)
def test_rows_have_other_names(
    order: Order, http: httpx.Client, shape: str, name: str, value: object
) -> None:
    order()
    (row,) = http.get("campaigns/reportjson/943").json()
    assert (shape, row[name]) == (shape, value)


@with_rules(report_shape="by_campaign")
def test_rows_are_grouped_by_campaign(order: Order, http: httpx.Client) -> None:
    order()
    (group,) = http.get("campaigns/reportjson/943").json()
    assert (group["campaignId"], len(group["rows"])) == (943, 1)


def numbers(count: int) -> list[dict[str, str]]:
    return [{"mobile": f"06123456{place:02}"} for place in range(count)]


@with_rules(pages="spring", page_rows=2)
def test_pages_of_spring(order: Order, http: httpx.Client) -> None:
    order(listRecipient=numbers(5))
    pages = [http.get(f"campaigns/reportjson/943?page={page}").json() for page in range(4)]
    assert [len(page["content"]) for page in pages] == [2, 2, 1, 0]
    assert [page["last"] for page in pages] == [False, False, True, True]
    assert (pages[0]["totalElements"], pages[0]["totalPages"]) == (5, 3)


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=with_rules(pages=kind, page_rows=2)) for kind in ("next", "link")],
)
def test_pages_lead_to_the_next(order: Order, http: httpx.Client, kind: str) -> None:
    order(listRecipient=numbers(5))
    address: str | None = "campaigns/reportjson/943?status=16"
    sizes = []
    while address:
        response = http.get(address)
        body = response.json()
        sizes.append(len(body["items"] if kind == "next" else body))
        link = response.links.get("next", {}).get("url")
        address = body["next"] if kind == "next" else link
    assert sizes == [2, 2, 1]


@with_rules(pages="cut", page_rows=2)
def test_pages_end_without_a_way_on(http: httpx.Client) -> None:
    for entry in numbers(3):
        http.post("blacklist", json={"item": entry["mobile"], "typeItem": "MOBILE"})
    body = http.get("blacklist").json()
    assert (len(body["content"]), body["totalElements"]) == (2, 3)


@with_rules(period_unit="day")
def test_a_period_has_whole_days(sandbox: Sandbox, order: Order, http: httpx.Client) -> None:
    order()
    day = f"{sandbox.clock.now():%Y-%m-%d}"
    for start, end in ((day, day), (f"{day} 23:59", f"{day} 23:59")):
        path = f"campaigns/reportjson/?from={start}&to={end}"
        assert len(http.get(path).json()) == 1


def csv_lines(order: Order, http: httpx.Client) -> list[str]:
    order(listRecipient=numbers(2))
    response = http.get("campaigns/report/943")
    assert response.status_code == 200
    return response.text.splitlines()


@with_rules(csv_preamble="sep")
def test_a_csv_names_its_delimiter(order: Order, http: httpx.Client) -> None:
    first, second, *_ = csv_lines(order, http)
    assert (first, second.partition(";")[0]) == ("sep=;", "REF_LIST")


@with_rules(csv_preamble="title", csv_total=True)
def test_a_csv_has_a_title_and_a_total(order: Order, http: httpx.Client) -> None:
    first, *_, last = csv_lines(order, http)
    assert (first, last) == ("Rapport SMS", "TOTAL;2")


@with_rules(csv_header_case="none", csv_encoding="utf-16")
def test_a_csv_has_no_header(order: Order, http: httpx.Client) -> None:
    lines = csv_lines(order, http)
    assert [line.split(";")[1] for line in lines] == ["1", "2"]


@with_rules(csv_quotes="open")
def test_a_csv_opens_a_quotation_that_nothing_closes(order: Order, http: httpx.Client) -> None:
    text = "\n".join(csv_lines(order, http))
    assert text.count('"') == 1
    assert ';"Delivered;' in text


@with_rules(busy_every=3, retry_after="inf")
def test_some_requests_are_too_many(sandbox: Sandbox, order: Order) -> None:
    answers = [order() for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 429, 200, 200]
    assert answers[1].headers["retry-after"] == "inf"
    assert len(sandbox.messages) == 3


@with_rules(keep_alive_seconds=1)
def test_an_idle_connection_is_closed_as_announced(sandbox: Sandbox) -> None:
    url = httpx.URL(sandbox.base_url)
    with socket.create_connection((url.host, url.port or 0), timeout=10) as connection:
        connection.sendall(f"GET {url.path}blacklist HTTP/1.1\r\nHost: {url.host}\r\n\r\n".encode())
        assert b"keep-alive: timeout=1" in connection.recv(65536).lower()
        start = time.monotonic()
        while connection.recv(65536):
            pass
        assert 0.5 < time.monotonic() - start < 4


@with_rules(keep_alive_seconds=0, keep_alive="timeout=60, max=7")
def test_an_idle_connection_is_closed_whatever_is_announced(http: httpx.Client) -> None:
    assert http.get("blacklist").headers["keep-alive"] == "timeout=60, max=7"


@with_rules(keep_alive_seconds=0, keep_alive="")
def test_an_idle_connection_is_closed_without_a_word(http: httpx.Client) -> None:
    assert "keep-alive" not in http.get("blacklist").headers


def test_a_rule_takes_only_its_values() -> None:
    wrong: Json = {"error_style": "loud", "launch_answer": "rows", "busy_every": 0}
    for name, value in wrong.items():
        with pytest.raises(ValueError, match="must be"):
            ServerRules(**{name: value})
