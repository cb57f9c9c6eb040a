"""When a job whose campaign has not ended runs again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from procrastinate.jobs import Job

from mediasflow_async import ConnectionFailed, InvalidRequest, RateLimited
from mediasflow_async.delivery import KeyConflict, SenderStopped
from mediasflow_async.workers.tasks import Backoff


def wait_after(error: BaseException, attempts: int = 0) -> timedelta | None:
    """Return the wait that is decided on, by a clock that is read before and not after."""
    job = Job(queue="q", lock=None, queueing_lock=None, task_name="t", attempts=attempts)
    before = datetime.now(UTC)
    decision = Backoff().get_retry_decision(exception=error, job=job)
    if decision is None:
        return None
    assert decision.retry_at is not None
    return decision.retry_at - before


@pytest.mark.parametrize("error", [InvalidRequest("x"), KeyConflict("x")])
def test_what_can_never_be_sent_is_not_tried_again(error: Exception) -> None:
    assert wait_after(error) is None


@pytest.mark.parametrize(("attempts", "most"), [(0, 2), (1, 4), (5, 64), (8, 300), (1000, 300)])
def test_waits_grow_to_five_minutes_and_never_end(attempts: int, most: int) -> None:
    wait = wait_after(ConnectionFailed("x"), attempts)
    assert wait is not None
    assert wait >= timedelta(seconds=most / 2)


def test_what_the_server_asks_for_comes_on_top() -> None:
    error = RateLimited("x", status=429)
    error.retry_after = timedelta(hours=1)
    wait = wait_after(error)
    assert wait is not None
    assert wait > timedelta(hours=1)


@pytest.mark.parametrize("error", [SenderStopped(), asyncio.CancelledError()])
def test_what_a_stop_cut_short_is_free_at_once(error: BaseException) -> None:
    job = Job(queue="q", lock=None, queueing_lock=None, task_name="t", attempts=9)
    decision = Backoff().get_retry_decision(exception=error, job=job)
    assert decision is not None
    assert decision.retry_at is not None
    assert decision.retry_at <= datetime.now(UTC)
