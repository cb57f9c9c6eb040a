"""The sandbox counts campaigns by code of its own: both must come to the same price."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from mediasflow_async import CampaignRequest, RecipientList, Session, TinyUrl
from mediasflow_async.sandbox import Sandbox
from mediasflow_async.text import preflight

ROWS = [
    {"mobile": "0612345678", "NOM": "François"},
    {"mobile": "+33612345678", "NOM": "twice"},
    {"mobile": "0712345678", "NOM": "日"},
    {"mobile": "none", "NOM": "x"},
    {"mobile": "0692123456", "NOM": "€" * 70},
    {"mobile": "0622345678", "NOM": ""},
    {"mobile": "+32470123456", "NOM": "Œuf…"},
]
MESSAGES = {
    "plain": "Bonjour ${NOM} STOP 36184",
    "long": "x" * 150 + "${NOM}",
    "replaced": "Ça va :-) ${NOM}",
    "emoji": "😀 ${NOM}",
    "link": "${nom} ${track_1}",
}
OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "ucs2": {"allow_ucs2": True},
    "as_it_is": {"replace_to_gsm7": False},
    "twice": {"check_duplicate": False},
    "smiling": {"allow_ucs2": True, "replace_emoji": True},
}


@pytest.fixture(scope="module")
async def session() -> AsyncIterator[Session]:
    async with (
        Sandbox() as sandbox,
        Session(sandbox.username, sandbox.password, base_url=sandbox.base_url) as session,
    ):
        yield session


@pytest.fixture(scope="module")
async def uploaded(session: Session) -> RecipientList:
    return await session.lists.upload(ROWS, filename="clients.csv")


@pytest.mark.anyio
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("msg", MESSAGES.values(), ids=MESSAGES)
async def test_the_sandbox_asks_for_what_was_foretold(
    session: Session, uploaded: RecipientList, msg: str, options: dict[str, Any]
) -> None:
    link = TinyUrl(index=0, url="https://example.fr")
    request = CampaignRequest(msg=msg, list_ids=[uploaded.id or 0], tiny_urls=[link], **options)
    draft = await session.campaigns.prepare(request)
    report = preflight(request, ROWS)
    assert (draft.credit_count, draft.count_valid) == (report.credits, report.sendable)
    assert preflight(request, uploaded).credits >= report.credits
