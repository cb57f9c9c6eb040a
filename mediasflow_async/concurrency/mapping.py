"""`map_bounded`: an action for each of any number of items, several at once.

Items are pulled as the consumer takes outcomes, so that neither the input nor the results are
ever whole in memory. What is wrong with one item is its outcome, and ends nothing else.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Iterable
from types import AsyncGeneratorType, TracebackType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Self, TypeVar, cast

from mediasflow_async._core.options import count_of
from mediasflow_async.concurrency.outcomes import Outcome, StopOn, stop_test
from mediasflow_async.concurrency.run import Run
from mediasflow_async.errors import ConfigurationError

__all__ = ["Outcomes", "map_bounded"]

_Item = TypeVar("_Item")
_Value = TypeVar("_Value")


def map_bounded(
    action: Callable[[_Item], Awaitable[_Value]],
    items: Iterable[_Item] | AsyncIterable[_Item],
    *,
    limit: int,
    ordered: bool = False,
    stop_on: StopOn[_Item, _Value] | None = None,
) -> Outcomes[_Item, _Value]:
    """Call an action for each item, at most `limit` at once, and give the outcome of each.

    Of the items, no more than `limit` (twice as many with `ordered`) are ahead of the consumer:
    under way, or with an outcome that waits for it. No other is pulled until the consumer takes
    an outcome. So the input may be of any length, and a slow consumer slows the calls down.

    A `MediasflowError` becomes an outcome. Any other exception, of the action or of the input,
    is taken for a mistake in the program: what is under way is cancelled, the outcomes that are
    there are given, then the exception is raised as it is. `Outcomes.unfinished` has the items
    that were cancelled.

    The input may be an async generator that holds a timeout or a task group: one task alone
    pulls from it. A generator given as input is closed at the end.

    Args:
        action: called with each item.
        items: the items, any number of them.
        limit: how many calls may be under way at once, from 1 up.
        ordered: give outcomes in the order of the input, instead of as they come.
        stop_on: errors, or a function of an outcome. As soon as there is an outcome with such
            an error, or for which the function returns a true value, no further item begins:
            those under way end and their outcomes are given, then the iteration ends. An item
            of an async input that was pulled and not begun is in `Outcomes.unfinished`.

    Returns:
        The outcomes, to be iterated over once; nothing is pulled before the first is asked for.

    Raises:
        ConfigurationError: for a limit that is no whole number from 1 up, or a `stop_on` that
            is neither errors of this package nor a function.
        TypeError: for items that cannot be iterated over.
    """
    count_of(limit, "limit")
    run = Run(action, items, limit=limit, ordered=ordered, is_last=stop_test(stop_on))
    return Outcomes(run)


class Outcomes(Generic[_Item, _Value]):
    """The outcomes of a map: the async iterator that `map_bounded` and methods like it return.

    When the loop over it is left early, calls are still under way. Close it to cancel them,
    with `async with` or `aclose`; then `unfinished` says what became of them. It closes itself
    when the map raises, and when its consumer is cancelled while it waits for an outcome, be it
    by a timeout around a single one.

        async with session.campaigns.send_many(requests) as outcomes:
            async for outcome in outcomes:
                ...
        for outcome in outcomes.unfinished:
            ...

    Only one task at a time may ask for an outcome; which one may change.

    Args:
        run: the map.
    """

    def __init__(self, run: Run[_Item, _Value]) -> None:
        self._run = run
        # A generator, since the event loop closes one that is dropped half-way.
        self._generator = cast("AsyncGeneratorType[Outcome[_Item, _Value], None]", run.outcomes())

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Coroutine[Any, Any, Outcome[_Item, _Value]]:
        return self._generator.__anext__()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    if not TYPE_CHECKING:

        def __await__(self) -> NoReturn:
            raise ConfigurationError(
                "outcomes are not awaited: `async for outcome in ...`, or "
                "`[outcome async for outcome in ...]` for a list"
            )

    async def aclose(self) -> None:
        """Cancel what is under way and wait until nothing is left of it; harmless to repeat.

        A task that waits for an outcome sees the end of the iteration.
        """
        await self._run.aclose()
        if not self._generator.ag_running:
            await self._generator.aclose()

    @property
    def unfinished(self) -> tuple[Outcome[_Item, _Value], ...]:
        """The items that were pulled from the input and never given, in the order of the input.

        There are none after an iteration that went to its end. Otherwise an item whose call had
        ended has its value or error. One that was cancelled, or raised what ended the map, has
        an error, whose `sent` says whether it can be repeated: NOT_SENT is proven; ANSWERED and
        UNKNOWN are not to be repeated blindly. A `DeliveryUnknown` may have sent SMS.

        Raises:
            RuntimeError: while calls are under way: the iterator was left and is not closed.
        """
        return self._run.unfinished()
