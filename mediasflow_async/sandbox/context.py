"""Everything one sandbox consists of, and the request that is being answered."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from attrs import field, frozen

from mediasflow_async.sandbox.http import forbidden, not_found

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

    from mediasflow_async.sandbox.delivery import DeliveryPlan
    from mediasflow_async.sandbox.http import Request
    from mediasflow_async.sandbox.rules import ServerRules
    from mediasflow_async.sandbox.store import Store
    from mediasflow_async.sandbox.users import Clock, Tokens, User


class DeferredRequests:
    """Requests that wait for their time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[datetime, Request]] = []

    def add(self, request: Request, due: datetime) -> None:
        """Let a request wait until `due`."""
        with self._lock:
            self._waiting.append((due, request))

    def take(self, now: datetime) -> tuple[Request, ...]:
        """Return those whose time has come, each once, in the order of their times."""
        with self._lock:
            due = sorted((pair for pair in self._waiting if pair[0] <= now), key=lambda at: at[0])
            self._waiting = [pair for pair in self._waiting if pair[0] > now]
        return tuple(request for _, request in due)

    def clear(self) -> None:
        """Forget them all."""
        with self._lock:
            self._waiting.clear()


@frozen
class Server:
    """One sandbox.

    Attributes:
        rules: which of the plausible servers it is.
        plan: what becomes of messages.
        clock: its time.
        store: its memory.
        users: who may log in.
        tokens: who has.
        deferred: requests that are processed later.
    """

    rules: ServerRules
    plan: DeliveryPlan
    clock: Clock
    store: Store
    users: tuple[User, ...]
    tokens: Tokens
    deferred: DeferredRequests = field(factory=DeferredRequests)

    @property
    def timezone(self) -> ZoneInfo:
        """The zone of dates that name none."""
        return ZoneInfo(self.rules.server_tz)


@frozen
class RequestContext:
    """One request, past its login, with the store to itself.

    Attributes:
        server: the sandbox.
        db: the open transaction.
        caller: who asks.
        request: what is asked.
        now: the moment of the request, aware, UTC.
    """

    server: Server
    db: sqlite3.Connection
    caller: User
    request: Request
    now: datetime

    @property
    def rules(self) -> ServerRules:
        """Which of the plausible servers this is."""
        return self.server.rules

    def owner(self, user_id: str | None, field: str = "userOwnerID") -> str:
        """Return the id of the user to act for: the caller, or another if the caller may.

        Guide: 2.1 (only an account with ADMIN rights acts on behalf of a user).
        """
        if not user_id or user_id == self.caller.id:
            return self.caller.id
        if not self.caller.admin:
            raise forbidden("only ADMIN users act for others", "ADMIN_ONLY", field)
        if all(user.id != user_id for user in self.server.users):
            raise not_found("user", field)
        return user_id
