"""A program that has imported all that a life needs, and forks one for whoever asks.

It is given one end of a socket. Each socket that comes through it is one life's: it brings the
description of the life as a line of JSON, and takes a line whenever the life stops or ends.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import traceback

import anyio

from mediasflow_async import resources
from mediasflow_async._core import engine as starting
from mediasflow_async.delivery import journal as opening
from mediasflow_async.delivery import postgres as postgres_opening
from mediasflow_async.delivery import sqlite as sqlite_opening
from tests.delivery.crashes.lives import Life

# What is imported only when it is used would be imported in each life anew.
_IMPORTED_EARLY = (opening, postgres_opening, sqlite_opening, resources, starting)


def main() -> None:
    """Fork until nobody is there to ask."""
    control = socket.socket(fileno=int(sys.argv[1]))
    anyio.run(anyio.sleep, 0)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, descriptors, *_ = socket.recv_fds(control, 1, 1)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            _supervise(socket.socket(fileno=descriptors[0]))
            os._exit(0)
        os.close(descriptors[0])


def _supervise(line: socket.socket) -> None:
    """Start one life and report on it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    life = Life(**json.loads(line.makefile().readline()))
    process = os.fork()
    if process == 0:
        line.close()
        os._exit(_lived(life))
    code = None
    while code is None:
        _, status = os.waitpid(process, os.WUNTRACED)
        code = None if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)
        line.sendall(json.dumps({"process": process, "code": code}).encode() + b"\n")


def _lived(life: Life) -> int:
    try:
        life.run()
    except BaseException:  # noqa: BLE001 - a forked process ends here, whatever happened
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    main()
