"""Mistakes that are common: the error says the right form, and nothing leaves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from mediasflow_async import (
    Campaign,
    CampaignRequest,
    ConfigurationError,
    InvalidRequest,
    Session,
)
from mediasflow_async.delivery import Journal, Sender
from mediasflow_async.sandbox import Sandbox
from tests.support.sessions import Connect, session_with

pytest_plugins = ["tests.support.session_fixtures"]
pytestmark = pytest.mark.anyio

FIELDS: Final[Any] = {"msg": "Bonjour", "recipients": ["0612345678"]}
REQUEST: Final = CampaignRequest(**FIELDS)
CAMPAIGN: Final = Campaign(id=7)
FORM: Final = "request: is CampaignRequest(msg=..., recipients=[...])"


def test_a_session_is_not_entered_with_a_plain_with() -> None:
    session: Any = session_with("http://localhost/")
    form = r"async with Session\(\.\.\.\) as session:"
    with pytest.raises(ConfigurationError, match=form), session:
        pytest.fail("the session was entered")


AWAITED: Final[dict[str, Callable[[Session], Any]]] = {
    "send_many": lambda session: session.campaigns.send_many([]),
    "launch_many": lambda session: session.campaigns.launch_many([]),
    "campaign_csv": lambda session: session.reports.campaign_csv(7),
    "period_csv": lambda session: session.reports.period_csv(date(2026, 1, 1)),
}


@pytest.mark.parametrize("method", AWAITED)
async def test_what_is_iterated_over_is_not_awaited(method: str) -> None:
    async with session_with("http://localhost/") as session:
        with pytest.raises(ConfigurationError, match="not awaited: `async for "):
            await AWAITED[method](session)


REQUESTS: Final[dict[str, Callable[[Session, Any], Any]]] = {
    "send": lambda session, request: session.campaigns.send(request),
    "send, preflight": lambda session, it: session.campaigns.send(it, preflight=True),
    "prepare": lambda session, request: session.campaigns.prepare(request),
    "inject": lambda session, request: session.campaigns.inject(request),
    "preflight": lambda session, request: session.campaigns.preflight(request),
}


@pytest.mark.parametrize("method", REQUESTS)
@pytest.mark.parametrize("given", [FIELDS, None, "Bonjour", 7, CAMPAIGN, [REQUEST]], ids=repr)
async def test_what_is_no_request_is_told_the_form_of_one(
    method: str, given: Any, sandbox: Sandbox, connect: Connect
) -> None:
    async with connect() as session:
        with pytest.raises(
            InvalidRequest,
            match=r"request: is CampaignRequest\(msg=\.\.\., recipients=\[\.\.\.\]\)",
        ) as caught:
            await REQUESTS[method](session, given)
    assert f"not a {type(given).__name__}" in str(caught.value)
    assert "Bonjour" not in str(caught.value)
    assert not sandbox.requests


NUMBERS: Final[dict[str, Callable[[Session, Any], Any]]] = {
    "launch": lambda session, number: session.campaigns.launch(number),
    "cancel": lambda session, number: session.campaigns.cancel(number),
    "set_sender": lambda session, number: session.campaigns.set_sender(number, "ACME"),
    "test": lambda session, number: session.campaigns.test(number, "0612345678"),
    "report": lambda session, number: session.reports.campaign(number).summary(),
}


@pytest.mark.parametrize("method", NUMBERS)
@pytest.mark.parametrize(
    ("given", "says"), [(CAMPAIGN, r"campaign\.id"), (REQUEST, r"prepare\(request\) answers")]
)
async def test_a_campaign_where_its_number_belongs(
    method: str, given: Any, says: str, sandbox: Sandbox, connect: Connect
) -> None:
    async with connect() as session:
        with pytest.raises(InvalidRequest, match=says):
            await NUMBERS[method](session, given)
    assert not sandbox.requests


async def test_what_is_no_request_among_many_ends_nothing(
    sandbox: Sandbox, connect: Connect
) -> None:
    given: Any = [REQUEST, None, FIELDS, REQUEST]
    async with connect() as session:
        outcomes = [each async for each in session.campaigns.send_many(given, ordered=True)]
    assert [type(outcome.error) for outcome in outcomes] == [
        type(None),
        InvalidRequest,
        InvalidRequest,
        type(None),
    ]
    assert len(sandbox.messages) == 2


async def test_what_is_no_pair_among_many_ends_nothing(
    sandbox: Sandbox, connect: Connect, tmp_path: Path
) -> None:
    given: Any = [("a", REQUEST), None, ("b", None), (None, REQUEST), ("c", FIELDS), ("d", REQUEST)]
    async with (
        Journal.open(f"sqlite:///{tmp_path}/journal.db") as journal,
        connect() as session,
        Sender(session, journal) as sender,
    ):
        outcomes = [outcome async for outcome in sender.send_many(given)]
    failed = {outcome.index for outcome in outcomes if isinstance(outcome.error, InvalidRequest)}
    assert failed == {1, 2, 3, 4}
    assert len(outcomes) == 6
    assert len(sandbox.messages) == 2
