"""The way of every call: checked, given a place, attempted, retried, within its deadline."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, Self, TypeVar

import anyio
import httpx
from attrs import evolve, field, frozen

from mediasflow_async.auth import Authenticator, Credentials
from mediasflow_async.calls import Call, CallParts, joining, make_call
from mediasflow_async.connections import Connections, Live
from mediasflow_async.converter import reader_for
from mediasflow_async.deadlines import Deadline
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import MediasflowError, Sent, value_of
from mediasflow_async.exchange import Exchange
from mediasflow_async.failures import Progress, interrupted, too_late
from mediasflow_async.interruptions import Fate, note_call, note_end
from mediasflow_async.limits import Pacer, RetryQuota
from mediasflow_async.negotiation import Negotiation
from mediasflow_async.not_given import NOT_GIVEN
from mediasflow_async.operations import Operation
from mediasflow_async.requests import RequestWriter
from mediasflow_async.responses import ApiResponse
from mediasflow_async.retry import RetryPolicy, retried
from mediasflow_async.settings import Settings
from mediasflow_async.shortcut import Shortcut
from mediasflow_async.streaming import ResponseStream, closing

__all__ = ["Engine"]

_Result = TypeVar("_Result")
_Attempt = Callable[[Call, Progress, Live], Awaitable[_Result | MediasflowError]]


@frozen(kw_only=True, eq=False)
class Engine:
    """What a session runs on. Sessions derived from one another share all but the options.

    Attributes:
        base_url: the address that every path is below.
        dialect: the choices that the guide leaves open.
        settings: timeouts and limits.
        retry: how often and after which wait to try again.
        connections: the way to the server.
        exchange: makes attempts.
        quota: the retries that may still be made.
    """

    base_url: httpx.URL
    dialect: Dialect = field(repr=False)
    settings: Settings
    retry: RetryPolicy
    connections: Connections = field(repr=False)
    exchange: Exchange = field(repr=False)
    quota: RetryQuota = field(repr=False)

    @classmethod
    def start(
        cls,
        credentials: Credentials,
        *,
        base_url: httpx.URL,
        dialect: Dialect,
        settings: Settings,
        retry: RetryPolicy,
        connections: Connections,
    ) -> Self:
        """Return an engine that holds nothing open yet."""

        async def log_in() -> ApiResponse | MediasflowError:
            return await exchange.log_in(credentials, settings, connections.live())

        exchange = Exchange(
            join=joining(base_url),
            writer=RequestWriter(base_url),
            shortcut=Shortcut(base_url),
            authenticator=Authenticator(credentials, dialect, log_in),
            pacer=Pacer(settings.rate) if settings.rate else None,
            max_response_bytes=settings.max_response_bytes,
            **_of_dialect(dialect),
        )
        return cls(
            base_url=base_url,
            dialect=dialect,
            settings=settings,
            retry=retry,
            connections=connections,
            exchange=exchange,
            quota=RetryQuota(retry.quota),
        )

    def changed(
        self,
        *,
        dialect: Any,
        retry: Any,
        departing: Callable[[], Awaitable[object]] | None,
        **settings: Any,
    ) -> Self:
        """Return an engine with other options that shares the rest."""
        changed = self.settings.changed(**settings)
        changes: dict[str, Any] = {"settings": changed}
        parts: dict[str, Any] = {"max_response_bytes": changed.max_response_bytes}
        if departing is not None:
            parts["departing"] = departing
        if dialect is not NOT_GIVEN:
            changes["dialect"] = dialect
            parts |= _of_dialect(dialect)
        if retry is not NOT_GIVEN:
            changes |= {"retry": retry, "quota": RetryQuota(retry.quota)}
        return evolve(self, exchange=evolve(self.exchange, **parts), **changes)

    async def call(self, operation: Operation, parts: CallParts) -> ApiResponse:
        """Make a call and return the answer, or raise what it ended with."""
        call = make_call(operation, self.exchange.join, self.settings, parts)
        live = self.connections.live()
        progress = Progress()
        fate = _begun(call, progress)
        with (deadline := live.deadline(call.deadline_seconds)):
            if not live.takes_place():
                await live.places.acquire()
            try:
                result = self._retried(self.exchange.attempt, call, progress, live, deadline)
                return value_of(_ended(fate, call, progress, await result))
            finally:
                live.places.release()
        raise _ended(fate, call, progress, too_late(call, progress))

    @asynccontextmanager
    async def stream(
        self, operation: Operation, parts: CallParts
    ) -> AsyncGenerator[ResponseStream, None]:
        """Make a call and give the body of the answer to be read.

        The call keeps its place among the ones under way until the block ends. A body that
        breaks off is not retried: who reads it knows from where to go on.
        """
        call = make_call(operation, self.exchange.join, self.settings, parts)
        progress = Progress()
        fate = _begun(call, progress)
        async with AsyncExitStack() as stack:
            response = await self._opened(call, progress, stack)
            yield ResponseStream(response, call, progress)
        _ended(fate, call, progress, None)

    async def _opened(
        self, call: Call, progress: Progress, stack: AsyncExitStack
    ) -> httpx.Response:
        live = self.connections.live()
        with (deadline := live.deadline(call.deadline_seconds)):
            await stack.enter_async_context(live.places)
            opened = self._retried(self.exchange.open, call, progress, live, deadline)
            return await stack.enter_async_context(closing(value_of(await opened)))
        raise too_late(call, progress)

    async def _retried(
        self,
        attempt: _Attempt[_Result],
        call: Call,
        progress: Progress,
        live: Live,
        deadline: Deadline,
    ) -> _Result | MediasflowError:
        self.connections.check_open()
        result = await attempt(call, progress, live)
        if isinstance(result, MediasflowError):
            another = partial(attempt, call, progress, live)
            return await self._again(result, another, call, progress, deadline)
        self.quota.earn()
        return result

    async def _again(
        self,
        first: MediasflowError,
        another: Callable[[], Awaitable[_Result | MediasflowError]],
        call: Call,
        progress: Progress,
        deadline: Deadline,
    ) -> _Result | MediasflowError:
        def once() -> Awaitable[_Result | MediasflowError]:
            self.connections.check_open()
            return another()

        result = await retried(
            first,
            once,
            call.operation,
            policy=self.retry,
            quota=self.quota,
            time_left=lambda: deadline.deadline - anyio.current_time(),
        )
        # A call that is cut short before its next attempt is told the error of the one before.
        progress.last_error = None
        return result


def _begun(call: Call, progress: Progress) -> Fate:
    fate = partial(interrupted, call, progress)
    note_call(fate)
    return fate


def _ended(fate: Fate, call: Call, progress: Progress, result: _Result) -> _Result:
    """Note that a call has ended, and pass on with what."""
    is_in_doubt = call.operation.may_send and progress.verdict is not Sent.NOT_SENT
    note_end(fate, is_in_doubt=is_in_doubt)
    return result


def _of_dialect(dialect: Dialect) -> dict[str, Any]:
    """Return the parts of an exchange that a dialect decides."""
    return {
        "negotiation": Negotiation(dialect),
        "reader": reader_for(dialect.server_tz),
        "checksum": dialect.checksum,
    }
