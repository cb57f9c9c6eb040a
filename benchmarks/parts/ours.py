"""The contenders that are this package: the session, and its transport alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import orjson

from mediasflow_async import CampaignRequest, CampaignType, Recipient, Renderer, Session
from parts.servers import trusting
from parts.worker import AsyncWork, Settings
from parts.workload import MESSAGE, PATH, TOKEN, body, in_flight

__all__ = [
    "new_transport",
    "request",
    "session",
    "session_json",
    "transport",
    "transport_under_httpx",
]

_TIMEOUTS: Final = {"connect": 5.0, "read": 30.0, "write": 30.0, "pool": 30.0}


def request(number: int) -> CampaignRequest:
    """Return the request of `workload.body` as a model."""
    return CampaignRequest(
        msg=MESSAGE,
        recipients=(
            Recipient(
                f"06{number:08}",
                last_name="Lefevre",
                first_name="Helene",
                email="helene@example.org",
                fields={"REF": f"C-{number:08}"},
            ),
        ),
        campaign_name=f"Commande {number:08}",
        sender="BOUTIQUE",
        type=CampaignType.NOTIFICATION,
        renderer=Renderer.BASIC,
        defaults={"PRENOM": "cher client"},
        replace_to_gsm7=True,
        check_duplicate=True,
        billing_code="CC-42",
    )


@asynccontextmanager
async def session(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Prepare campaigns: models in, models out, with the retry armed."""
    async with _session(settings) as opened:

        async def one(number: int) -> int:
            return (await opened.campaigns.prepare(request(number))).id

        yield in_flight(one, settings["in_flight"])


@asynccontextmanager
async def session_json(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Make the same calls without models: JSON in and out, with the retry armed."""
    async with _session(settings) as opened:

        async def one(number: int) -> object:
            return await opened.request("POST", "campaigns/inject", json=body(number))

        yield in_flight(one, settings["in_flight"])


def _session(settings: Settings) -> Session:
    return Session(
        token=TOKEN,
        base_url=f"{settings['url']}api/",
        max_in_flight=settings["in_flight"],
        ssl_context=trusting(settings["ca"]),
    )


def new_transport(settings: Settings) -> httpx.AsyncBaseTransport:
    """Return the transport that a session has by default on asyncio."""
    from mediasflow_async.transport import AsyncioTransport

    most = settings["in_flight"]
    return AsyncioTransport(ssl_context=trusting(settings["ca"]), max_idle=most)


@asynccontextmanager
async def transport(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Use the transport alone: one request made beforehand, the body of the answer read."""
    sent = httpx.Request(
        "POST",
        settings["url"] + PATH,
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        content=orjson.dumps(body(0)),
        extensions={"timeout": _TIMEOUTS},
    )
    async with new_transport(settings) as opened:

        async def one(_: int) -> bytes:
            response = await opened.handle_async_request(sent)
            return await response.aread()

        yield in_flight(one, settings["in_flight"])


@asynccontextmanager
async def transport_under_httpx(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Use the transport under a plain client of httpx, with `json=` and dicts."""
    url = settings["url"] + PATH
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=new_transport(settings), headers=headers) as client:

        async def one(number: int) -> Any:
            response = await client.post(url, json=body(number))
            return response.raise_for_status().json()

        yield in_flight(one, settings["in_flight"])
