"""What most people write: plain httpx, and tenacity that tries again whatever failed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

import anyio
import httpx
from attrs import frozen
from tenacity import AsyncRetrying, stop_after_attempt, wait_random_exponential

from tests.soak.accounts import launches_in, surplus
from tests.soak.faults import Faults
from tests.soak.serving import Address, serving
from tests.soak.soak import LATEST

__all__ = ["WAYS", "Careless", "retried"]

_AT_ONCE: Final = 20
_ATTEMPTS: Final = 20
_TIMEOUT_SECONDS: Final = 0.2
_INJECT: Final = "campaigns/inject"

Way = Callable[[httpx.AsyncClient, str], Awaitable[Any]]
"""Sends the campaign of a name."""


@frozen(kw_only=True)
class Careless:
    """What came of a client that tries again whatever failed, without a single kill.

    Attributes:
        name: how it sends.
        campaigns: how many it sent.
        unsent: how many of those the server never launched.
        duplicated: launches too many.
        seconds: how long it took.
    """

    name: str
    campaigns: int
    unsent: int
    duplicated: int
    seconds: float


def retried(name: str, faults: Faults, count: int) -> Careless:
    """Send so many campaigns in one of the ways that people send them."""
    begin = time.monotonic()
    with serving(faults, LATEST) as server:
        launches = asyncio.run(_launches(WAYS[name], server, count))
    return Careless(
        name=name,
        campaigns=count,
        unsent=count - len(launches),
        duplicated=surplus(launches),
        seconds=time.monotonic() - begin,
    )


async def _launches(way: Way, server: Address, count: int) -> Mapping[str, Any]:
    limiter = anyio.CapacityLimiter(_AT_ONCE)
    async with (
        httpx.AsyncClient(
            base_url=server.base_url, timeout=_TIMEOUT_SECONDS, trust_env=False
        ) as client,
        anyio.create_task_group() as group,
    ):
        for number in range(count):
            await limiter.acquire_on_behalf_of(number)
            group.start_soon(_sent, way, client, limiter, number)
    return launches_in(await server.statement())


async def _sent(
    way: Way, client: httpx.AsyncClient, limiter: anyio.CapacityLimiter, number: int
) -> None:
    try:
        await way(client, f"order-{number}-plain")
    finally:
        limiter.release_on_behalf_of(number)


async def _send(client: httpx.AsyncClient, name: str) -> None:
    await _insisted(client, {"campaignName": name, "msg": "Hello", "startNow": True})


async def _prepare_and_launch(client: httpx.AsyncClient, name: str) -> None:
    draft = await _insisted(client, {"campaignName": name, "msg": "Hello", "startNow": False})
    await _insisted(client, {"campaignId": draft["id"], "startNow": True})


WAYS: Final[Mapping[str, Way]] = {"send": _send, "prepare and launch": _prepare_and_launch}


async def _insisted(client: httpx.AsyncClient, body: Mapping[str, Any]) -> Any:
    """Post until it succeeds."""
    retrying = AsyncRetrying(
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.02, max=1),
        reraise=True,
    )
    return await retrying(partial(_posted, client, body))


async def _posted(client: httpx.AsyncClient, body: Mapping[str, Any]) -> Any:
    response = await client.post(_INJECT, json=body)
    return response.raise_for_status().json()
