from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mediasflow_async.dates import MAX_WINDOW, Window, split_period

PARIS = ZoneInfo("Europe/Paris")
MINUTE = timedelta(minutes=1)
HOUR = 60 * MINUTE
# The minute before the hour that comes twice, and both of its comings.
TWICE = 2 * HOUR + MINUTE
ZONES = st.sampled_from(
    [UTC, PARIS, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Africa/Casablanca")]
)
moments = st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1), timezones=ZONES)  # noqa: DTZ001
lengths = st.timedeltas(timedelta(seconds=1), timedelta(days=90))
windows = st.integers(60, 7 * 24 * 60).map(lambda count: timedelta(minutes=count))
shares = st.floats(0, 0.5)


def on_the_clock(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def comes_twice(moment: datetime, zone: tzinfo) -> bool:
    local = moment.astimezone(zone)
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def widened(moment: datetime, zone: tzinfo, step: timedelta) -> datetime:
    while comes_twice(moment, zone):
        moment += step
    return moment


@given(moments, lengths, ZONES, windows, shares)
@settings(deadline=None)  # a long period has thousands of windows, and a machine may be busy
@example(datetime(2021, 3, 25, tzinfo=PARIS), timedelta(days=30), PARIS, MAX_WINDOW, 0.0)
@example(datetime(2021, 10, 25, tzinfo=PARIS), timedelta(days=30), PARIS, MAX_WINDOW, 0.5)
@example(datetime(2021, 10, 30, 22, 45, tzinfo=UTC), timedelta(days=1), PARIS, 2 * HOUR, 0.5)
@example(datetime(2016, 10, 29, tzinfo=UTC), timedelta(days=1), PARIS, 182 * MINUTE, 0.5)
def test_the_windows_cover_a_period_without_a_gap(
    since: datetime, length: timedelta, zone: tzinfo, window: timedelta, share: float
) -> None:
    until = since.astimezone(UTC) + length
    overlap = share * window // MINUTE * MINUTE
    found = list(split_period(since, until, zone=zone, window=window, overlap=overlap))

    start = since.astimezone(UTC).replace(second=0, microsecond=0)
    end = until + (start - until) % MINUTE
    assert found[0].since == widened(start, zone, -MINUTE)
    assert found[-1].until == widened(end, zone, MINUTE)
    for part in found:
        assert part.since < part.until
        is_long_enough = window > overlap + HOUR + TWICE
        assert part.until - part.since <= (window if is_long_enough else window + TWICE)
        clock = on_the_clock(part.until, zone) - on_the_clock(part.since, zone)
        assert clock <= MAX_WINDOW
        for bound in (part.since, part.until):
            assert bound.utcoffset() is not None
            assert (bound.second, bound.microsecond) == (0, 0)
            assert not comes_twice(bound, zone)
    for before, after in pairwise(found):
        seam = before.until - overlap
        assert after.since == widened(seam, zone, MINUTE)
        assert before < after

    # A change of the clocks may shorten a window, and add one.
    step = window - overlap - timedelta(hours=2 if window > timedelta(days=6) else 0)
    assert len(found) <= max(1, math.ceil((length + MINUTE + 2 * TWICE) / step) + 3)


def test_a_week_less_a_minute_is_one_window_by_default() -> None:
    since = datetime(2021, 6, 1, tzinfo=UTC)
    week = MAX_WINDOW - MINUTE
    assert len(list(split_period(since, since + week, zone=UTC))) == 1
    assert len(list(split_period(since, since + MAX_WINDOW, zone=UTC))) == 2


def test_a_full_week_is_one_window_where_the_dialect_says_so() -> None:
    since = datetime(2021, 6, 1, tzinfo=UTC)
    found = list(split_period(since, since + MAX_WINDOW, zone=UTC, window=MAX_WINDOW))
    assert found == [Window(since, since + MAX_WINDOW)]


def test_the_week_in_which_the_clocks_go_forward_is_cut_short() -> None:
    since = datetime(2021, 3, 25, tzinfo=PARIS)
    first = next(split_period(since, since + timedelta(days=30), zone=PARIS, window=MAX_WINDOW))
    assert first.until - first.since == MAX_WINDOW - timedelta(hours=1)
    assert first.until == datetime(2021, 4, 1, tzinfo=PARIS)


def test_the_week_in_which_the_clocks_go_back_stays_within_real_time() -> None:
    since = datetime(2021, 10, 28, tzinfo=PARIS)
    first = next(split_period(since, since + timedelta(days=30), zone=PARIS, window=MAX_WINDOW))
    assert first.until - first.since == MAX_WINDOW


def test_a_moment_is_widened_to_its_minute() -> None:
    moment = datetime(2021, 6, 1, 10, 30, 20, 5, tzinfo=UTC)
    found = list(split_period(moment, moment + timedelta(seconds=5), zone=UTC))
    minute = moment.replace(second=0, microsecond=0)
    assert found == [Window(minute, minute + MINUTE)]


@pytest.mark.parametrize("odd", [timedelta(seconds=90), timedelta(days=1, microseconds=1)])
def test_windows_of_an_odd_length_stay_on_whole_minutes(odd: timedelta) -> None:
    since = datetime(2021, 6, 1, tzinfo=UTC)
    for window in split_period(since, since + 5 * odd, zone=UTC, window=odd):
        assert window.until.second == window.until.microsecond == 0
        assert window.until - window.since <= odd


def test_windows_come_one_by_one_however_long_the_period_is() -> None:
    since = datetime(1, 1, 2, tzinfo=UTC)
    windows = split_period(since, datetime(9999, 12, 30, tzinfo=UTC), zone=UTC)
    assert next(windows).since == since


@pytest.mark.parametrize("length", [timedelta(minutes=1), timedelta(minutes=90), MAX_WINDOW])
def test_no_window_starts_or_ends_in_the_hour_that_comes_twice(length: timedelta) -> None:
    since = datetime(2021, 10, 30, 23, tzinfo=UTC)
    found = list(split_period(since, since + timedelta(days=9), zone=PARIS, window=length))

    bounds = {bound for window in found for bound in (window.since, window.until)}
    before, after = (
        datetime(2021, 10, 30, 23, 59, tzinfo=UTC),
        datetime(2021, 10, 31, 2, tzinfo=UTC),
    )
    assert not any(before < bound < after for bound in bounds)


@pytest.mark.parametrize("minutes", [0, 30, 60, 90, 119])
def test_a_period_within_the_hour_that_comes_twice_is_widened_to_both_of_its_comings(
    minutes: int,
) -> None:
    since = datetime(2021, 10, 31, tzinfo=UTC) + timedelta(minutes=minutes)
    assert list(split_period(since, since + MINUTE, zone=PARIS)) == [
        Window(datetime(2021, 10, 30, 23, 59, tzinfo=UTC), datetime(2021, 10, 31, 2, tzinfo=UTC))
    ]
