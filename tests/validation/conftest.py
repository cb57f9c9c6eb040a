"""A session that must refuse by itself, and the sandbox that must hear nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from mediasflow_async.errors import InvalidRequest, Problem
from mediasflow_async.sandbox import Sandbox
from mediasflow_async.session import Session

Refused = Callable[[Coroutine[Any, Any, object]], tuple[Problem, ...]]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A running sandbox; at the end of the module it has had no request."""
    with Sandbox().serve_in_thread() as running:
        yield running
        assert running.requests == ()


@pytest.fixture(scope="module")
def session(sandbox: Sandbox) -> Session:
    """A session that is never started."""
    return Session(sandbox.username, sandbox.password, base_url=sandbox.base_url)


@pytest.fixture(scope="module")
def refused() -> Refused:
    """Run a call up to its first wait, without an event loop, and return why it is refused.

    A call that is not refused has nowhere to go: without a loop it fails.
    """

    def run(call: Coroutine[Any, Any, object]) -> tuple[Problem, ...]:
        with pytest.raises(InvalidRequest) as caught:
            call.send(None)
        error = caught.value
        assert error.problems
        for problem in error.problems:
            assert problem.field in str(error)
            assert problem.rule in str(error)
        assert "Nothing was sent" in str(error)
        return error.problems

    return run
