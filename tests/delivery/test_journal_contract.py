"""What every journal promises, whichever database keeps it."""

from __future__ import annotations

import json
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from pathlib import Path

import anyio
import pytest
from attrs import evolve, fields_dict

from mediasflow_async.delivery import journal as database_journal
from mediasflow_async.delivery.errors import CampaignTaken, JournalError
from mediasflow_async.delivery.journal import Journal
from mediasflow_async.delivery.records import MOVES, Entry, Reason, State
from tests.support.journals import LONG, OVER, claimed, kept, moved
from tests.support.local_postgres import PostgresServer

pytest_plugins = ["tests.support.postgres_fixtures", "tests.support.journal_fixtures"]
pytestmark = pytest.mark.anyio

EVER = datetime.max.replace(tzinfo=UTC)
OPEN = [State.NEW, State.PREPARED, State.LAUNCHING]
ENDED = [State.LAUNCHED, State.REJECTED, State.CANCELLED]
WAY = {
    State.NEW: [],
    State.PREPARED: [State.PREPARED],
    State.LAUNCHING: [State.PREPARED, State.LAUNCHING],
    State.LAUNCHED: [State.PREPARED, State.LAUNCHING, State.LAUNCHED],
    State.REJECTED: [State.REJECTED],
    State.PARKED: [State.PREPARED, State.LAUNCHING, State.PARKED],
    State.CANCELLED: [State.PREPARED, State.CANCELLED],
}


async def test_a_key_that_is_not_known_becomes_new_and_is_claimed(journal: Journal) -> None:
    entry = await journal.claim("key", "digest", owner="owner", lease=LONG)
    assert (entry.key, entry.digest, entry.state, entry.owner) == (
        "key",
        "digest",
        State.NEW,
        "owner",
    )
    assert entry.lease_until == entry.created_at + LONG
    assert entry.created_at == entry.updated_at <= entry.read_at
    assert (entry.campaign_id, entry.sender, entry.launches, entry.reason) == (None, None, 0, None)
    assert timedelta(minutes=59) < entry.lease_left <= LONG


@pytest.mark.parametrize("state", OPEN)
async def test_nobody_else_gets_an_entry_before_its_lease_is_over(
    journal: Journal, state: State
) -> None:
    entry = await moved(journal, await claimed(journal), *WAY[state])
    refused = await claimed(journal, owner="other")
    assert (refused.owner, refused.state) == ("owner", state)
    assert refused.lease_until == entry.lease_until
    assert refused.updated_at == entry.updated_at


@pytest.mark.parametrize("state", OPEN)
async def test_an_entry_whose_lease_is_over_goes_to_the_next(
    journal: Journal, state: State
) -> None:
    entry = await moved(journal, await claimed(journal, lease=OVER), *WAY[state], lease=OVER)
    taken = await claimed(journal, owner="other")
    assert (taken.owner, taken.state, taken.campaign_id) == ("other", state, entry.campaign_id)
    assert taken.launching_since == entry.launching_since
    assert taken.quiet_since == entry.quiet_since
    assert await journal.renew(entry, LONG) is None


async def test_an_owner_whose_lease_is_over_goes_on_while_nobody_else_came(
    journal: Journal,
) -> None:
    entry = await claimed(journal, lease=OVER)
    renewed = await journal.renew(entry, LONG)
    assert renewed is not None
    assert renewed.lease_left > OVER


async def test_a_claim_that_is_made_again_is_the_same_claim(journal: Journal) -> None:
    first, again = await claimed(journal), await claimed(journal)
    assert again.owner == first.owner
    assert again.created_at == first.created_at


@pytest.mark.parametrize("lease", [LONG, OVER])
async def test_another_payload_never_gets_the_key(journal: Journal, lease: timedelta) -> None:
    await claimed(journal, lease=lease)
    refused = await journal.claim("key", "another digest", owner="other", lease=LONG)
    assert (refused.digest, refused.owner) == ("digest", "owner")


@pytest.mark.parametrize("state", [*ENDED, State.PARKED])
async def test_what_has_ended_is_not_claimed_again(journal: Journal, state: State) -> None:
    ended = await moved(journal, await claimed(journal), *WAY[state])
    refused = await claimed(journal, owner="other")
    assert (refused.state, refused.owner, refused.lease_until) == (state, None, None)
    assert refused.updated_at == ended.updated_at


async def test_a_claim_wins_over_a_purge_that_takes_the_entry_from_under_it(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await moved(journal, await claimed(journal), State.REJECTED)

    async def purge_first(key: str) -> None:
        monkeypatch.undo()
        await journal.purge(OVER)
        assert await journal.get(key) is None

    monkeypatch.setattr(journal, "get", purge_first)
    assert (await claimed(journal, owner="other")).owner == "other"


async def test_only_the_moves_of_the_protocol_are_made(journal: Journal) -> None:
    for number, (state, to) in enumerate(product(State, State)):
        entry = await moved(journal, await claimed(journal, f"{state} {to}"), *WAY[state])
        if to in MOVES[state]:
            after = await journal.move(entry, to, lease=LONG, campaign_id=number + 1)
            assert after is not None
            assert after.state is to
        else:
            with pytest.raises(ValueError, match=f"from {state} to {to}"):
                await journal.move(entry, to, lease=LONG)
            assert (await kept(journal, entry.key)).state is state


async def test_a_move_needs_the_state_and_the_owner_that_it_was_decided_on(
    journal: Journal,
) -> None:
    old = await claimed(journal, lease=OVER)
    new = await claimed(journal, owner="other")
    assert await journal.move(old, State.REJECTED) is None
    await moved(journal, new, State.PREPARED)
    assert await journal.move(new, State.REJECTED) is None
    assert (await kept(journal)).state is State.PREPARED


async def test_an_entry_that_nobody_owns_is_moved_by_who_saw_it_so(journal: Journal) -> None:
    entry = await moved(journal, await claimed(journal), *WAY[State.PARKED])
    assert entry.owner is None
    after = await journal.move(entry, State.LAUNCHED, reason=Reason.BY_PERSON)
    assert after is not None
    assert (after.state, after.reason) == (State.LAUNCHED, Reason.BY_PERSON)
    assert await journal.move(entry, State.CANCELLED) is None


async def test_a_move_of_a_key_that_was_forgotten_fails(journal: Journal) -> None:
    entry = await moved(journal, await claimed(journal), *WAY[State.PARKED])
    await moved(journal, entry, State.CANCELLED)
    await journal.purge(OVER)
    assert await journal.move(entry, State.LAUNCHED) is None


async def test_a_launch_is_timed_from_its_first_attempt(journal: Journal) -> None:
    first = await moved(journal, await claimed(journal), *WAY[State.LAUNCHING])
    assert first.launches == 1
    assert first.launching_since == first.updated_at
    assert first.quiet_since == first.lease_until == first.updated_at + LONG
    again = await moved(journal, first, State.LAUNCHING)
    assert again.launches == 2
    assert again.launching_since == first.launching_since
    assert again.quiet_since == again.lease_until == again.updated_at + LONG


async def test_a_launch_without_a_lease_is_quiet_at_once(journal: Journal) -> None:
    draft = await moved(journal, await claimed(journal), State.PREPARED)
    launching = await journal.move(draft, State.LAUNCHING)
    assert launching is not None
    assert launching.owner is None
    assert launching.quiet_since == launching.updated_at


async def test_a_launch_that_was_not_executed_leaves_a_draft_as_before(journal: Journal) -> None:
    launching = await moved(journal, await claimed(journal), *WAY[State.LAUNCHING])
    draft = await journal.move(launching, State.PREPARED, lease=LONG)
    assert draft is not None
    assert (draft.launching_since, draft.quiet_since) == (None, None)
    assert (draft.launches, draft.campaign_id) == (1, launching.campaign_id)


async def test_what_is_known_of_a_launch_stays_when_it_has_ended(journal: Journal) -> None:
    launching = await moved(journal, await claimed(journal), *WAY[State.LAUNCHING])
    launched = await journal.move(launching, State.LAUNCHED, lease=LONG, reason=Reason.ANSWERED)
    assert launched is not None
    assert launched.launching_since == launching.launching_since
    assert launched.quiet_since == launching.quiet_since
    assert (launched.owner, launched.lease_until) == (None, None)


async def test_a_move_without_a_lease_gives_the_entry_back(journal: Journal) -> None:
    entry = await journal.move(await claimed(journal), State.PREPARED, campaign_id=7)
    assert entry is not None
    assert (entry.owner, entry.lease_until) == (None, None)
    assert (await claimed(journal, owner="other")).owner == "other"


async def test_a_lease_without_an_owner_is_none(journal: Journal) -> None:
    free = await journal.release(await moved(journal, await claimed(journal), State.PREPARED))
    assert free is not None
    after = await moved(journal, free, State.LAUNCHING)
    assert (after.owner, after.lease_until) == (None, None)


async def test_number_and_sender_stay_where_the_reason_is_replaced(journal: Journal) -> None:
    await journal.move(
        await claimed(journal), State.PREPARED, lease=LONG, campaign_id=7, sender="SHOP"
    )
    await journal.move(await kept(journal), State.LAUNCHING)
    await journal.move(await kept(journal), State.REJECTED, reason=Reason.REFUSED, status=409)
    entry = await kept(journal)
    assert (entry.campaign_id, entry.sender) == (7, "SHOP")
    assert (entry.reason, entry.status) == (Reason.REFUSED, 409)


async def test_a_move_without_a_reason_forgets_the_earlier_one(journal: Journal) -> None:
    launching = await moved(journal, await claimed(journal), *WAY[State.LAUNCHING])
    await journal.move(launching, State.PARKED, reason=Reason.NO_EVIDENCE, status=500)
    await journal.move(await kept(journal), State.LAUNCHED)
    entry = await kept(journal)
    assert (entry.reason, entry.status) == (None, None)


async def test_a_campaign_has_one_key(journal: Journal) -> None:
    await journal.move(await claimed(journal, "one"), State.PREPARED, campaign_id=7)
    two = await claimed(journal, "two")
    with pytest.raises(CampaignTaken) as caught:
        await journal.move(two, State.PREPARED, campaign_id=7)
    assert caught.value.campaign_id == 7
    unchanged = await kept(journal, "two")
    assert evolve(unchanged, read_at=two.read_at) == two


async def test_a_lease_is_extended_from_now(journal: Journal) -> None:
    entry = await moved(journal, await claimed(journal), State.PREPARED, lease=OVER)
    renewed = await journal.renew(entry, LONG)
    assert renewed is not None
    assert renewed.lease_until == renewed.updated_at + LONG
    assert (renewed.state, renewed.owner, renewed.quiet_since) == (entry.state, "owner", None)


@pytest.mark.parametrize("state", OPEN)
async def test_what_is_given_back_is_free_at_once(journal: Journal, state: State) -> None:
    entry = await moved(journal, await claimed(journal), *WAY[state])
    free = await journal.release(entry)
    assert free is not None
    assert (free.state, free.owner, free.lease_until) == (state, None, None)
    assert await journal.release(entry) is None
    assert (await claimed(journal, owner="other")).owner == "other"


@pytest.mark.parametrize("hold", ["renew", "release"])
async def test_who_holds_a_launch_says_that_nothing_is_under_way(
    journal: Journal, hold: str
) -> None:
    launching = await moved(journal, await claimed(journal), *WAY[State.LAUNCHING])
    held = await (journal.renew(launching, LONG) if hold == "renew" else journal.release(launching))
    assert held is not None
    assert held.quiet_since == held.updated_at
    again = await claimed(journal, owner="owner" if hold == "renew" else "other")
    later = await journal.renew(again, LONG)
    assert later is not None
    assert later.quiet_since == held.quiet_since


async def test_only_its_owner_can_renew_or_give_back(journal: Journal) -> None:
    entry = await claimed(journal)
    for stranger in (evolve(entry, owner="other"), evolve(entry, owner=None)):
        assert await journal.renew(stranger, LONG) is None
        assert await journal.release(stranger) is None
    free = await journal.release(entry)
    assert free is not None
    assert await journal.renew(free, LONG) is None
    assert await journal.release(free) is None


@pytest.mark.parametrize("state", OPEN)
async def test_a_claim_that_nobody_heard_of_is_given_back(journal: Journal, state: State) -> None:
    entry = await moved(journal, await claimed(journal), *WAY[state])
    await claimed(journal, "another")
    assert await journal.disclaim("owner", key="key") == 1
    free = await kept(journal)
    assert (free.state, free.owner, free.lease_until) == (state, None, None)
    # As with a release, nothing is under way any more.
    assert free.quiet_since == (entry.quiet_since and free.updated_at)
    assert (await kept(journal, "another")).owner == "owner"
    assert await journal.disclaim("owner", key="key") == 0
    assert (await claimed(journal, owner="other")).owner == "other"
    assert await journal.disclaim("owner", key="key") == 0


async def test_what_was_taken_over_and_nobody_heard_of_is_given_back(journal: Journal) -> None:
    keys = ["one", "two", "three"]
    for key in keys:
        await moved(journal, await claimed(journal, key), *WAY[State.LAUNCHING], lease=OVER)
    quiet = {key: (await kept(journal, key)).quiet_since for key in keys}
    assert len(await journal.take(owner="new", lease=LONG, limit=2, before=EVER)) == 2
    await journal.claim("three", "digest", owner="third", lease=LONG)
    assert await journal.disclaim("new") == 2
    found = {key: await kept(journal, key) for key in keys}
    assert {key: entry.owner for key, entry in found.items()} == {
        "one": None,
        "two": None,
        "three": "third",
    }
    assert {key: entry.quiet_since for key, entry in found.items()} == quiet
    assert len(await journal.take(owner="next", lease=LONG, limit=9, before=EVER)) == 2


async def test_only_drafts_and_launches_are_taken_over(journal: Journal) -> None:
    left = {
        state: await moved(journal, await claimed(journal, state), *WAY[state], lease=OVER)
        for state in State
    }
    taken = await journal.take(owner="new", lease=LONG, limit=9, before=EVER)
    assert {entry.state for entry in taken} == {State.PREPARED, State.LAUNCHING}
    for entry in taken:
        assert (entry.key, entry.owner) == (entry.state, "new")
        assert timedelta(minutes=59) < entry.lease_left <= LONG
        assert entry.quiet_since == left[entry.state].quiet_since
        assert entry.launches == left[entry.state].launches


async def test_what_is_held_or_was_changed_lately_is_not_taken_over(journal: Journal) -> None:
    held = await moved(journal, await claimed(journal, "held"), State.PREPARED)
    await moved(journal, await claimed(journal, "free"), State.PREPARED, lease=OVER)
    middle = await journal.now()
    await moved(journal, await claimed(journal, "late"), State.PREPARED, lease=OVER)
    first = await journal.take(owner="a", lease=LONG, limit=9, before=middle)
    assert [entry.key for entry in first] == ["free"]
    assert not await journal.take(owner="b", lease=LONG, limit=9, before=middle)
    await journal.release(held)
    rest = await journal.take(owner="c", lease=LONG, limit=9, before=EVER)
    assert {entry.key for entry in rest} == {"held", "late"}


async def test_the_longest_unchanged_are_taken_over_first(journal: Journal) -> None:
    entries = [
        await moved(journal, await claimed(journal, str(number)), State.PREPARED)
        for number in range(5)
    ]
    for number in (3, 0, 4, 1, 2):
        await journal.release(entries[number])
    taken = [
        [entry.key for entry in await journal.take(owner=owner, lease=LONG, limit=2, before=EVER)]
        for owner in "abc"
    ]
    assert [sorted(keys) for keys in taken] == [["0", "3"], ["1", "4"], ["2"]]


async def test_those_who_take_at_once_do_not_take_the_same(journal: Journal) -> None:
    for number in range(60):
        await moved(journal, await claimed(journal, f"{number}"), State.PREPARED, lease=OVER)
    taken: dict[str, list[str]] = {}

    async def take(owner: str) -> None:
        entries = await journal.take(owner=owner, lease=LONG, limit=15, before=EVER)
        taken[owner] = [entry.key for entry in entries]

    async with anyio.create_task_group() as tasks:
        for owner in "abcd":
            tasks.start_soon(take, owner)
    while len(rest := await journal.take(owner="e", lease=LONG, limit=15, before=EVER)):
        taken["e"] = taken.get("e", []) + [entry.key for entry in rest]
    keys = [key for some in taken.values() for key in some]
    assert len(keys) == len(set(keys)) == 60
    owners = {entry.key: entry.owner async for entry in journal.entries()}
    assert all(owners[key] == owner for owner, some in taken.items() for key in some)


async def test_of_those_who_claim_at_once_one_succeeds(journal: Journal) -> None:
    winners: list[str] = []

    async def claim(owner: str) -> None:
        if (await claimed(journal, owner=owner)).owner == owner:
            winners.append(owner)

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(claim, f"owner {number}")
    assert len(winners) == 1
    assert (await kept(journal)).owner == winners[0]


async def test_of_those_who_move_at_once_one_succeeds(journal: Journal) -> None:
    entry = await moved(journal, await claimed(journal), State.PREPARED)
    moves: list[State] = []

    async def move(to: State) -> None:
        if await journal.move(entry, to, lease=LONG):
            moves.append(to)

    async with anyio.create_task_group() as tasks:
        for to in [State.LAUNCHING, State.CANCELLED] * 8:
            tasks.start_soon(move, to)
    assert [(await kept(journal)).state] == moves


async def test_a_failed_call_leaves_those_beside_it_alone(journal: Journal) -> None:
    await journal.move(await claimed(journal, "first"), State.PREPARED, campaign_id=1)
    failed: list[str] = []

    async def prepare(key: str, number: int) -> None:
        try:
            await journal.move(await claimed(journal, key), State.PREPARED, campaign_id=number)
        except CampaignTaken:
            failed.append(key)

    async with anyio.create_task_group() as tasks:
        for number in range(1, 11):
            tasks.start_soon(prepare, str(number), number)
    assert failed == ["1"]
    counts = await journal.counts()
    assert (counts[State.NEW], counts[State.PREPARED]) == (1, 10)


async def test_every_state_is_counted(journal: Journal) -> None:
    assert await journal.counts() == dict.fromkeys(State, 0)
    for number, state in enumerate(State):
        for copy in range(number):
            await moved(journal, await claimed(journal, f"{state} {copy}"), *WAY[state])
    assert await journal.counts() == {state: number for number, state in enumerate(State)}


async def test_a_key_that_is_not_there_has_no_entry(journal: Journal) -> None:
    assert await journal.get("key") is None


async def test_the_clock_goes_on_and_is_right(journal: Journal) -> None:
    times = [await journal.now() for _ in range(5)]
    assert all(earlier < later for earlier, later in pairwise(times))
    assert times[0].utcoffset() == timedelta(0)
    assert abs(times[0] - datetime.now(UTC)) < timedelta(minutes=1)


async def test_entries_come_the_oldest_first_and_each_once(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_journal, "_BATCH", 3)
    keys = ["b", "a", "Z", "é", "10", "9", "c"]
    for key in keys:
        await claimed(journal, key)
    seen = []
    async for entry in journal.entries():
        seen.append(entry.key)
        # What changes while one looks neither comes again nor keeps others from coming.
        await moved(journal, entry, State.REJECTED)
    assert seen == keys
    assert (await journal.counts())[State.REJECTED] == len(keys)


async def test_entries_of_some_states_alone(journal: Journal) -> None:
    for state in State:
        await moved(journal, await claimed(journal, state), *WAY[state])
    some = [entry.key async for entry in journal.entries(State.PARKED, State.NEW)]
    assert some == [State.NEW, State.PARKED]


async def test_looking_can_end_early(journal: Journal) -> None:
    for key in "abc":
        await claimed(journal, key)
    async with aclosing(journal.entries()) as entries:
        assert (await anext(entries)).key == "a"
    async with aclosing(journal.export()) as lines:
        assert json.loads(await anext(lines))["key"] == "a"


async def test_the_export_has_all_that_is_known_in_lines(journal: Journal) -> None:
    entry = await moved(journal, await claimed(journal, "a\nb"), *WAY[State.LAUNCHING])
    await journal.move(entry, State.PARKED, reason=Reason.NO_EVIDENCE, sender="SHOP")
    await claimed(journal, "é")
    lines = [line async for line in journal.export()]
    assert not any("\n" in line for line in lines)
    first, second = map(json.loads, lines)
    assert list(first) == [name for name in fields_dict(Entry) if name != "read_at"]
    assert (first["key"], first["state"], first["reason"]) == ("a\nb", "PARKED", "NO_EVIDENCE")
    assert datetime.fromisoformat(first["launching_since"]) == entry.launching_since
    assert (second["key"], second["campaign_id"], second["owner"]) == ("é", None, "owner")


async def test_only_what_ended_long_ago_is_forgotten(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_journal, "_BATCH", 2)
    for state in State:
        await moved(journal, await claimed(journal, state), *WAY[state], lease=OVER)
    assert await journal.purge(LONG) == 0
    assert await journal.purge(OVER) == len(ENDED)
    left = {entry.state async for entry in journal.entries()}
    assert left == {*OPEN, State.PARKED}
    assert (await claimed(journal, State.LAUNCHED, owner="new")).state is State.NEW


async def test_a_sound_journal_has_nothing_to_report(journal: Journal) -> None:
    for state in State:
        await moved(journal, await claimed(journal, state), *WAY[state])
        await moved(journal, await claimed(journal, f"over {state}"), *WAY[state], lease=OVER)
    assert list(await journal.check()) == []


async def test_what_breaks_the_rules_is_not_written(journal: Journal) -> None:
    entry = await claimed(journal)
    with pytest.raises(JournalError):
        await journal.move(entry, State.PREPARED)
    assert (await kept(journal)).state is State.NEW


async def test_departures_are_evenly_spaced(journal: Journal) -> None:
    before = await journal.now()
    departures = []
    for _ in range(5):
        wait = await journal.pace(0.1)
        departures.append(await journal.now() + wait)
    assert departures[0] - before < timedelta(seconds=5)
    for number, departure in enumerate(departures):
        assert abs(departure - departures[0] - number * timedelta(seconds=10)) < timedelta(
            seconds=2
        )


async def test_departures_that_were_not_asked_for_are_not_made_up_for(journal: Journal) -> None:
    assert await journal.pace(1_000_000) == OVER
    await journal.now()
    assert await journal.pace(0.001) == OVER
    assert await journal.pace(0.001) > timedelta(seconds=900)


async def test_a_pause_holds_for_all_and_is_never_shortened(journal: Journal) -> None:
    await journal.postpone(timedelta(minutes=10))
    await journal.postpone(timedelta(minutes=5))
    wait = await journal.pace(100)
    assert timedelta(minutes=9) < wait <= timedelta(minutes=10)


async def test_a_journal_keeps_all_when_it_is_opened_again(journal_url: str) -> None:
    async with Journal.open(journal_url) as journal:
        entry = await moved(journal, await claimed(journal), *WAY[State.LAUNCHING])
        salt = journal.salt
    async with Journal.open(journal_url) as journal, Journal.open(journal_url) as second:
        assert journal.salt == second.salt == salt
        found = await kept(journal)
        assert evolve(found, read_at=entry.read_at) == entry
        assert (await moved(second, entry, State.LAUNCHED)).state is State.LAUNCHED
        assert (await kept(journal)).state is State.LAUNCHED


async def test_each_journal_has_a_salt_of_its_own(
    journal: Journal, tmp_path: Path, postgres: PostgresServer
) -> None:
    salts = {journal.salt}
    for url in (postgres.new_schema(), f"sqlite:///{tmp_path / 'another.db'}"):
        async with Journal.open(url) as another:
            salts.add(another.salt)
    assert {len(salt) for salt in salts} == {32}
    assert len(salts) == 3


async def test_a_closed_journal_says_so(journal_url: str) -> None:
    async with Journal.open(journal_url) as journal:
        entry = await claimed(journal)
    for call in (journal.get("key"), journal.release(entry)):
        with pytest.raises(JournalError, match="closed"):
            await call


async def test_a_cancelled_call_leaves_the_journal_usable(journal: Journal) -> None:
    async def claim_many() -> None:
        async with anyio.create_task_group() as claims:
            for number in range(30):
                claims.start_soon(claimed, journal, f"key {number}")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(claim_many)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    for number in range(30):
        entry = await claimed(journal, f"key {number}")
        assert entry.owner == "owner"
    assert list(await journal.check()) == []


async def test_keys_are_taken_as_they_are(journal: Journal) -> None:
    keys = [
        "'; DROP TABLE mediasflow_entries; --",
        "%s %(key)s",
        ":key {now}",
        "é\u2028😀",
        "x" * 255,
    ]
    for key in keys:
        await moved(journal, await claimed(journal, key, owner=key), State.PREPARED)
    assert [entry.key async for entry in journal.entries()] == keys
    assert (await kept(journal, "%s %(key)s")).key == "%s %(key)s"


async def test_no_pause_is_longer_than_a_day(journal: Journal) -> None:
    await journal.postpone(timedelta.max)
    assert timedelta(hours=23) < await journal.pace(100) <= timedelta(days=1)


@pytest.mark.parametrize("rate", [5e-324, 1e-300, 1e-12, 1e300])
async def test_every_rate_has_a_departure(journal: Journal, rate: float) -> None:
    assert await journal.pace(rate) == OVER
    assert await journal.pace(rate) <= timedelta(days=365)


async def test_nothing_is_older_than_all_time(journal: Journal) -> None:
    await claimed(journal)
    assert await journal.purge(timedelta.max) == 0
