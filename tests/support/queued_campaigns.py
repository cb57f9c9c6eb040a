"""Campaigns for queues, and short ways to feed one and to work on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Iterable
from typing import Any, Final

import anyio
import psycopg

from mediasflow_async import CampaignRequest, MediasflowError, Session
from mediasflow_async.delivery import Journal, Receipt
from mediasflow_async.workers import Queue, Queued
from tests.support.senders import MOBILE, TEXT, quick_sender, request_for

__all__ = ["MOBILE", "NOTHING", "TEXT", "Ends", "execute", "feed", "pairs", "rows", "work_until"]

Pair = tuple[str, CampaignRequest]
Ends = list[tuple[str, Receipt | MediasflowError]]

LONG_ENOUGH_SECONDS: Final = 60
NOTHING: Final = {"todo": 0, "doing": 0, "refused": 0}


def pairs(count: int, **fields: Any) -> list[Pair]:
    """Return campaigns to be queued."""
    return [(f"order-{n}", request_for(str(n), **fields)) for n in range(count)]


async def feed(
    queue: Queue, given: Iterable[Pair] | AsyncIterable[Pair], **options: Any
) -> list[Queued | MediasflowError | None]:
    """Queue campaigns and return what became of each."""
    return [
        outcome.value if outcome.ok else outcome.error
        async for outcome in queue.feed(given, **options)
    ]


async def work_until(ends: int, queue: Queue, session: Session, url: str, **options: Any) -> Ends:
    """Work on a queue until so many attempts are reported, and return them."""
    told: Ends = []
    stop = asyncio.Event()

    def report(key: str, end: Receipt | MediasflowError) -> None:
        told.append((key, end))
        if len(told) >= ends:
            stop.set()

    async with session, Journal.open(url) as journal, quick_sender(session, journal) as sender:
        with anyio.fail_after(LONG_ENOUGH_SECONDS):
            await queue.work(sender, stop, report=report, **options)
    return told


def execute(url: str, statement: str) -> None:
    """Execute a statement in the database, past the queue and the journal."""
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode())


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """Return what is in the database."""
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()
