"""The README's procrastinate tasks: every event is handled, every campaign goes out once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
from procrastinate import App, PsycopgConnector

from mediasflow_async.delivery import Journal, State
from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.local_postgres import PostgresServer
from tests.support.readme import consumer, credentials, write_programs
from tests.support.senders import launches
from tests.support.sessions import until

pytest_plugins = ["tests.support.session_fixtures", "tests.support.postgres_fixtures"]
pytestmark = pytest.mark.anyio

PROGRAM: Final = "task_worker.py"
COUNT: Final = 30
# A dead worker is found within seconds, not within a minute and a half.
QUICKLY: Final = {
    'cron="* * * * *"': 'cron="* * * * * */1"',
    'get_stalled_jobs(queue="events")': (
        'get_stalled_jobs(queue="events", seconds_since_heartbeat=2)'
    ),
    "            concurrency=20,\n            delete_jobs=": (
        "concurrency=4, update_heartbeat_interval=0.5, fetch_job_polling_interval=0.5, delete_jobs="
    ),
}


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    with postgres.new_database() as url:
        yield url


async def all_are_done(app: App) -> None:
    with anyio.fail_after(120):
        while await app.job_manager.list_jobs_async(task="on_event"):  # noqa: ASYNC110 - another process does them
            await anyio.sleep(0.05)


async def test_a_killed_worker_loses_no_event_and_sends_none_twice(
    sandbox: Sandbox, database: str, tmp_path: Path
) -> None:
    write_programs(tmp_path, QUICKLY)
    slow = Fault(operation="launch", when="after", delay=timedelta(seconds=0.1), times=None)
    sandbox.faults.add(slow)
    sandbox.faults.add(Fault(operation="prepare", status=403, times=2))
    environment = credentials(sandbox) | {"MEDIASFLOW_DATABASE": database}
    app = App(connector=PsycopgConnector(conninfo=database))
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        handle = app.configure_task("on_event", queue="events")
        for number in [*range(COUNT), *range(COUNT)]:
            event: Any = {"id": f"order-{number}", "mobile": "0612345678", "text": "Bonjour"}
            await handle.defer_async(event=event)
        with (
            consumer(tmp_path, PROGRAM, environment) as one,
            consumer(tmp_path, PROGRAM, environment),
        ):
            await until(lambda: len(launches(sandbox)) >= COUNT // 3)
            one.kill()
            at_the_kill = len(launches(sandbox))
            await all_are_done(app)
    assert at_the_kill < COUNT
    assert launches(sandbox) == [1] * COUNT
    async with Journal.open(database) as journal:
        assert (await journal.counts())[State.LAUNCHED] == COUNT
    assert "0612345678" not in (tmp_path / f"{PROGRAM}.log").read_text()
