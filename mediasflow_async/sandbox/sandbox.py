"""`Sandbox`: a simulated server, its HTTP server, and what users may see and change of both.

Everything is put together here; the modules below know no more than what they are given.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import anyio
import anyio.to_thread

from mediasflow_async.sandbox import blacklist
from mediasflow_async.sandbox.api import Api
from mediasflow_async.sandbox.campaigns import current_state
from mediasflow_async.sandbox.context import Server
from mediasflow_async.sandbox.dates import Clock
from mediasflow_async.sandbox.delivery import DeliveryPlan
from mediasflow_async.sandbox.faults import Faults
from mediasflow_async.sandbox.http import HttpError
from mediasflow_async.sandbox.preflight import draft_preflight
from mediasflow_async.sandbox.request_log import RecordedRequest, RequestLog
from mediasflow_async.sandbox.rules import ServerRules
from mediasflow_async.sandbox.server import (
    BASE_PATH,
    BASE_PATH_ALT,
    HttpServer,
    InProcessTransport,
    make_app,
)
from mediasflow_async.sandbox.snapshots import Campaign, Message, all_campaigns, sent_messages
from mediasflow_async.sandbox.store import Store, read_credit
from mediasflow_async.sandbox.users import Tokens, User

if TYPE_CHECKING:
    import sqlite3
    import ssl
    from collections.abc import Generator, Iterable
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    import httpx
    from starlette.applications import Starlette

    from mediasflow_async.sandbox.blacklist import Entry, Scope
    from mediasflow_async.text import Preflight

__all__ = ["Sandbox"]

_DEFAULT_CREDIT = 1_000_000.0


class Sandbox:
    """A local Mediasflow.

        async with Sandbox() as sandbox:
            ...  # talk to sandbox.base_url as sandbox.username with sandbox.password

    or, without an event loop, `with Sandbox().serve_in_thread() as sandbox:`. Without either,
    `app` and `transport` answer in process, until `close`.

    Beside the API, `GET /preflight/{campaignId}` answers what `preflight` returns for a draft: as
    JSON, or as text to read where the request accepts `text/plain`. It needs no login, for it
    shows neither texts nor numbers, and answers callers on this machine alone. `requests` does
    not hold it, and no fault touches it.

    A sandbox that has stopped raises RuntimeError when it is asked for its state.

    Args:
        host: address to listen on.
        port: 0 for any free one.
        username: of the first user, who has ADMIN rights.
        password: of that user; a random one unless given.
        database: SQLite file to keep the state in; None keeps it in memory. Only the version of
            the sandbox that made it reads it: any other raises ConfigurationError.
        rules: which of the plausible servers to be.
        delivery: what becomes of messages.
        credit: SMS that the account can send at first; a file keeps what is left.
        users: further users.
        ssl_context: for HTTPS.

    Attributes:
        username: what to log in with.
        password: the same.
        clock: the sandbox's time; `clock.advance(timedelta(...))` moves it.
        faults: what goes wrong with the requests to come.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        username: str = "demo",
        password: str | None = None,
        database: str | Path | None = None,
        rules: ServerRules | None = None,
        delivery: DeliveryPlan | None = None,
        credit: float = _DEFAULT_CREDIT,
        users: Iterable[User] = (),
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self.username = username
        self.password = password or secrets.token_urlsafe(12)
        self.clock = Clock()
        self.faults = Faults()
        self._host = host
        self._port = port
        self._ssl_context = ssl_context
        self._http_server: HttpServer | None = None
        rules = rules or ServerRules()
        self._request_log = RequestLog(rules)
        self._server = Server(
            rules=rules,
            plan=delivery or DeliveryPlan(),
            clock=self.clock,
            store=Store(database, credit),
            users=(User(username, self.password), *users),
            tokens=Tokens(
                self.clock,
                rules.token_life,
                jwt=rules.token_format == "jwt",
                one_each=rules.one_token,
            ),
        )
        self._api = Api(self._server)
        self._app = make_app(self._api, self.faults, self._request_log)

    def __repr__(self) -> str:
        return f"Sandbox(base_url={self.base_url!r})"

    async def __aenter__(self) -> Self:
        await anyio.to_thread.run_sync(self._start)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self.close)

    @contextmanager
    def serve_in_thread(self) -> Generator[Self]:
        """Serve while a `with` block runs."""
        self._start()
        try:
            yield self
        finally:
            self.close()

    def close(self) -> None:
        """Stop, and lose a state that is in memory. Does nothing when stopped already."""
        server, self._http_server = self._http_server, None
        if server is not None:
            server.stop()
        self._server.store.close()

    def reset(self) -> None:
        """Forget everything but the users: same port, empty state, present time."""
        self._server.store.clear()
        self._api.clear()
        self._request_log.clear()
        self.faults.clear()
        self.clock.reset()

    @property
    def base_url(self) -> str:
        """Where clients find the API: the guide's "production environment". Guide: 1.2."""
        return f"{self._origin}{BASE_PATH}/"

    @property
    def base_url_alt(self) -> str:
        """The API under the other base URL that the guide names. Guide: 2."""
        return f"{self._origin}{BASE_PATH_ALT}/"

    @property
    def app(self) -> Starlette:
        """The ASGI application, for a test client or a server of your own."""
        return self._app

    @property
    def transport(self) -> httpx.AsyncBaseTransport:
        """An httpx transport that reaches the sandbox in process, on asyncio and trio."""
        return InProcessTransport(self._app)

    @property
    def messages(self) -> tuple[Message, ...]:
        """Every SMS that left towards a phone, oldest first."""
        with self._present() as (db, now):
            return sent_messages(db, now)

    @property
    def campaigns(self) -> tuple[Campaign, ...]:
        """Every campaign, oldest first."""
        with self._present() as (db, now):
            return all_campaigns(db, self._server.plan, now)

    @property
    def blacklist(self) -> tuple[Entry, ...]:
        """Every blacklist's entries, oldest first."""
        with self._present() as (db, _):
            return tuple(blacklist.entries(db))

    @property
    def credit(self) -> float:
        """SMS that the account can still send."""
        with self._present() as (db, _):
            return read_credit(db)

    @property
    def requests(self) -> tuple[RecordedRequest, ...]:
        """Every request, in the order of arrival; credentials are masked."""
        return self._request_log.requests

    @property
    def users(self) -> tuple[User, ...]:
        """Who may log in."""
        return self._server.users

    def preflight(self, campaign_id: int) -> Preflight:
        """Return who would get a draft, at which price, and what may go wrong with it.

        It goes by the sandbox's rules, credit and clock, and leaves the blacklists out. Rows are
        numbered through all inline recipients, then through the lists.

        Raises:
            LookupError: there is no campaign with this number that has not left yet.
        """
        self._api.process_deferred()
        try:
            return draft_preflight(self._server, campaign_id)
        except HttpError as error:
            raise LookupError(error.message) from None

    def block(self, number: str, *, scope: Scope = "ACCOUNT", brand: str = "") -> None:
        """Put `number` into a blacklist; also into those that no request can change.

        Args:
            number: in any form that the API takes, as `0612345678` or `+33612345678`.
            scope: whose blacklist.
            brand: for BRAND.

        Raises:
            ValueError: `number` is no phone number, or BRAND comes without a brand.
        """
        with self._present() as (db, now):
            blacklist.block(db, number, scope, brand, user_id=self.users[0].id, now=now)

    def revoke_tokens(self) -> None:
        """Accept no bearer token that was issued until now."""
        self._server.tokens.revoke()

    def _start(self) -> None:
        if self._http_server is not None:
            raise RuntimeError("this sandbox runs already")
        rules = self._server.rules
        server = HttpServer(
            self._app,
            self._host,
            self._port,
            self._ssl_context,
            keep_alive_seconds=rules.keep_alive_seconds,
            keep_alive=rules.keep_alive,
        )
        server.start()
        self._http_server = server

    @property
    def _origin(self) -> str:
        scheme = "http" if self._ssl_context is None else "https"
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{scheme}://{host}:{self._http_server.port if self._http_server else self._port}"

    @contextmanager
    def _present(self) -> Generator[tuple[sqlite3.Connection, datetime]]:
        """Give a transaction and the present, after all that is due has happened."""
        self._api.process_deferred()
        with current_state(self._server) as present:
            yield present
