"""The server that a command works against."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

import httpx
from attrs import field, frozen

from mediasflow_async.cli.local_server import local_server
from mediasflow_async.session import Session
from mediasflow_async.settings import is_loopback

__all__ = ["Target", "is_on_this_machine", "sandbox_target", "server_target"]


@frozen(kw_only=True)
class Target:
    """A server, and how to reach it.

    Attributes:
        base_url: its address.
        is_sandbox: whether it is the demo's own, from which no SMS leaves.
        open_session: opens a session with it.
    """

    base_url: str
    is_sandbox: bool
    open_session: Callable[[], Session] = field(repr=False)


@contextmanager
def sandbox_target(delivery_seconds: float) -> Generator[Target]:
    """Run a sandbox on this machine while a `with` block runs."""
    with local_server(delivery_seconds=delivery_seconds) as sandbox:
        yield Target(
            base_url=sandbox.base_url,
            is_sandbox=True,
            open_session=lambda: Session(
                sandbox.username, sandbox.password, base_url=sandbox.base_url
            ),
        )


def server_target(base_url: str | None) -> Target:
    """Return a server elsewhere; the credentials are the environment's.

    Args:
        base_url: its address; None for the environment's, or else that of production.

    Raises:
        ConfigurationError: the address or the environment is not usable.
    """
    given = {} if base_url is None else {"base_url": base_url}
    address = Session.from_env(**given).base_url
    return Target(
        base_url=address,
        is_sandbox=False,
        open_session=lambda: Session.from_env(base_url=address),
    )


def is_on_this_machine(base_url: str) -> bool:
    """Tell whether an address is one of this machine's own."""
    return is_loopback(httpx.URL(base_url).host)
