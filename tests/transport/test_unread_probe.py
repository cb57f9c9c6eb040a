"""Asking a socket whether something waits to be read."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from mediasflow_async.transport.connection import UnreadProbe, probe_by_poll, probe_by_select


@pytest.mark.parametrize("probe", [probe_by_poll, probe_by_select])
def test_arrivals_are_noticed_and_not_read(probe: Callable[[int], UnreadProbe]) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        has_unread = probe(ours.fileno())
        assert not has_unread()
        with theirs:
            theirs.sendall(b"x")
            assert has_unread()
            assert ours.recv(2) == b"x"
            assert not has_unread()
        assert has_unread()
