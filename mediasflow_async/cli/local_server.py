"""The sandbox, as the commands start it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

if TYPE_CHECKING:
    from mediasflow_async.sandbox import Sandbox

__all__ = ["Seconds", "local_server"]

Seconds = Annotated[float, Parameter(validator=Number(gte=0))]
"""A time on the command line."""


@contextmanager
def local_server(
    *,
    delivery_seconds: float,
    port: int = 0,
    username: str = "demo",
    password: str | None = None,
    database: Path | None = None,
) -> Generator[Sandbox]:
    """Run a sandbox on this machine while a `with` block runs.

    Args:
        delivery_seconds: time from a launch until the last message is final.
        port: where it listens; 0 for any free port.
        username: what to log in with.
        password: the same; a random one by default.
        database: file that keeps its state; in memory by default.
    """
    # The sandbox is an extra of its own, which the help can do without.
    from mediasflow_async.sandbox import DeliveryPlan, Sandbox

    sandbox = Sandbox(
        port=port,
        username=username,
        password=password,
        database=database,
        delivery=DeliveryPlan(duration=timedelta(seconds=delivery_seconds)),
    )
    with sandbox.serve_in_thread():
        yield sandbox
