"""Random combinations of odd answers to a launch, to the questions about it and to its report.

The server launches whatever it is told to, as often as it is told, and may answer in a way that
shows nothing: a refusal under a status of success, a page, a text, another campaign.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from random import Random
from typing import Any, Final

import httpx
from attrs import define, field, frozen

from mediasflow_async import CampaignRequest, Dialect, RetryPolicy, Session
from mediasflow_async.delivery import Journal, Sender, State
from mediasflow_async.secrecy import LOGGER
from tests.support.odd_answers import ODD_ANSWERS, ODD_REPORTS, numbered

__all__ = ["Combined", "combined"]

_STRICT: Final = Dialect()
_ODD_SHARE: Final = 0.75
_STEADY_SHARE: Final = 0.7
_RESUMPTIONS: Final = 3
_COLUMNS: Final = b"REF_LIST;ID_LINE;INT_MOBILE;STATUS_CODE;STATUS_TEXT\r\n"
_ROW: Final = b"list;1;+33600001601;16;Delivered\r\n"
_OPTIONS: Final[dict[str, Any]] = {
    "limit": 100,
    "settle": timedelta(seconds=0.02),
    "confirm_every": timedelta(seconds=0.01),
    "retry": RetryPolicy(base_wait=timedelta(milliseconds=2)),
}


@frozen(kw_only=True)
class Combined:
    """What came of the campaigns of a run.

    Attributes:
        campaigns: how many there were, each with a combination of its own.
        combinations: how many different combinations of answers were given.
        ended: how many are in each state.
        doubled: keys that were launched more than once.
        falsely_launched: keys that are LAUNCHED, and were not.
        falsely_ended: keys that are REJECTED or CANCELLED, and were launched.
    """

    campaigns: int
    combinations: int
    ended: Mapping[State, int]
    doubled: Sequence[str]
    falsely_launched: Sequence[str]
    falsely_ended: Sequence[str]

    @property
    def is_clean(self) -> bool:
        """Whether the journal says of no campaign what is not so, and none was sent twice."""
        return not (self.doubled or self.falsely_launched or self.falsely_ended)


def combined(seed: int, journal_url: str, count: int, dialect: Dialect = _STRICT) -> Combined:
    """Send so many campaigns to a server that answers oddly; the same seed answers the same.

    Args:
        seed: chooses the answers.
        journal_url: an empty journal.
        count: how many campaigns, each with a combination of its own.
        dialect: what is taken for evidence.
    """
    level = LOGGER.level
    # How many are parked, the table says.
    LOGGER.setLevel(logging.ERROR)
    try:
        return asyncio.run(_combined(_Server(seed), journal_url, count, dialect))
    finally:
        LOGGER.setLevel(level)


async def _combined(server: _Server, journal_url: str, count: int, dialect: Dialect) -> Combined:
    options: dict[str, Any] = {"transport": httpx.MockTransport(server.answer), "dialect": dialect}
    pairs = [(f"odd-{number}", _request(number)) for number in range(count)]
    async with (
        Journal.open(journal_url) as journal,
        Session(token=_TOKEN, base_url=_BASE_URL, **options) as session,
        Sender(session, journal, in_doubt=count, **_OPTIONS) as sender,
    ):
        async with sender.send_many(pairs) as outcomes:
            async for _ in outcomes:
                pass
        for _ in range(_RESUMPTIONS):
            await sender.resume()
        states = {entry.key: entry.state async for entry in journal.entries()}
    return _account(server, states)


_BASE_URL: Final = "https://soak.example/v1/"
_TOKEN: Final = "of-the-soak"


def _request(number: int) -> CampaignRequest:
    return CampaignRequest(
        campaign_name=f"odd-{number}",
        msg="Your parcel is here",
        recipients=["+33600001601"],
        sender="ACME" if number % 3 else None,
    )


def _account(server: _Server, states: Mapping[str, State]) -> Combined:
    launches = Counter[str]()
    for campaign in server.campaigns.values():
        launches[campaign.key] += campaign.launches
    ended = (State.REJECTED, State.CANCELLED)
    return Combined(
        campaigns=len(states),
        combinations=len({tuple(campaign.said) for campaign in server.campaigns.values()}),
        ended=Counter(states.values()),
        doubled=[key for key in states if launches[key] > 1],
        falsely_launched=[
            key for key in states if states[key] is State.LAUNCHED and not launches[key]
        ],
        falsely_ended=[key for key in states if states[key] in ended and launches[key]],
    )


@define(eq=False)
class _Campaign:
    """A campaign at the server.

    Attributes:
        number: the server's.
        key: whose it is.
        lot: what chooses the answers about it.
        is_steady: whether the same question always has the same answer.
        launches: how often it was sent.
        said: what was answered about it.
    """

    number: int
    key: str
    lot: Random
    is_steady: bool
    launches: int = 0
    said: list[str] = field(factory=list)
    _lots: dict[str, str] = field(factory=dict)

    @property
    def state(self) -> str:
        return "INPROGRESS" if self.launches else "DRAFT"

    def lot_for(self, question: str) -> Random:
        """Return what chooses the answer to a question."""
        if not self.is_steady:
            return self.lot
        seed = self._lots.setdefault(question, str(self.lot.random()))
        return Random(seed)  # noqa: S311 - no secret


class _Server:
    """Answers what a sender asks.

    Args:
        seed: chooses the answers.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.campaigns: dict[int, _Campaign] = {}

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Return the answer to a request."""
        path = request.url.path
        if path.endswith("campaigns/inject"):
            return self._injected(json.loads(request.content))
        number = next(part for part in path.split("/") if part.isdigit())
        campaign = self.campaigns[int(number)]
        return _asked(campaign) if path.endswith("/sender") else _report(campaign)

    def _injected(self, order: dict[str, Any]) -> httpx.Response:
        if "campaignId" not in order:
            return self._prepared(order["campaignName"])
        campaign = self.campaigns[order["campaignId"]]
        return _launched(campaign) if order.get("startNow") is True else _asked(campaign)

    def _prepared(self, key: str) -> httpx.Response:
        number = len(self.campaigns) + 1
        lot = Random(f"{self._seed}/{key}")  # noqa: S311 - no secret
        self.campaigns[number] = _Campaign(number, key, lot, is_steady=lot.random() < _STEADY_SHARE)
        return _data({"id": number, "status": "DRAFT"})


def _launched(campaign: _Campaign) -> httpx.Response:
    lot = campaign.lot
    if is_executed := lot.random() < 1 / 2:
        campaign.launches += 1
    if lot.random() < _ODD_SHARE:
        return _said(campaign, _odd(lot, campaign.number))
    if is_executed:
        return _said(campaign, _data({"id": campaign.number, "status": campaign.state}))
    return _said(campaign, lot.choice(_NOT_EXECUTED)())


_NOT_EXECUTED: Final[tuple[Callable[[], httpx.Response], ...]] = (
    lambda: httpx.Response(500, json={"error": "FAILED", "message": "something broke"}),
    lambda: httpx.Response(422, json={"error": "REFUSED", "message": "not this one"}),
    lambda: httpx.Response(302, headers={"Location": "/login"}),
)


def _asked(campaign: _Campaign) -> httpx.Response:
    lot = campaign.lot_for("state")
    if lot.random() < _ODD_SHARE:
        return _said(campaign, _odd(lot, campaign.number))
    if campaign.launches and lot.random() < 1 / 2:
        return _said(campaign, httpx.Response(409, json={"message": "it is no draft any more"}))
    return _said(campaign, _data({"id": campaign.number, "status": campaign.state}))


def _report(campaign: _Campaign) -> httpx.Response:
    lot = campaign.lot_for("report")
    if lot.random() < _ODD_SHARE:
        body = lot.choice(ODD_REPORTS)
        return _said(campaign, httpx.Response(200, content=body, headers=_CSV))
    if not campaign.launches:
        return _said(campaign, httpx.Response(404, json={"message": "there is no report"}))
    return _said(campaign, httpx.Response(200, content=_COLUMNS + _ROW, headers=_CSV))


_CSV: Final = {"Content-Type": "text/csv"}


def _odd(lot: Random, number: int) -> httpx.Response:
    """Return an answer that shows nothing, in one of the forms that it may come in."""
    data = numbered(lot.choice(ODD_ANSWERS), number)
    if data is None:
        return httpx.Response(lot.choice([200, 202, 204]))
    if isinstance(data, str) and lot.random() < 1 / 2:
        media_type = "text/html" if data.startswith("<") else "text/plain"
        return httpx.Response(200, text=data, headers={"Content-Type": media_type})
    envelope = lot.choice([None, None, "data", "campaign", "result"])
    return _data({envelope: data} if envelope else data, lot.choice([200, 201, 202]))


def _data(data: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=data)


def _said(campaign: _Campaign, answer: httpx.Response) -> httpx.Response:
    text = answer.content.decode(errors="replace").replace(str(campaign.number), "N")
    campaign.said.append(f"{answer.status_code} {text}")
    return answer
