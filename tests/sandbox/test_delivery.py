"""What becomes of messages after the launch."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async.sandbox import DeliveryPlan
from mediasflow_async.sandbox.delivery import simulate

if TYPE_CHECKING:
    from collections.abc import Callable

    from mediasflow_async.sandbox import Sandbox

    Json = dict[str, Any]

SLOW = DeliveryPlan(duration=timedelta(seconds=100))
PENDING = {0, 1, 10, 24}


def crowd(count: int) -> str:
    return "SMS\n" + "\n".join(f"06123{number:05d}" for number in range(count))


@pytest.fixture
def crowd_statuses(
    upload: Callable[..., Json], inject: Callable[..., Json], report: Callable[..., list[Json]]
) -> Callable[[], Counter[int]]:
    """Send a campaign to 500 people; the result counts statuses at each call."""
    inject(listsId=[upload(crowd(500))["id"]], listRecipient=None)
    return lambda: Counter(row["status"] for row in report(943))


@pytest.mark.sandbox(delivery=SLOW)
def test_a_campaign_becomes_final_little_by_little(
    sandbox: Sandbox, crowd_statuses: Callable[[], Counter[int]]
) -> None:
    waiting = []
    for _ in range(6):
        counts = crowd_statuses()
        waiting.append(sum(counts[status] for status in PENDING))
        sandbox.clock.advance(timedelta(seconds=20))
    assert waiting[0] == 500
    assert waiting == sorted(waiting, reverse=True)
    assert len(set(waiting)) >= 4
    assert waiting[-1] == 0


def test_an_instant_plan_delivers_everything_at_once(
    crowd_statuses: Callable[[], Counter[int]],
) -> None:
    assert crowd_statuses() == {16: 500}


@pytest.mark.sandbox(delivery=SLOW)
def test_the_usual_mix_is_mostly_delivered(
    sandbox: Sandbox, crowd_statuses: Callable[[], Counter[int]]
) -> None:
    sandbox.clock.advance(timedelta(seconds=101))
    counts = crowd_statuses()
    assert counts[16] > 400
    assert len(counts) >= 5
    assert PENDING.isdisjoint(counts)


@pytest.mark.sandbox(delivery=SLOW.at_speed(100))
def test_speed_divides_the_duration(
    sandbox: Sandbox, crowd_statuses: Callable[[], Counter[int]]
) -> None:
    sandbox.clock.advance(timedelta(seconds=1))
    assert PENDING.isdisjoint(crowd_statuses())


@pytest.mark.parametrize("status", [*range(9), 10, *range(12, 18), *range(19, 33), 77])
def test_magic_numbers_end_in_their_status(
    sandbox: Sandbox,
    inject: Callable[..., Json],
    report: Callable[..., list[Json]],
    status: int,
) -> None:
    inject(listRecipient=[{"mobile": f"+3360000{status:02d}42"}])
    assert report(943)[0]["status"] == status
    left = status not in {2, 3, 4, 5, 6, 7, 8, 12, 14, 15, 19, 23}
    assert [message.status_code for message in sandbox.messages] == [status] * left
    assert sandbox.credit == 1_000_000 - left


@pytest.mark.sandbox(delivery=DeliveryPlan(mix={31: 1}))
def test_an_unavailable_phone_is_tried_again(sandbox: Sandbox, inject: Callable[..., Json]) -> None:
    inject(checkDuplicate=False, listRecipient=[{"mobile": "0612345678"}] * 3)
    seen = set()
    for _ in range(80):
        seen |= {message.status_code for message in sandbox.messages}
        sandbox.clock.advance(timedelta(milliseconds=100))
    assert 31 in seen
    assert {message.status_code for message in sandbox.messages} <= {16, 22}


def test_messages_say_when_they_arrived(sandbox: Sandbox, inject: Callable[..., Json]) -> None:
    inject(listRecipient=[{"mobile": "0612345678"}, {"mobile": "0600002001"}])
    arrived, lost = sandbox.messages
    assert arrived.delivered_at == arrived.sent_at
    assert lost.delivered_at is None


@given(
    seed=st.integers(),
    key=st.text(max_size=20),
    progress=st.floats(0, 1),
    speed=st.floats(0.01, 1000),
)
def test_every_message_has_one_course_that_ends_in_time(
    seed: int, key: str, progress: float, speed: float
) -> None:
    plan = DeliveryPlan(seed=seed, speed=speed)
    timeline = simulate(plan, "+33612345678", key, progress, (0, 1))
    assert timeline == simulate(plan, "+33612345678", key, progress, (0, 1))
    times = [at for at, _ in timeline.steps]
    assert times == sorted(times)
    assert times[0] == 0
    assert times[-1] <= plan.seconds + 0.001
    assert timeline.final[1] in {*plan.mix, 16, 22}
    assert timeline.status(plan.seconds + 0.001) == timeline.final[1]


def in_minutes(sandbox: Sandbox, minutes: float) -> str:
    return f"{sandbox.clock.now() + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


STOPS = "+336000017"
"""The beginning of numbers whose owners reply STOP."""


@pytest.mark.sandbox(delivery=SLOW)
@pytest.mark.parametrize("steps", [1, 2, 7, 60])
def test_a_clock_that_jumps_changes_nothing_of_the_order_of_events(
    sandbox: Sandbox, inject: Callable[..., Json], steps: int
) -> None:
    for minutes, numbers in ((8, ["01", "02"]), (6, ["01"]), (7, ["01", "02"])):
        recipients = [{"mobile": f"{STOPS}{number}"} for number in numbers]
        inject(scheduleOn=in_minutes(sandbox, minutes), listRecipient=recipients)
    for _ in range(steps):
        sandbox.clock.advance(timedelta(hours=1) / steps)
        assert len(sandbox.campaigns) == 3
    sent = [(message.campaign_id, message.mobile[-2:]) for message in sandbox.messages]
    assert sorted(sent) == [(944, "01"), (945, "02")]
    assert [entry.item[-2:] for entry in sandbox.blacklist] == ["01", "02"]
    starts = [message.sent_at.timestamp() for message in sandbox.messages]
    stops = [entry.created_at for entry in sandbox.blacklist]
    assert all(0 < stop - start < 100 for start, stop in zip(sorted(starts), stops, strict=True))


def test_who_is_blocked_today_was_sent_what_was_due_before(
    sandbox: Sandbox, inject: Callable[..., Json]
) -> None:
    inject(scheduleOn=in_minutes(sandbox, 6))
    sandbox.clock.advance(timedelta(hours=1))
    sandbox.block("0612345678")
    assert len(sandbox.messages) == 1
