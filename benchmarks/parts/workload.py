"""What the programs send and get: a request for one recipient, and the server's whole answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from parts.worker import AsyncWork

__all__ = ["ANSWER", "MESSAGE", "PATH", "TOKEN", "body", "in_flight"]

PATH: Final = "api/campaigns/inject"
TOKEN: Final = "opaque-token-of-a-user"  # noqa: S105 - opens nothing
MESSAGE: Final = (
    "Bonjour ${PRENOM}, votre commande ${REF} est disponible. Retrait 7j/7 de 9h a 19h sur "
    "presentation de ce message. STOP au 36184"
)
ANSWER: Final = orjson.dumps(
    orjson.loads(Path(__file__).with_name("campaign_answer.json").read_bytes())
)
"""A draft as the sandbox answers it, 1.5 KB: all fields of a campaign and of its list."""


def body(number: int) -> dict[str, Any]:
    """Return a request as its author writes it without an SDK, 0.55 KB in JSON."""
    return {
        "startNow": False,
        "msg": MESSAGE,
        "listRecipient": [
            {
                "mobile": f"06{number:08}",
                "lastName": "Lefevre",
                "firstName": "Helene",
                "email": "helene@example.org",
                "extendedKeys": [{"keyName": "REF", "keyValue": f"C-{number:08}"}],
            }
        ],
        "campaignName": f"Commande {number:08}",
        "sender": "BOUTIQUE",
        "typeSelect": "NOTIFICATION",
        "renderer": "BASIC",
        "defaultForHeader": {"PRENOM": "cher client"},
        "autoREPLACETOGSM7": True,
        "checkDuplicate": True,
        "billingCode": "CC-42",
    }


def in_flight(one: Callable[[int], Awaitable[object]], most: int) -> AsyncWork:
    """Return the work of calling `one` with numbers from 0 up, `most` calls at a time.

    Workers pull from one iterator: less than 2 µs a call, the same for every client.
    """

    async def worker(numbers: Iterator[int]) -> None:
        for number in numbers:
            await one(number)

    async def work(count: int) -> None:
        numbers = iter(range(count))
        async with asyncio.TaskGroup() as group:
            for _ in range(most):
                group.create_task(worker(numbers))

    return work
