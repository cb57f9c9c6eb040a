"""A campaign that failed, or was in doubt, leaves no cycle of errors and frames behind."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from mediasflow_async import MediasflowError
from mediasflow_async.delivery import Sender
from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.garbage import collected_by_hand
from tests.support.senders import request_for, sending
from tests.support.sessions import ONCE, Connect

pytest_plugins = ["tests.support.session_fixtures"]
pytestmark = pytest.mark.anyio

DROPPED = {"operation": "launch", "drop": True}
CASES: dict[str, list[dict[str, Any]]] = {
    "rejected": [{"operation": "prepare", "status": 400}],
    "not prepared": [{"operation": "prepare", "status": 500, "times": None}],
    "not allowed": [{"operation": "launch", "status": 403}],
    "in doubt": [DROPPED],
    "not asked": [
        DROPPED,
        {"operation": "sender", "drop": True, "times": None},
        {"operation": "report_csv", "drop": True, "times": None},
    ],
}


async def attempt(sender: Sender, key: str) -> None:
    """Send a campaign that ends in an error, or not."""
    with suppress(MediasflowError):
        await sender.send(key, request_for(key))


@pytest.mark.parametrize("faults", CASES.values(), ids=CASES)
async def test_the_error_goes_with_the_last_name_that_holds_it(
    sandbox: Sandbox, connect: Connect, faults: list[dict[str, Any]]
) -> None:
    async with sending(connect(), retry=ONCE) as sender:
        await attempt(sender, "warm-up")
        for fault in faults:
            sandbox.faults.add(Fault(**fault))
        with collected_by_hand() as found:
            await attempt(sender, "order-1")
    assert found == []
