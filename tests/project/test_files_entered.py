"""How many files of the package a call goes through, once everything is imported and connected.

Whoever follows a call in a debugger opens so many files. Each of these tests runs on asyncio with
our own transport, over a socket, against a sandbox on a thread of its own, and looks at the
client's thread alone: what the journal's thread does is not in it.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from inspect import CO_COROUTINE
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

import pytest

import mediasflow_async
from mediasflow_async import CampaignRequest
from mediasflow_async.delivery import Journal, Sender
from mediasflow_async.sandbox import Sandbox
from tests.support.sessions import Connect

pytestmark = pytest.mark.anyio
pytest_plugins = ["tests.support.session_fixtures"]

PACKAGE: Final = Path(mediasflow_async.__file__).parent
ARCHITECTURE: Final = PACKAGE.with_name("docs").joinpath("architecture.md").read_text("utf-8")
MOST_FOR_A_SEND: Final = 26
MOST_FOR_A_SENDER: Final = 38
TIMES_BEFORE: Final = 3

Send = Callable[[], Awaitable[object]]


@contextmanager
def profiled(entered: dict[CodeType, None]) -> Iterator[None]:
    """Note which functions this thread calls within the block, in the order of their first call."""

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            entered[frame.f_code] = None

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(before)


async def functions_entered(send: Send) -> list[CodeType]:
    """Return the functions of the package that a warm send calls, each once."""
    for _ in range(TIMES_BEFORE):
        await send()
    entered: dict[CodeType, None] = {}
    with profiled(entered):
        await send()
    return [code for code in entered if Path(code.co_filename).is_relative_to(PACKAGE)]


async def files_entered(send: Send) -> list[str]:
    """Return the files of the package that a warm send enters."""
    files = {code.co_filename for code in await functions_entered(send)}
    return sorted(str(Path(name).relative_to(PACKAGE)) for name in files)


def request() -> CampaignRequest:
    return CampaignRequest(msg="Your parcel is here", recipients=["+33600001601"], sender="ACME")


@asynccontextmanager
async def durable_send(connect: Connect, journal: Path) -> AsyncIterator[Send]:
    keys = (f"order-{number}" for number in itertools.count())
    async with (
        Journal.open(f"sqlite:///{journal}") as opened,
        connect() as session,
        Sender(session, opened) as sender,
    ):
        yield lambda: sender.send(next(keys), request())


async def test_a_send_goes_through_few_files(connect: Connect, sandbox: Sandbox) -> None:
    async with connect() as session:
        files = await files_entered(lambda: session.campaigns.send(request()))
    assert len(sandbox.messages) == TIMES_BEFORE + 1
    assert "transport/connection.py" in files, "the call did not go through our transport"
    assert len(files) <= MOST_FOR_A_SEND, f"{len(files)} files:\n" + "\n".join(files)


async def test_a_launch_awaits_the_coroutines_that_the_architecture_names(
    connect: Connect, sandbox: Sandbox
) -> None:
    described = ARCHITECTURE.partition("coroutines on its way:")[2].partition("\n\n")[0]
    async with connect() as session:
        drafts = [(await session.campaigns.prepare(request())).id for _ in range(TIMES_BEFORE + 1)]
        entered = await functions_entered(lambda: session.campaigns.launch(drafts.pop()))
    assert len(sandbox.messages) == TIMES_BEFORE + 1
    awaited = [code.co_qualname for code in entered if code.co_flags & CO_COROUTINE]
    named = re.findall(r"`([\w.]+)`", described)
    # On a busy machine the body of an answer comes after its head, and is awaited as well.
    assert awaited[: len(named)] == named


async def test_a_send_under_a_key_goes_through_few_files(
    connect: Connect, sandbox: Sandbox, tmp_path: Path
) -> None:
    async with durable_send(connect, tmp_path / "journal.db") as send:
        files = await files_entered(send)
    assert len(sandbox.messages) == TIMES_BEFORE + 1
    assert "delivery/sender.py" in files
    assert len(files) <= MOST_FOR_A_SENDER, f"{len(files)} files:\n" + "\n".join(files)
