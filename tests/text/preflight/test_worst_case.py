from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async import CampaignRequest, RecipientList, Renderer
from mediasflow_async.text import Encoding, ProblemCode, WarningCode, preflight, to_e164

Row = dict[str, str]
COLUMNS = ("SMS", "NOM", "VILLE")

pieces = st.sampled_from(["a", "é", "€", "ç", "日", "[", "😀", "…", "½", "œ", "&", '"', ":-)"])
runs = st.tuples(pieces, st.integers(1, 60)).map(lambda run: run[0] * run[1])
cells = st.lists(runs, max_size=2).map("".join)
numbers = st.sampled_from(["0612345678", "0712345678", "0622345678", "+33612345678", "abc"])
row_lists = st.lists(
    st.fixed_dictionaries({"SMS": numbers, "NOM": cells, "VILLE": cells}), min_size=1, max_size=5
)
TEMPLATES = {
    Renderer.BASIC: "ça ${NOM} :-) ${VILLE}, ${AGE}",
    Renderer.MEDIASFLOW: "$$[NOM]$$[VILLE]$$[NOM]",
    Renderer.HANDLEBARS: "{{NOM}} {{{VILLE}}}",
    Renderer.EJS: "<%= NOM %> <%- VILLE %>",
    Renderer.VELOCITY: "$NOM ${VILLE} $AGE",
}
requests = st.builds(
    lambda renderer, **options: CampaignRequest(
        msg=TEMPLATES[renderer], renderer=renderer, **options
    ),
    renderer=st.sampled_from(list(TEMPLATES)),
    defaults=st.sampled_from([{}, {"NOM": "client ç" * 9}, {"AGE": "40 €"}]),
    allow_ucs2=st.sampled_from([None, True]),
    replace_to_gsm7=st.sampled_from([None, False]),
    check_duplicate=st.sampled_from([None, False]),
)


def answer_to(rows: list[Row]) -> RecipientList:
    """Return what an upload of these rows is answered with."""
    valid = [to_e164(row["SMS"]) for row in rows if row["SMS"] != "abc"]
    by_column = {name: [row[name] for row in rows] for name in COLUMNS}
    return RecipientList(
        size=len(rows),
        valid_number_mobile=len(valid),
        invalid_number_mobile=len(rows) - len(valid),
        count_duplicate_mobile=len(valid) - len(set(valid)),
        header=COLUMNS,
        max_datas_map={name: max(cells, key=len) for name, cells in by_column.items()},
        computed_header_size={name: Counter(map(len, cells)) for name, cells in by_column.items()},
    )


@given(requests, row_lists, st.integers(1, 6))
def test_no_rows_take_more_than_the_worst_case(
    request: CampaignRequest, rows: list[Row], max_segments: int
) -> None:
    exact = preflight(request, rows, max_segments=max_segments)
    worst = preflight(request, answer_to(rows), max_segments=max_segments)
    assert worst.credits >= exact.credits
    assert worst.sendable >= exact.sendable
    assert not worst.is_exact


SHORT = "x" * 60 + "${NOM}"
ESCAPED = "x" * 60 + "{{NOM}}"
HANDLEBARS = Renderer.HANDLEBARS


@pytest.mark.parametrize(
    ("request_", "cell", "worst_segments"),
    [
        (CampaignRequest(msg=SHORT, replace_to_gsm7=False), "€" * 51, 2),
        (CampaignRequest(msg=SHORT), "…" * 40, 2),
        (CampaignRequest(msg=SHORT, allow_ucs2=True), "…" * 39 + "日", 4),
        (CampaignRequest(msg=ESCAPED, renderer=HANDLEBARS, replace_to_gsm7=False), '"' * 20, 2),
        (CampaignRequest(msg=SHORT, defaults={"NOM": "x" * 101}), "", 2),
        (CampaignRequest(msg=SHORT, defaults={"NOM": "x" * 101}), "ab", 4),
        (CampaignRequest(msg=SHORT, defaults={"NOM": "x" * 999}), "ab", 6),
    ],
    ids=["two_septets", "dots", "dots_in_ucs2", "escapes", "default", "default_or_cell", "never"],
)
def test_the_worst_case_is_at_least_what_such_cells_take(
    request_: CampaignRequest, cell: str, worst_segments: int
) -> None:
    cells = ["x" * len(cell), cell]  # of which the answer shows the first
    rows = [{"SMS": f"061234567{place}", "NOM": cells[place], "VILLE": ""} for place in (0, 1)]
    exact = preflight(request_, rows, max_segments=6)
    worst = preflight(request_, answer_to(rows), max_segments=6)
    assert worst.credits == 2 * worst_segments
    assert exact.credits <= worst.credits


def test_a_default_longer_than_any_cell_counts() -> None:
    cells = ["", "ab"]
    rows = [{"SMS": f"061234567{place}", "NOM": cells[place], "VILLE": ""} for place in (0, 1)]
    request = CampaignRequest(msg=SHORT, defaults={"NOM": "x" * 101})
    assert preflight(request, rows, max_segments=2).credits == 3
    assert preflight(request, answer_to(rows), max_segments=2).credits == 4


def test_no_message_costs_more_than_the_account_allows() -> None:
    rows = [{"SMS": "0612345678", "NOM": "x" * 90, "VILLE": ""}]
    report = preflight(CampaignRequest(msg=SHORT), answer_to(rows))
    assert report.histogram == {(Encoding.GSM7, 1): 1}
    assert report.find(WarningCode.MAY_BE_TOO_LONG)


GUIDE = RecipientList(
    size=11,
    valid_number_mobile=10,
    invalid_number_mobile=1,
    invalid_line_list=(10,),
    count_duplicate_mobile=1,
    line_duplicate_mobile=(11,),
    header=("Civilité", "Prénom", "Nom", "Adresse", "CP", "Ville", "Prix", "SMS"),
    empty_keys=("Prix", "Civilité"),
    max_datas_map={"Prénom": "Jacqueline", "Prix": "17 €", "SMS": "tel:0624170068"},
    computed_header_size={"Prénom": {6: 5, 10: 1}, "Prix": {0: 1, 3: 5, 4: 5}, "SMS": {14: 3}},
)


def test_the_guides_own_list_tells_its_faults() -> None:
    request = CampaignRequest(msg="${Prénom}, ${Prix} ! ${Vile} STOP 36184", list_ids=[392])
    report = preflight(request, GUIDE, credit=8)
    told = {
        notice.code: (notice.about, notice.count, notice.rows)
        for notice in (*report.problems, *report.warnings)
    }
    assert told == {
        ProblemCode.INVALID_NUMBER: (None, 1, (10,)),
        WarningCode.DUPLICATE_SKIPPED: (None, 1, (11,)),
        ProblemCode.UNKNOWN_FIELD: ("Vile", 0, ()),
        WarningCode.EMPTY_FIELD: ("Prix", 1, ()),
        WarningCode.CREDIT_MAY_RUN_OUT: (None, 0, ()),
    }
    assert report.histogram == {(Encoding.GSM7, 1): 9}
    [message] = report.longest
    assert (message.row, message.text) == (None, "Jacqueline, 17 € !  STOP 36184")


def test_duplicates_are_sent_when_nobody_asks_to_check() -> None:
    request = CampaignRequest(msg="x", list_ids=[392], check_duplicate=False)
    assert preflight(request, GUIDE).sendable == 10


def test_recipients_of_the_request_are_added_to_those_of_the_list() -> None:
    request = CampaignRequest(
        msg="${Prix}", recipients=["0612345678"], list_ids=[392], allow_ucs2=True
    )
    report = preflight(request, GUIDE)
    assert report.recipients == 12
    assert report.histogram == {(Encoding.GSM7, 1): 1, (Encoding.UCS2, 1): 9}
    assert not report.find(WarningCode.LISTS_NOT_EXAMINED)
    assert len(report.find(WarningCode.STOP_MISSING)) == 1


@pytest.mark.parametrize(
    ("msg", "code"),
    [
        ("x" * 159 + "${Prix}", None),
        ("x" * 161 + "${Prix}", ProblemCode.TOO_LONG),
        ("日 ${Prix}", ProblemCode.UCS2_IN_MESSAGE),
    ],
)
def test_nothing_is_sent_of_a_message_that_is_wrong_whatever_the_cells(
    msg: str, code: ProblemCode | None
) -> None:
    report = preflight(CampaignRequest(msg=msg, list_ids=[1]), GUIDE)
    assert report.sendable == (0 if code else 9)
    assert {notice.code for notice in report.problems} == {
        ProblemCode.INVALID_NUMBER,
        *filter(None, [code]),
    }


def test_what_the_longest_cells_hold_is_told_without_a_row() -> None:
    uploaded = answer_to([{"SMS": "0612345678", "NOM": "日本 ç", "VILLE": ""}])
    report = preflight(CampaignRequest(msg="${NOM} STOP 36184", list_ids=[1]), uploaded)
    assert [notice.about for notice in report.find(ProblemCode.UCS2_IN_FIELD)] == ["NOM"]
    assert [notice.about for notice in report.find(WarningCode.REPLACED)] == ["NOM"]
    assert all(not each.rows for each in report.culprits)


def test_an_answer_without_counts_is_an_empty_list() -> None:
    report = preflight(CampaignRequest(msg="${NOM}", list_ids=[1]), RecipientList(id=1))
    assert report.credits == 0
    assert report.find(ProblemCode.NO_NUMBER_COLUMN)
