"""Sessions for tests: no TLS to load, and retries that do not wait long."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import anyio

from mediasflow_async import RetryPolicy, Session
from mediasflow_async.sandbox import Sandbox

Connect = Callable[..., Session]

# The default one takes longer to load than most of these tests to run.
WITHOUT_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
QUICKLY: Final = RetryPolicy(base_wait=timedelta(milliseconds=2))
ONCE: Final = RetryPolicy.off()
TOKEN: Final = "opaque-token-1"

_QUICK: Final[dict[str, Any]] = {"ssl_context": WITHOUT_TLS, "retry": QUICKLY}


def session_with(url: str, **options: Any) -> Session:
    """Return a session with a server that takes any bearer."""
    given: dict[str, Any] = {"token": TOKEN, "base_url": url} | _QUICK | options
    return Session(**given)


def session_at(sandbox: Sandbox, **options: Any) -> Session:
    """Return a session with a sandbox, logged in by its first user."""
    who = {"username": sandbox.username, "password": sandbox.password}
    given: dict[str, Any] = who | {"base_url": sandbox.base_url} | _QUICK | options
    return Session(**given)


def logins(sandbox: Sandbox) -> int:
    """Return how many logins a sandbox has seen."""
    return sum(request.operation == "login" for request in sandbox.requests)


async def until(condition: Callable[[], object]) -> None:
    """Return when a condition holds."""
    while not condition():  # noqa: ASYNC110 - the thread of a server knows no event loop
        await anyio.sleep(0.001)
