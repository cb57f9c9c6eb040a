"""One run: two workers, a journal, a server, and what must hold at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Final
from unittest.mock import patch

from attrs import field, frozen

from mediasflow_async._core.retry import RetryQuota
from mediasflow_async.delivery import Entry, State, campaign
from mediasflow_async.delivery.campaign import advance, new_owner, send_campaign
from mediasflow_async.delivery.lease import Lease, Policy, SendContext
from mediasflow_async.delivery.records import Order, Receipt, digest_of
from mediasflow_async.dialect import Dialect
from mediasflow_async.models import CampaignRequest
from tests.delivery.simulation.api import Api, Server
from tests.delivery.simulation.journal import MemoryJournal
from tests.delivery.simulation.schedules import Schedule
from tests.delivery.simulation.stand_ins import FreePacing, HalfJitter, SimulatedSession
from tests.delivery.simulation.world import Process, World, step, wait

__all__ = ["PROMISED", "Broken", "Protocol", "run"]

_KEYS: Final = ("one", "two")
_SKEWS: Final = (0.0, 1000.0)
_FREEZES: Final = (5.0, 70.0, 130.0, 400.0)
_RETRY: Final = 7.0
_LATEST: Final = 120.0


class Broken(AssertionError):
    """The promise did not hold."""


@frozen(kw_only=True)
class Protocol:
    """The protocol that a run is about: the promised one, or one that is weakened somewhere.

    Attributes:
        policy: patience and certainty.
        journal: makes the journal of a world.
        api: makes what a process calls.
    """

    policy: Policy = field(factory=Policy)
    journal: Callable[[World], MemoryJournal] = lambda world: MemoryJournal(world.now, step)
    api: Callable[[Server, Process], Any] = Api


PROMISED: Final = Protocol()


def run(choices: bytes, protocol: Protocol = PROMISED) -> Sequence[Entry]:
    """Let two workers go through a schedule, and return what became of each key.

    Raises:
        Broken: a campaign was launched twice, or is lost.
        Livelock: the workers did not come to an end.
    """
    world = World(Schedule(choices), _FREEZES)
    server = Server(world, _LATEST)
    journal = protocol.journal(world)
    second = world.schedule.pick((_send_all, _resume_all))
    for work, skew in zip((_send_all, second), _SKEWS, strict=True):
        world.start(_life(work, protocol, journal, server), skew)
    # A process that crashes releases nothing, and there is no event loop to release it in.
    with patch.object(campaign, "released_on_failure", lambda _: nullcontext()):
        world.run()
    for key in _KEYS:
        _check(key, journal, server)
    return [journal.kept[key] for key in _KEYS]


_Work = Callable[[SendContext], Any]


def _life(work: _Work, protocol: Protocol, journal: MemoryJournal, server: Server) -> Any:
    async def live(process: Process) -> None:
        api = protocol.api(server, process)
        simulated: dict[str, Any] = {
            "session": SimulatedSession(api, api, Dialect()),
            "pacing": FreePacing(),
            "slot": process,
        }
        context = SendContext(
            journal=journal,
            policy=protocol.policy,
            retry=HalfJitter(),
            retry_quota=RetryQuota(None),
            **simulated,
        )
        await work(context)

    return live


async def _send_all(context: SendContext) -> None:
    """Send every key until there is a receipt, as whoever handles events does."""
    for key in _KEYS:
        order = Order(request=_request(key))
        digest = digest_of(order, context.journal.salt)
        while not isinstance(await send_campaign(context, key, digest, order), Receipt):
            await wait(_RETRY)


async def _resume_all(context: SendContext) -> None:
    """Take over what others leave until there is nothing left to do."""
    while not await _have_all_ended(context):
        before = await context.journal.now()
        asked_at = context.slot.seconds()
        taken = await context.journal.take(
            owner=new_owner(), lease=context.policy.lease, limit=2, before=before
        )
        for entry in taken:
            lease = Lease(context.journal, context.policy, entry, asked_at, context.slot.seconds)
            await advance(context, lease)
        await wait(_RETRY)


async def _have_all_ended(context: SendContext) -> bool:
    entries = [await context.journal.get(key) for key in _KEYS]
    return all(entry is not None and not entry.state.is_open for entry in entries)


def _request(key: str) -> CampaignRequest:
    sender = "ACME" if key == _KEYS[0] else None
    return CampaignRequest(
        msg="hello", recipients=["+33600000000"], campaign_name=key, sender=sender
    )


_ALLOWED: Final = {
    State.LAUNCHED: {1},
    State.REJECTED: {0},
    State.PARKED: {0, 1},
}


def _check(key: str, journal: MemoryJournal, server: Server) -> None:
    entry, launches = journal.kept[key], server.launches_of(key)
    if launches not in _ALLOWED.get(entry.state, set()):
        raise Broken(f"{key} is {entry.state}, and was launched {launches} times")
