from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from mediasflow_async.text import LegalHours, WarningCode, french_public_holidays
from mediasflow_async.text.preflighting.french_rules import easter

PARIS = ZoneInfo("Europe/Paris")


# Published tables; 1818 and 2285 have the earliest Easter, 1943 and 2038 the latest.
@pytest.mark.parametrize(
    "day",
    [
        "1818-03-22",
        "1943-04-25",
        "1954-04-18",
        "1981-04-19",
        "2000-04-23",
        "2008-03-23",
        "2011-04-24",
        "2019-04-21",
        "2023-04-09",
        "2024-03-31",
        "2025-04-20",
        "2026-04-05",
        "2027-03-28",
        "2038-04-25",
        "2049-04-18",
        "2285-03-22",
    ],
)
def test_easter_is_the_sunday_of_the_tables(day: str) -> None:
    sunday = date.fromisoformat(day)
    assert easter(sunday.year) == sunday


@pytest.mark.parametrize(
    ("year", "moving"),
    [
        (2024, ["2024-04-01", "2024-05-09", "2024-05-20"]),
        (2025, ["2025-04-21", "2025-05-29", "2025-06-09"]),
        (2026, ["2026-04-06", "2026-05-14", "2026-05-25"]),
        (2027, ["2027-03-29", "2027-05-06", "2027-05-17"]),
    ],
)
def test_a_year_has_its_eleven_public_holidays(year: int, moving: list[str]) -> None:
    fixed = ["01-01", "05-01", "05-08", "07-14", "08-15", "11-01", "11-11", "12-25"]
    expected = {date.fromisoformat(f"{year}-{day}") for day in fixed}
    expected |= set(map(date.fromisoformat, moving))
    assert set(french_public_holidays(year)) == expected
    assert len(expected) == 11


def objections(hours: LegalHours, *moment: int) -> list[str]:
    found = hours.objections(datetime(*moment, tzinfo=PARIS))  # type: ignore[arg-type,misc]
    return [notice.code for notice in found]


def test_the_day_is_the_one_in_france() -> None:
    saturday_night = datetime(2026, 3, 14, 23, 30, tzinfo=UTC)
    found = [notice.code for notice in LegalHours().objections(saturday_night)]
    assert found == [WarningCode.OUTSIDE_LEGAL_HOURS, WarningCode.QUIET_DAY]


@pytest.mark.parametrize(
    ("moment", "count"),
    [
        ((2026, 3, 10, 7, 59), 1),
        ((2026, 3, 10, 8, 0), 0),
        ((2026, 3, 10, 19, 59), 0),
        ((2026, 3, 10, 20, 0), 1),
        ((2026, 3, 14, 10, 0), 1),
        ((2026, 3, 15, 10, 0), 0),
        ((2026, 7, 14, 10, 0), 0),
    ],
)
def test_hours_and_days_are_the_users_choice(moment: tuple[int, ...], count: int) -> None:
    hours = LegalHours(closes=time(20), quiet_weekdays={5}, on_public_holidays=True)
    assert len(objections(hours, *moment)) == count


def test_a_holiday_on_a_sunday_is_one_objection() -> None:
    assert objections(LegalHours(), 2026, 11, 1, 10) == [WarningCode.QUIET_DAY]
