"""The main job on every event loop that the package promises."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from mediasflow_async import (
    CampaignRequest,
    CampaignStatus,
    DeliveryCategory,
    DeliveryUnknown,
    Recipient,
    ServerError,
)
from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.sessions import Connect

pytest_plugins = ["tests.support.session_fixtures"]
pytestmark = [pytest.mark.anyio, pytest.mark.every_backend]

PEOPLE = [{"mobile": f"06123456{number:02}", "REF": f"no. {number}"} for number in range(60)]
ONE = CampaignRequest(msg="Bonjour", recipients=["0612345678"])


async def test_the_main_job_from_list_to_report(
    sandbox: Sandbox, connect: Connect, tmp_path: Path
) -> None:
    async with connect() as session:
        uploaded = await session.lists.upload(PEOPLE, filename="people.csv")
        draft = await session.campaigns.prepare(
            CampaignRequest(msg="Bonjour ${REF}", list_ids=[uploaded.id])
        )
        assert draft.status == CampaignStatus.DRAFT
        assert sandbox.campaigns[-1].launches == 0
        launched = await session.campaigns.launch(draft.id)
        rows = [row async for row in session.reports.campaign(launched.id)]
        summary = await session.reports.campaign(launched.id).summary()
        saved = tmp_path / "report.csv"
        await session.reports.campaign_csv(launched.id).save(saved)
    texts = [message.text for message in sandbox.messages]
    assert sorted(texts) == sorted(f"Bonjour {person['REF']}" for person in PEOPLE)
    assert len(rows) == 60
    assert summary.by_category == {DeliveryCategory.DELIVERED: 60}
    assert saved.read_text().count("\n") >= 60


async def test_many_campaigns_at_once(sandbox: Sandbox, connect: Connect) -> None:
    requests = [
        CampaignRequest(msg="Bonjour", recipients=[Recipient(f"06123456{number:02}")])
        for number in range(30)
    ]
    async with connect(max_in_flight=8) as session:
        outcomes = [outcome async for outcome in session.campaigns.send_many(requests)]
    assert {outcome.index for outcome in outcomes} == set(range(30))
    assert all(outcome.ok for outcome in outcomes)
    assert len(sandbox.messages) == 30


async def test_a_retry_waits_on_this_loop_too(sandbox: Sandbox, connect: Connect) -> None:
    sandbox.faults.add(Fault(operation="prepare", status=503, times=2))
    async with connect() as session:
        assert (await session.campaigns.prepare(ONE)).id
    assert sum(request.operation == "inject" for request in sandbox.requests) == 3


async def test_a_failed_send_is_told_from_a_doubtful_one(
    sandbox: Sandbox, connect: Connect
) -> None:
    sandbox.faults.add(Fault(operation="blacklist", status=500, times=None))
    sandbox.faults.add(Fault(operation="send", drop=True, when="after"))
    async with connect() as session:
        with pytest.raises(ServerError):
            await session.blacklist.entries()
        with pytest.raises(DeliveryUnknown):
            await session.campaigns.send(ONE)
    assert len(sandbox.messages) == 1


async def test_a_timeout_of_one_call_leaves_the_others_alone(
    sandbox: Sandbox, connect: Connect
) -> None:
    sandbox.faults.add(Fault(operation="send", delay=timedelta(seconds=0.3), drop=True))
    done: list[int | None] = []

    async with connect() as session:

        async def send_slowly() -> None:
            with pytest.raises(DeliveryUnknown):
                await session.with_options(timeout=0.05).campaigns.send(ONE)

        async def prepare() -> None:
            done.append((await session.campaigns.prepare(ONE)).id)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send_slowly)
            for _ in range(5):
                tasks.start_soon(prepare)
    assert len(done) == 5


async def test_the_sandbox_in_process_serves_the_main_job(
    sandbox: Sandbox, connect: Connect
) -> None:
    local = "http://localhost/MediasflowApi/v1/"
    async with connect(transport=sandbox.transport, base_url=local) as session:
        await session.campaigns.send(ONE)
    assert [message.mobile for message in sandbox.messages] == ["+33612345678"]
