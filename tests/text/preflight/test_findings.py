from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mediasflow_async import (
    CampaignRequest,
    CampaignType,
    RecipientList,
    Renderer,
    TinyUrl,
    TinyUrlType,
)
from mediasflow_async.text import Conditions, Preflight, ProblemCode, WarningCode, preflight

PARIS = ZoneInfo("Europe/Paris")
TUESDAY = datetime(2026, 3, 10, 10, tzinfo=PARIS)
NUMBER = "0612345678"
GOOD = "Bonjour ${NOM}, STOP 36184"
LINK = "Bonjour ${NOM} ${track_1} STOP 36184"

Row = Mapping[str, Any]


def check(
    msg: str = GOOD,
    *rows: Row,
    credit: float | None = None,
    now: datetime = TUESDAY,
    **options: Any,
) -> Preflight:
    request = CampaignRequest(msg=msg, **options)
    found = rows or ({"mobile": NUMBER, "NOM": "Gaillard"},)
    return preflight(request, found, credit=credit, conditions=Conditions(now=now))


def check_list(
    msg: str = GOOD,
    *,
    longest: str = "Gaillard",
    credit: float | None = None,
    max_segments: int = 1,
    options: Mapping[str, Any] | None = None,
    **answer: Any,
) -> Preflight:
    counts: dict[str, Any] = {
        "size": 2,
        "valid_number_mobile": 2,
        "header": ("SMS", "NOM"),
    } | answer
    columns = {"SMS": NUMBER, "NOM": longest}
    uploaded = RecipientList(
        max_datas_map=columns,
        computed_header_size={name: {len(cell): 2} for name, cell in columns.items()},
        **counts,
    )
    request = CampaignRequest(msg=msg, list_ids=[1], **options or {})
    conditions = Conditions(now=TUESDAY)
    return preflight(
        request, uploaded, credit=credit, max_segments=max_segments, conditions=conditions
    )


def row(mobile: Any = NUMBER, name: Any = "Gaillard", **cells: Any) -> Row:
    return {"mobile": mobile, "NOM": name, **cells}


def at(moment: datetime, **options: Any) -> Preflight:
    return check(schedule_on=moment, **options)


def link(url: str = "https://example.fr", **options: Any) -> TinyUrl:
    return TinyUrl(index=0, url=url, **options)


def page(name: str) -> TinyUrl:
    return TinyUrl(index=0, type=TinyUrlType.LOCAL, local_html=name)


def zipped(*names: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as pages:
        for name in names:
            pages.writestr(name, "<p>Bonjour</p>")
    return data.getvalue()


PAGES = base64.b64encode(zipped("a.html")).decode()
PNG = b"\x89PNG\r\n\x1a\n"
IN_AN_HOUR = TUESDAY + timedelta(hours=1)
NO_STOP = "Bonjour ${NOM}"
NOTIFICATION = CampaignType.NOTIFICATION
SPRING = datetime(2026, 3, 29, 2, 30, tzinfo=PARIS)
AUTUMN = datetime(2026, 10, 25, 2, 30, tzinfo=PARIS)

Case = tuple[ProblemCode | WarningCode, Callable[[], Preflight], Callable[[], Preflight]]

# Each finding with a campaign that has it, and the nearest one that has not.
CASES: list[Case] = [
    (
        ProblemCode.SCHEDULE_WITHOUT_ZONE,
        lambda: at(IN_AN_HOUR.replace(tzinfo=None)),
        lambda: at(IN_AN_HOUR),
    ),
    (
        ProblemCode.SCHEDULE_IN_PAST,
        lambda: at(TUESDAY),
        lambda: at(TUESDAY + timedelta(seconds=1)),
    ),
    (
        ProblemCode.SCHEDULE_TOO_SOON,
        lambda: at(TUESDAY + timedelta(seconds=299)),
        lambda: at(TUESDAY + timedelta(seconds=300)),
    ),
    (
        ProblemCode.NO_NUMBER_COLUMN,
        lambda: check(GOOD, {"telephone": NUMBER, "NOM": "x"}),
        lambda: check(GOOD, {" Portable ": NUMBER, "NOM": "x"}),
    ),
    (
        ProblemCode.UNREADABLE_LINE,
        lambda: check_list(global_invalid_line=1),
        lambda: check_list(global_invalid_line=0),
    ),
    (
        ProblemCode.MISSING_NUMBER,
        lambda: check(GOOD, row(" ")),
        lambda: check(GOOD, row("0")),
    ),
    (
        ProblemCode.SHORT_NUMBER,
        lambda: check(GOOD, row("61234567")),
        lambda: check(GOOD, row("612345678")),
    ),
    (
        ProblemCode.SPOILED_NUMBER,
        lambda: check(GOOD, row("3,36E+10")),
        lambda: check(GOOD, row("3,3612345678E+10")),
    ),
    (
        WarningCode.MACHINE_NUMBER,
        lambda: check(GOOD, row("07001234567890")),
        lambda: check(GOOD, row("0700123456")),
    ),
    (
        ProblemCode.INVALID_NUMBER,
        lambda: check(GOOD, row("06123456789")),
        lambda: check(GOOD, row("06 12-34.56 78")),
    ),
    (
        ProblemCode.REFUSED_COUNTRY,
        lambda: check_list(invalid_country_counter={"BE": 1}),
        lambda: check_list(valid_country_counter={"BE": 1}),
    ),
    (
        ProblemCode.RENDERING_FAILED,
        lambda: check("<%= nom.x.y %> STOP 36184", row(), renderer=Renderer.EJS),
        lambda: check("<%= NOM.length %> STOP 36184", row(), renderer=Renderer.EJS),
    ),
    (
        ProblemCode.UCS2_IN_MESSAGE,
        lambda: check("Ça 😀 STOP 36184"),
        lambda: check("Ça 😀 STOP 36184", allow_ucs2=True),
    ),
    (
        ProblemCode.UCS2_IN_FIELD,
        lambda: check(GOOD, row(name="日")),
        lambda: check(GOOD, row(name="ê")),
    ),
    (
        ProblemCode.TOO_LONG,
        lambda: check(GOOD, row(name="x" * 141)),
        lambda: check(GOOD, row(name="x" * 140)),
    ),
    (
        ProblemCode.NOT_ENOUGH_CREDIT,
        lambda: check(credit=0.5),
        lambda: check(credit=1),
    ),
    (
        WarningCode.LISTS_NOT_EXAMINED,
        lambda: preflight(CampaignRequest(msg="x", recipients=[NUMBER], list_ids=[1])),
        lambda: preflight(CampaignRequest(msg="x", list_ids=[1]), [row()]),
    ),
    (
        WarningCode.DUPLICATE_SKIPPED,
        lambda: check(GOOD, row(), row("+33 6 12 34 56 78")),
        lambda: check(GOOD, row(), row("0712345678")),
    ),
    (
        WarningCode.DUPLICATE_SENT,
        lambda: check(GOOD, row(), row("tel:0612345678"), check_duplicate=False),
        lambda: check(GOOD, row(), row("tel:0612345678")),
    ),
    (
        WarningCode.LANDLINE,
        lambda: check(GOOD, row("0145678901")),
        lambda: check(GOOD, row("0692123456")),
    ),
    (
        WarningCode.FOREIGN_NUMBER,
        lambda: check(GOOD, row("+32470123456")),
        lambda: check(GOOD, row("+262692123456")),
    ),
    (
        WarningCode.NEAR_MISS,
        lambda: check("Bonjour ${Nom} STOP 36184"),
        lambda: check("Bonjour ${NOM} STOP 36184"),
    ),
    (
        ProblemCode.UNKNOWN_FIELD,
        lambda: check("Bonjour ${VILLE} STOP 36184"),
        lambda: check("Bonjour ${VILLE} STOP 36184", defaults={"VILLE": "Paris"}),
    ),
    (
        WarningCode.MISSING_FIELD,
        lambda: check(GOOD, row(), {"mobile": "0712345678"}),
        lambda: check(GOOD, row(), {"mobile": "0712345678"}, defaults={"NOM": "client"}),
    ),
    (
        WarningCode.EMPTY_FIELD,
        lambda: check(GOOD, row(name=None)),
        lambda: check(GOOD, row(name=0)),
    ),
    (
        WarningCode.HTML_ESCAPED,
        lambda: check("{{NOM}} STOP 36184", row(), renderer=Renderer.HANDLEBARS),
        lambda: check("{{{NOM}}} STOP 36184", row(), renderer=Renderer.HANDLEBARS),
    ),
    (
        WarningCode.OTHER_SYNTAX,
        lambda: check("{{NOM}} STOP 36184"),
        lambda: check("{NOM} STOP 36184"),
    ),
    (
        WarningCode.REPLACED,
        lambda: check(GOOD, row(name="François")),
        lambda: check(GOOD, row(name="Hélène")),
    ),
    (
        WarningCode.UCS2_USED,
        lambda: check(GOOD, row(name="😀"), allow_ucs2=True),
        lambda: check(GOOD, row(name="ê"), allow_ucs2=True),
    ),
    (
        WarningCode.UCS2_POSSIBLE,
        lambda: check_list(options={"allow_ucs2": True}),
        lambda: check_list("Bonjour STOP 36184", options={"allow_ucs2": True}),
    ),
    (
        WarningCode.MAY_BE_TOO_LONG,
        lambda: check_list(longest="x" * 71, options={"replace_to_gsm7": False}),
        lambda: check_list(longest="x" * 70, options={"replace_to_gsm7": False}),
    ),
    (
        WarningCode.CREDIT_MAY_RUN_OUT,
        lambda: check_list(credit=1),
        lambda: check_list(credit=2),
    ),
    (
        WarningCode.NOT_BOUNDED,
        lambda: check_list(
            "{{#if NOM}}{{{NOM}}}{{/if}} STOP 36184", options={"renderer": Renderer.HANDLEBARS}
        ),
        lambda: check_list("{{{NOM}}} STOP 36184", options={"renderer": Renderer.HANDLEBARS}),
    ),
    (
        ProblemCode.MISSING_LINK,
        lambda: check(LINK),
        lambda: check(LINK, tiny_urls=[link()]),
    ),
    (
        ProblemCode.MISSING_PAGE,
        lambda: check(LINK, tiny_urls=[page("autre.html")], zip_local=PAGES),
        lambda: check(LINK, tiny_urls=[page("a.html")], zip_local=PAGES),
    ),
    (
        ProblemCode.NOT_AN_IMAGE,
        lambda: check(LINK, tiny_urls=[link(is_open_graph=True)], image_preview=b"GIF89a"),
        lambda: check(LINK, tiny_urls=[link(is_open_graph=True)], image_preview=PNG),
    ),
    (
        WarningCode.IMAGE_NOT_SHOWN,
        lambda: check(LINK, tiny_urls=[link()], image_preview=PNG),
        lambda: check(LINK, tiny_urls=[link(is_open_graph=True)], image_preview=PNG),
    ),
    (
        WarningCode.UNUSED_LINK,
        lambda: check(GOOD, tiny_urls=[link()]),
        lambda: check(LINK, tiny_urls=[link()]),
    ),
    (
        WarningCode.LINK_PARAMETER_CASE,
        lambda: check(LINK, tiny_urls=[link(parameters=["nom=${NOM}"])]),
        lambda: check(LINK, tiny_urls=[link(parameters=["NOM=${NOM}"])]),
    ),
    (
        WarningCode.STOP_MISSING,
        lambda: check("Ce soir, musique non-stop"),
        lambda: check("Ce soir, musique non-stop", type=NOTIFICATION),
    ),
    (
        WarningCode.STOP_WOULD_NOT_FIT,
        lambda: check("x" * 150),
        lambda: check("x" * 149),
    ),
    (
        WarningCode.SENDER_WITHOUT_STOP_NUMBER,
        lambda: check("Promo, STOP par SMS", sender="Boutique"),
        lambda: check("Promo, STOP au 36184", sender="Boutique"),
    ),
    (
        WarningCode.OUTSIDE_LEGAL_HOURS,
        lambda: at(TUESDAY.replace(hour=21, minute=30)),
        lambda: at(TUESDAY.replace(hour=21, minute=29)),
    ),
    (
        WarningCode.QUIET_DAY,
        lambda: at(datetime(2026, 5, 14, 10, tzinfo=PARIS)),
        lambda: at(datetime(2026, 5, 15, 10, tzinfo=PARIS)),
    ),
    (
        WarningCode.TWELVE_OCLOCK,
        lambda: at(TUESDAY.replace(hour=12, minute=59, second=59, microsecond=1)),
        lambda: at(TUESDAY.replace(hour=14)),
    ),
    (
        WarningCode.AMBIGUOUS_TIME,
        lambda: at(AUTUMN),
        lambda: at(AUTUMN.replace(hour=3)),
    ),
    (
        WarningCode.NONEXISTENT_TIME,
        lambda: at(SPRING),
        lambda: at(SPRING.replace(hour=3)),
    ),
]


@pytest.mark.parametrize(("code", "bad", "good"), CASES, ids=[case[0] for case in CASES])
def test_a_finding_is_made_where_it_should_and_only_there(
    code: ProblemCode | WarningCode, bad: Callable[[], Preflight], good: Callable[[], Preflight]
) -> None:
    assert bad().find(code)
    assert not good().find(code)


def test_a_number_of_another_country_in_no_known_range_is_doubtful() -> None:
    pytest.importorskip("phonenumbers")
    assert check(GOOD, row("+12005550123")).find(WarningCode.DOUBTFUL_NUMBER)
    assert not check(GOOD, row("+32470123456")).find(WarningCode.DOUBTFUL_NUMBER)
    assert check(GOOD, row("+3222345678")).find(WarningCode.LANDLINE)


def test_every_code_has_its_case() -> None:
    tried = {case[0] for case in CASES} | {WarningCode.DOUBTFUL_NUMBER}
    assert tried == {*ProblemCode, *WarningCode} - {ProblemCode.INVALID_REQUEST}


def test_a_campaign_without_fault_has_no_notices() -> None:
    report = check()
    assert report.problems == report.warnings == ()
    assert report.sendable == report.recipients == report.credits == 1


def test_a_finding_names_its_first_ten_rows_and_counts_all() -> None:
    rows = [row("bad") for _ in range(30)]
    [notice] = check(GOOD, row(), *rows).find(ProblemCode.SHORT_NUMBER)
    assert notice.count == 30
    assert notice.rows == tuple(range(2, 12))
    assert str(notice).startswith("30 recipients (rows 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ...): ")


def test_a_field_that_is_nearly_a_column_is_a_problem_that_names_the_column() -> None:
    report = check("Bonjour ${NOMS} STOP 36184")
    assert [str(each) for each in report.problems] == ["there is no field NOMS: is it NOM?"]


@pytest.mark.parametrize("attached", [None, b"no zip", "!"])
def test_a_page_is_in_no_zip_that_is_none(attached: Any) -> None:
    report = check(LINK, tiny_urls=[page("a.html")], zip_local=attached)
    assert [each.about for each in report.find(ProblemCode.MISSING_PAGE)] == ["a.html"]


def test_a_near_miss_in_the_address_of_a_link_is_found() -> None:
    report = check(LINK, row(MY_NOME="x"), tiny_urls=[link(url="https://x.fr/?REF=${MY_NOM}")])
    [notice] = report.find(ProblemCode.UNKNOWN_FIELD)
    assert notice.about == "MY_NOM"
    assert "track_1" in notice.message


@pytest.mark.parametrize(
    "options",
    [{"url": "https://x.fr/?REF=${REF}"}, {"url": "https://x.fr", "parameters": ["REF=${REF}"]}],
    ids=["address", "parameter"],
)
def test_a_field_of_a_link_that_has_a_default_alone_is_known(options: dict[str, Any]) -> None:
    assert check(LINK, tiny_urls=[link(**options)]).find(ProblemCode.UNKNOWN_FIELD)
    with_default = check(LINK, tiny_urls=[link(**options)], defaults={"REF": "none"})
    assert not with_default.find(ProblemCode.UNKNOWN_FIELD)
    assert with_default.warnings == ()


def test_the_address_of_a_link_is_read_in_its_own_syntax() -> None:
    own = link(url="https://x.fr/?NOM=$$[NOMS]", renderer=Renderer.MEDIASFLOW)
    assert check(LINK, tiny_urls=[own]).find(ProblemCode.UNKNOWN_FIELD)


def test_a_message_with_its_stop_may_be_full() -> None:
    assert not check("x" * 148 + " STOP 36184").find(WarningCode.STOP_WOULD_NOT_FIT)


def test_the_guides_own_example_has_its_five_near_misses() -> None:
    fields = {f"NAME_OF_MY_LISTE_{place}_FIELD": "x" for place in range(1, 6)}
    msg = " ".join(f"${{NAME_OF_MY_LIST_{place}_FIELD}}" for place in range(1, 6))
    report = check(msg, row(**fields), type=NOTIFICATION)
    assert len(report.find(ProblemCode.UNKNOWN_FIELD)) == 5
    assert not report.find(WarningCode.MISSING_FIELD)


@pytest.mark.parametrize("stop", ["STOP 36184", "Stop SMS", "${track_1}STOP 36184", "stop36184"])
def test_a_stop_is_recognised(stop: str) -> None:
    assert not check(f"Promo {stop}").find(WarningCode.STOP_MISSING)


def test_neither_hours_nor_stop_concern_a_notification() -> None:
    night = datetime(2026, 3, 15, 23, tzinfo=PARIS)
    report = at(night, type=NOTIFICATION, msg=NO_STOP, sender="Boutique")
    assert report.warnings == ()


def test_a_draft_without_a_date_has_no_hours_and_a_campaign_that_starts_now_has() -> None:
    night = datetime(2026, 3, 10, 23, tzinfo=UTC)
    assert not check(now=night).find(WarningCode.OUTSIDE_LEGAL_HOURS)
    assert check(now=night, start_now=True).find(WarningCode.OUTSIDE_LEGAL_HOURS)


def test_a_time_that_is_written_ambiguously_is_found_though_it_is_given_clearly() -> None:
    moment = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    request = CampaignRequest(msg=GOOD, schedule_on=moment)
    written = [
        preflight(request, conditions=Conditions(now=TUESDAY, schedule_zone=zone))
        for zone in (UTC, PARIS)
    ]
    assert [bool(report.find(WarningCode.AMBIGUOUS_TIME)) for report in written] == [False, True]


@pytest.mark.parametrize("max_segments", [0, 7])
def test_an_account_allows_one_to_six_segments(max_segments: int) -> None:
    with pytest.raises(ValueError, match="max_segments"):
        preflight(CampaignRequest(msg="x"), max_segments=max_segments)
