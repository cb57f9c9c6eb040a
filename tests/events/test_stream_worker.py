"""The README's consumer of a Redis stream: every event is handled, every campaign goes out once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
from redis.asyncio import Redis

from mediasflow_async.delivery import Journal, State
from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.readme import consumer, credentials, write_programs
from tests.support.senders import launches
from tests.support.sessions import until

pytest_plugins = [
    "tests.support.session_fixtures",
    "tests.support.redis_fixtures",
    "tests.support.postgres_fixtures",
]
pytestmark = pytest.mark.anyio

PROGRAM: Final = "stream_worker.py"
COUNT: Final = 30


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """An empty Redis."""
    async with Redis.from_url(redis_url, decode_responses=True) as client:
        await client.flushall()
        yield client


@pytest.fixture
def environment(sandbox: Sandbox, redis_url: str, postgres_url: str) -> dict[str, str]:
    more = {"REDIS_URL": redis_url, "MEDIASFLOW_JOURNAL": postgres_url, "CLAIM_AFTER_MS": "1500"}
    return credentials(sandbox) | more


def event(number: int, text: str = "Bonjour") -> dict[Any, Any]:
    return {"id": f"order-{number}", "mobile": "0612345678", "text": text}


async def everything_is_acknowledged(redis: Redis) -> None:
    """Return when the group has been given every event, and has acknowledged every one."""
    with anyio.fail_after(120):
        while True:
            groups = await redis.xinfo_groups("sms")
            if groups and (groups[0]["pending"], groups[0]["lag"]) == (0, 0):
                return
            await anyio.sleep(0.05)


async def test_a_killed_consumer_loses_no_event_and_sends_none_twice(
    sandbox: Sandbox, redis: Redis, environment: dict[str, str], tmp_path: Path
) -> None:
    write_programs(tmp_path, {})
    slow = Fault(operation="launch", when="after", delay=timedelta(seconds=0.1), times=None)
    sandbox.faults.add(slow)
    # Each event twice, half of them before there is any consumer.
    for number in range(COUNT // 2):
        await redis.xadd("sms", event(number))
    with (
        consumer(tmp_path, PROGRAM, environment) as one,
        consumer(tmp_path, PROGRAM, environment),
    ):
        await until(lambda: launches(sandbox))
        for number in range(COUNT):
            await redis.xadd("sms", event(number))
        for number in range(COUNT // 2, COUNT):
            await redis.xadd("sms", event(number))
        await until(lambda: len(launches(sandbox)) >= COUNT // 3)
        one.kill()
        at_the_kill = len(launches(sandbox))
        await everything_is_acknowledged(redis)
    assert at_the_kill < COUNT
    assert await redis.xlen("sms") == 2 * COUNT
    assert launches(sandbox) == [1] * COUNT
    async with Journal.open(environment["MEDIASFLOW_JOURNAL"]) as journal:
        assert (await journal.counts())[State.LAUNCHED] == COUNT


async def test_an_event_that_could_not_be_handled_is_delivered_again(
    sandbox: Sandbox, redis: Redis, environment: dict[str, str], tmp_path: Path
) -> None:
    write_programs(tmp_path, {})
    sandbox.faults.add(Fault(operation="prepare", status=403, times=2))
    with consumer(tmp_path, PROGRAM, environment):
        for number in range(3):
            await redis.xadd("sms", event(number))
        # Another text under the same key: never sent, and never delivered again.
        await redis.xadd("sms", event(0, "Another text"))
        await redis.xadd("sms", event(7, ""))
        await everything_is_acknowledged(redis)
    assert sorted(launches(sandbox)) == [1] * 3
    said = (tmp_path / f"{PROGRAM}.log").read_text()
    assert said.count("can never be sent") == 2
    assert "0612345678" not in said
