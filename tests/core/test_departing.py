"""A limit that is shared beyond a session: awaited before each of its requests leaves."""

from __future__ import annotations

import anyio
import pytest

from mediasflow_async import CampaignRequest, RequestTimeout
from mediasflow_async.errors import Sent
from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.raw_server import RawServer, http
from tests.support.sessions import Connect, logins, session_with

pytest_plugins = ["tests.support.session_fixtures"]
pytestmark = pytest.mark.anyio

ONE = CampaignRequest(msg="hello", recipients=["+33600001601"])


async def test_it_is_awaited_before_each_request_but_a_login(
    sandbox: Sandbox, connect: Connect
) -> None:
    seen: list[int] = []

    async def departing() -> None:
        seen.append(len(sandbox.requests) - logins(sandbox))

    sandbox.faults.add(Fault(operation="prepare", status=503))
    async with connect() as session:
        derived = session.with_options(departing=departing)
        draft = await derived.campaigns.prepare(ONE)
        await derived.with_options(timeout=5).campaigns.launch(draft.id)
        await session.blacklist.entries()
    # The attempt that failed, the one after it, and the launch.
    assert seen == [0, 1, 2]
    assert logins(sandbox) == 1


async def test_a_launch_that_waits_after_a_refused_media_type_is_in_no_doubt() -> None:
    turns = [0.0, 60.0]
    with RawServer([http(415)]).running() as server:
        async with session_with(server.url) as session:
            derived = session.with_options(
                departing=lambda: anyio.sleep(turns.pop(0)), deadline=0.3
            )
            with pytest.raises(RequestTimeout) as late:
                await derived.campaigns.launch(943)
    assert late.value.sent is Sent.NOT_SENT
    assert len(server.requests) == 1


async def test_a_call_that_may_not_leave_in_time_has_not_left(
    sandbox: Sandbox, connect: Connect
) -> None:
    async with connect() as session:
        derived = session.with_options(departing=anyio.sleep_forever, deadline=0.2)
        with pytest.raises(RequestTimeout) as late:
            await derived.campaigns.prepare(ONE)
    assert late.value.sent is Sent.NOT_SENT
    assert len(sandbox.requests) == logins(sandbox)
