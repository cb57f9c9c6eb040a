"""Protocols that leave one rule out each, to show that the simulation would notice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from attrs import evolve, frozen

from mediasflow_async.delivery import Entry, State
from mediasflow_async.delivery.lease import Policy
from mediasflow_async.errors import DeliveryUnknown
from mediasflow_async.models import Campaign, CampaignStatus
from tests.delivery.simulation.api import Api, Server, shown
from tests.delivery.simulation.journal import MemoryJournal
from tests.delivery.simulation.runs import Protocol
from tests.delivery.simulation.world import Process, World, step

__all__ = ["WEAKENED"]


@frozen
class _Unguarded(Api):
    async def launch(self, campaign_id: int, **_: object) -> Campaign:
        return await super().launch(campaign_id)


@frozen
class _Resending(Api):
    async def launch(
        self, campaign_id: int, *, guard: Callable[[], object] | None = None, **_: object
    ) -> Campaign:
        try:
            return await super().launch(campaign_id, guard=guard)
        except DeliveryUnknown:
            return await super().launch(campaign_id, guard=guard)


@frozen
class _Believed(Api):
    """What cannot be read counts as the answer that was hoped for."""

    def _odd(self, campaign_id: int) -> Campaign:
        return shown(campaign_id, CampaignStatus.INPROGRESS)


class _Unrenewed(MemoryJournal):
    """Whoever asked about a launch goes on with what it knew before."""

    async def renew(self, entry: Entry, _: timedelta) -> Entry | None:
        return evolve(entry, read_at=self._now())

    async def move(self, entry: Entry, to: State, **details: Any) -> Entry | None:
        if entry.state is to is State.LAUNCHING:
            return evolve(entry, read_at=self._now())
        return await super().move(entry, to, **details)


class _Unrecorded(MemoryJournal):
    """That a launch is about to leave is remembered, and not written down."""

    async def move(self, entry: Entry, to: State, **details: Any) -> Entry | None:
        if entry.state is State.PREPARED and to is State.LAUNCHING:
            await step()
            return evolve(entry, state=to)
        return await super().move(entry, to, **details)

    def _compared(self, entry: Entry) -> Entry | None:
        known = self.kept.get(entry.key)
        return evolve(known, state=entry.state) if known and known.owner == entry.owner else None


def _with_journal(kind: type[MemoryJournal]) -> Protocol:
    def journal(world: World) -> MemoryJournal:
        return kind(world.now, step)

    return Protocol(journal=journal)


def _with_api(kind: Callable[[Server, Process], Api]) -> Protocol:
    return Protocol(api=kind)


WEAKENED: Final = {
    "a: LAUNCHING is not durable": _with_journal(_Unrecorded),
    "b: what is in doubt is resent": _with_api(_Resending),
    "c: nothing is given time to settle": Protocol(policy=Policy(settle=timedelta(0))),
    "d: no guard at the first byte": _with_api(_Unguarded),
    "e: the lease is not renewed": _with_journal(_Unrenewed),
    "f: what cannot be read is proof": _with_api(_Believed),
}
