"""A session and a sandbox, each with its own idea of what the guide leaves open."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from mediasflow_async._core.retry import RetryPolicy
from mediasflow_async.dialect import Dialect
from mediasflow_async.sandbox import DeliveryPlan, Sandbox, ServerRules
from mediasflow_async.session import Session

Connect = Callable[..., AbstractAsyncContextManager[tuple[Sandbox, Session]]]


@pytest.fixture(scope="session")
def tls() -> ssl.SSLContext:
    """TLS settings made once: reading the certificates takes longer than most tests here."""
    return ssl.create_default_context()


@pytest.fixture
def connect(tls: ssl.SSLContext) -> Connect:
    """Return what starts a sandbox with these rules and a session with this dialect."""

    @asynccontextmanager
    async def connected(
        rules: ServerRules | None = None, dialect: Dialect | None = None, **options: Any
    ) -> AsyncGenerator[tuple[Sandbox, Session]]:
        delivery = options.pop("delivery", DeliveryPlan.instant())
        async with Sandbox(rules=rules, delivery=delivery) as sandbox:
            settings: dict[str, Any] = {
                "base_url": sandbox.base_url,
                "username": sandbox.username,
                "password": sandbox.password,
                "retry": RetryPolicy.off(),
                "ssl_context": tls,
            }
            async with Session(dialect=dialect, **settings | options) as session:
                yield sandbox, session

    return connected


@pytest.fixture(scope="session")
def sent() -> Callable[[Sandbox, str], list[tuple[str, str, int | None]]]:
    """Return what gives method, content type and status of the requests to a path."""

    def requests_to(sandbox: Sandbox, path: str) -> list[tuple[str, str, int | None]]:
        return [
            (request.method, request.headers.get("content-type", ""), request.status)
            for request in sandbox.requests
            if request.path == path
        ]

    return requests_to
