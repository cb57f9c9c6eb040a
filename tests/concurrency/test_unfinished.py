"""What a map says of the items that it was not allowed to end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import copy_context
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from mediasflow_async import (
    ConnectionFailed,
    DeliveryUnknown,
    MediasflowError,
    NotFound,
    OperationKind,
    Outcome,
    RequestTimeout,
    ResponseInvalid,
    Sent,
    Session,
)
from mediasflow_async._core.calls import Operation
from mediasflow_async._core.progress import collect_calls, note_call, note_end
from mediasflow_async.concurrency import Outcomes, map_bounded
from mediasflow_async.concurrency.outcomes import cut_short
from tests.support.raw_server import HANG, Answer, RawServer, http, http_json
from tests.support.sessions import session_with, until

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.every_backend,
    # On trio, generators within httpx and httpcore that are left early say so.
    pytest.mark.filterwarnings("ignore:.*Async generator:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*async_generator:pytest.PytestUnraisableExceptionWarning"),
]

Action = Callable[[int], Awaitable[object]]

REPORT = Operation(OperationKind.READ, "GET", "reports/csv")


async def never(_: object) -> int:
    await anyio.sleep_forever()
    raise AssertionError


async def drain(session: Session) -> None:
    async with session.stream(REPORT) as stream:
        async for _ in stream.aiter_bytes():
            pass


async def turns() -> None:
    for _ in range(30):
        await anyio.lowlevel.checkpoint()


def errors_of(outcomes: Outcomes[int, Any]) -> list[MediasflowError]:
    return [outcome.error for outcome in outcomes.unfinished if outcome.error is not None]


def indexes_left(outcomes: Outcomes[Any, Any]) -> list[int]:
    return [outcome.index for outcome in outcomes.unfinished]


async def test_it_is_asked_for_when_nothing_is_under_way() -> None:
    outcomes: Outcomes[int, int] = map_bounded(never, range(3), limit=2)
    assert indexes_left(outcomes) == []

    async with outcomes, anyio.create_task_group() as tasks:
        tasks.start_soon(anext, outcomes)
        await turns()
        with pytest.raises(RuntimeError, match="aclose"):
            _ = outcomes.unfinished
        tasks.cancel_scope.cancel()

    assert indexes_left(outcomes) == [0, 1]


async def test_what_had_ended_is_there_with_its_value_or_error() -> None:
    async def act(item: int) -> int:
        if item == 1:
            raise NotFound("no such thing")
        return item * 10

    async with map_bounded(act, range(5), limit=3) as outcomes:
        first = await anext(outcomes)
        await turns()

    assert first == Outcome(index=0, item=0, value=0)
    assert [(o.index, o.value, type(o.error)) for o in outcomes.unfinished] == [
        (1, None, NotFound),
        (2, 20, type(None)),
        (3, 30, type(None)),
    ]


async def test_an_action_that_made_no_call_is_not_proven_to_have_done_nothing() -> None:
    outcomes: Outcomes[str, int] = map_bounded(never, ["a", "b"], limit=2)
    with anyio.move_on_after(0.01):
        async for _ in outcomes:
            pass

    left = outcomes.unfinished
    assert [(outcome.index, outcome.item) for outcome in left] == [(0, "a"), (1, "b")]
    assert [outcome.error is not None and outcome.error.sent for outcome in left] == [
        Sent.UNKNOWN,
        Sent.UNKNOWN,
    ]
    assert "outside of any call" in str(left[0].error)


async def test_a_mistake_leaves_its_own_item_and_those_it_cancelled() -> None:
    async def act(item: int) -> int:
        if item == 2:
            raise LookupError("06 12 34 56 78")
        return await never(item)

    outcomes = map_bounded(act, range(9), limit=3)
    with pytest.raises(LookupError):
        async for _ in outcomes:
            pass

    texts = [str(outcome.error) for outcome in outcomes.unfinished]
    assert indexes_left(outcomes) == [0, 1, 2]
    assert "LookupError" in texts[2]
    assert "12 34" not in texts[2]
    assert "Cancelled" in texts[0]


async def test_what_the_order_held_back_is_there() -> None:
    async def act(item: int) -> int:
        return await never(item) if item == 1 else item

    async with map_bounded(act, range(9), limit=2, ordered=True) as outcomes:
        assert (await anext(outcomes)).index == 0
        await turns()

    assert [(o.index, o.ok) for o in outcomes.unfinished] == [
        (1, False),
        (2, True),
        (3, True),
        (4, True),
    ]


async def test_an_item_that_came_as_the_iteration_ended_never_begins() -> None:
    begun: list[int] = []
    gate = anyio.Event()

    async def items() -> AsyncIterator[int]:
        yield 0
        with anyio.CancelScope(shield=True):
            await gate.wait()
        yield 1

    async def act(item: int) -> int:
        begun.append(item)
        return item

    outcomes = map_bounded(act, items(), limit=2)
    await anext(outcomes)
    await turns()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(outcomes.aclose)
        await turns()
        gate.set()

    assert begun == [0]
    assert [outcome.item for outcome in outcomes.unfinished] in ([], [1])


async def cancelled(action: Action, server: RawServer, requests: int) -> list[MediasflowError]:
    """Run an action, cancel it when the server has had its requests, and return what is left."""
    outcomes = map_bounded(action, range(1), limit=1)
    async with outcomes, anyio.create_task_group() as tasks:
        tasks.start_soon(anext, outcomes)
        await until(lambda: len(server.requests) >= requests)
        await turns()
        tasks.cancel_scope.cancel()
    return errors_of(outcomes)


LAUNCHED = http_json(data={"id": 943, "status": "INJECTED"})


async def send(session: Session) -> None:
    await session.request("POST", "x", json={}, kind=OperationKind.ONE_SHOT)


async def launch(session: Session) -> None:
    await session.campaigns.launch(943)


async def read(session: Session) -> None:
    await session.request("GET", "x")


@pytest.mark.parametrize(
    ("answers", "steps", "kind", "campaign_id"),
    [
        ([HANG], [send], DeliveryUnknown, None),
        ([HANG], [launch], DeliveryUnknown, 943),
        ([http(), HANG], [send, read], DeliveryUnknown, None),
        ([LAUNCHED, http(), HANG], [launch, read, read], DeliveryUnknown, 943),
    ],
    ids=["send", "launch", "send, then read", "launch, then read twice"],
)
async def test_what_may_have_sent_is_in_doubt_whatever_came_after(
    answers: list[Answer],
    steps: list[Callable[[Session], Awaitable[None]]],
    kind: type[MediasflowError],
    campaign_id: int | None,
) -> None:
    with RawServer(answers).running() as server:
        async with session_with(server.url) as session:

            async def act(_: int) -> None:
                for step in steps:
                    await step(session)

            (error,) = await cancelled(act, server, len(answers))

    assert type(error) is kind
    assert (error.sent, error.campaign_id) == (Sent.UNKNOWN, campaign_id)


async def test_an_error_in_doubt_of_any_class_comes_before_a_later_read() -> None:
    in_doubt = ResponseInvalid("a page answered the launch", sent=Sent.UNKNOWN)
    of_a_read = RequestTimeout("no answer: cancelled", sent=Sent.UNKNOWN)
    states: list[Callable[[], MediasflowError]] = [lambda: in_doubt, lambda: of_a_read]

    assert cut_short(TimeoutError(), states) is in_doubt


async def test_what_was_sent_is_in_doubt_when_the_action_is_cancelled_elsewhere() -> None:
    with RawServer([LAUNCHED]).running() as server:
        async with session_with(server.url) as session:

            async def act(_: int) -> None:
                await session.campaigns.launch(943)
                await anyio.sleep_forever()

            (error,) = await cancelled(act, server, 1)

    assert isinstance(error, DeliveryUnknown)
    assert (error.sent, error.campaign_id) == (Sent.UNKNOWN, 943)


async def test_a_map_within_an_action_hides_nothing() -> None:
    with RawServer([LAUNCHED]).running() as server:
        async with session_with(server.url) as session:

            async def act(_: int) -> None:
                async for outcome in session.campaigns.launch_many([943]):
                    outcome.unwrap()
                await anyio.sleep_forever()

            (error,) = await cancelled(act, server, 1)

    assert isinstance(error, DeliveryUnknown)


async def test_a_call_that_waited_for_its_place_is_proven_not_to_have_left() -> None:
    with RawServer([HANG]).running() as server:
        async with session_with(server.url, max_in_flight=1) as session:
            outcomes = session.campaigns.launch_many([1, 2, 3], limit=3)
            async with outcomes, anyio.create_task_group() as tasks:
                tasks.start_soon(anext, outcomes)
                await until(lambda: server.requests)
                await turns()
                tasks.cancel_scope.cancel()

    found = [(o.item, type(o.error), o.error and o.error.sent) for o in outcomes.unfinished]
    assert found == [
        (1, DeliveryUnknown, Sent.UNKNOWN),
        (2, ConnectionFailed, Sent.NOT_SENT),
        (3, ConnectionFailed, Sent.NOT_SENT),
    ]


async def test_the_calls_of_one_item_are_not_held_against_the_next() -> None:
    with RawServer([LAUNCHED]).running() as server:
        async with session_with(server.url) as session:

            async def act(item: int) -> None:
                if item == 1:
                    await anyio.sleep_forever()
                await session.campaigns.launch(943)

            outcomes = map_bounded(act, range(2), limit=1)
            async with outcomes:
                assert (await anext(outcomes)).ok
                with anyio.move_on_after(0.01):
                    await anext(outcomes)

    (error,) = errors_of(outcomes)
    assert (type(error), error.campaign_id) == (MediasflowError, None)


@pytest.mark.parametrize(
    ("answer", "error"),
    [(http_json(404, {}), NotFound), (http(body=b"half", length=9), ConnectionFailed)],
    ids=["refused", "broken off"],
)
async def test_a_stream_that_has_failed_is_not_under_way_any_more(
    answer: Answer, error: type[MediasflowError]
) -> None:
    failed = anyio.Event()

    with RawServer([answer]).running() as server:
        async with session_with(server.url) as session:

            async def act(_: object) -> None:
                with pytest.raises(error):
                    await drain(session)
                failed.set()
                await anyio.sleep_forever()

            outcomes = map_bounded(act, range(1), limit=1)
            async with outcomes, anyio.create_task_group() as tasks:
                tasks.start_soon(anext, outcomes)
                await failed.wait()
                tasks.cancel_scope.cancel()

    (left,) = errors_of(outcomes)
    assert "outside of any call" in str(left)


async def test_a_stream_that_is_left_by_a_cancellation_is_known_to_be_lost() -> None:
    begun = anyio.Event()

    with RawServer([http(body=b"MOBILE\n")]).running() as server:
        async with session_with(server.url) as session:

            async def act(_: int) -> None:
                async with session.stream(REPORT):
                    begun.set()
                    await anyio.sleep_forever()

            outcomes = map_bounded(act, range(1), limit=1)
            async with outcomes, anyio.create_task_group() as tasks:
                tasks.start_soon(anext, outcomes)
                await begun.wait()
                tasks.cancel_scope.cancel()

    (left,) = errors_of(outcomes)
    assert "the answer is lost: cancelled" in str(left)


async def test_the_end_of_a_call_that_is_not_watched_any_more_changes_nothing() -> None:
    def in_doubt() -> MediasflowError:
        return DeliveryUnknown("no answer")

    def harmless() -> MediasflowError:
        return MediasflowError("no answer")

    def watching() -> None:
        calls = collect_calls()
        note_call(harmless)
        note_call(in_doubt)
        note_end(in_doubt, is_in_doubt=True)
        note_end(harmless, is_in_doubt=False)
        assert calls == [in_doubt]

    copy_context().run(watching)
