"""The way of every call: checked, given a place, attempted, retried, within its deadline."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self, TypeVar

import anyio
import httpx
from attrs import evolve, field, frozen

from mediasflow_async.auth import Authenticator, Credentials
from mediasflow_async.calls import Call, CallParts, make_call
from mediasflow_async.connections import Connections, Live
from mediasflow_async.converter import reader_for
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import MediasflowError, value_of
from mediasflow_async.exchange import Exchange
from mediasflow_async.failures import Progress, too_late
from mediasflow_async.limits import Pacer, RetryQuota
from mediasflow_async.negotiation import Negotiation
from mediasflow_async.not_given import NOT_GIVEN
from mediasflow_async.operations import Operation
from mediasflow_async.responses import ApiResponse
from mediasflow_async.retry import RetryPolicy, call_with_retry
from mediasflow_async.settings import Settings
from mediasflow_async.streaming import ResponseStream, closing

__all__ = ["Engine"]

_Result = TypeVar("_Result")


@frozen(kw_only=True, eq=False)
class Engine:
    """What a session runs on. Sessions derived from one another share all but the options.

    Attributes:
        base_url: the address that every path is below.
        dialect: the choices that the guide leaves open.
        settings: timeouts and limits.
        retry: how often and after which wait to try again.
        connections: the client.
        authenticator: gives the bearer.
        negotiation: what the server turned out to want.
        quota: the retries that may still be made.
        pacer: spaces the requests, or None.
    """

    base_url: httpx.URL
    dialect: Dialect = field(repr=False)
    settings: Settings
    retry: RetryPolicy
    connections: Connections = field(repr=False)
    authenticator: Authenticator = field(repr=False)
    negotiation: Negotiation = field(repr=False)
    quota: RetryQuota = field(repr=False)
    pacer: Pacer | None = field(repr=False)

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
        negotiation = Negotiation(dialect)

        async def log_in() -> ApiResponse | MediasflowError:
            exchange = engine.exchange(connections.live())
            return await exchange.log_in(credentials, settings)

        engine = cls(
            base_url=base_url,
            dialect=dialect,
            settings=settings,
            retry=retry,
            connections=connections,
            authenticator=Authenticator(credentials, dialect, log_in),
            negotiation=negotiation,
            quota=RetryQuota(retry.quota),
            pacer=Pacer(settings.rate) if settings.rate else None,
        )
        return engine

    def changed(self, *, dialect: Any, retry: Any, **settings: Any) -> Self:
        """Return an engine with other options that shares the rest."""
        changes: dict[str, Any] = {"settings": self.settings.changed(**settings)}
        if dialect is not NOT_GIVEN:
            changes |= {"dialect": dialect, "negotiation": Negotiation(dialect)}
        if retry is not NOT_GIVEN:
            changes |= {"retry": retry, "quota": RetryQuota(retry.quota)}
        return evolve(self, **changes)

    async def call(self, operation: Operation, parts: CallParts) -> ApiResponse:
        """Make a call and return the answer, or raise what it ended with."""
        call = make_call(operation, self.base_url, self.settings, parts)
        live = self.connections.live()
        progress = Progress()
        with anyio.move_on_after(call.deadline_seconds) as scope:
            async with live.places:
                attempt = self.exchange(live).attempt
                return value_of(await self._retried(attempt, call, progress, scope))
        raise too_late(call, progress)

    @asynccontextmanager
    async def stream(
        self, operation: Operation, parts: CallParts
    ) -> AsyncGenerator[ResponseStream, None]:
        """Make a call and give the body of the answer to be read.

        The call keeps its place among the ones under way until the block ends. A body that
        breaks off is not retried: who reads it knows from where to go on.
        """
        call = make_call(operation, self.base_url, self.settings, parts)
        progress = Progress()
        async with AsyncExitStack() as stack:
            response = await self._opened(call, progress, stack)
            yield ResponseStream(response, call, progress)

    def exchange(self, live: Live) -> Exchange:
        """Return what makes attempts on the running event loop."""
        return Exchange(
            client=live.client,
            base_url=self.base_url,
            authenticator=self.authenticator,
            negotiation=self.negotiation,
            reader=reader_for(self.dialect.server_tz),
            checksum=self.dialect.checksum,
            pacer=self.pacer,
            turn=live.turn,
            is_trusted=self.connections.is_trusted,
            max_response_bytes=self.settings.max_response_bytes,
        )

    async def _opened(
        self, call: Call, progress: Progress, stack: AsyncExitStack
    ) -> httpx.Response:
        live = self.connections.live()
        with anyio.move_on_after(call.deadline_seconds) as scope:
            await stack.enter_async_context(live.places)
            opened = self._retried(self.exchange(live).open, call, progress, scope)
            return await stack.enter_async_context(closing(value_of(await opened)))
        raise too_late(call, progress)

    async def _retried(
        self,
        attempt: Callable[[Call, Progress], Awaitable[_Result | MediasflowError]],
        call: Call,
        progress: Progress,
        scope: anyio.CancelScope,
    ) -> _Result | MediasflowError:
        async def once(_: int) -> _Result | MediasflowError:
            self.connections.check_open()
            progress.begin()
            result = await attempt(call, progress)
            progress.end(result)
            return result

        try:
            return await call_with_retry(
                once,
                call.operation,
                self.retry,
                self.quota,
                time_left=lambda: scope.deadline - anyio.current_time(),
            )
        finally:
            if not scope.cancel_called:
                progress.last_error = None
