"""Reports and blacklists as plausible servers answer them, other than the sandbox by default."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mediasflow_async import (
    BadRequest,
    Dialect,
    NotFound,
    ResponseInvalid,
    Session,
)
from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.inspection import names_in
from tests.support.odd_reports import answers, csv_rows, json_rows

pytestmark = pytest.mark.anyio

ROW = {"STATUS_CODE": 16, "INT_MOBILE": "33612345678", "ID_LINE": 1}
NOTHING = [
    b"",
    b"null",
    b"{}",
    b"[]",
    b'{"reports": null}',
    b'{"status": "OK", "data": null}',
    b'{"success": true, "total": 0, "data": {"rows": null}}',
    b'{"data": {"rows": []}, "message": ""}',
]


@pytest.mark.parametrize("body", NOTHING)
async def test_a_report_without_rows_may_be_any_shape_of_nothing(
    session: Session, sandbox: Sandbox, body: bytes
) -> None:
    answers(sandbox, "report_json", body)
    answers(sandbox, "blacklist", body)

    assert await json_rows(session) == []
    assert await session.blacklist.entries() == []


async def test_no_content_is_no_rows(session: Session, sandbox: Sandbox) -> None:
    for operation in ("report_json", "report_csv", "blacklist"):
        answers(sandbox, operation, b"", status=204)

    assert await json_rows(session) == await csv_rows(session) == []
    assert not await session.blacklist.contains("0612345678")


@pytest.mark.parametrize("read", [json_rows, csv_rows])
@pytest.mark.parametrize("status", [404, 410])
async def test_a_status_of_an_empty_report_is_a_choice(
    connect: Any, session: Session, sandbox: Sandbox, read: Any, status: int
) -> None:
    for operation in ("report_json", "report_csv"):
        sandbox.faults.add(Fault(operation=operation, status=status, times=2))

    with pytest.raises(Exception, match=rf"empty_report_statuses=\({status},\)"):
        await read(session)
    async with connect(dialect=Dialect(empty_report_statuses=(status,))) as other:
        assert await read(other) == []


async def test_another_refusal_is_one_whatever_stands_for_an_empty_report(
    connect: Any, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault(operation="report_json", status=400))
    async with connect(dialect=Dialect(empty_report_statuses=(404,))) as other:
        with pytest.raises(BadRequest):
            await json_rows(other)


async def test_rows_under_202_are_rows(session: Session, sandbox: Sandbox) -> None:
    answers(sandbox, "report_json", [ROW], status=202)
    answers(sandbox, "report_csv", "STATUS_CODE\n16\n", status=202)

    assert len(await json_rows(session)) == len(await csv_rows(session)) == 1


async def test_a_report_without_any_status_is_refused(session: Session, sandbox: Sandbox) -> None:
    answers(sandbox, "report_json", [{"etat": 16}] * 3)
    answers(sandbox, "report_csv", "INT_MOBILE;STATUS_CODE\n33612345678;\n33612345678;OK\n")

    with pytest.raises(ResponseInvalid, match=r"3 rows, and no status.*report_columns"):
        await json_rows(session)
    with pytest.raises(ResponseInvalid, match=r"2 rows, and no status.*report_columns"):
        await csv_rows(session)


async def test_the_columns_of_a_report_may_have_other_names(
    connect: Any, session: Session, sandbox: Sandbox
) -> None:
    text = "Etat;Numéro\n16;33612345678\n"
    answers(sandbox, "report_csv", text, times=2)
    answers(sandbox, "report_json", [{"Etat": 16, "Numéro": 33612345678}])

    with pytest.raises(ResponseInvalid, match=r"line 1: .*STATUS_CODE.*report_columns"):
        await csv_rows(session)
    columns = {"ETAT": "STATUS_CODE", "numéro": "INT_MOBILE"}
    async with connect(dialect=Dialect(report_columns=columns)) as other:
        for row in (*await csv_rows(other), *await json_rows(other)):
            assert (row.status_code, row.mobile) == (16, "+33612345678")


REPORT = "NOM;INT_MOBILE;ID_LINE;STATUS_CODE\nZoé;33612345678;1;16\nAnna;33612345679;2;\n"


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\n" + REPORT,
        "Rapport de la campagne 943\n\n" + REPORT,
        REPORT + "TOTAL;2\n",
        REPORT + "\nTotal : 2\n",
        REPORT + "Total;;;2\n",
        REPORT + "Total;2;;2\n",
        REPORT.replace("\n", ";\n"),
        REPORT + REPORT.splitlines()[0],
        REPORT.replace("STATUS_CODE", "Status Code"),
    ],
)
@pytest.mark.parametrize("charset", ["utf-8", "cp1252", "utf-16"])
async def test_what_is_unambiguous_is_read(
    session: Session, sandbox: Sandbox, text: str, charset: str
) -> None:
    answers(sandbox, "report_csv", text.encode(charset))

    rows = await csv_rows(session)

    assert [(row.fields["NOM"], row.line, row.status_code) for row in rows] == [
        ("Zoé", 1, 16),
        ("Anna", 2, None),
    ]


async def test_a_column_of_the_list_does_not_hide_that_of_the_report(
    session: Session, sandbox: Sandbox
) -> None:
    text = "Status Code;int_mobile;INT_MOBILE;STATUS_CODE\nactif;1;33612345678;16\n"
    answers(sandbox, "report_csv", text)
    (row,) = await csv_rows(session)
    assert (row.mobile, row.status_code) == ("+33612345678", 16)
    assert row.fields == {"Status Code": "actif", "int_mobile": "1"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("two lines\nof any text\n", "line 1: "),
        ("33612345678;1;16\n33612345679;2;20\n", "line 1: "),
        (REPORT + "java.lang.NullPointerException\n\tat Report.rows\n", "line 4: it is no row"),
        (REPORT + "\n\nmore;of something\n", "line 6: it is no row"),
        (REPORT + '"Zoé;33612345678;1;16\n' + "Zoé;33612345678;1;16\n" * 1000, "line 4: a quote"),
        (REPORT + '"Zoé" x;33612345678;1;16\n', "line 4: there is text after"),
        (REPORT + "Dupont;Zoé;33612345678;1;16\n", "line 4: it has more cells"),
        (REPORT + "Dupont;33612345678;1;16;\nDupont;Zoé;33612345678;1;\n", "line 5: .*more cells"),
        (REPORT + "Zoé;3361234", "line 4: the report ends here"),
        (REPORT + "Total;;2;\n", "line 4: it may be a sum"),
        (REPORT + "Zoé;;3\n", "line 4: it is no row"),
        ("\nSTATUS_CODE;STATUS_CODE\n16;actif\n", "line 2: two columns are called STATUS_CODE"),
        ("intMobile;int mobile;STATUS_CODE\n\n", "line 1: two columns are called INT_MOBILE"),
    ],
)
async def test_what_is_ambiguous_is_refused_with_its_line(
    session: Session, sandbox: Sandbox, text: str, problem: str, tmp_path: Path
) -> None:
    answers(sandbox, "report_csv", text)
    with pytest.raises(ResponseInvalid, match=problem):
        await csv_rows(session)

    if "header" in problem or problem == "line 1: ":
        answers(sandbox, "report_csv", text)
        with pytest.raises(ResponseInvalid, match=problem):
            await session.reports.campaign_csv(943).save(tmp_path / "report.csv")
        assert names_in(tmp_path) == []


async def test_the_announced_charset_is_read(session: Session, sandbox: Sandbox) -> None:
    kinds = {"report_csv": "text/csv", "report_json": "application/json"}
    for operation, kind in kinds.items():
        headers = {"Content-Type": f"{kind}; charset=ISO-8859-1"}
        body = (
            "STATUS_CODE;REPLY\n16;Ã© été\n"
            if operation == "report_csv"
            else ('[{"STATUS_CODE": 16, "REPLY": "Ã© été"}]')
        )
        answers(sandbox, operation, body.encode("cp1252"), headers=headers)

    for row in (*await csv_rows(session), *await json_rows(session)):
        assert row.reply == "Ã© été"


@pytest.mark.parametrize(
    "body",
    [
        {"+33612345678": {"status": 16}, "33612345679": {"STATUS_CODE": "20"}},
        {"+33612345678": 16, "33612345679": "20"},
        {"data": {"+33612345678": [{"status": 16}], "33612345679": [{"status": 20}]}},
        {"33612345678": {"item": "+33612345678", "status": 16}, "33612345679": {"status": 20}},
    ],
)
async def test_a_report_by_phone_number_is_read(
    session: Session, sandbox: Sandbox, body: Any
) -> None:
    answers(sandbox, "report_json", body)
    rows = [(row.mobile, row.status_code) for row in await json_rows(session)]
    assert rows == [("+33612345678", 16), ("+33612345679", 20)]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"+33612345678": {"item": "+33612345679", "status": 16}}, "an object of 1 members"),
        ({"+33612345678": {"status": 16}, "total": 1}, "2 members, such as total"),
        ({"+33612345678": "Délivré"}, "no status in any of them"),
        ({"a": [ROW], "b": [ROW]}, "2 members, such as a, b"),
    ],
)
async def test_what_is_no_report_by_phone_number_is_refused(
    session: Session, sandbox: Sandbox, body: Any, found: str
) -> None:
    answers(sandbox, "report_json", body)
    with pytest.raises(ResponseInvalid, match=found) as caught:
        await json_rows(session)
    assert "612345678" not in str(caught.value)


async def test_a_number_that_went_through_a_double_is_its_digits(
    session: Session, sandbox: Sandbox
) -> None:
    answers(sandbox, "report_json", '[{"item": 3.3612345678E10, "status": 16.0, "idLine": 1.0}]')
    cells = ("33612345678.0", "3.3612345678E10", "3.36123456E10", "3.36E+10", "33612345678")
    answers(sandbox, "report_csv", "STATUS_CODE;INT_MOBILE\n16.0;" + "\n16;".join(cells) + "\n")

    (row,) = await json_rows(session)
    assert (row.mobile, row.status_code, row.line) == ("+33612345678", 16, 1)
    assert [row.mobile for row in await csv_rows(session)] == [
        "+33612345678",
        "+33612345678",
        "+33612345600",
        "3.36E+10",
        "+33612345678",
    ]


async def test_nan_is_kept_as_it_is_written(session: Session, sandbox: Sandbox) -> None:
    body = '[{"item": "33612345678", "status": 16, "previewCounter": NaN, "REF": -Infinity}]'
    headers = {"Content-Type": "application/json; charset=ISO-8859-1"}
    body = body.replace("REF", "Réf")
    answers(sandbox, "report_json", body.encode("cp1252"), headers=headers)
    (row,) = await json_rows(session)
    assert row.fields == {"Réf": "-Infinity", "previewCounter": "NaN"}
    assert (row.preview_count, row.status_code) == (0, 16)

    answers(sandbox, "report_json", '[{"item": "33612345678", "status": NaN}]')
    with pytest.raises(ResponseInvalid, match="no status in any"):
        await json_rows(session)


def page(number: int, rows: int, **more: Any) -> dict[str, Any]:
    content = [ROW | {"ID_LINE": 50 * number + line} for line in range(rows)]
    return {"content": content, "number": number, "totalElements": 120, **more}


@pytest.mark.parametrize("pad", [0, 300])
async def test_pages_of_spring_are_followed(session: Session, sandbox: Sandbox, pad: int) -> None:
    for number, count in enumerate([50, 50, 20]):
        body = page(number, count, size=50, last=number == 2)
        for row in body["content"]:
            row["REPLY"] = "x" * pad
        answers(sandbox, "report_json", body)

    rows = await json_rows(session)

    assert [row.line for row in rows] == list(range(120))
    asked = [request.query for request in sandbox.requests if request.operation == "report_json"]
    assert [query.get("page") for query in asked] == [None, "1", "2"]


@pytest.mark.parametrize("style", ["next", "hal", "header", "relative", "http"])
async def test_links_to_the_next_page_are_followed(
    session: Session, sandbox: Sandbox, style: str
) -> None:
    link = f"{sandbox.base_url}campaigns/reportjson/943?cursor=abc%2B"
    link = {"relative": "?cursor=abc%2B", "http": link.replace("https:", "http:")}.get(style, link)
    body: dict[str, Any] = {"items": [ROW]}
    headers = {"Link": f'<{link}>; rel="next", <x>; rel="last"'} if style == "header" else {}
    if style == "hal":
        body["_links"] = {"next": {"href": link}}
    elif style != "header":
        body["next"] = link
    answers(sandbox, "report_json", body, headers=headers)
    answers(sandbox, "report_json", {"items": [ROW, ROW], "next": None})

    assert len(await json_rows(session)) == 3
    last = [request for request in sandbox.requests if request.operation == "report_json"][-1]
    assert (last.path, last.query) == ("campaigns/reportjson/943", {"cursor": "abc+"})


CUT: list[dict[str, Any]] = [
    {"rows": [ROW], "totalElements": 2},
    {"rows": [ROW], "total": 2, "limit": 1, "offset": 0},
    {"rows": [ROW], "hasMore": True},
    {"rows": [ROW], "last": False},
    {"rows": [ROW], "next": "cursor"},
    {"rows": [ROW], "next": "https://elsewhere.example/MediasflowApi/v1/x"},
    {"rows": [ROW], "next": "/other"},
    {"rows": [], "totalElements": 2},
    {"rows": [ROW], "page": {"number": 1, "totalElements": 70, "size": 50}},
]


@pytest.mark.parametrize("body", CUT)
async def test_rows_that_are_missing_are_an_error(
    session: Session, sandbox: Sandbox, body: dict[str, Any]
) -> None:
    answers(sandbox, "report_json", body)
    with pytest.raises(ResponseInvalid, match="rows are missing"):
        await json_rows(session)

    numbers = body | {"rows": ["+33612345678"] * len(body["rows"])}
    answers(sandbox, "blacklist", numbers, times=2)
    with pytest.raises(ResponseInvalid, match="rows are missing"):
        await session.blacklist.contains("0612345679")
    if numbers["rows"]:
        assert await session.blacklist.contains("0612345678")


async def test_a_server_that_does_not_heed_the_page_is_not_asked_for_ever(
    session: Session, sandbox: Sandbox
) -> None:
    answers(sandbox, "report_json", page(0, 50), times=None)
    with pytest.raises(ResponseInvalid, match="rows are missing"):
        await json_rows(session)

    link = f"{sandbox.base_url}campaigns/reportjson/943?page=1"
    sandbox.faults.clear()
    answers(sandbox, "report_json", {"rows": [ROW], "next": link}, times=None)
    with pytest.raises(ResponseInvalid, match="rows are missing"):
        await json_rows(session)


async def test_members_that_tell_of_no_pages_say_nothing(
    session: Session, sandbox: Sandbox
) -> None:
    whole = {"rows": [ROW], "total": 9, "next": None, "last": True, "hasMore": False}
    whole.pop("last")
    answers(sandbox, "report_json", whole)
    answers(sandbox, "report_json", page(0, 120, last=True))

    assert len(await json_rows(session)) == 1
    assert len(await json_rows(session)) == 120


async def test_the_error_of_a_later_page_is_no_empty_report(connect: Any, sandbox: Sandbox) -> None:
    answers(sandbox, "report_json", page(0, 50))
    sandbox.faults.add(Fault(operation="report_json", status=404))

    async with connect(dialect=Dialect(empty_report_statuses=(404,))) as other:
        with pytest.raises(NotFound):
            await json_rows(other)


async def test_a_page_of_a_csv_report_is_refused(session: Session, sandbox: Sandbox) -> None:
    headers = {"Link": '<https://x.example/2>; rel="next"'}
    answers(sandbox, "report_csv", "STATUS_CODE\n16\n", headers=headers)
    with pytest.raises(ResponseInvalid, match="next one"):
        await csv_rows(session)


async def test_a_blacklist_is_read_until_the_number_is_found(
    session: Session, sandbox: Sandbox
) -> None:
    numbers = [f"+336{number:08}" for number in range(40_000)]
    body = json.dumps(numbers)[:-1] + ", 17]"
    answers(sandbox, "blacklist", body, times=2)

    assert await session.blacklist.contains(numbers[5])
    with pytest.raises(ResponseInvalid):
        await session.blacklist.contains("0799999999")


@pytest.mark.parametrize(
    "option",
    [
        {"report_columns": {"ETAT": ""}},
        {"report_columns": ["ETAT"]},
        {"empty_report_statuses": (200,)},
        {"empty_report_statuses": "404"},
    ],
)
def test_options_of_reports_are_checked(option: Any) -> None:
    with pytest.raises(Exception, match=next(iter(option))):
        Dialect(**option)
    assert hash(Dialect(report_columns={"ETAT": "STATUS_CODE"}, window=timedelta(days=1)))


@pytest.mark.parametrize(
    "body",
    [
        {"Reports": [ROW], "Statuses": []},
        {"DATA": {"ROWS": [ROW]}},
        {"_Embedded": {"Items": [ROW], "Links": []}},
    ],
    ids=str,
)
async def test_wrappers_are_known_by_their_letters(
    session: Session, sandbox: Sandbox, body: Any
) -> None:
    answers(sandbox, "report_json", body)
    (row,) = await session.reports.campaign(943)
    assert row.mobile == "+33612345678"


async def test_a_wrapper_of_nothing_is_known_by_its_letters(
    session: Session, sandbox: Sandbox
) -> None:
    answers(sandbox, "report_json", {"Status": "OK", "Reports": None})
    assert await session.reports.campaign(943) == []


@pytest.mark.parametrize(
    "body",
    [
        "STATUS_CODE;REPLY\n16;Merci Marie\nMerci Marie;;;\n",
        '"STATUS_CODE";"REPLY"\n16;"Merci Marie"x\n',
        "33612345678;16;Merci Marie\n",
        '[{"STATUS_CODE": 16, "REPLY": "Merci Marie"}]',
        '{"rows": [{"STATUS_CODE": 16, "REPLY": "Merci Marie"}]}',
    ],
)
async def test_an_error_shows_nothing_that_people_wrote(
    session: Session, sandbox: Sandbox, body: str
) -> None:
    answers(sandbox, "report_csv", body)
    with pytest.raises(ResponseInvalid) as caught:
        [row async for row in session.reports.campaign_csv(943)]
    assert "Marie" not in f"{caught.value} {caught.value.body}"


async def test_a_refusal_instead_of_a_csv_report_is_shown(
    session: Session, sandbox: Sandbox
) -> None:
    answers(sandbox, "report_csv", {"success": False, "message": "trop tard"})
    with pytest.raises(ResponseInvalid) as caught:
        [row async for row in session.reports.campaign_csv(943)]
    assert "trop tard" in caught.value.body


@pytest.mark.parametrize("column", ["STATUS_CODE", "INT_MOBILE"])
async def test_two_columns_of_one_name_are_told(
    session: Session, sandbox: Sandbox, column: str
) -> None:
    answers(sandbox, "report_csv", f"{column};STATUS_CODE;{column}\n16;16;16\n")
    with pytest.raises(ResponseInvalid, match=f"two columns are called {column}") as caught:
        [row async for row in session.reports.campaign_csv(943)]
    assert ("report_columns" in caught.value.next_step) is (column == "STATUS_CODE")
