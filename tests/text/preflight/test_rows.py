from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from itertools import islice
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mediasflow_async import CampaignRequest, Recipient, Renderer, TinyUrl
from mediasflow_async.text import (
    Conditions,
    Encoding,
    Preflight,
    PreflightRun,
    PreviewNotInstalled,
    ProblemCode,
    WarningCode,
    apreflight,
    measure,
    preflight,
    render,
    to_e164,
)

Row = dict[str, str]

SECRET = "Mot de passe Ouistiti"
numbers = st.sampled_from(
    "0612345678 +33612345678 06.12.34.56.78 0712345678 +262692123456 0692123456 "
    "+32470123456 0145678901 36184 abc".split()
)
pieces = st.sampled_from(["a", "é", "€", "ç", "日", "[", "😀", "e\u0301"])
runs = st.tuples(pieces, st.integers(1, 90)).map(lambda run: run[0] * run[1])
cells = st.lists(runs, max_size=3).map("".join)
row_lists = st.lists(
    st.fixed_dictionaries({"Mobile": numbers}, optional={"NOM": cells, "VILLE": cells}), max_size=8
)
requests = st.builds(
    CampaignRequest,
    msg=st.lists(st.sampled_from(["${NOM}", "${VILLE}", "ça va ", "x" * 60]), min_size=1).map(
        "".join
    ),
    defaults=st.sampled_from([{}, {"NOM": "client ç"}]),
    allow_ucs2=st.sampled_from([None, True]),
    replace_to_gsm7=st.sampled_from([None, False]),
    check_duplicate=st.sampled_from([None, False]),
)


def e164_or_none(number: str) -> str | None:
    try:
        return to_e164(number)
    except ValueError:
        return None


def text_of(request: CampaignRequest, row: Row) -> str:
    text = render(request.msg or "", row, defaults=request.defaults)
    return text if request.replace_to_gsm7 is False else text.replace("ç", "c")


def brute_force(
    request: CampaignRequest, rows: list[Row], max_segments: int
) -> tuple[Counter[tuple[Encoding, int]], list[tuple[int, int, int]]]:
    """Return the histogram and the order of the longest messages, the slow and plain way."""
    histogram = Counter[tuple[Encoding, int]]()
    longest: list[tuple[int, int, int]] = []
    earlier: list[str] = []
    for place, row in enumerate(rows, 1):
        number = e164_or_none(row["Mobile"])
        if number is None or (number in earlier and request.check_duplicate is not False):
            continue
        earlier.append(number)
        size = measure(text_of(request, row))
        longest.append((-size.segments, -size.units, place))
        if size.segments <= max_segments and (request.allow_ucs2 or size.encoding is Encoding.GSM7):
            histogram[size.encoding, size.segments] += 1
    return histogram, sorted(longest)[:5]


@given(requests, row_lists, st.integers(1, 6))
@example(CampaignRequest(msg="x" * 160), [{"Mobile": "0612345678"}], 1)
def test_the_stream_gives_what_counting_by_hand_gives(
    request: CampaignRequest, rows: list[Row], max_segments: int
) -> None:
    report = preflight(request, iter(rows), max_segments=max_segments)
    histogram, longest = brute_force(request, rows, max_segments)
    assert report.histogram == histogram
    assert report.credits == sum(segments * count for (_, segments), count in histogram.items())
    assert [(-each.segments, -each.units, each.row) for each in report.longest] == longest


@given(requests, row_lists)
def test_every_row_is_sent_or_has_its_notice(request: CampaignRequest, rows: list[Row]) -> None:
    report = preflight(request, rows)
    unsent = {row for notice in report.problems for row in notice.rows}
    skipped = {row for notice in report.find(WarningCode.DUPLICATE_SKIPPED) for row in notice.rows}
    assert report.recipients == len(rows)
    assert report.sendable == len(rows) - len(unsent | skipped)


def test_recipients_of_the_request_come_first_with_the_names_of_the_api() -> None:
    request = CampaignRequest(
        msg="${firstName} ${lastName} ${REF} STOP 36184",
        recipients=[Recipient("0612345678", first_name="Jo", last_name="Do", fields={"REF": 7})],
    )
    report = preflight(request, [{"gsm": "0712345678", "firstName": "Al"}])
    assert [each.text for each in report.longest] == ["Jo Do 7 STOP 36184", "Al   STOP 36184"]
    assert {notice.about for notice in report.find(WarningCode.MISSING_FIELD)} == {
        "lastName",
        "REF",
    }


@pytest.mark.parametrize("columns", [("GSM", "Mobile"), ("Mobile", "GSM"), (" mobile ", "sms")])
def test_the_column_of_numbers_is_found_by_its_name(columns: tuple[str, str]) -> None:
    wanted = next(name for name in columns if name.strip().lower() == "mobile")
    row = dict.fromkeys(columns, "none") | {wanted: "0612345678"}
    assert preflight(CampaignRequest(msg="x"), [row]).sendable == 1


def test_cells_beyond_the_header_do_no_harm() -> None:
    row: Mapping[Any, Any] = {"mobile": "0612345678", "NOM": "x", None: ["y"]}
    assert preflight(CampaignRequest(msg="${NOM}${VILLE}"), [row]).sendable == 1


def test_a_short_link_counts_with_the_length_that_it_will_have() -> None:
    links = [
        TinyUrl(index=0, url="https://example.fr"),
        TinyUrl(index=1, host="go.example.fr", domain="example.fr"),
    ]
    request = CampaignRequest(msg="${track_1} ${track_2}", tiny_urls=links)
    row = {"mobile": "0612345678"}
    [usual] = preflight(request, [row]).longest
    [given_length] = preflight(request, [row], conditions=Conditions(short_url_length=9)).longest
    assert usual.units == len("1mf.eu/xxxxxx go.example.fr/xxxxxx")
    assert given_length.units == 9 + 1 + 9


@pytest.mark.parametrize("msg", ["{{{track_1}}}", "${track_1}"])
def test_a_short_link_is_filled_whatever_the_renderer(msg: str) -> None:
    links = [TinyUrl(index=0, url="https://example.fr")]
    request = CampaignRequest(msg=msg, tiny_urls=links, renderer=Renderer.HANDLEBARS)
    [message] = preflight(request, [{"mobile": "0612345678"}]).longest
    assert message.text == "1mf.eu/xxxxxx"


def test_defaults_are_counted_and_leave_no_hole() -> None:
    request = CampaignRequest(msg="${NOM}", defaults={"NOM": "client"})
    rows = [{"mobile": "0612345678", "NOM": ""}, {"mobile": "0712345678"}]
    report = preflight(request, rows)
    assert report.defaulted == {"NOM": 2}
    assert not report.find(WarningCode.EMPTY_FIELD)


def test_emoticons_make_a_message_longer_when_they_become_emoji() -> None:
    row = {"mobile": "0612345678"}
    plain = CampaignRequest(msg="x" * 68 + ":-)", allow_ucs2=True)
    smiling = CampaignRequest(msg=plain.msg, allow_ucs2=True, replace_emoji=True)
    assert preflight(plain, [row]).histogram == {(Encoding.GSM7, 1): 1}
    assert preflight(smiling, [row]).histogram == {(Encoding.UCS2, 1): 1}
    longer = CampaignRequest(msg="x" * 69 + ":-)", allow_ucs2=True, replace_emoji=True)
    assert preflight(longer, [row], max_segments=2).histogram == {(Encoding.UCS2, 2): 1}


def test_culprits_say_where_they_come_from_and_what_becomes_of_them() -> None:
    rows = [
        {"mobile": "0612345678", "NOM": "François 日"},
        {"mobile": "0712345678", "NOM": "Zoé"},
        {"mobile": "0622345678", "NOM": "çç"},
    ]
    report = preflight(CampaignRequest(msg="Bienvenue à Besançon ${NOM}"), rows)
    found = [
        (each.column, each.character, each.replacement, each.count, each.rows)
        for each in report.culprits
    ]
    assert found == [
        (None, "ç", "c", 3, ()),
        ("NOM", "ç", "c", 2, (1, 3)),
        ("NOM", "日", None, 1, (1,)),
    ]


def test_a_refusal_is_the_messages_own_fault_or_the_columns() -> None:
    rows = [{"mobile": "0612345678", "NOM": "日"}, {"mobile": "0712345678", "NOM": "x"}]
    own = preflight(CampaignRequest(msg="😀 ${NOM}"), rows)
    columns = preflight(CampaignRequest(msg="${NOM}"), rows)
    [whole] = own.find(ProblemCode.UCS2_IN_MESSAGE)
    [one] = columns.find(ProblemCode.UCS2_IN_FIELD)
    assert (whole.count, own.sendable) == (2, 0)
    assert (one.about, one.rows, columns.sendable) == ("NOM", (1,), 1)


def secret_report() -> Preflight:
    rows = [{"mobile": "0612345678", "NOM": SECRET}, {"mobile": "0612345678abc", "NOM": SECRET}]
    return preflight(CampaignRequest(msg="ç ${NOM} ${VILE}"), rows, credit=0)


@pytest.mark.parametrize(
    "show",
    [str, repr, lambda report: json.dumps(report.to_dict()), lambda report: report.longest],
    ids=["str", "repr", "json", "longest"],
)
def test_no_report_shows_a_number_or_a_text(show: Any) -> None:
    shown = str(show(secret_report()))
    assert SECRET not in shown
    assert "12345678" not in shown


def test_a_report_as_plain_data_is_json() -> None:
    data = json.loads(json.dumps(secret_report().to_dict()))
    assert data["histogram"] == [{"encoding": "GSM-7", "segments": 1, "count": 1}]
    assert (data["recipients"], data["sendable"], data["credits"]) == (2, 1, 1)
    assert data["problems"][-1]["code"] == "NOT_ENOUGH_CREDIT"


def test_a_report_reads_as_text() -> None:
    lines = str(secret_report()).splitlines()
    assert lines[:3] == [
        "Recipients that would get a message: 1 of 2",
        "  1 in GSM-7, 1 segment",
        "Credits: 1, of 0 at hand",
    ]
    assert "  1 recipient (row 2): not a phone number: not sent" in lines


def generated(count: int) -> Iterator[Row]:
    for place in range(count):
        name = "Hélène" if place % 3 else "François"
        yield {"mobile": f"0{600_000_000 + place * 97}", "NOM": name, "REF": f"R{place}"}


def test_memory_does_not_grow_with_the_rows() -> None:
    request = CampaignRequest(msg="${NOM}, votre colis ${REF} est là. STOP 36184")
    run, rows = PreflightRun(request), generated(200_000)
    for row in islice(rows, 180_000):
        run.feed(row)
    tracemalloc.start()  # now, since it makes every row several times as slow
    try:
        for row in rows:
            run.feed(row)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert run.report().sendable == 200_000
    assert peak < 20_000


def test_an_accent_that_stands_apart_joins_its_letter_before_anything_is_replaced() -> None:
    row = {"mobile": "0612345678", "NOM": "He\u0301le\u0300ne, garc\u0327on"}
    [message] = preflight(CampaignRequest(msg="${NOM}"), [row]).longest
    assert message.text == "Hélène, garcon"


def test_of_many_characters_the_first_are_kept() -> None:
    run = PreflightRun(CampaignRequest(msg="${NOM}"))
    for place in range(1_200):
        row = {"mobile": f"0{600_000_000 + place}", "NOM": chr(0x4E00 + place)}
        run.feed(row)
    report = run.report()
    assert [each.character for each in report.culprits] == [chr(0x4E00 + n) for n in range(100)]
    assert report.find(ProblemCode.UCS2_IN_FIELD)[0].count == 1_200


def test_a_report_can_be_asked_for_while_rows_still_come() -> None:
    run = PreflightRun(CampaignRequest(msg="x", list_ids=[1]))
    assert run.report().find(WarningCode.LISTS_NOT_EXAMINED)
    run.feed({"mobile": "0612345678"})
    assert run.report().credits == 1
    run.feed({"mobile": "0712345678"})
    assert run.report().credits == 2


def test_a_template_without_its_engine_is_an_error_that_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "quickjs", None)
    request = CampaignRequest(msg="{{#if NOM}}not previewed{{/if}}", renderer=Renderer.HANDLEBARS)
    with pytest.raises(PreviewNotInstalled, match="preview"):
        preflight(request, [{"mobile": "0612345678"}])


async def streamed(rows: Iterator[Row]) -> AsyncIterator[Row]:
    for row in rows:
        yield row


@pytest.mark.anyio
@pytest.mark.every_backend
async def test_rows_that_come_asynchronously_give_the_same_report() -> None:
    request = CampaignRequest(msg="${NOM} ${REF} ${VILLE}")
    report = await apreflight(request, streamed(generated(1_200)), credit=5)
    assert report == preflight(request, generated(1_200), credit=5)


def test_importing_the_text_package_loads_none_of_its_modules() -> None:
    program = (
        "import sys, mediasflow_async.text as text\n"
        "assert not [name for name in sys.modules if name.startswith(text.__name__ + '.')]\n"
        "import mediasflow_async.text.preflighting\n"
        "assert callable(text.preflight)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
