"""A sandbox that many tests share, emptied before each, and sessions that talk to it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from mediasflow_async.sandbox import DeliveryPlan, Sandbox
from tests.support.sessions import Connect, session_at


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    with Sandbox(delivery=DeliveryPlan.instant()).serve_in_thread() as running:
        yield running


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    shared_sandbox.reset()
    return shared_sandbox


@pytest.fixture
def connect(sandbox: Sandbox) -> Connect:
    """Open a session with the sandbox, with further options or others."""
    return partial(session_at, sandbox)
