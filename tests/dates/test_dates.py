"""The five date formats of the API (Guide: 2.1, 2.1.3.1, 2.6, 2.11.1, 4)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mediasflow_async.converter import Unreadable, reader_for
from mediasflow_async.converter.rows import json_rows, row_reader
from mediasflow_async.dates import read_datetime, start_of, to_minute_text, to_schedule_text
from mediasflow_async.models import BlacklistEntry, Campaign, RecipientList

PARIS = ZoneInfo("Europe/Paris")
ZONES = st.sampled_from(
    [UTC, PARIS, ZoneInfo("America/Cayenne"), ZoneInfo("Asia/Kathmandu"), ZoneInfo("Pacific/Apia")]
)
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=ZONES)  # noqa: DTZ001
seconds = moments.map(lambda moment: moment.replace(microsecond=0))


def gson(moment: datetime, comma: str = "", space: str = " ") -> str:
    """Write a date as Gson does, independently of the machine's locale."""
    day = f"{MONTHS[moment.month - 1]} {moment.day}, {moment.year}{comma}"
    half = "AM" if moment.hour < 12 else "PM"
    return f"{day} {moment.hour % 12 or 12}:{moment:%M:%S}{space}{half}"


def zone_of(moment: datetime) -> tzinfo:
    assert moment.tzinfo is not None
    return moment.tzinfo


def is_on_the_clock_once(moment: datetime) -> bool:
    """Whether the wall time of a moment names this moment and no other."""
    again = moment.replace(fold=1 - moment.fold)
    return again.utcoffset() == moment.utcoffset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2021-06-24T09:30:58Z", datetime(2021, 6, 24, 9, 30, 58, tzinfo=UTC)),
        ("Jun 16, 2021 6:29:07 PM", datetime(2021, 6, 16, 18, 29, 7, tzinfo=PARIS)),
        ("2021-06-25T08:46:45.937Z[UTC]", datetime(2021, 6, 25, 8, 46, 45, 937000, tzinfo=UTC)),
        ("2022-03-25", datetime(2022, 3, 25, tzinfo=PARIS)),
        ("2022-03-25 14:05", datetime(2022, 3, 25, 14, 5, tzinfo=PARIS)),
        ("25/06/2021 08:46:45", datetime(2021, 6, 25, 8, 46, 45, tzinfo=PARIS)),
        ("25/06/2021 08:46", datetime(2021, 6, 25, 8, 46, tzinfo=PARIS)),
        ("25/06/2021", datetime(2021, 6, 25, tzinfo=PARIS)),
        ("2021-06-25T10:46:45+02:00[Europe/Paris]", datetime(2021, 6, 25, 8, 46, 45, tzinfo=UTC)),
        (
            "2021-06-25T10:46:45,123456789+0200",
            datetime(2021, 6, 25, 8, 46, 45, 123456, tzinfo=UTC),
        ),
        ("2021-06-25T08:46:45.9", datetime(2021, 6, 25, 8, 46, 45, 900000, tzinfo=PARIS)),
        ("  2022-03-25  ", datetime(2022, 3, 25, tzinfo=PARIS)),
        (1624610805937, datetime(2021, 6, 25, 8, 46, 45, 937000, tzinfo=UTC)),
    ],
)
def test_every_format_of_the_guide_is_read(text: object, expected: datetime) -> None:
    found = read_datetime(text, PARIS)
    assert found is not None
    assert found.timestamp() == expected.timestamp()


@pytest.mark.parametrize("comma", ["", ","])
@pytest.mark.parametrize("space", [" ", "\u00a0", "\u202f", ""])
@pytest.mark.parametrize("hour", range(24))
def test_every_release_of_java_is_read(comma: str, space: str, hour: int) -> None:
    moment = datetime(2021, 1, 2, hour, 4, 5, tzinfo=PARIS)
    assert read_datetime(gson(moment, comma, space), PARIS) == moment


@pytest.mark.parametrize("month", range(1, 13))
def test_every_month_is_read_whatever_its_letters_look_like(month: int) -> None:
    moment = datetime(2021, month, 2, 3, 4, 5, tzinfo=UTC)
    for text in (gson(moment), gson(moment).lower(), gson(moment).upper()):
        assert read_datetime(text, UTC) == moment
    assert read_datetime("Sept. 2, 2021 3:04:05 a.m.", UTC) == datetime(
        2021, 9, 2, 3, 4, 5, tzinfo=UTC
    )


@given(seconds)
def test_a_date_of_a_campaign_survives_in_any_zone(moment: datetime) -> None:
    assume(is_on_the_clock_once(moment))
    found = read_datetime(gson(moment), zone_of(moment))
    assert found is not None
    assert found.timestamp() == moment.timestamp()


@given(seconds)
def test_a_date_of_a_csv_report_survives_in_any_zone(moment: datetime) -> None:
    assume(is_on_the_clock_once(moment))
    found = read_datetime(f"{moment:%d/%m/%Y %H:%M:%S}", zone_of(moment))
    assert found is not None
    assert found.timestamp() == moment.timestamp()


@given(moments)
def test_a_date_of_a_list_survives(moment: datetime) -> None:
    utc = moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)
    text = f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03}Z[UTC]"
    assert read_datetime(text, PARIS) == utc


@given(moments)
def test_iso_text_survives_with_its_offset(moment: datetime) -> None:
    offset = moment.utcoffset()
    assume(offset is not None and offset.total_seconds() % 60 == 0)
    found = read_datetime(moment.isoformat(), UTC)
    assert found is not None
    assert found.timestamp() == moment.timestamp()


FRENCH = "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.".split()
WHOLE_FRENCH = (
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
)


@pytest.mark.parametrize("names", [FRENCH, WHOLE_FRENCH, [name.strip(".") for name in FRENCH]])
@pytest.mark.parametrize("between", [" ", ", ", " à ", "\u00a0", ", à "])
def test_dates_of_a_french_runtime_are_read(names: list[str], between: str) -> None:
    for month, name in enumerate(names, 1):
        moment = datetime(2021, month, 16, 18, 29, 7, tzinfo=PARIS)
        for shown in (name, name.upper(), name.translate({233: "e", 251: "u"})):
            assert read_datetime(f"16 {shown} 2021{between}18:29:07", PARIS) == moment
    assert read_datetime("1er août 2021", PARIS) == datetime(2021, 8, 1, tzinfo=PARIS)


@pytest.mark.parametrize(
    ("zone", "hour"),
    [("CEST", 16), ("CET", 17), ("UTC", 18), ("GMT", 18), ("GMT+02:00", 16), ("GMT-03:30", 21)],
)
def test_the_text_of_a_java_date_is_read(zone: str, hour: int) -> None:
    minute = 59 if zone == "GMT-03:30" else 29
    expected = datetime(2021, 6, 16, hour, minute, 7, tzinfo=UTC)
    assert read_datetime(f"Wed Jun 16 18:29:07 {zone} 2021", PARIS) == expected
    assert read_datetime("Wed Jun 16 18:29:07 IST 2021", PARIS) is None


years = st.sampled_from(["0000", "0001", "0002", "1969", "2021", "9998", "9999"])
days = st.sampled_from(["01", "02", "30", "31"])
offsets = st.sampled_from(["Z", "+14:00", "-12:00", "+23:59", "-23:59", "+99:99", "", "[UTC]"])
absurd_texts = st.one_of(
    st.builds(
        "{}-{}-{}T{}:00:00{}".format, years, st.sampled_from(["01", "12"]), days, days, offsets
    ),
    st.builds("{}/12/{} 23:59:59".format, days, years),
    st.builds("Dec {}, {} 11:59:59 PM".format, days, years),
    st.builds("{} déc. {} 23:59:59".format, days, years),
    st.builds("Wed Jan {} 00:00:00 CEST {}".format, days, years),
    st.text(max_size=30),
)
absurd = st.one_of(
    absurd_texts,
    st.floats(),
    st.integers(),
    st.sampled_from([2**63, -(2**63), 10**400, 253402300799999, -62135596800000]),
)


@given(absurd, ZONES)
def test_absurd_dates_never_raise(value: object, zone: tzinfo) -> None:
    found = read_datetime(value, zone)
    if found is not None:
        for other in (UTC, PARIS, ZoneInfo("Pacific/Apia"), ZoneInfo("Pacific/Niue")):
            assert found.astimezone(other) == found
            assert found.astimezone(other) + timedelta(days=1) > found


@given(st.lists(absurd, min_size=1, max_size=3))
def test_no_reader_raises_for_absurd_dates(values: list[Any]) -> None:
    reader = reader_for(PARIS)
    for value in values:
        for data, model in (
            ({"id": 1, "creationDate": value, "updateDate": value}, Campaign),
            ({"id": 1, "creationDate": value}, RecipientList),
            ({"item": "+33612345678", "createdDate": value}, BlacklistEntry),
        ):
            assert not isinstance(reader.read(data, model), Unreadable)
    rows = json_rows(
        [{"status": 16, "sendDate": value, "deliveryDate": value} for value in values], PARIS
    )
    columns = ("STATUS_CODE", "DELIVERYDATE", "PREVIEW", "TRACK_1", "TRACK_1_COUNTER")
    read = row_reader(columns, PARIS).of_cells
    rows += [read(["16", *map(str, (value,) * 3), "1"]) for value in values]
    for row in rows:
        for moment in (row.sent_at, row.delivered_at, row.previewed_at):
            assert moment is None or moment.astimezone(UTC) == moment


@pytest.mark.parametrize(
    "garbage",
    [
        None,
        True,
        b"2022-03-25",
        {},
        [],
        "",
        "yesterday",
        "2021-13-01",
        "2021-02-30T10:00:00Z",
        "31/02/2021 10:00:00",
        "2021-06-25T24:00:00Z",
        "2021-06-25T10:00:00+99:99",
        "Foo 16, 2021 6:29:07 PM",
        "Jun 31, 2021 6:29:07 PM",
        "Jun 16, 2021 99:29:07 PM",
        "Jun 16, 2021 13:29:07 PM",
        "Jun 16, 2021 0:29:07 AM",
        "2022-03-25" + " " * 100 + "10:00",
        "9" * 5000,
        float("nan"),
        float("inf"),
        -(10**400),
        10**300,
    ],
)
def test_what_is_no_date_is_none(garbage: object) -> None:
    assert read_datetime(garbage, PARIS) is None


ALMOST_A_DATE = st.from_regex(
    re.compile(
        r"[0-9]{1,4}[-/ ][0-9]{1,2}[-/ ][0-9]{1,4}([T ][0-9]{1,2}:[0-9]{2}(:[0-9]{2})?)?"
        r"([.,][0-9]{1,9})?(Z|[+-][0-9]{2}:?[0-9]{2})?(\[[A-Z]{1,5}\])?"
        r"|[A-Z][a-z]{2} [0-9]{1,2}, [0-9]{1,4},? [0-9]{1,2}:[0-9]{2}:[0-9]{2}[ \u202f][AP]M"
    ),
    fullmatch=True,
)


@given(st.text(max_size=70) | ALMOST_A_DATE | st.integers() | st.floats(), ZONES)
@example("0001-01-01", timezone(timedelta(hours=14)))
def test_nothing_makes_the_reader_raise(value: object, zone: tzinfo) -> None:
    found = read_datetime(value, zone)
    assert found is None or found.utcoffset() is not None


@pytest.mark.parametrize("text", ["31/10/2021 02:30:00", "Oct 31, 2021 2:30:00 AM"])
def test_a_time_that_the_clock_shows_twice_is_read(text: str) -> None:
    found = read_datetime(text, PARIS)
    assert found is not None
    assert found.replace(tzinfo=None, fold=0) == datetime(2021, 10, 31, 2, 30)  # noqa: DTZ001


@pytest.mark.parametrize("text", ["28/03/2021 02:30:00", "2021-03-28 02:30"])
def test_a_time_that_the_clock_skips_is_read(text: str) -> None:
    found = read_datetime(text, PARIS)
    assert found is not None
    assert found.astimezone(UTC).date() == date(2021, 3, 28)


def test_a_schedule_is_written_as_in_the_guide() -> None:
    moment = datetime(2021, 6, 24, 11, 30, 58, tzinfo=PARIS)
    assert to_schedule_text(moment, UTC) == "2021-06-24T09:30:58Z"
    assert to_schedule_text(moment, PARIS) == "2021-06-24T11:30:58Z"


@given(moments)
@example(datetime(2021, 10, 31, 2, 30, tzinfo=PARIS, fold=1))
@example(datetime(2021, 10, 31, 2, 59, 59, 500_000, tzinfo=PARIS))
@example(datetime(2021, 3, 28, 1, 59, 59, 1, tzinfo=PARIS))
def test_a_schedule_is_never_early_and_less_than_a_second_late(moment: datetime) -> None:
    written = datetime.fromisoformat(to_schedule_text(moment, UTC))
    assert timedelta(0) <= written - moment.astimezone(UTC) < timedelta(seconds=1)


@given(seconds, ZONES)
def test_a_schedule_says_what_the_clock_of_its_zone_shows(moment: datetime, zone: tzinfo) -> None:
    local = moment.astimezone(UTC).astimezone(zone)
    assert to_schedule_text(moment, zone) == f"{local:%Y-%m-%dT%H:%M:%SZ}"


@given(moments, ZONES)
def test_a_bound_of_a_period_is_the_minute_on_the_clock(moment: datetime, zone: tzinfo) -> None:
    text = to_minute_text(moment, zone)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", text)
    assert text == moment.astimezone(zone).isoformat(" ", "minutes")[:16]


def test_a_day_begins_at_midnight_where_the_server_is() -> None:
    assert start_of(date(2021, 7, 1), PARIS) == datetime(2021, 6, 30, 22, tzinfo=UTC)
