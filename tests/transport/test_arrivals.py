"""Asking a socket what waits there."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from mediasflow_async.transport.connection import Arrivals, by_poll, by_select


@pytest.mark.parametrize("watch", [by_poll, by_select])
def test_arrivals_are_noticed_and_not_read(watch: Callable[[int], Arrivals]) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        has_arrived = watch(ours.fileno())
        assert not has_arrived()
        with theirs:
            theirs.sendall(b"x")
            assert has_arrived()
            assert ours.recv(2) == b"x"
            assert not has_arrived()
        assert has_arrived()
