"""Every call: checked, given a place, attempted, retried, within its deadline."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, nullcontext
from functools import partial
from typing import Any, Final, NamedTuple, Self, TypeVar

import anyio
import httpx
from attrs import evolve, field, frozen

from mediasflow_async._core.auth import Authenticator, Credentials, login_headers, login_parts
from mediasflow_async._core.calls import (
    Call,
    CallParts,
    Join,
    Operation,
    OperationKind,
    joining,
    make_call,
)
from mediasflow_async._core.failures import (
    FAILURES,
    Progress,
    failed,
    hide,
    interrupted,
    too_late,
    unreadable,
)
from mediasflow_async._core.loops import Deadline
from mediasflow_async._core.not_given import NOT_GIVEN
from mediasflow_async._core.options import Settings, normalised_base_url
from mediasflow_async._core.proof import Fate, Proof, note_call, note_end
from mediasflow_async._core.requests import (
    Choice,
    Negotiation,
    RequestWriter,
    Shortcut,
    same_origin_get,
)
from mediasflow_async._core.responses import (
    ApiResponse,
    decoded,
    decoded_pieces,
    error_of,
    is_encoded,
)
from mediasflow_async._core.retry import Pacer, RetryPolicy, RetryQuota, retried
from mediasflow_async._core.routes import Connections, Live
from mediasflow_async._core.streaming import ResponseStream, closing, cut_cycle
from mediasflow_async.converter import ModelReader, reader_for
from mediasflow_async.dialect import Checksum, Dialect
from mediasflow_async.errors import ConfigurationError, MediasflowError, Sent, value_of
from mediasflow_async.secrecy import LOGGER, masked_http_logs

__all__ = ["Engine", "Exchange", "start"]


_Result = TypeVar("_Result")
_Way = Callable[["Outbound"], Awaitable[_Result | MediasflowError]]


class Outbound(NamedTuple):
    """What one attempt is made of.

    Attributes:
        call: what is called.
        choice: method and media type, as this server wants them.
        authorization: the header that says who is calling.
        proof: what is known of its departure.
        progress: how far the call has come.
        live: the event loop's own way to the server.
    """

    call: Call
    choice: Choice
    authorization: str | None
    proof: Proof
    progress: Progress
    live: Live


_UNMASKED: Final = nullcontext()
_UNAUTHORIZED: Final = 401
_MOST_REDIRECTS: Final = 3
_FIRST_ERROR_STATUS: Final = 300


@frozen(kw_only=True)
class Exchange:
    """Makes the attempts of a session.

    Attributes:
        join: gives the address of a path.
        authenticator: gives the bearer.
        negotiation: what this server turned out to want.
        reader: reads models out of answers.
        checksum: headers that prove integrity, or None.
        pacer: spaces the requests, or None.
        max_response_bytes: size of a decoded body beyond which reading stops.
        writer: writes the requests.
        departing: awaited before each request leaves, or None.
    """

    join: Join = field(repr=False)
    authenticator: Authenticator = field(repr=False)
    negotiation: Negotiation
    reader: ModelReader = field(repr=False)
    checksum: Checksum | None
    pacer: Pacer | None
    max_response_bytes: int
    writer: RequestWriter = field(repr=False)
    shortcut: Shortcut = field(repr=False)
    departing: Callable[[], Awaitable[object]] | None = field(default=None, repr=False)

    # Each function that awaits another costs every call: these two hand out what to await.

    def attempt(
        self, call: Call, progress: Progress, live: Live
    ) -> Awaitable[ApiResponse | MediasflowError]:
        """Send a call, to await the whole answer, or the error as a value."""
        return self._negotiated(call, progress, live, self._whole)

    def open(
        self, call: Call, progress: Progress, live: Live
    ) -> Awaitable[httpx.Response | MediasflowError]:
        """Send a call, to await the answer with its body still to be read, or the error."""
        return self._negotiated(call, progress, live, self._head)

    async def log_in(
        self, credentials: Credentials, settings: Settings, live: Live
    ) -> ApiResponse | MediasflowError:
        """Send a login and return its answer, or the error as a value (Guide: 1.3)."""
        dialect = self.negotiation.dialect
        operation = Operation(OperationKind.READ, "POST", dialect.login_path)
        call = make_call(operation, self.join, settings, login_parts(credentials, dialect))
        choice = Choice(operation.method, call.content_type)
        authorization = login_headers(credentials, dialect).get("Authorization")
        secrets = credentials.secrets()
        progress = Progress(attempts=1)
        with masked_http_logs(secrets):
            result = await self._send(call, choice, authorization, progress, live, way=self._whole)
        if isinstance(result, MediasflowError):
            hide(result, secrets)
            # Of the call that needs the login, nothing has left.
            result.sent = Sent.NOT_SENT
        return result

    async def _negotiated(
        self, call: Call, progress: Progress, live: Live, way: _Way[_Result]
    ) -> _Result | MediasflowError:
        progress.begin()
        bearer = self.authenticator.at_hand or await self.authenticator.bearer()
        renewed = False
        while not isinstance(bearer, MediasflowError):
            choice = self.negotiation.choice_for(call)
            secrets = (bearer.reveal(),)
            authorization = f"Bearer {bearer.reveal()}"
            with masked_http_logs(secrets) if live.route.is_logged else _UNMASKED:
                result = await self._send(call, choice, authorization, progress, live, way=way)
            if not isinstance(result, MediasflowError):
                return result
            hide(result, secrets)
            if result.status == _UNAUTHORIZED and not renewed and self.authenticator.reject(bearer):
                renewed = True
                progress.proof = None
                bearer = await self.authenticator.bearer()
            elif not self.negotiation.learns_from(result, call, choice):
                progress.fail(result)
                return result
        bearer.attempts = progress.attempts
        bearer.campaign_id = call.campaign_id
        bearer.sent = progress.verdict
        progress.fail(bearer)
        return bearer

    async def _send(
        self,
        call: Call,
        choice: Choice,
        authorization: str | None,
        progress: Progress,
        live: Live,
        *,
        way: _Way[_Result],
    ) -> _Result | MediasflowError:
        if self.pacer or self.departing:
            await self._paced(live)
        proof = progress.proof = Proof(is_trusted=live.route.is_trusted, guard=call.guard)
        if call.guard and not live.route.is_trusted:
            # It may never say when the first byte leaves: this is the latest known moment.
            call.guard()
        started = time.perf_counter()
        try:
            result = await way(Outbound(call, choice, authorization, proof, progress, live))
        except FAILURES as failure:
            result = failed(failure, call, progress)
        _log(call, result, progress, started)
        return result

    async def _whole(self, out: Outbound) -> ApiResponse | MediasflowError:
        """Return the whole answer, or the error that it is."""
        ask = out.live.route.ask
        if ask is None or self.checksum or not self.shortcut.takes(out.call, out.choice):
            return await self._read(await self._response(out), out.call, out.progress)
        told = self.shortcut.write(out.call, out.choice, out.authorization, out.proof)
        answer = await ask(told, self.shortcut.origin)
        if answer.is_complete and not is_encoded(answer.headers):
            content = self._fitting(answer.body())
            return self._understood(answer.status, answer.headers, content, out.call, out.progress)
        response = answer.response()
        response.request = self._request(out)
        return await self._read(response, out.call, out.progress)

    async def _head(self, out: Outbound) -> httpx.Response | MediasflowError:
        """Return the answer with its body still to be read, or the error that it is."""
        response = await self._response(out)
        if response.status_code < _FIRST_ERROR_STATUS:
            return response
        error = await self._read(response, out.call, out.progress)
        return error if isinstance(error, MediasflowError) else response

    def _request(self, out: Outbound) -> httpx.Request:
        return self.writer.write(out.call, out.choice, out.authorization, out.proof)

    async def _response(self, out: Outbound) -> httpx.Response:
        request = self._request(out)
        if self.checksum:
            # What proves the integrity of a body stands before it, in a header.
            await request.aread()
            request.headers.update(self.checksum(request))
        return await self._follow(request, out.live)

    async def _follow(self, request: httpx.Request, live: Live) -> httpx.Response:
        for _ in range(_MOST_REDIRECTS):
            response = await live.route.send(request)
            following = same_origin_get(request, response)
            if following is None:
                return response
            async with closing(response):
                request = following
            await self._paced(live)
        return await live.route.send(request)

    async def _paced(self, live: Live) -> None:
        if self.pacer:
            await self.pacer.wait(live.turn)
        if self.departing:
            await self.departing()

    async def _read(
        self, response: httpx.Response, call: Call, progress: Progress
    ) -> ApiResponse | MediasflowError:
        content = await _body(response, self.max_response_bytes)
        return self._understood(response.status_code, response.headers, content, call, progress)

    def _fitting(self, content: bytes) -> bytes | None:
        return content if len(content) <= self.max_response_bytes else None

    def _understood(
        self,
        status: int,
        headers: httpx.Headers | list[tuple[bytes, bytes]],
        content: bytes | None,
        call: Call,
        progress: Progress,
    ) -> ApiResponse | MediasflowError:
        if content is None:
            reason = f"the answer is larger than {self.max_response_bytes} bytes once decoded"
            return unreadable(reason, call, progress, status)
        answer = ApiResponse(
            status=status,
            headers=headers,
            content=content,
            data=decoded(content),
            attempts=progress.attempts,
            operation=call.operation,
            campaign_id=call.campaign_id,
            reader=self.reader,
        )
        return error_of(answer) or answer


async def _body(response: httpx.Response, most_bytes: int) -> bytes | None:
    """Return the decoded body, or None when it is too large; the response is closed."""
    at_hand: bytes | None = response.extensions.get("body")
    if at_hand is not None and not is_encoded(response.headers.raw):
        cut_cycle(response)
        return at_hand if len(at_hand) <= most_bytes else None
    async with closing(response), aclosing(decoded_pieces(response)) as pieces:
        return await _joined(pieces, most_bytes)


async def _joined(pieces: AsyncIterator[bytes], most_bytes: int) -> bytes | None:
    content = bytearray()
    async for piece in pieces:
        content += piece
        if len(content) > most_bytes:
            return None
    return bytes(content)


def _log(call: Call, result: object, progress: Progress, started: float) -> None:
    if not LOGGER.isEnabledFor(logging.DEBUG):
        return
    LOGGER.debug(
        "%s %s: %s, attempt %d, %.1f ms, request id %s",
        call.operation.method,
        call.operation.shown_path,
        getattr(result, "status", None) or type(result).__name__,
        progress.attempts,
        (time.perf_counter() - started) * 1000,
        getattr(result, "request_id", None),
    )


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


def start(
    credentials: Mapping[str, Any],
    settings: Mapping[str, Any],
    *,
    base_url: str | None,
    dialect: Dialect | None,
    retry: RetryPolicy | None,
    http: Mapping[str, Any],
) -> Engine:
    """Return an engine for the arguments of a session; it holds nothing open yet.

    Raises:
        ConfigurationError: when they do not go together.
    """
    if http["client"] is not None and (http["transport"] or http["ssl_context"]) is not None:
        raise ConfigurationError("a client brings its own transport and TLS settings")
    chosen = dialect or Dialect()
    limits = Settings().changed(**settings)
    url = normalised_base_url(base_url or chosen.base_url)
    return Engine.start(
        Credentials(**credentials),
        base_url=url,
        dialect=chosen,
        settings=limits,
        retry=retry or RetryPolicy(),
        connections=Connections(url, limits, **http),
    )
