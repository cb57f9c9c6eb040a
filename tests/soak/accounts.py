"""The journal and the server's ledger side by side: is every campaign accounted for?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve, frozen

from mediasflow_async.delivery import Entry, Journal, Sender, State
from tests.soak.campaigns import Pair
from tests.soak.ledger import Statement
from tests.soak.serving import Address

__all__ = ["Account", "Launches", "audited", "launches_in", "surplus"]

Launches = Mapping[str, Sequence[int]]
"""The numbers under which the campaigns of each key were sent, each as often as it was."""


@frozen(kw_only=True)
class Account:
    """What became of the keys of a run.

    Attributes:
        campaigns: how many keys there were.
        ended: how many are in each state in which a campaign has ended.
        parked: how many waited for a person.
        lost: keys that did not end, or that ended LAUNCHED and were never sent.
        duplicated: launches too many.
        disagreeing: keys of which the journal says something else than the server.
        damages: what the journal finds wrong with itself.
        recorded: how many keys, sent again in the end, gave what was recorded and did nothing.
    """

    campaigns: int
    ended: Mapping[State, int]
    lost: Sequence[str]
    duplicated: int
    disagreeing: Sequence[str]
    parked: int = 0
    damages: Sequence[str] = ()
    recorded: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether every campaign is accounted for, and none was sent twice."""
        wrong = self.lost or self.duplicated or self.disagreeing or self.damages
        counts = {sum(self.ended.values()), self.recorded}
        return not wrong and counts == {self.campaigns}


def launches_in(statement: Statement) -> Launches:
    """Return what the ledger says was sent."""
    launches: defaultdict[str, list[int]] = defaultdict(list)
    for key, number, count in statement["launched"]:
        launches[key] += [number] * count
    return launches


def surplus(launches: Launches) -> int:
    """Return how many launches there were beyond the first of each key."""
    return sum(len(numbers) - 1 for numbers in launches.values())


async def audited(
    sender: Sender, journal: Journal, pairs: Sequence[Pair], server: Address
) -> Account:
    """Compare the journal with the ledger, once a person has looked at what is parked.

    All is sent once more before that, which must do nothing.
    """
    parked = await _resolved(sender, launches_in(await server.statement()))
    recorded = 0
    async with sender.send_many(pairs) as outcomes:
        async for outcome in outcomes:
            recorded += outcome.unwrap().is_recorded
    entries = {entry.key: entry async for entry in journal.entries()}
    account = _balanced(pairs, entries, launches_in(await server.statement()))
    return evolve(account, parked=parked, recorded=recorded, damages=await journal.check())


async def _resolved(sender: Sender, launches: Launches) -> int:
    """Do what a person does with parked campaigns: look at the server, and tell the journal."""
    keys = [parked.key async for parked in sender.parked()]
    for key in keys:
        await sender.resolve(key, launched=key in launches)
    return len(keys)


def _balanced(pairs: Iterable[Pair], entries: Mapping[str, Entry], launches: Launches) -> Account:
    ended: Counter[State] = Counter()
    lost, disagreeing = [], []
    keys = [key for key, _ in pairs]
    for key in keys:
        entry, sent = entries.get(key), launches.get(key, [])
        if entry is None or entry.state.is_open or (entry.state is State.LAUNCHED and not sent):
            lost.append(key)
            continue
        ended[entry.state] += 1
        if not _agrees(entry, sent):
            disagreeing.append(key)
    return Account(
        campaigns=len(keys),
        ended=ended,
        lost=lost,
        duplicated=surplus(launches),
        disagreeing=disagreeing,
    )


def _agrees(entry: Entry, sent: Sequence[int]) -> bool:
    """Whether the server did what the journal says."""
    return sent == ([entry.campaign_id] if entry.state is State.LAUNCHED else [])
