"""Every call of a session: checked, attempted, tried again, within its deadline.

Between a resource and the transport a call awaits two coroutines, `Engine._made` and
`Engine._attempt`. A call that succeeds at once, as nearly all do, meets nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, nullcontext
from time import perf_counter
from typing import Any, Final, Self, cast

import anyio
import httpx
from attrs import evolve, field, frozen

from mediasflow_async._core.auth import Authenticator
from mediasflow_async._core.bearers import (
    Cookies,
    DeathSign,
    executed_nothing,
    leads_to_login,
    sign_of,
)
from mediasflow_async._core.calls import (
    Call,
    CallParts,
    Join,
    Operation,
    OperationKind,
    joining,
    make_call,
)
from mediasflow_async._core.credentials import (
    Credentials,
    login_headers,
    login_parts,
    token_lost,
)
from mediasflow_async._core.loops import Deadline
from mediasflow_async._core.not_given import NOT_GIVEN
from mediasflow_async._core.options import Settings, normalised_base_url
from mediasflow_async._core.progress import (
    FAILURES,
    Progress,
    ended,
    failed,
    hide,
    log_end,
    note_begin,
    too_late,
    unreadable,
)
from mediasflow_async._core.proof import Proof
from mediasflow_async._core.requests import Choice, Negotiation, RequestWriter
from mediasflow_async._core.responses import ApiResponse, understood, whole_body
from mediasflow_async._core.retry import Pacer, RetryPolicy, RetryQuota, retried
from mediasflow_async._core.routes import Answer, Connections, Live, Send, send_for
from mediasflow_async._core.streaming import ResponseStream, looked_at
from mediasflow_async._core.token_stores import TokenStore
from mediasflow_async.converter import ModelReader, reader_for
from mediasflow_async.dialect import Checksum, Dialect
from mediasflow_async.errors import ConfigurationError, MediasflowError, Sent, value_of
from mediasflow_async.secrecy import LOGGER, Secret, masked_http_logs
from mediasflow_async.transport import Outgoing

__all__ = ["Engine", "start"]

_Success = ApiResponse | ResponseStream
_Answered = _Success | MediasflowError

_UNMASKED: Final = nullcontext()
_JSON: Final = (b"{", b"[")
_MOST_RENEWALS: Final = 5
_MOST_REDIRECTS: Final = 3
_REDIRECTS: Final = range(300, 400)
_SAID_OF_TOKENS: Final = (DeathSign.REFUSED, DeathSign.TOLD)


def start(
    credentials: Mapping[str, Any],
    settings: Mapping[str, Any],
    *,
    base_url: str | None,
    dialect: Dialect | None,
    retry: RetryPolicy | None,
    token_store: TokenStore | None,
    http: Mapping[str, Any],
) -> Engine:
    """Return an engine for the arguments of a session; it holds nothing open yet.

    Raises:
        ConfigurationError: when they do not go together.
    """
    if http["client"] is not None and (http["transport"] or http["ssl_context"]) is not None:
        raise ConfigurationError("a client brings its own transport and TLS settings")
    chosen, policy = dialect or Dialect(), retry or RetryPolicy()
    limits = Settings().changed(**settings)
    url = normalised_base_url(base_url or chosen.base_url)
    who = Credentials(**credentials)
    # The login stays that of the session which was made first.
    engine = Engine(
        base_url=url,
        settings=limits,
        retry=policy,
        quota=RetryQuota(policy.quota),
        connections=Connections(url, limits, **http),
        authenticator=Authenticator(
            who, chosen, lambda: engine.log_in(who), base_url=str(url), store=token_store
        ),
        # A client of the caller's has cookies of its own.
        cookies=Cookies(url, is_kept=chosen.keep_cookies and http["client"] is None),
        writer=RequestWriter(url),
        pacer=Pacer(limits.rate) if limits.rate else None,
        **_of_dialect(chosen, url),
    )
    return engine


@frozen(kw_only=True, eq=False)
class Engine:
    """What a session runs on. Sessions derived from one another share all but the options.

    Attributes:
        base_url: the address that every path is below.
        dialect: the choices that the guide leaves open.
        settings: timeouts and limits.
        retry: how often and after which wait to try again.
        quota: the retries that may still be made.
        connections: the way to the server.
        authenticator: gives the bearer.
        cookies: those of the server's origin.
        join: gives the request target of a path.
        writer: writes the requests.
        negotiation: what this server turned out to want.
        reader: reads models out of answers.
        checksum: gives the headers that prove the integrity of a request, or None.
        pacer: spaces the requests, or None.
        departing: awaited before each request leaves, logins excepted; None for nothing.
    """

    base_url: httpx.URL
    dialect: Dialect = field(repr=False)
    settings: Settings
    retry: RetryPolicy
    quota: RetryQuota = field(repr=False)
    connections: Connections = field(repr=False)
    authenticator: Authenticator = field(repr=False)
    cookies: Cookies = field(repr=False)
    join: Join = field(repr=False)
    writer: RequestWriter = field(repr=False)
    negotiation: Negotiation = field(repr=False)
    reader: ModelReader = field(repr=False)
    checksum: Checksum | None = field(repr=False)
    pacer: Pacer | None = field(repr=False)
    departing: Callable[[], Awaitable[object]] | None = field(default=None, repr=False)

    def call(self, operation: Operation, parts: CallParts) -> Coroutine[Any, Any, ApiResponse]:
        """Make a call, to be awaited: it returns the answer, or raises what it ended with."""
        return self._made(operation, parts)

    @asynccontextmanager
    async def stream(
        self, operation: Operation, parts: CallParts
    ) -> AsyncGenerator[ResponseStream, None]:
        """Make a call and give the body of the answer to be read.

        The call keeps its slot among the ones under way until the block ends. A body that
        breaks off is not retried: who reads it knows from where to go on.
        """
        async with AsyncExitStack() as block:
            stream = await self._made(operation, parts, block)
            yield await block.enter_async_context(aclosing(stream))

    async def _made(
        self, operation: Operation, parts: CallParts, block: AsyncExitStack | None = None
    ) -> Any:
        """Make a call and return its answer; with a block, one whose body is read within it."""
        call = make_call(operation, self.join, self.settings, parts)
        live, progress = self.connections.live() or await self.connections.opened(), Progress()
        state = note_begin(call, progress)
        with (deadline := live.deadline(call.deadline_seconds)):
            if not live.takes_slot():
                await self.connections.wait_for_slot(live)
            if block is not None:
                block.callback(live.slots.release)
            try:
                result = await self._attempt(call, progress, live, streams=block is not None)
                if not isinstance(result, MediasflowError):
                    self.quota.earn()
                    ended(state, call, progress, result, block)
                    return result
                # An error that is raised from a frame which holds it is a cycle.
                del result
                last = self._again(call, progress, live, deadline, streams=block is not None)
                return value_of(ended(state, call, progress, await last, block))
            finally:
                if block is None:
                    live.slots.release()
        return value_of(ended(state, call, progress, too_late(call, progress)))

    async def _attempt(
        self, call: Call, progress: Progress, live: Live, *, streams: bool
    ) -> _Success | MediasflowError:
        """Send a call once, and return its answer, or its error as a value.

        With another bearer after a refused one, and with what the server negotiates, it is sent
        again: both say that nothing was executed.
        """
        progress.begin()
        renewals = 0
        bearer = self.authenticator.at_hand or await self._new_bearer()
        while not isinstance(bearer, MediasflowError):
            choice, token = self.negotiation.choice_for(call), bearer.reveal()
            if self.pacer or self.departing:
                await self._paced(live)
            began = perf_counter() if LOGGER.isEnabledFor(logging.DEBUG) else None
            proof, sign = progress.begin_request(call, is_trusted=live.route.is_trusted), None
            with masked_http_logs((token,)) if live.route.is_logged else _UNMASKED:
                try:
                    outgoing = self.writer.write(call, choice, token, proof, self._cookie(call))
                    send = send_for(call, live.route, self.checksum)
                    answer = await send(outgoing)
                    self._keep_cookies(call.target, answer)
                    if answer.status in _REDIRECTS and not call.operation.may_send:
                        answer = await self._followed(answer, outgoing, call, send, live)
                    result: _Answered
                    if streams and answer.status < _REDIRECTS.start:
                        result, sign = await self._streamed(answer, call, progress, token)
                    else:
                        content = answer.plain_body()
                        content = await self._body(answer) if content is None else content
                        result, sign = self._read(answer, content, call, progress)
                except _failures(proof) as failure:
                    result = failed(failure, call, progress)
            self._note(result, call, progress, began, token)
            if sign is None and not isinstance(result, MediasflowError):
                if renewals or self.authenticator.losses:
                    self.authenticator.worked(is_another=renewals > 0)
                return result
            has_renewals = renewals < _MOST_RENEWALS
            # The last one is given up, too, where it is refused.
            is_asked = has_renewals or sign is DeathSign.REFUSED
            wants_renewal = is_asked and self._wants_renewal(bearer, sign, call, result)
            if wants_renewal and has_renewals:
                renewals += 1
                bearer = await self._renewed(result, sign, progress)
            elif not self._learns_from(result, call, choice, progress):
                last = self._last(result, sign, call, choice, bearer, is_renewed=renewals > 0)
                return progress.failed_with(last) if isinstance(last, MediasflowError) else last
        return progress.failed_without_bearer(bearer, call)

    def _read(
        self, answer: Answer, content: bytes | None, call: Call, progress: Progress
    ) -> tuple[ApiResponse | MediasflowError, DeathSign | None]:
        """Return an answer or its error, and what it says of the token."""
        result = understood(
            answer,
            content,
            call,
            progress,
            reader=self.reader,
            most_bytes=self.settings.max_response_bytes,
            refusals=self.dialect.launch_refusals,
        )
        is_error = isinstance(result, MediasflowError)
        if not is_error and (content or b"").startswith(_JSON):
            return result, None
        return result, sign_of(answer.status, answer.headers, content, is_error=is_error)

    async def _streamed(
        self, answer: Answer, call: Call, progress: Progress, token: str
    ) -> tuple[_Answered, DeathSign | None]:
        """Return the body of an answer, to be read, or the error that an HTML page is."""
        begun, is_page = await looked_at(answer)
        if not is_page:
            return ResponseStream(begun, call, progress, self._secrets(token)), None
        result, sign = self._read(begun, await self._body(begun), call, progress)
        if not isinstance(result, MediasflowError):
            result = unreadable("the answer is an HTML page", call, progress, begun.status)
        return result, sign

    def _note(
        self, result: _Answered, call: Call, progress: Progress, began: float | None, token: str
    ) -> None:
        """Log a request that has ended, and hide in its error what nobody may read."""
        if began is not None:
            log_end(call, result, progress, began)
        if isinstance(result, MediasflowError):
            hide(result, self._secrets(token))

    async def _new_bearer(self) -> Secret | MediasflowError:
        bearer = await self.authenticator.bearer()
        self.connections.check_open()
        return bearer

    def _learns_from(
        self, result: _Answered, call: Call, choice: Choice, progress: Progress
    ) -> bool:
        """Whether to send a call again as the server wants it; the last one executed nothing."""
        is_learned = isinstance(result, MediasflowError) and self.negotiation.learns_from(
            result, call, choice
        )
        if is_learned:
            progress.proof = None
        return is_learned

    def _cookie(self, call: Call) -> str | None:
        return None if self.cookies.is_empty else self.cookies.header_for(call.target)

    def _keep_cookies(self, target: bytes, answer: Answer) -> None:
        if b"set-cookie" in answer.fields:
            self.cookies.take(target, answer.headers)

    def _secrets(self, token: str) -> tuple[str, ...]:
        return (token, *self.cookies.values())

    def _wants_renewal(
        self, bearer: Secret, sign: DeathSign | None, call: Call, result: _Answered
    ) -> bool:
        """Whether to send a call again with another bearer; a dead one is given up in any case."""
        if sign is None:
            return False
        said = result.message if isinstance(result, MediasflowError) else ""
        is_safe = not call.operation.may_send or (
            isinstance(result, MediasflowError)
            and executed_nothing(result.status, sign, self.dialect.launch_refusals)
        )
        is_dead = self.authenticator.gives_up(bearer, sign, said=said, is_repeated=is_safe)
        return is_dead and is_safe

    async def _renewed(
        self, result: _Answered, sign: DeathSign | None, progress: Progress
    ) -> Secret | MediasflowError:
        """Return another bearer after an answer that showed the last one to be dead."""
        progress.proof = None
        if isinstance(result, MediasflowError):
            # What may send comes here after a refusal alone that executed nothing.
            if result.sent is Sent.UNKNOWN:
                result.sent, result.next_step = Sent.ANSWERED, type(result).next_step
            # What a deadline tells that passes here, while a login is waited for.
            is_refused = sign is DeathSign.REFUSED
            progress.failed_with(token_lost(result) if is_refused else result)
        bearer = await self._new_bearer()
        progress.last_error = None
        return bearer

    def _last(
        self,
        result: _Answered,
        sign: DeathSign | None,
        call: Call,
        choice: Choice,
        bearer: Secret,
        *,
        is_renewed: bool,
    ) -> _Answered:
        """Return what an attempt ends with, an error with the options that may cure it."""
        if is_renewed and sign is DeathSign.REFUSED and isinstance(result, MediasflowError):
            result = token_lost(result)
        elif is_renewed and sign is not None:
            self.authenticator.judge_suspicion(was_right=False)
        if isinstance(result, MediasflowError):
            self.negotiation.name_cures(result, call, choice)
            if sign in _SAID_OF_TOKENS and call.operation.may_send:
                self.authenticator.name_cure(result, bearer)
        return result

    async def _paced(self, live: Live) -> None:
        if self.pacer:
            await self.pacer.wait(live.rate_lock)
        if self.departing:
            await self.departing()
        self.connections.check_open()

    async def _followed(
        self, answer: Answer, outgoing: Outgoing, call: Call, send: Send, live: Live
    ) -> Answer:
        """Return the answer that a redirect leads to, or the redirect if it is not followed."""
        for _ in range(_MOST_REDIRECTS):
            # A page to log in on answers nothing: the token is dead.
            if leads_to_login(answer.headers):
                break
            following = self.writer.redirected(outgoing, answer, call, self.cookies.header_for)
            if following is None:
                break
            await answer.aclose()
            await self._paced(live)
            outgoing = following
            answer = await send(outgoing)
            self._keep_cookies(outgoing.head.target, answer)
        return answer

    def _body(self, answer: Answer) -> Awaitable[bytes | None]:
        return whole_body(answer, self.settings.max_response_bytes)

    async def _again(
        self, call: Call, progress: Progress, live: Live, deadline: Deadline, *, streams: bool
    ) -> _Success | MediasflowError:
        """Return what a call ends with whose first attempt failed, as its progress knows."""

        def another() -> Awaitable[_Success | MediasflowError]:
            self.connections.check_open()
            return self._attempt(call, progress, live, streams=streams)

        result: _Success | MediasflowError = await retried(
            cast("MediasflowError", progress.last_error),
            another,
            call.operation,
            policy=self.retry,
            quota=self.quota,
            time_left=lambda: deadline.deadline - anyio.current_time(),
        )
        # A call that is cut short before its next attempt is told the error of the one before.
        progress.last_error = None
        return result

    async def log_in(self, credentials: Credentials) -> ApiResponse | MediasflowError:
        """Send a login and return its answer, or the error as a value (Guide: 1.3).

        It is one attempt without a bearer, and nothing about it is negotiated. The calls that
        wait for it decide whether it is tried again.
        """
        operation = Operation(OperationKind.READ, "POST", self.dialect.login_path)
        parts = login_parts(credentials, self.dialect)
        call = evolve(
            make_call(operation, self.join, self.settings, parts),
            headers=login_headers(credentials, self.dialect),
        )
        live = self.connections.live() or await self.connections.opened()
        progress, secrets = Progress(attempts=1), credentials.secrets()
        with masked_http_logs(secrets):
            await self._paced(live)
            began = perf_counter()
            try:
                result = await self._logged_in(call, progress, live)
            except _failures(progress.proof) as failure:
                result = failed(failure, call, progress)
        if LOGGER.isEnabledFor(logging.DEBUG):
            log_end(call, result, progress, began)
        if isinstance(result, MediasflowError):
            hide(result, (*secrets, *self.cookies.values()))
            # Of the call that needs the login, nothing has left.
            result.sent = Sent.NOT_SENT
        return result

    async def _logged_in(
        self, call: Call, progress: Progress, live: Live
    ) -> ApiResponse | MediasflowError:
        choice = Choice(call.operation.method, call.content_type)
        proof = progress.begin_request(call, is_trusted=live.route.is_trusted)
        cookie = self._cookie(call)
        outgoing = self.writer.write(call, choice, None, proof, cookie)
        answer = await send_for(call, live.route, self.checksum)(outgoing)
        self._keep_cookies(call.target, answer)
        return self._read(answer, await self._body(answer), call, progress)[0]

    def changed(
        self,
        *,
        dialect: Any,
        retry: Any,
        departing: Callable[[], Awaitable[object]] | None,
        **settings: Any,
    ) -> Self:
        """Return an engine with other options that shares the rest.

        With another dialect, a login that was refused may be tried again at once.
        """
        changes: dict[str, Any] = {"settings": self.settings.changed(**settings)}
        if departing is not None:
            changes["departing"] = departing
        if dialect is not NOT_GIVEN:
            self.authenticator.forget_refusal()
            changes |= _of_dialect(dialect, self.base_url)
        if retry is not NOT_GIVEN:
            changes |= {"retry": retry, "quota": RetryQuota(retry.quota)}
        return evolve(self, **changes)


def _failures(proof: Proof | None) -> tuple[type[Exception], ...]:
    """Return what to catch of a request: nothing that is the caller's, even where it is alike."""
    return () if proof and proof.is_vetoed else FAILURES


def _of_dialect(dialect: Dialect, base_url: httpx.URL) -> dict[str, Any]:
    """Return the parts of an engine that a dialect decides."""
    return {
        "dialect": dialect,
        "join": joining(base_url, dialect.trailing_slashes),
        "negotiation": Negotiation(dialect),
        "reader": reader_for(dialect.server_tz),
        "checksum": dialect.checksum,
    }
