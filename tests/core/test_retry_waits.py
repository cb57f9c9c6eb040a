"""How long a call waits before it is tried again: never less than told, and never all at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from statistics import mean

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async import MediasflowError, OperationKind, RateLimited, RetryPolicy, RetryRecord
from mediasflow_async._core.responses import retry_after_of
from tests.support.raw_server import RawServer, http, http_json
from tests.support.sessions import session_with

pytestmark = pytest.mark.anyio

NOW = datetime(2025, 11, 22, 9, 0, tzinfo=UTC)


def told(text: str, **headers: str) -> timedelta | None:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return retry_after_of(httpx.Headers({"Retry-After": text, **names}), NOW)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("0.25", 0.25),
        ("1e1", 10),
        ("-5", 0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0),
        ("Sat, 22 Nov 2025 10:01:00 +0100", 60),
        ("Saturday, 22-Nov-25 09:01:00 GMT", 60),
        ("Sat Nov 22 09:01:00 2025", 60),
    ],
)
def test_a_wait_is_seconds_a_fraction_or_a_date(text: str, seconds: float) -> None:
    assert told(text) == timedelta(seconds=seconds)


UNREADABLE = [
    "",
    "soon",
    "nan",
    "Sat, 99 Nov 2025 09:01:00 GMT",
    "Sat, 22 Nov 2025 09:01:00 +99999999999999999999",
    "Sat, 22 Nov 2025 09:01:00 -9999",
    "Sat, 22 Nov 99999999999 09:01:00 GMT",
]


@pytest.mark.parametrize("text", UNREADABLE)
def test_a_wait_that_cannot_be_read_is_none(text: str) -> None:
    assert told(text) is None


def test_no_header_is_no_wait() -> None:
    assert retry_after_of(httpx.Headers()) is None


def test_milliseconds_are_understood() -> None:
    assert retry_after_of(httpx.Headers({"Retry-After-Ms": "250"})) == timedelta(milliseconds=250)


@pytest.mark.parametrize("text", UNREADABLE)
def test_milliseconds_that_cannot_be_read_hide_no_seconds(text: str) -> None:
    assert told("7", Retry_After_Ms=text) == timedelta(seconds=7)


ENDLESS = [
    "inf",
    "1e300",
    "99999999999",
    "99999999999999999",
    "1" + "0" * 400,
    "Tue, 22 Nov 2099 09:01:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 -2359",
]


@pytest.mark.parametrize("text", ENDLESS)
def test_a_wait_without_end_is_a_day(text: str) -> None:
    assert told(text) == timedelta(days=1)
    assert told("Sat, 22 Nov 2025 09:01:00 GMT", Date="Thu, 01 Jan 1970 00:00:00 GMT") == (
        timedelta(days=1)
    )


@pytest.mark.parametrize("date", UNREADABLE)
def test_a_clock_of_the_server_that_cannot_be_read_is_not_gone_by(date: str) -> None:
    assert told(format_datetime(NOW + timedelta(seconds=90)), Date=date) == timedelta(seconds=90)


def test_a_date_is_measured_by_the_clock_that_it_comes_from() -> None:
    an_hour_behind = NOW - timedelta(hours=1)
    at = format_datetime(an_hour_behind + timedelta(seconds=30), usegmt=True)
    date = format_datetime(an_hour_behind, usegmt=True)
    assert told(at, Date=date) == timedelta(seconds=30)


@given(st.text(max_size=60))
def test_no_header_whatever_breaks_the_reading(text: str) -> None:
    wait = retry_after_of(httpx.Headers({b"Retry-After": text.encode("utf-8", "replace")}))
    assert wait is None or timedelta(0) <= wait <= timedelta(days=1)


@given(
    st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)),  # noqa: DTZ001
    st.integers(-23 * 60, 23 * 60),
)
def test_every_date_is_read_in_its_own_zone(moment: datetime, minutes: int) -> None:
    aware = moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    assert told(format_datetime(aware)) == min(max(aware - NOW, timedelta(0)), timedelta(days=1))


async def waits(answer: bytes, policy: RetryPolicy, calls: int = 1) -> list[RetryRecord]:
    records: list[RetryRecord] = []
    hooked = RetryPolicy(
        attempts=policy.attempts,
        base_wait=policy.base_wait,
        max_wait=policy.max_wait,
        max_retry_after=policy.max_retry_after,
        quota=None,
        on_retry=[records.append],
    )
    with RawServer([answer]).running() as server:
        async with (
            session_with(server.url, retry=hooked) as session,
            anyio.create_task_group() as tasks,
        ):

            async def fail() -> None:
                with pytest.raises(MediasflowError):
                    await session.request("GET", "blacklist")

            for _ in range(calls):
                tasks.start_soon(fail)
    return records


@pytest.mark.parametrize("status", [429, 503])
async def test_waiting_is_never_shorter_than_told(status: int) -> None:
    answer = http_json(status, Retry_After="0.05")
    policy = RetryPolicy(attempts=2, base_wait=timedelta(milliseconds=40))
    records = await waits(answer, policy, calls=30)
    assert len(records) == 30
    seconds = [record.wait.total_seconds() for record in records]
    assert min(seconds) >= 0.05
    assert max(seconds) <= 0.05 + 0.04
    assert len(set(seconds)) > 20


async def test_the_next_attempt_really_waits_for_as_long_as_told() -> None:
    policy = RetryPolicy(attempts=2, base_wait=timedelta(0))
    began = anyio.current_time()
    await waits(http_json(429, Retry_After="0.2"), policy)
    assert anyio.current_time() - began >= 0.2


async def test_waits_are_spread_over_a_range_that_doubles_up_to_its_limit() -> None:
    """Full jitter: uniform between nothing and the range, so the mean is about half of it."""
    policy = RetryPolicy(
        attempts=5, base_wait=timedelta(milliseconds=10), max_wait=timedelta(milliseconds=40)
    )
    records = await waits(http(500), policy, calls=60)
    for attempt, limit in enumerate((0.010, 0.020, 0.040, 0.040), start=1):
        seconds = [record.wait.total_seconds() for record in records if record.attempt == attempt]
        assert len(seconds) == 60
        assert max(seconds) <= limit
        assert limit * 0.25 < mean(seconds) < limit * 0.75
        assert min(seconds) < limit * 0.25


async def test_a_wait_above_the_cap_is_an_error_at_once() -> None:
    policy = RetryPolicy(max_retry_after=timedelta(seconds=1))
    with RawServer([http_json(429, Retry_After="1.5")]).running() as server:
        async with session_with(server.url, retry=policy) as session:
            with pytest.raises(RateLimited) as caught:
                await session.request("POST", "campaigns/inject", kind=OperationKind.PREPARE)
    assert caught.value.retry_after == timedelta(seconds=1.5)
    assert caught.value.attempts == 1
    assert "Nothing was executed" in str(caught.value)


async def test_a_wait_without_end_is_above_every_cap() -> None:
    policy = RetryPolicy(max_retry_after=timedelta(days=3650))
    with RawServer([http_json(429, Retry_After="1e300")]).running() as server:
        async with session_with(server.url, retry=policy) as session:
            with pytest.raises(RateLimited):
                await session.request("GET", "blacklist")
    assert len(server.requests) == 1
