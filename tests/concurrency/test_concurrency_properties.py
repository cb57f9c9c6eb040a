"""What holds for a map whatever the items, the limit and the order in which calls end."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

import anyio.lowlevel
import pytest
from attrs import field, frozen, mutable
from hypothesis import given, settings
from hypothesis import strategies as st

from mediasflow_async import NotFound, Outcome
from mediasflow_async.concurrency import Outcomes, map_bounded

pytestmark = [pytest.mark.anyio, pytest.mark.every_backend]

few = settings(max_examples=60, deadline=None)
pauses = st.integers(0, 4)


async def pause(turns: int) -> None:
    for _ in range(turns):
        await anyio.lowlevel.checkpoint()


@frozen
class Job:
    """One item: how long its source, its call and its consumer take, and whether it fails."""

    source: int
    call: int
    consumer: int
    fails: bool


@mutable
class Watch:
    """Looks at a map from the inside."""

    jobs: list[Job]
    pulled: int = 0
    under_way: int = 0
    most_under_way: int = 0
    most_ahead: int = 0
    taken: list[Outcome[Job, int]] = field(factory=list)

    def items(self, *, is_async: bool) -> Iterable[Job] | AsyncIterable[Job]:
        return self._pulled_slowly() if is_async else self._pulled()

    def _pulled(self) -> Iterator[Job]:
        for job in self.jobs:
            self.pulled += 1
            self.most_ahead = max(self.most_ahead, self.pulled - len(self.taken))
            yield job

    async def _pulled_slowly(self) -> AsyncIterator[Job]:
        for job in self._pulled():
            await pause(job.source)
            yield job

    async def call(self, job: Job) -> int:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await pause(job.call)
            if job.fails:
                raise NotFound("no such thing")
            return job.call
        finally:
            self.under_way -= 1

    async def take(self, outcomes: Outcomes[Job, int], most: int) -> None:
        async for outcome in outcomes:
            self.taken.append(outcome)
            if len(self.taken) == most:
                return
            await pause(outcome.item.consumer)

    def is_right(self, outcome: Outcome[Job, int]) -> bool:
        job = self.jobs[outcome.index]
        is_ended = outcome.item is job and outcome.ok is not job.fails
        return is_ended and (job.fails or outcome.unwrap() == job.call)


jobs = st.lists(st.builds(Job, pauses, pauses, pauses, st.booleans()), max_size=30)
limits = st.integers(1, 7)


@given(jobs=jobs, limit=limits, ordered=st.booleans(), is_async=st.booleans())
@few
async def test_every_item_has_one_outcome(
    *, jobs: list[Job], limit: int, ordered: bool, is_async: bool
) -> None:
    watch = Watch(jobs)
    outcomes = map_bounded(watch.call, watch.items(is_async=is_async), limit=limit, ordered=ordered)

    await watch.take(outcomes, most=-1)

    indexes = [outcome.index for outcome in watch.taken]
    assert (indexes if ordered else sorted(indexes)) == list(range(len(jobs)))
    assert all(map(watch.is_right, watch.taken))
    assert watch.most_under_way <= limit
    assert watch.most_ahead <= limit * (2 if ordered else 1)
    assert outcomes.unfinished == ()


@given(
    jobs=jobs, limit=limits, ordered=st.booleans(), is_async=st.booleans(), most=st.integers(1, 30)
)
@few
async def test_what_was_pulled_is_given_or_unfinished(
    *, jobs: list[Job], limit: int, ordered: bool, is_async: bool, most: int
) -> None:
    watch = Watch(jobs)
    items = watch.items(is_async=is_async)

    async with map_bounded(watch.call, items, limit=limit, ordered=ordered) as outcomes:
        await watch.take(outcomes, most)

    left = [outcome.index for outcome in outcomes.unfinished]
    given_or_left = sorted([*left, *(outcome.index for outcome in watch.taken)])
    assert left == sorted(left)
    # An async input may have been cancelled between its own count and its `yield`.
    assert len(given_or_left) in {watch.pulled, watch.pulled - is_async}
    assert given_or_left == list(range(len(given_or_left)))
    assert watch.under_way == 0


@given(jobs=jobs, limit=limits, ordered=st.booleans(), is_async=st.booleans())
@few
async def test_nothing_begins_after_the_outcome_to_stop_at(
    *, jobs: list[Job], limit: int, ordered: bool, is_async: bool
) -> None:
    watch = Watch(jobs)
    pulled_at_stop: list[int] = []

    def is_last(outcome: Outcome[Job, int]) -> bool:
        if not outcome.ok:
            pulled_at_stop.append(watch.pulled)
        return not outcome.ok

    items = watch.items(is_async=is_async)
    outcomes = map_bounded(watch.call, items, limit=limit, ordered=ordered, stop_on=is_last)
    await watch.take(outcomes, most=-1)

    never = [outcome.index for outcome in outcomes.unfinished]
    indexes = sorted(outcome.index for outcome in watch.taken)
    assert indexes == [index for index in range(len(indexes) + len(never)) if index not in never]
    assert all(map(watch.is_right, watch.taken))
    assert watch.pulled == (pulled_at_stop[0] if pulled_at_stop else len(jobs))
    assert not never or is_async
