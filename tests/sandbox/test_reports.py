"""Reports of one campaign and of a period."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from mediasflow_async.sandbox import DeliveryPlan
from tests.support.sandboxes import LINK, recipient, with_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from mediasflow_async.sandbox import Sandbox

    Json = dict[str, Any]

PARIS = ZoneInfo("Europe/Paris")
COLUMNS = [
    "REF_LIST",
    "ID_LINE",
    "INT_MOBILE",
    "STATUS_CODE",
    "STATUS_TEXT",
    "DELIVERYDATE",
    "REPLY",
    "PREVIEW",
    "PREVIEW_COUNTER",
]


def table(response: httpx.Response, delimiter: str = ";") -> list[dict[str, str]]:
    assert response.status_code == 200, response.text
    return list(csv.DictReader(io.StringIO(response.text, newline=""), delimiter=delimiter))


def minute(moment: datetime) -> str:
    return f"{moment.astimezone(PARIS):%Y-%m-%d %H:%M}"


@pytest.fixture
def period(sandbox: Sandbox, http: httpx.Client) -> Callable[..., httpx.Response]:
    """Ask for the report of the last day and the next hour, unless told otherwise."""

    def get(path: str = "campaigns/reportjson/", **params: str | None) -> httpx.Response:
        now = sandbox.clock.now()
        usual = {
            "from": minute(now - timedelta(days=1)),
            "to": minute(now + timedelta(hours=1)),
        }
        given = {name: value for name, value in {**usual, **params}.items() if value is not None}
        return http.get(path, params=given)

    return get


def test_a_json_row_says_everything(
    sandbox: Sandbox, inject: Callable[..., Json], report: Callable[..., list[Json]]
) -> None:
    inject(
        msg="Bonjour ${NOM}", listRecipient=[recipient("0612345678", NOM="Léa")], tinyList=[LINK]
    )
    (row,) = report(943)
    sent = row.pop("sendDate")
    assert datetime.strptime(sent, "%b %d, %Y %I:%M:%S %p").replace(tzinfo=PARIS) <= (
        sandbox.clock.now()
    )
    assert row.pop("deliveryDate") == sent
    assert row == {
        "campaignId": 943,
        "refList": "",
        "idLine": 1,
        "item": "33612345678",
        "type": "BCAST_MKG",
        "msg": "Bonjour Léa",
        "status": 16,
        "statusText": "Delivered",
        "reply": "",
        "preview": None,
        "previewCounter": 0,
        "tracks": [{"index": 0, "date": None, "counter": 0}],
        "fields": {"NOM": "Léa"},
    }


def test_a_csv_report_adds_its_columns_to_the_own_ones(
    inject: Callable[..., Json], upload: Callable[..., Json], http: httpx.Client
) -> None:
    found = upload("Nom;SMS\nLéa;0612345601\n;06\n", filename="my list")
    inject(msg="${Nom}", listsId=[found["id"]], listRecipient=None)
    response = http.get("campaigns/report/943")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    first, second = table(response)
    assert list(first) == ["Nom", "SMS", *COLUMNS]
    written = first.pop("DELIVERYDATE")
    delivered = datetime.strptime(written, "%d/%m/%Y %H:%M:%S").replace(tzinfo=PARIS)
    assert abs(delivered - datetime.now(UTC)) < timedelta(minutes=1)
    assert first == {
        "Nom": "Léa",
        "SMS": "0612345601",
        "REF_LIST": "my list",
        "ID_LINE": "1",
        "INT_MOBILE": "+33612345601",
        "STATUS_CODE": "16",
        "STATUS_TEXT": "Delivered",
        "REPLY": "",
        "PREVIEW": "",
        "PREVIEW_COUNTER": "",
    }
    assert (second["INT_MOBILE"], second["STATUS_CODE"], second["DELIVERYDATE"]) == ("06", "2", "")


def test_details_choose_own_columns(inject: Callable[..., Json], http: httpx.Client) -> None:
    inject(listRecipient=[recipient("0612345678", A="1", B="2", C="3")])
    (row,) = table(http.get("campaigns/report/943", params={"details": "C;A;Z"}))
    assert list(row) == ["C", "A", *COLUMNS]


@pytest.mark.parametrize("separator", [",", ";", "; "])
def test_a_report_can_be_limited_to_statuses(
    inject: Callable[..., Json],
    report: Callable[..., list[Json]],
    http: httpx.Client,
    separator: str,
) -> None:
    magic = [{"mobile": f"060000{status}01"} for status in (16, 20, 29)]
    inject(listRecipient=magic)
    wanted = separator.join(["16", "29"])
    assert [row["status"] for row in report(943, status=wanted)] == [16, 29]
    rows = table(http.get("campaigns/report/943", params={"status": wanted}))
    assert [row["STATUS_CODE"] for row in rows] == ["16", "29"]


def test_statuses_are_numbers(inject: Callable[..., Json], http: httpx.Client) -> None:
    inject()
    response = http.get("campaigns/report/943", params={"status": "delivered"})
    assert (response.status_code, response.json()["field"]) == (400, "status")


@pytest.mark.sandbox(
    delivery=DeliveryPlan(mix={16: 1}, click_rate=1, reply_rate=1, duration=timedelta(seconds=8))
)
def test_clicks_and_replies_come_with_time(
    sandbox: Sandbox,
    inject: Callable[..., Json],
    report: Callable[..., list[Json]],
    http: httpx.Client,
) -> None:
    inject(msg="${track_1} ${track_2}", tinyList=[LINK, {**LINK, "index": 1}])
    (row,) = report(943)
    assert (row["status"], row["reply"], row["tracks"][0]["counter"]) == (0, "", 0)
    sandbox.clock.advance(timedelta(seconds=8))
    (row,) = report(943)
    assert row["reply"]
    assert [track["counter"] > 0 for track in row["tracks"]] == [True, True]
    (line,) = table(http.get("campaigns/report/943"))
    assert line["TRACK_2_COUNTER"] == line["TRACK_1_COUNTER"] == str(row["tracks"][0]["counter"])
    assert line["TRACK_1"] == line["PREVIEW"] != ""


def test_a_draft_has_no_report(inject: Callable[..., Json], http: httpx.Client) -> None:
    inject(startNow=False)
    assert http.get("campaigns/reportjson/943").status_code == 404
    assert http.get("campaigns/report/943").status_code == 404


@with_rules(draft_report="empty")
def test_a_lenient_server_reports_a_draft_as_empty(
    inject: Callable[..., Json], http: httpx.Client
) -> None:
    inject(startNow=False)
    assert http.get("campaigns/reportjson/943").json() == []
    assert table(http.get("campaigns/report/943")) == []


@with_rules(report_shape="wrapped")
def test_rows_may_be_wrapped(inject: Callable[..., Json], http: httpx.Client) -> None:
    inject()
    assert http.get("campaigns/reportjson/943").json()["items"][0]["status"] == 16


@with_rules(report_shape="columns")
def test_rows_may_have_the_names_of_csv_columns(
    inject: Callable[..., Json], report: Callable[..., list[Json]]
) -> None:
    inject(listRecipient=[recipient("0612345678", NOM="Léa")])
    (row,) = report(943)
    assert (row["STATUS_CODE"], row["NOM"]) == ("16", "Léa")


@with_rules(values_as_strings=True)
def test_values_may_be_texts(
    inject: Callable[..., Json], report: Callable[..., list[Json]]
) -> None:
    campaign = inject()
    assert (campaign["id"], campaign["checkDuplicate"], campaign["creditCount"]) == (
        "943",
        "true",
        "1.0",
    )
    assert report(943)[0]["status"] == "16"


@with_rules(csv_encoding="cp1252", csv_delimiter=",", csv_header_case="lower")
def test_csv_may_be_written_in_another_way(inject: Callable[..., Json], http: httpx.Client) -> None:
    inject(listRecipient=[recipient("0612345678", Prénom="Zoé")])
    response = http.get("campaigns/report/943")
    assert "Zoé".encode("cp1252") in response.content
    assert table(response, ",")[0]["status_code"] == "16"


@with_rules(csv_bom=True)
def test_csv_may_begin_with_a_mark(inject: Callable[..., Json], http: httpx.Client) -> None:
    inject()
    assert http.get("campaigns/report/943").content.startswith(b"\xef\xbb\xbfREF_LIST")


def test_a_period_holds_every_campaign_that_started(
    inject: Callable[..., Json], period: Callable[..., httpx.Response]
) -> None:
    for start_now in (True, False, True):
        inject(startNow=start_now)
    assert [row["campaignId"] for row in period().json()] == [943, 945]
    assert len(table(period("campaigns/report/"))) == 2
    assert period("campaigns/reportjson").json() == period().json()


def test_tests_are_in_no_report(
    inject: Callable[..., Json], http: httpx.Client, period: Callable[..., httpx.Response]
) -> None:
    inject(startNow=False)
    http.put("campaigns/943/test", params={"phoneNumbers": "0612345678"})
    assert period().json() == []


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"from": None}, "from"),
        ({"from": ""}, "from"),
        ({"from": "25/03/2022"}, "from"),
        ({"from": "2022-02-30"}, "from"),
        ({"from": "9999-12-31"}, "from"),
        ({"from": "9999-12-31", "to": None}, "from"),
        ({"from": "0001-01-01", "to": "0001-01-02"}, "from"),
        ({"to": "9999-12-31 23:59"}, "to"),
        ({"from": "2022-03-25", "to": "2022-03-25 25:00"}, "to"),
        ({"from": "2022-03-25", "to": "2022-03-24"}, "to"),
        ({"from": "2022-03-15", "to": "2022-03-22 00:01"}, "to"),
        ({"types": "FAX"}, "types"),
        ({"search": "item=="}, "search"),
        ({"search": "msg=re=("}, "search"),
        ({"search": "type==P2P;msg=re=*"}, "search"),
        ({"search": "type==P2P;(msg==a,msg=re='[')"}, "search"),
        ({"userID": "0" * 24}, "userID"),
    ],
)
def test_a_wrong_period_names_its_parameter(
    period: Callable[..., httpx.Response], params: Json, field: str
) -> None:
    response = period(**params)
    assert response.status_code in (400, 404)
    assert response.json()["field"] == field


def test_a_period_has_at_most_seven_days(period: Callable[..., httpx.Response]) -> None:
    params = {"from": "2022-03-20", "to": "2022-03-27"}
    assert period(**params).status_code == 200
    params["to"] = "2022-03-27 00:01"
    assert period(**params).json()["error"] == "PERIOD_TOO_LONG"


def test_without_an_end_a_period_has_seven_days(
    sandbox: Sandbox, inject: Callable[..., Json], period: Callable[..., httpx.Response]
) -> None:
    inject()
    now = sandbox.clock.now()
    assert len(period(**{"from": minute(now - timedelta(days=6)), "to": None}).json()) == 1
    assert period(**{"from": minute(now - timedelta(days=8)), "to": None}).json() == []


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(0, marks=with_rules(window_end="exclusive"), id="exclusive"),
        pytest.param(1, marks=with_rules(window_end="inclusive"), id="inclusive"),
    ],
)
def test_the_end_of_a_period_belongs_to_it_or_not(
    inject: Callable[..., Json], period: Callable[..., httpx.Response], found: int
) -> None:
    inject()
    sent = period().json()[0]["sendDate"]
    to = datetime.strptime(sent, "%b %d, %Y %I:%M:%S %p").replace(tzinfo=PARIS)
    rows = [row for row in period(to=minute(to)).json() if row["campaignId"] == 943]
    assert len(rows) == found
    rows = [row for row in period(to=f"{to:%Y-%m-%d}").json() if row["campaignId"] == 943]
    assert len(rows) == found


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("item==0685812475", [1]),
        ("item ==0685812475", [1]),
        ("item==33685812475", [1]),
        ("item=re=3368581*", [1]),
        ("msg=re=Hello*", [1, 3]),
        ("item!=0685812475", [2, 3]),
        ("item=in=(0685812475,33612345602)", [1, 2]),
        ("type==P2P", [3]),
        ("type==BCAST_MKG", [1, 2]),
        ("fields.REF==DRAFT;fields.REF==value", []),
        ("fields.REF==one,fields.REF==two", [1, 2]),
        ("fields.REF==two;msg=re=Bonjour", [2]),
    ],
)
def test_a_period_can_be_searched(
    inject: Callable[..., Json],
    period: Callable[..., httpx.Response],
    search: str,
    found: list[int],
) -> None:
    inject(msg="Hello you", listRecipient=[recipient("0685812475", REF="one")])
    inject(msg="Bonjour", listRecipient=[recipient("0612345602", REF="two")])
    inject(msg="Hell is here", listRecipient=[recipient("0612345603")], typeSelect="NOTIFICATION")
    rows = period(search=search).json()
    assert [row["campaignId"] - 942 for row in rows] == found


@with_rules(regex_style="glob")
def test_a_server_may_read_stars_as_wildcards(
    inject: Callable[..., Json], period: Callable[..., httpx.Response]
) -> None:
    for msg in ("Hello you", "Hell is here"):
        inject(msg=msg)
    assert [row["msg"] for row in period(search="msg=re=Hello*").json()] == ["Hello you"]


@with_rules(regex_style="glob")
def test_wildcards_may_stand_in_groups(
    inject: Callable[..., Json], period: Callable[..., httpx.Response]
) -> None:
    inject(msg="Hello you")
    search = "(msg=re=*you,msg==x);type==BCAST_MKG"
    assert [row["msg"] for row in period(search=search).json()] == ["Hello you"]


@pytest.mark.parametrize(("types", "found"), [("SMS", 1), ("EMAIL;VOCAL", 0), ("EMAIL;SMS", 1)])
def test_only_sms_are_simulated(
    inject: Callable[..., Json], period: Callable[..., httpx.Response], types: str, found: int
) -> None:
    inject()
    assert len(period(types=types).json()) == found


def test_a_period_can_be_limited_to_statuses_and_columns(
    inject: Callable[..., Json], period: Callable[..., httpx.Response]
) -> None:
    inject(listRecipient=[recipient("0600001601", A="1", B="2"), recipient("0600002001")])
    rows = table(period("campaigns/report/", status="16;17", keyField="B"))
    assert [(row["B"], row["STATUS_CODE"]) for row in rows] == [("2", "16")]
    assert "A" not in rows[0]
