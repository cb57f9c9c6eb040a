"""The life of a session: when it starts, what it shares, what it closes, what it never shows."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
from collections.abc import Callable

import anyio
import httpx
import pytest
import trio

from mediasflow_async import (
    ConfigurationError,
    Dialect,
    MediasflowError,
    OperationKind,
    RequestTimeout,
    RetryPolicy,
    Session,
    SessionClosed,
)
from mediasflow_async._core.calls import Operation
from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.raw_server import HANG, RawServer, http_json
from tests.support.sessions import ONCE, WITHOUT_TLS, Connect, logins, session_with, until

pytest_plugins = ["tests.support.session_fixtures"]
pytestmark = [pytest.mark.anyio, pytest.mark.every_transport]


# Nobody can close the connections of an event loop that has ended: Python says so when it does.
dropped_connections = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


async def read(session: Session) -> int:
    return (await session.request("GET", "blacklist")).status


def test_a_session_is_built_without_an_event_loop_and_without_a_word(sandbox: Sandbox) -> None:
    Session(sandbox.username, sandbox.password, base_url=sandbox.base_url)
    assert sandbox.requests == ()


@dropped_connections
def test_one_session_serves_two_event_loops_in_a_row(sandbox: Sandbox, connect: Connect) -> None:
    session = connect()
    assert [asyncio.run(read(session)), asyncio.run(read(session))] == [200, 200]
    assert logins(sandbox) == 1
    del session
    gc.collect()


@dropped_connections
def test_one_session_serves_asyncio_and_then_trio(sandbox: Sandbox, connect: Connect) -> None:
    session = connect()
    assert asyncio.run(read(session)) == 200
    assert trio.run(read, session) == 200
    assert logins(sandbox) == 1
    del session
    gc.collect()


@dropped_connections
def test_a_session_that_was_used_in_an_ended_loop_closes_in_the_next(connect: Connect) -> None:
    session = connect()
    asyncio.run(read(session))
    asyncio.run(session.aclose())
    with pytest.raises(SessionClosed):
        asyncio.run(read(session))
    del session
    gc.collect()


async def test_a_session_closes_at_the_end_of_its_block(connect: Connect) -> None:
    async with connect() as session:
        await read(session)
    with pytest.raises(SessionClosed) as caught:
        await read(session)
    assert "Open a new Session" in str(caught.value)


async def test_a_session_that_was_never_used_closes(connect: Connect) -> None:
    session = connect()
    await session.aclose()
    await session.aclose()
    with pytest.raises(SessionClosed):
        async with session:
            pytest.fail("the block was entered")


async def test_streaming_from_a_closed_session_says_so(connect: Connect) -> None:
    session = connect()
    await session.aclose()
    with pytest.raises(SessionClosed):
        await anext(aiter(session.reports.campaign_csv(943)))


async def test_closing_ends_the_waits_of_calls_under_way(
    sandbox: Sandbox, connect: Connect
) -> None:
    """A call that waits for its next attempt must not meet httpx's own complaint."""
    sandbox.faults.add(Fault(operation="blacklist", status=503, times=None))
    waiting = anyio.Event()
    session = connect(retry=RetryPolicy(on_retry=[lambda _: waiting.set()]))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(close_after, session, waiting)
        with pytest.raises(SessionClosed):
            await read(session)


async def test_closing_ends_the_waits_of_calls_that_may_not_leave_yet() -> None:
    with RawServer([http_json(data=[])]).running() as server:
        session = session_with(server.url, rate=2)
        async with anyio.create_task_group() as tasks:
            await read(session)
            tasks.start_soon(session.aclose)
            with pytest.raises(SessionClosed):
                await read(session)
    assert len(server.requests) == 1


async def close_after(session: Session, event: anyio.Event) -> None:
    await event.wait()
    await session.aclose()


async def test_closing_cuts_a_call_that_waits_for_its_answer() -> None:
    with RawServer([HANG]).running() as server:
        session = session_with(server.url)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(close_when_busy, session, server)
            with pytest.raises(MediasflowError):
                await read(session)


async def close_when_busy(session: Session, server: RawServer) -> None:
    await until(lambda: server.requests)
    await session.aclose()


async def test_a_derived_session_shares_the_login_and_the_places(
    sandbox: Sandbox, connect: Connect
) -> None:
    async with connect(max_in_flight=1) as session:
        derived = session.with_options(timeout=3, deadline=0.2)
        async with session.stream(Operation(OperationKind.READ, "GET", "blacklist")):
            with pytest.raises(RequestTimeout):
                await read(derived)
        assert await read(derived) == 200
    assert logins(sandbox) == 1


async def test_a_derived_session_shares_the_connections(connect: Connect) -> None:
    ports: set[int] = set()

    async def note_port(response: httpx.Response) -> None:
        ports.add(response.extensions["network_stream"].get_extra_info("client_addr")[1])

    hooks = {"response": [note_port]}
    async with httpx.AsyncClient(verify=WITHOUT_TLS, event_hooks=hooks) as client:
        session = connect(client=client, ssl_context=None)
        await read(session)
        await read(session.with_options(timeout=3))
    assert len(ports) == 1


async def test_closing_a_derived_session_leaves_the_first_one_open(connect: Connect) -> None:
    async with connect() as session:
        derived = session.with_options(timeout=3)
        await derived.aclose()
        with pytest.raises(SessionClosed):
            await read(derived)
        assert await read(session) == 200


async def test_a_derived_session_ends_with_the_first_one(connect: Connect) -> None:
    session = connect()
    derived = session.with_options(deadline=5)
    await session.aclose()
    with pytest.raises(SessionClosed):
        await read(derived)
    assert repr(derived).endswith("closed>")


async def test_a_derived_session_has_its_own_retry_and_dialect(
    sandbox: Sandbox, connect: Connect
) -> None:
    sandbox.faults.add(Fault(operation="blacklist", status=500, times=None))
    async with connect() as session:
        once = session.with_options(retry=ONCE)
        with pytest.raises(MediasflowError) as caught:
            await read(once)
        assert caught.value.attempts == 1
        other = session.with_options(dialect=Dialect(cancel_method="POST"))
        assert other.dialect.cancel_method == "POST"
        assert session.dialect.cancel_method == "PUT"


async def test_a_derived_session_with_a_new_quota_has_it(
    sandbox: Sandbox, connect: Connect
) -> None:
    sandbox.faults.add(Fault(operation="blacklist", status=500, times=None))
    async with connect() as session:
        unlucky = session.with_options(retry=RetryPolicy(quota=0))
        with pytest.raises(MediasflowError) as caught:
            await read(unlucky)
        assert caught.value.attempts == 1


async def test_a_client_of_the_callers_is_used_and_stays_open(sandbox: Sandbox) -> None:
    async with httpx.AsyncClient(verify=WITHOUT_TLS, headers={"X-Mine": "yes"}) as client:
        before = dict(client.headers)
        who = (sandbox.username, sandbox.password)
        async with Session(*who, base_url=sandbox.base_url, client=client) as session:
            await read(session)
        assert sandbox.requests[-1].headers["x-mine"] == "yes"
        assert not client.is_closed
        assert dict(client.headers) == before
        assert (await client.get(sandbox.base_url)).status_code


async def test_a_transport_of_the_callers_stays_open(sandbox: Sandbox, connect: Connect) -> None:
    async with httpx.AsyncHTTPTransport(verify=WITHOUT_TLS) as transport:
        async with connect(transport=transport) as session:
            await read(session)
        request = httpx.Request("GET", sandbox.base_url)
        answer = await transport.handle_async_request(request)
        await answer.aclose()
        assert answer.status_code


async def test_the_transport_in_process_serves_a_session(
    sandbox: Sandbox, connect: Connect
) -> None:
    async with connect(
        transport=sandbox.transport, base_url="http://localhost/MediasflowApi/v1"
    ) as s:
        assert await read(s) == 200


async def test_a_client_that_its_owner_closed_is_named(connect: Connect) -> None:
    client = httpx.AsyncClient(verify=WITHOUT_TLS)
    await client.aclose()
    with pytest.raises(SessionClosed, match="client"):
        await read(connect(client=client, ssl_context=None))


@pytest.mark.parametrize(
    "more",
    [
        {"transport": httpx.MockTransport(lambda _: httpx.Response(200))},
        {"ssl_context": WITHOUT_TLS},
    ],
)
def test_a_client_goes_with_no_transport_and_no_tls_settings(more: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="client"):
        Session(token="abcdefgh", client=httpx.AsyncClient(verify=WITHOUT_TLS), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_session_is_neither_pickled_nor_copied(
    duplicate: Callable[[Session], object], connect: Connect
) -> None:
    with pytest.raises(TypeError, match="pickle"):
        duplicate(connect())


async def test_a_session_shows_its_address_and_no_secret(
    sandbox: Sandbox, connect: Connect
) -> None:
    async with connect() as session:
        await read(session)
        shown = f"{session!r} {vars(session)!r} {session.with_options(timeout=1)!r}"
        assert sandbox.base_url in shown
        assert sandbox.password not in shown
        assert "eyJ" not in shown
