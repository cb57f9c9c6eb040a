"""The session: what users hold. What it runs on is imported when the first one is made."""

from __future__ import annotations

import sys
import tracemalloc
import warnings
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from functools import cached_property
from importlib import import_module
from inspect import currentframe
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

from mediasflow_async._core.not_given import NOT_GIVEN

if TYPE_CHECKING:
    import ssl
    from types import TracebackType
    from typing import Unpack

    import httpx

    from mediasflow_async._core.calls import CallParts, Operation, OperationKind
    from mediasflow_async._core.engine import Engine
    from mediasflow_async._core.not_given import Duration, NotGiven
    from mediasflow_async._core.responses import ApiResponse
    from mediasflow_async._core.retry import RetryPolicy
    from mediasflow_async._core.streaming import ResponseStream
    from mediasflow_async._core.token_stores import TokenStore
    from mediasflow_async.dialect import Dialect
    from mediasflow_async.resources import Blacklist, Campaigns, Lists, Reports
    from mediasflow_async.secrecy import Secret

__all__ = ["Session"]

_LOADED_LATE: Final = ("anyio._backends._asyncio", "encodings.idna", "encodings.utf_8_sig")
"""What anyio and Python import in the first call of a program."""


class Session:
    """A client of Mediasflow, shared by everything in your program that needs it.

    It starts by itself when first used, in whatever event loop that is, one at a time, and holds
    its connections until it is closed: use it as an async context manager, or call `aclose`.

        async with Session("login", "password") as session:
            campaign = await session.campaigns.send(request)

    Args:
        username: the account's login.
        password: its password.
        token: a bearer obtained elsewhere, with or without the word "Bearer", instead.
        base_url: address of the API; the dialect's, which is production's, by default. Plain
            http is refused beyond this machine.
        dialect: every choice that the guide leaves open.
        retry: how often and after which wait a failed call is tried again.
        timeout: longest wait for the next bytes of an answer; 30 s by default.
        connect_timeout: longest wait for a connection; 5 s by default.
        deadline: longest time for a call with all attempts and waits; 120 s by default. Where
            an answer is streamed, until it begins. It begins once the way to the server is known:
            loading certificates is done by `async with`, or else by the first call, before.
        max_in_flight: requests under way at once; 50 by default.
        rate: requests per second that are never exceeded; None, the default, for no limit.
        max_response_bytes: decoded size beyond which an answer is refused; 64 MiB by default.
        token_store: where programs share the token of the account, such as a `FileTokenStore`;
            None, the default, for a token of its own. A `token` that is given is never stored.
        ssl_context: TLS settings; httpx's by default.
        transport: an httpx transport of yours; never closed by the session.
        client: an httpx client of yours; never closed by the session.

    Every time option takes seconds, a timedelta, or None for no limit.

    Raises:
        ConfigurationError: when the options do not go together.
    """

    def __init__(
        self,
        username: str | None = None,
        password: str | Secret | None = None,
        *,
        token: str | Secret | None = None,
        base_url: str | None = None,
        dialect: Dialect | None = None,
        retry: RetryPolicy | None = None,
        timeout: Duration | NotGiven = NOT_GIVEN,
        connect_timeout: Duration | NotGiven = NOT_GIVEN,
        deadline: Duration | NotGiven = NOT_GIVEN,
        max_in_flight: int | NotGiven = NOT_GIVEN,
        rate: float | NotGiven | None = NOT_GIVEN,
        max_response_bytes: int | NotGiven = NOT_GIVEN,
        token_store: TokenStore | None = None,
        ssl_context: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        from mediasflow_async._core.engine import start

        self._engine = start(
            {"username": username, "password": password, "token": token},
            {
                "timeout": timeout,
                "connect_timeout": connect_timeout,
                "deadline": deadline,
                "max_in_flight": max_in_flight,
                "rate": rate,
                "max_response_bytes": max_response_bytes,
            },
            base_url=base_url,
            dialect=dialect,
            retry=retry,
            token_store=token_store,
            http={"ssl_context": ssl_context, "transport": transport, "client": client},
        )
        self._is_derived = False
        self._is_closed = False
        self._made_at = _place_of_caller()

    @classmethod
    def from_env(cls, **overrides: Any) -> Self:
        """Return a session with its options from the environment, then from the arguments.

        ``MEDIASFLOW_USERNAME``, ``MEDIASFLOW_PASSWORD``, ``MEDIASFLOW_TOKEN``,
        ``MEDIASFLOW_BASE_URL``, ``MEDIASFLOW_TIMEOUT``, ``MEDIASFLOW_CONNECT_TIMEOUT``,
        ``MEDIASFLOW_DEADLINE``, ``MEDIASFLOW_MAX_IN_FLIGHT``, ``MEDIASFLOW_RATE``, and
        ``MEDIASFLOW_TOKEN_STORE``, the path of a `FileTokenStore`. An empty variable counts as
        not set; ``none`` means no limit. Credentials are taken from one
        place: a username or a token that is given leaves those of the environment out.

        Raises:
            ConfigurationError: names the variable that cannot be read, or what is missing.
        """
        from mediasflow_async._core.options import from_environment

        return cls(**from_environment(overrides))

    def with_options(
        self,
        *,
        dialect: Dialect | NotGiven = NOT_GIVEN,
        retry: RetryPolicy | NotGiven = NOT_GIVEN,
        timeout: Duration | NotGiven = NOT_GIVEN,
        connect_timeout: Duration | NotGiven = NOT_GIVEN,
        deadline: Duration | NotGiven = NOT_GIVEN,
        max_response_bytes: int | NotGiven = NOT_GIVEN,
        departing: Callable[[], Awaitable[object]] | None = None,
    ) -> Self:
        """Return a session with other options that shares this one's connections and login.

        It ends with the session that it comes from; closing it alone closes no connection. A
        new retry policy has a quota of its own. Of a new dialect, the address, the cookies and
        what concerns the login are not taken. A login that was refused a while ago is tried again
        by the next call where a dialect is given, and for no other option.

        Args:
            dialect: as in `Session`, and so are the others but the last.
            retry: the same.
            timeout: the same.
            connect_timeout: the same.
            deadline: the same.
            max_response_bytes: the same.
            departing: awaited before each request but a login, when nothing is left to do but
                to send it: a limit that is shared beyond this session. It counts towards the
                deadline of the call.
        """
        engine = self._open_engine().changed(
            dialect=dialect,
            retry=retry,
            timeout=timeout,
            connect_timeout=connect_timeout,
            deadline=deadline,
            max_response_bytes=max_response_bytes,
            departing=departing,
        )
        return self._derived(engine)

    async def __aenter__(self) -> Self:
        from mediasflow_async._core.loops import in_thread

        engine = self._open_engine()
        await in_thread(self._load)
        await engine.connections.opened()
        return self

    def _load(self) -> None:
        """Import and build in a thread what a first call would hold the event loop for."""
        from mediasflow_async.models import BlacklistEntry, Campaign, RecipientList

        for module in _LOADED_LATE:
            import_module(module)
        for model in (BlacklistEntry, Campaign, RecipientList):
            self._engine.reader.read({}, model)
        for name in ("campaigns", "reports", "blacklist", "lists"):
            getattr(self, name)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    if not TYPE_CHECKING:

        def __enter__(self) -> NoReturn:
            from mediasflow_async.errors import ConfigurationError

            raise ConfigurationError(
                "a Session is entered with `async with Session(...) as session:`"
            )

        def __exit__(self, *_: object) -> None:
            """Python looks for it before it calls `__enter__`."""

    async def aclose(self) -> None:
        """Close the connections that the session made; harmless to repeat."""
        self._is_closed = True
        if not self._is_derived:
            await self._engine.connections.aclose()

    def __del__(self) -> None:
        # One that could not be made has no place.
        is_ours = hasattr(self, "_made_at") and not (self._is_closed or self._is_derived)
        if is_ours and self._engine.connections.are_open:
            form = "`async with`, or `await session.aclose()`"
            warnings.warn(
                f"unclosed {self!r}, made at {self._made_at}: {form}", ResourceWarning, stacklevel=2
            )

    def __repr__(self) -> str:
        is_closed = self._is_closed or self._engine.connections.is_closed
        state = "closed" if is_closed else "open"
        return f"<Session {self.base_url} {state}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Session cannot be pickled: open one in each process")

    @cached_property
    def campaigns(self) -> Campaigns:
        """Campaigns: prepare, launch, send, test, cancel (Guide: 2.1 to 2.3, 2.8)."""
        from mediasflow_async.resources.campaigns import Campaigns

        return Campaigns(self, self.lists)

    @cached_property
    def reports(self) -> Reports:
        """Delivery reports of a campaign and of a period (Guide: 2.4 to 2.7)."""
        from mediasflow_async.resources.reports import Reports

        return Reports(self)

    @cached_property
    def blacklist(self) -> Blacklist:
        """Numbers that must not be sent to (Guide: 2.9, 2.10)."""
        from mediasflow_async.resources.blacklist import Blacklist

        return Blacklist(self)

    @cached_property
    def lists(self) -> Lists:
        """Uploaded lists of recipients (Guide: 2.11)."""
        from mediasflow_async.resources.lists import Lists

        return Lists(self)

    @property
    def dialect(self) -> Dialect:
        """The choices that the guide leaves open."""
        return self._engine.dialect

    @property
    def base_url(self) -> str:
        """The address of the API, with a closing slash."""
        return str(self._engine.base_url)

    @property
    def username(self) -> str | None:
        """The account's login; None with a bearer that was obtained elsewhere."""
        return self._engine.authenticator.username

    @property
    def max_in_flight(self) -> int:
        """How many requests may be under way at once."""
        return self._engine.settings.max_in_flight

    @property
    def retry(self) -> RetryPolicy:
        """How often and after which wait a failed call is tried again."""
        return self._engine.retry

    @property
    def deadline_seconds(self) -> float | None:
        """The longest time for a call with all attempts and waits, None for no limit."""
        return self._engine.settings.deadline_seconds

    async def request(
        self,
        method: str,
        path: str,
        *,
        kind: OperationKind | str | None = None,
        **parts: Unpack[CallParts],
    ) -> ApiResponse:
        """Call any function of the API, with the session's login, limits and retry.

        Args:
            method: HTTP method.
            path: path below the base URL; ``{campaign_id}`` in it is filled in.
            kind: what it does to the world, which decides what may be repeated. READ for GET
                by default, else ONE_SHOT, which is never repeated in doubt.
            **parts: ``campaign_id``, ``params``, ``json``, ``form``, ``body``, ``content_type``,
                ``headers``, ``timeout``, ``deadline``, ``guard``.

        Returns:
            Status, headers, request id, attempts and decoded data.

        Raises:
            InvalidRequest: before anything leaves.
            MediasflowError: what the call ended with.
        """
        from mediasflow_async._core.calls import operation_of

        return await self.call(operation_of(kind, method, path), **parts)

    def call(
        self, operation: Operation, **parts: Unpack[CallParts]
    ) -> Coroutine[Any, Any, ApiResponse]:
        """Make a call of a known kind, to be awaited; `request` is the plain form of it."""
        return self._open_engine().call(operation, parts)

    def stream(
        self, operation: Operation, **parts: Unpack[CallParts]
    ) -> AbstractAsyncContextManager[ResponseStream]:
        """Make a call and give the body of the answer to be read, within `async with`.

        The call keeps its slot among the ones under way until the block ends. A body that
        breaks off is not retried: who reads it knows from where to go on.
        """
        return self._open_engine().stream(operation, parts)

    def _open_engine(self) -> Engine:
        if self._is_closed:
            from mediasflow_async.errors import SessionClosed

            raise SessionClosed("the session is closed")
        return self._engine

    def _derived(self, engine: Engine) -> Self:
        derived = object.__new__(type(self))
        derived._engine = engine
        derived._is_derived = True
        derived._is_closed = False
        return derived


def _place_of_caller() -> str:
    """Return the file and the line that made a session, and what led there where Python traces.

    The code itself is not shown: there may be a password in it.
    """
    frame = currentframe()
    places: list[str] = []
    most = _TRACED if sys.flags.dev_mode or tracemalloc.is_tracing() else 1
    while frame is not None and len(places) < most:
        # Those of this module are its own.
        if frame.f_globals.get("__name__") != __name__:
            places.append(f"{frame.f_code.co_filename}:{frame.f_lineno}")
        frame = frame.f_back
    return ", from ".join(places)


_TRACED: Final = 10
