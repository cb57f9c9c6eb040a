"""The preflight of a draft: the client's own report, made from what the sandbox stores.

It is offered as `Sandbox.preflight`, and as a page beside the API: `/preflight/{campaignId}`.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from mediasflow_async.models import CampaignRequest, CampaignType, Renderer, TinyUrl, TinyUrlType
from mediasflow_async.sandbox import reading, stored_campaigns
from mediasflow_async.sandbox.campaigns import current_state
from mediasflow_async.sandbox.dates import from_epoch
from mediasflow_async.sandbox.http import HttpError, conflict, forbidden, not_found
from mediasflow_async.sandbox.recipients import recipients_of
from mediasflow_async.sandbox.store import read_credit
from mediasflow_async.text import Conditions, Preflight, PreflightRun

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping

    from mediasflow_async.sandbox.context import Server
    from mediasflow_async.sandbox.orders import Order
    from mediasflow_async.sandbox.stored_campaigns import StoredCampaign

__all__ = ["draft_preflight", "preflight_route"]


def draft_preflight(server: Server, campaign_id: int) -> Preflight:
    """Return the preflight of a campaign that has not left yet, scheduled ones included.

    Raises:
        HttpError: 404, there is no such campaign; 409, it has left.
    """
    rules = server.rules
    with current_state(server) as (db, now):
        campaign = stored_campaigns.find(db, campaign_id)
        if campaign is None:
            raise not_found("campaign")
        if campaign.state == "LAUNCHED":
            raise conflict("NOT_DRAFT", f"campaign {campaign_id} is no DRAFT any more")
        run = PreflightRun(
            _campaign_request(campaign),
            credit=read_credit(db),
            max_segments=rules.max_segments,
            conditions=Conditions(now=now, schedule_zone=ZoneInfo(rules.schedule_tz)),
        )
        for row in _rows(db, campaign.order):
            run.feed(row)
        return run.report()


def _rows(db: sqlite3.Connection, order: Order) -> Iterator[Mapping[str, str]]:
    for recipient in recipients_of(db, order):
        is_listed = bool(recipient.ref_list)
        yield recipient.fields if is_listed else {**recipient.fields, "mobile": recipient.number}


def _campaign_request(campaign: StoredCampaign) -> CampaignRequest:
    """Return what was ordered, without the recipients, which come as rows."""
    order = campaign.order
    return CampaignRequest(
        msg=order.text,
        sender=campaign.sender or None,
        type=CampaignType(order.type),
        schedule_on=None if campaign.starts_at is None else from_epoch(campaign.starts_at),
        renderer=Renderer(order.renderer),
        defaults=order.defaults,
        allow_ucs2=order.allow_ucs2,
        replace_emoji=order.replace_emoji,
        replace_to_gsm7=order.replace_to_gsm7,
        check_duplicate=order.check_duplicate,
        tiny_urls=map(_link, order.links),
    )


def _link(link: Mapping[str, Any]) -> TinyUrl:
    return TinyUrl(
        index=link["index"],
        type=TinyUrlType(link["type"]),
        url=link.get("urlToRedirect"),
        parameters=map(str, link.get("listParameter") or ()),
        renderer=link.get("renderer"),
        host=link.get("host"),
        domain=link.get("associateToDomain"),
    )


def preflight_route(server: Server) -> Route:
    """Return the route of the page, which needs no login and answers this machine alone."""

    async def page(request: Request) -> Response:
        try:
            _require_loopback(request)
            campaign_id = reading.number(request.path_params["campaign_id"])
            if campaign_id is None:
                raise not_found("campaign")
            report = await anyio.to_thread.run_sync(draft_preflight, server, campaign_id)
        except HttpError as error:
            return PlainTextResponse(error.message, error.status)
        if "text/plain" in request.headers.get("accept", ""):
            return PlainTextResponse(f"{report}\n")
        return JSONResponse(report.to_dict())

    return Route("/preflight/{campaign_id}", page)


def _require_loopback(request: Request) -> None:
    if request.client is None or not _is_loopback(request.client.host):
        raise forbidden("this page is for callers on the sandbox's own machine")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:  # Starlette's test client calls itself `testclient`
        return False
