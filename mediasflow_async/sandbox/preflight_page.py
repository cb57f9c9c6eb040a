"""`GET /preflight/{campaignId}`: the preflight of a draft, beside the API."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from mediasflow_async.sandbox.errors import Refusal, forbidden, not_found
from mediasflow_async.sandbox.launching import settle
from mediasflow_async.sandbox.preflighting import preflight_of

if TYPE_CHECKING:
    from mediasflow_async.sandbox.world import World
    from mediasflow_async.text import Preflight

LONGEST_ID = 19


def preflight_route(world: World) -> Route:
    """Return the page; it needs no login, and is for callers on this machine."""

    async def page(request: Request) -> Response:
        try:
            _refuse_strangers(request)
            campaign_id = _number(request.path_params["campaign_id"])
            report = await anyio.to_thread.run_sync(draft_preflight, world, campaign_id)
        except Refusal as refusal:
            return PlainTextResponse(refusal.message, refusal.status)
        if "text/plain" in request.headers.get("accept", ""):
            return PlainTextResponse(f"{report}\n")
        return JSONResponse(report.to_dict())

    return Route("/preflight/{campaign_id}", page)


def _refuse_strangers(request: Request) -> None:
    if request.client is None or not _is_loopback(request.client.host):
        raise forbidden("this page is for callers on the sandbox's own machine")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:  # no address, but what a test client calls itself
        return False


def _number(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= LONGEST_ID:
        return int(text)
    raise not_found("campaign")


def draft_preflight(world: World, campaign_id: int) -> Preflight:
    """Return the preflight of a campaign that has not left yet.

    Raises:
        Refusal: 404, there is no such campaign; 409, it has left.
    """
    now = world.clock.now()
    with world.store.transaction() as db:
        settle(db, world, now.timestamp())
        return preflight_of(db, world.rules, campaign_id, now)
