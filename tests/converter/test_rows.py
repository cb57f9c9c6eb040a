from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mediasflow_async.converter.rows import json_rows, named, renamed, row_reader
from mediasflow_async.converter.streams import array_in
from mediasflow_async.models import ReportRow, Track

PARIS = ZoneInfo("Europe/Paris")
DELIVERED = datetime(2021, 6, 25, 8, 46, 45, tzinfo=PARIS)
CLICKED = datetime(2021, 6, 25, 9, 0, 0, tzinfo=PARIS)

COLUMNS = {
    "REF_LIST": "liste_demo",
    "ID_LINE": "2",
    "INT_MOBILE": "+33624170068",
    "STATUS_CODE": "17",
    "STATUS_TEXT": "Remis + STOP",
    "DELIVERYDATE": "25/06/2021 08:46:45",
    "REPLY": "STOP",
    "PREVIEW": "25/06/2021 09:00:00",
    "PREVIEW_COUNTER": "3",
    "TRACK_1": "25/06/2021 09:00:00",
    "TRACK_1_COUNTER": "2",
    "TRACK_2": "",
    "TRACK_2_COUNTER": "",
}
OBJECT = {
    "campaignId": 943,
    "refList": "liste_demo",
    "idLine": 2,
    "item": "33624170068",
    "type": "P2P",
    "msg": "Bonjour",
    "status": 17,
    "statusText": "Remis + STOP",
    "sendDate": "Jun 25, 2021 8:46:45 AM",
    "deliveryDate": "Jun 25, 2021 8:46:45 AM",
    "reply": "STOP",
    "preview": "Jun 25, 2021 9:00:00 AM",
    "previewCounter": 3,
    "tracks": [
        {"index": 0, "date": "Jun 25, 2021 9:00:00 AM", "counter": 2},
        {"index": 1, "date": None, "counter": 0},
    ],
    "fields": {"Nom": "Gaillard"},
}


def from_csv(record: dict[str, str], campaign_id: int | None = None) -> ReportRow:
    """Return what the quick reader makes of a record, which is what the careful one makes."""
    reader = row_reader(tuple(record), PARIS, campaign_id)
    row = reader.of_cells(list(record.values()))
    assert vars(row) == vars(reader.read(record))
    return row


def from_json(data: object, campaign_id: int | None = None) -> list[ReportRow]:
    """Return what the quick reader makes of a report, which is what the careful one makes."""
    objects = array_in(data)
    assert objects is not None
    read = json_rows(objects, PARIS, campaign_id, depth=0)
    for row, names in zip(read, objects, strict=True):
        reader = row_reader(tuple(names), PARIS, campaign_id, keys=True)
        assert row == reader.read(names, raw=names)
    return read


def test_a_record_of_a_csv_report_is_read() -> None:
    row = from_csv({"Nom": "Gaillard", **COLUMNS}, 943)
    assert row == ReportRow(
        campaign_id=943,
        line=2,
        mobile="+33624170068",
        status_code=17,
        status_text="Remis + STOP",
        delivered_at=DELIVERED,
        reply="STOP",
        list_name="liste_demo",
        previewed_at=CLICKED,
        preview_count=3,
        tracks=(Track(1, CLICKED, 2), Track(2, None, 0)),
        fields={"Nom": "Gaillard"},
    )
    assert row.status.is_opt_out


def test_a_row_of_a_json_report_is_read() -> None:
    (row,) = from_json([OBJECT])
    assert row == ReportRow(
        campaign_id=943,
        line=2,
        mobile="+33624170068",
        status_code=17,
        status_text="Remis + STOP",
        sent_at=DELIVERED,
        delivered_at=DELIVERED,
        reply="STOP",
        list_name="liste_demo",
        message="Bonjour",
        type="P2P",
        previewed_at=CLICKED,
        preview_count=3,
        tracks=(Track(1, CLICKED, 2), Track(2, None, 0)),
        fields={"Nom": "Gaillard"},
    )
    assert row.raw == OBJECT


@pytest.mark.parametrize("wrapper", [None, "items", "rows", "data", "lignes"])
def test_the_rows_may_be_wrapped(wrapper: str | None) -> None:
    data: object = [OBJECT, OBJECT] if wrapper is None else {wrapper: [OBJECT, OBJECT], "total": 2}
    assert len(from_json(data)) == 2


def test_the_wrapper_is_found_among_other_arrays() -> None:
    assert len(from_json({"columns": ["item"], "items": [OBJECT]})) == 1


def test_the_names_of_csv_columns_are_understood_in_json() -> None:
    (row,) = from_json([{"Nom": "Gaillard", **COLUMNS}], 943)
    assert row == from_csv({"Nom": "Gaillard", **COLUMNS}, 943)


def test_numbers_may_come_as_text() -> None:
    as_text = OBJECT | {"campaignId": "943", "idLine": "2", "status": "17", "previewCounter": "3"}
    assert from_json([as_text]) == from_json([OBJECT])


@pytest.mark.parametrize("key", ["campaignId", "campaignID", "campaignid", "campainId"])
def test_the_campaign_is_found_under_every_spelling(key: str) -> None:
    assert from_json([{key: 943}])[0].campaign_id == 943


def test_the_campaign_of_the_report_is_the_rows_own() -> None:
    assert from_json([{"status": 16}], 943)[0].campaign_id == 943


@pytest.mark.parametrize("data", [None, 5, "text", {}, {"a": 1}, {"a": [], "b": []}])
def test_what_is_no_report_gives_none(data: object) -> None:
    assert array_in(data) is None


@pytest.mark.parametrize("data", [[], {"items": []}, {"anything": []}])
def test_an_empty_report_has_no_rows(data: object) -> None:
    assert from_json(data) == []


@pytest.mark.parametrize("case", [str.lower, str.upper, str.title])
def test_the_case_of_a_column_does_not_matter(case: Any) -> None:
    record = {case(name): value for name, value in COLUMNS.items()}
    assert from_csv(record) == from_csv(COLUMNS)


def test_a_name_with_spaces_around_it_is_still_the_column() -> None:
    assert from_csv({" STATUS_CODE ": "16"}).status_code == 16


def test_a_column_of_the_user_does_not_displace_the_platforms() -> None:
    for order in (("reply", "REPLY"), ("REPLY", "reply")):
        row = from_csv({name: name for name in order})
        assert row.reply == "REPLY"
        assert row.fields == {"reply": "reply"}


@pytest.mark.parametrize("name", ["mobile", "SMS", "Portable", "gsm"])
def test_the_users_number_stands_in_for_a_missing_one(name: str) -> None:
    assert from_csv({name: "0612345678"}).mobile == "0612345678"
    row = from_csv({name: "0612345678", "INT_MOBILE": "+33612345678"})
    assert row.mobile == "+33612345678"
    assert row.fields == {name: "0612345678"}


def test_the_users_own_columns_are_kept_as_they_are() -> None:
    row = from_csv({"Prénom": "Zoé", "PREVIEW ": "", "TRACK": "x", "TRACK_A": "y"})
    assert row.fields == {"Prénom": "Zoé", "TRACK": "x", "TRACK_A": "y"}


def test_what_cannot_be_read_is_kept_in_fields() -> None:
    wrong = {
        "ID_LINE": "second",
        "STATUS_CODE": "DELIVERED",
        "DELIVERYDATE": "yesterday",
        "PREVIEW_COUNTER": "often",
        "TRACK_1": "yesterday",
        "TRACK_1_COUNTER": "often",
    }
    row = from_csv(wrong)
    assert row.fields == wrong
    assert (row.line, row.status_code, row.delivered_at, row.preview_count) == (None, None, None, 0)
    (row,) = from_json([{"status": "DELIVERED", "fields": {"Nom": "x"}}])
    assert row.fields == {"status": "DELIVERED", "Nom": "x"}


@pytest.mark.parametrize("wrong", ["abc", 5, ["abc"], True])
def test_fields_and_tracks_of_another_kind_are_kept_in_fields(wrong: object) -> None:
    (row,) = from_json([{"fields": wrong, "status": "x", "Nom": "y"}])
    assert row.fields == {"fields": wrong, "status": "x", "Nom": "y"}
    if not isinstance(wrong, list):
        (row,) = from_json([{"tracks": wrong, "fields": {"Nom": "y"}}])
        assert (row.tracks, row.fields) == ((), {"tracks": wrong, "Nom": "y"})


def test_a_track_without_a_date_or_a_counter_is_read() -> None:
    assert from_csv({"TRACK_1_COUNTER": "4"}).tracks == (Track(1, None, 4),)
    assert from_csv({"TRACK_3": "25/06/2021 09:00:00"}).tracks == (Track(3, CLICKED, 0),)


def test_tracks_of_json_are_numbered_from_one() -> None:
    both = from_json([{"tracks": [{"index": 0, "counter": 1}, {"index": 1, "counter": 2}, None]}])
    assert both[0].tracks == (Track(1, None, 1), Track(2, None, 2))
    unnumbered = from_json([{"tracks": [{"counter": 1}, {"counter": 2}]}])
    assert unnumbered == [ReportRow(tracks=(Track(1, None, 1), Track(2, None, 2)))]


@pytest.mark.parametrize(
    "row",
    [
        {"STATUS_CODE": 16, "INT_MOBILE": "33612345678", "ID_LINE": 2, "TRACK_1_COUNTER": 3},
        {"statusCode": "16", "intMobile": "+33612345678", "idLine": "2", "track1Counter": 3},
        {"STATUS CODE": 16.0, "int-mobile": "33612345678", "Id Line": 2, "track_1 counter": "3"},
        {"status": "Delivered", "status_code": 16, "item": 33612345678, "line": 7, "id_line": 2}
        | {"Track1Counter": 3},
    ],
)
def test_names_are_the_same_in_any_spelling(row: dict[str, Any]) -> None:
    (read,) = from_json([row])
    assert (read.status_code, read.mobile, read.line) == (16, "+33612345678", 2)
    assert read.tracks == (Track(1, None, 3),)


@pytest.mark.parametrize(
    "status",
    [
        {"code": 16, "label": "Remis"},
        {"statusCode": "16", "text": "Remis"},
        {"id": 16, "Libelle": "Remis", "color": "green"},
    ],
)
def test_a_status_may_be_an_object(status: dict[str, Any]) -> None:
    (read,) = from_json([{"status": status, "item": "33612345678"}])
    assert (read.status_code, read.status_text) == (16, "Remis")
    assert read.fields == {}
    (read,) = from_json([{"status": status, "statusText": "Livré"}])
    assert read.status_text == "Livré"
    (read,) = from_json([{"status": {"label": "Remis"}}])
    assert (read.status_code, read.fields) == (None, {"status": {"label": "Remis"}})


@pytest.mark.parametrize("name", ["campaignId", "id", "campaignID", "CAMPAIGN_ID"])
def test_rows_may_be_grouped_by_campaign(name: str) -> None:
    groups: list[dict[str, Any]] = [
        {name: 943, "rows": [{"status": 16}, {"status": 20, "campaignId": 1}], "name": "x"},
        {"recipients": [{"rows": [{"status": 2}]}], name: "944"},
        {name: 945, "rows": []},
        {"status": 21, "tracks": []},
    ]
    read = json_rows(groups, PARIS, 7)
    assert [(row.campaign_id, row.status_code) for row in read] == [
        (943, 16),
        (1, 20),
        (944, 2),
        (7, 21),
    ]


def test_groups_without_end_are_rows_in_the_end() -> None:
    group: dict[str, Any] = {"status": 16}
    for _ in range(500):
        group = {"rows": [group]}
    (row,) = json_rows([group], PARIS)
    assert row.status_code is None


def test_an_alias_names_what_a_key_or_a_column_stands_for() -> None:
    aliases = (("Etat", "STATUS_CODE"), ("numéro", "INT_MOBILE"))
    row = {"ETAT": 16, "Numéro": "x", "Nom": "y"}
    (read,) = json_rows([row], PARIS, aliases=aliases)
    assert (read.status_code, read.mobile, read.fields) == (16, "x", {"Nom": "y"})
    assert read.raw is row
    (read,) = json_rows([{"etat": "?", "numero": 1}], PARIS, aliases=aliases)
    assert (read.status_code, read.fields) == (None, {"STATUS_CODE": "?", "numero": 1})
    assert renamed(("etat", "STATUS_CODE"), aliases) == ("etat", "STATUS_CODE")


def test_a_missing_cell_is_none() -> None:
    row = from_csv(dict.fromkeys(COLUMNS, ""))
    assert row == ReportRow(tracks=(Track(1), Track(2)))


def test_a_number_as_text_is_read_from_a_number() -> None:
    (row,) = from_json([{"item": 33624170068, "refList": 5, "reply": 1.5}])
    assert (row.mobile, row.list_name) == ("+33624170068", "5")
    assert (row.reply, row.fields) == (None, {"reply": 1.5})


def test_a_reader_is_planned_once_for_each_header() -> None:
    assert row_reader(("A",), PARIS) is row_reader(("A",), PARIS)


names = st.sampled_from([*COLUMNS, *OBJECT, "Nom"]) | st.text(max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(names, values, max_size=8), max_size=4))
def test_no_row_raises_and_no_value_of_ours_has_the_wrong_kind(data: list[Any]) -> None:
    for row in from_json(data):
        assert isinstance(row.fields, dict)
        assert isinstance(row.tracks, tuple)
        assert isinstance(row.preview_count, int)
        assert isinstance(row.mobile, str | None)


@given(st.dictionaries(names, st.text(max_size=20)))
def test_no_cell_of_a_csv_report_is_lost(record: dict[str, str]) -> None:
    row = from_csv(record)
    assert set(shown_values(row)) >= {
        value for name, value in record.items() if value and not understood(name, value)
    }


@given(
    st.lists(names, min_size=1, max_size=5, unique=True), st.lists(st.text(max_size=8), max_size=8)
)
def test_a_record_may_have_more_or_fewer_cells_than_columns(
    columns: list[str], cells: list[str]
) -> None:
    assume(len(cells) != len(columns))
    beyond = [f"column_{number}" for number in range(len(columns) + 1, len(cells) + 1)]
    record = dict.fromkeys(columns, "") | dict(zip([*columns, *beyond], cells, strict=False))

    assert named(tuple(columns), cells) == record
    assert row_reader(tuple(columns), PARIS).of_cells(cells) == from_csv(record)


def shown_values(row: ReportRow) -> Iterable[object]:
    return [*row.fields.values(), row.mobile, row.reply, row.list_name, row.status_text]


def understood(name: str, value: str) -> bool:
    """Whether a cell became a number or a date."""
    row = from_csv({name: value})
    return value not in shown_values(row)
