"""What the functions of the API work with: the simulated server, and the request being answered.

A `Server` lives as long as its sandbox and knows nothing of connections; the HTTP server is
`HttpServer`. A `RequestContext` lives as long as one transaction of the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from mediasflow_async.sandbox.http import forbidden, not_found

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

    from mediasflow_async.sandbox.dates import Clock
    from mediasflow_async.sandbox.delivery import DeliveryPlan
    from mediasflow_async.sandbox.http import Request
    from mediasflow_async.sandbox.rules import ServerRules
    from mediasflow_async.sandbox.store import Store
    from mediasflow_async.sandbox.users import Tokens, User

__all__ = ["RequestContext", "Server"]


@frozen
class Server:
    """The simulated Mediasflow.

    Attributes:
        rules: which of the plausible servers it is.
        plan: what becomes of messages.
        clock: its time.
        store: its campaigns, messages, lists and blacklists.
        users: who may log in.
        tokens: which bearer tokens it accepts.
    """

    rules: ServerRules
    plan: DeliveryPlan
    clock: Clock
    store: Store
    users: tuple[User, ...]
    tokens: Tokens


@frozen
class RequestContext:
    """One request with a valid token, and the store to itself.

    Attributes:
        server: what answers it.
        db: the open transaction.
        caller: the user whose token it carries.
        request: as it came in.
        path_id: the id in its path; None without one, or for one that is no number.
        now: when it is processed, aware, UTC.
    """

    server: Server
    db: sqlite3.Connection
    caller: User
    request: Request
    path_id: int | None
    now: datetime

    @property
    def rules(self) -> ServerRules:
        """Which of the plausible servers this is."""
        return self.server.rules

    def owner(self, user_id: str | None, field: str = "userOwnerID") -> str:
        """Return the id of the user to act for: the caller, or another if the caller may.

        Guide: 2.1 (only an account with ADMIN rights acts on behalf of a user).

        Raises:
            HttpError: 403, the caller has no ADMIN rights; 404, there is no such user.
        """
        if not user_id or user_id == self.caller.id:
            return self.caller.id
        if not self.caller.admin:
            raise forbidden("only ADMIN users act for others", "ADMIN_ONLY", field)
        if all(user.id != user_id for user in self.server.users):
            raise not_found("user", field)
        return user_id

    def may_see(self, user_id: str) -> bool:
        """Tell whether the caller may see what belongs to a user."""
        return self.caller.admin or user_id == self.caller.id
