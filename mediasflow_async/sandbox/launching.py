"""The moment when messages leave, and what happens by itself afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from mediasflow_async.sandbox import blacklist, messages, records
from mediasflow_async.sandbox.delivery import NOT_SENT, Fate, decide
from mediasflow_async.sandbox.judging import NO_CREDIT, Verdict, judge, tally_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from mediasflow_async.sandbox.records import StoredCampaign
    from mediasflow_async.sandbox.world import World


def settle(db: sqlite3.Connection, world: World, now: float) -> None:
    """Let happen what was due until now: scheduled campaigns start, STOP replies take effect."""
    for campaign in records.due(db, now):
        launch(db, world, campaign, campaign.starts_at or now)
    for message, at in messages.take_stops(db, now):
        answered = records.find(db, message.campaign_id)
        if answered is not None:
            blacklist.add(db, _stop(answered, message.mobile, at))


def _stop(campaign: StoredCampaign, mobile: str, at: float) -> blacklist.Entry:
    brand = campaign.order.brand
    return blacklist.Entry(
        item=mobile,
        kind="MOBILE",
        scope="BRAND" if brand else "ACCOUNT",
        brand=brand,
        description=f"STOP reply to campaign {campaign.id}",
        user_id=campaign.user_id,
        created_at=at,
    )


def launch(
    db: sqlite3.Connection, world: World, campaign: StoredCampaign, at: float
) -> StoredCampaign:
    """Send a campaign at the moment `at` and return it as it is afterwards."""
    key = f"{campaign.id}/{campaign.launches}"
    verdicts = list(judge(db, campaign.order, world.rules, key))
    outcomes = list(_outcomes(db, world, verdicts, key))
    messages.insert_all(db, campaign, outcomes, at)
    launched = evolve(
        campaign,
        state="LAUNCHED",
        starts_at=at,
        updated_at=at,
        launches=campaign.launches + 1,
        tally=tally_of(verdict for verdict, _ in outcomes),
    )
    return records.update(db, launched)


def send_test(
    db: sqlite3.Connection,
    world: World,
    campaign: StoredCampaign,
    verdicts: Iterable[Verdict],
    now: float,
) -> None:
    """Send the test messages `verdicts` of a campaign; they are billed like others. Guide: 2.3."""
    key = f"{campaign.id}/test/{now}"
    messages.insert_all(db, campaign, _outcomes(db, world, list(verdicts), key), now, test=True)


def _outcomes(
    db: sqlite3.Connection, world: World, verdicts: list[Verdict], key: str
) -> Iterator[tuple[Verdict, Fate]]:
    """Yield what becomes of each recipient, as long as the credit lasts."""
    balance = records.credit(db)
    for place, verdict in enumerate(verdicts):
        settled = verdict
        if verdict.segments > balance:
            settled = _unsent(verdict, NO_CREDIT)
        fate = _fate(world, settled, f"{key}/{verdict.candidate.line}", place / len(verdicts))
        if settled.status is None and fate.final[1] in NOT_SENT:
            settled = _unsent(settled, fate.final[1])
        balance -= settled.segments
        yield settled, fate
    records.set_credit(db, balance)


def _unsent(verdict: Verdict, status: int) -> Verdict:
    return Verdict(verdict.candidate, verdict.mobile, status)


def _fate(world: World, verdict: Verdict, key: str, progress: float) -> Fate:
    if verdict.status is not None:
        return Fate(((0.0, verdict.status),))
    return decide(world.plan, verdict.mobile, key, progress, world.rules.lost_codes[:2])
