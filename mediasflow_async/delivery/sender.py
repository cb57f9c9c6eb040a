"""The sender: sends each campaign at most once under its key, and loses none.

Options, the account and the shutdown are looked after here. What happens to one key is written in
`delivery.campaign`; what other senders left behind, in `delivery.recovery`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from mediasflow_async._core.options import count_of, normalised_base_url, rate_of, seconds_of
from mediasflow_async._core.retry import RetryPolicy, RetryQuota
from mediasflow_async.concurrency import Outcomes, map_bounded
from mediasflow_async.delivery.campaign import advance, send_campaign
from mediasflow_async.delivery.errors import SenderStopped
from mediasflow_async.delivery.journal import Journal
from mediasflow_async.delivery.lease import Lease, Policy, SendContext, released_on_failure
from mediasflow_async.delivery.pacing import Pacing
from mediasflow_async.delivery.records import (
    Order,
    Receipt,
    account_of,
    check_account,
    digest_of,
    key_problems,
    order_problems,
    pair_problems,
    receipt_of,
)
from mediasflow_async.delivery.recovery import (
    Parked,
    Resumption,
    cancel,
    parked,
    resolve,
    resumption_of,
    take_over,
)
from mediasflow_async.delivery.slots import Slot, Slots
from mediasflow_async.errors import ConfigurationError, MediasflowError, value_of
from mediasflow_async.models import CampaignRequest
from mediasflow_async.session import Session
from mediasflow_async.validation import refuse, request_problems

__all__ = ["Sender", "Time"]

Time = float | timedelta
"""Seconds, or a timedelta."""

_Pair = tuple[str, CampaignRequest]

_LONGEST_SECONDS: Final = timedelta(days=366).total_seconds()
# After one of these, every further campaign would end in the same way.
_ENDS_ALL: Final = (SenderStopped, ConfigurationError)


class Sender:
    """Sends campaigns under keys of yours: at most one launch per key, and none forgotten.

    That holds provided that the server tells a draft from a launched campaign and refuses only
    what it did not execute, that nothing is processed later than `settle` after we gave up on
    it, that no process freezes in the microseconds between the lease check and the socket write,
    and that the journal is not one of an earlier day, restored from a backup. In doubt a
    campaign is parked for a person, not sent again.

    Everything about a key is in the journal, which many senders may share, on one machine or on
    several. A call that ends in an exception has not ended its campaign: call again with the
    same key and request, in any process, and it goes on where it stood. A `Receipt` says that it
    has ended, and how.

        async with Session.from_env() as session, Journal.open("sqlite:///sms.db") as journal:
            async with Sender(session, journal) as sender:
                receipt = await sender.send("order-4711", request)

    Args:
        session: makes the calls. They have a deadline of half a `lease` here, and only the
            sender tries them again.
        journal: the record of the campaigns; see `Journal.open`.
        limit: campaigns under way at once; the session's `max_in_flight` by default.
        in_doubt: campaigns that may wait beside those, for a launch in doubt to settle or for
            another sender that works on the same key. When all of these wait, `send_many` begins
            nothing new: a server that does not answer is not sent thousands more.
        settle: how long to wait after a launch without an answer before the server is asked
            about it; must be longer than the server could still take to process it.
        confirmations: answers that must agree before a launch in doubt is decided.
        confirm_every: the wait between two of them.
        lease: how long a claim holds, and so how long others wait for a sender that died.
        relaunch_window: how long after its first launch a campaign that is shown to be a draft
            is launched again; later, it is parked.
        patience: how long `send` waits for another sender that works on the same key.
        rate: requests per second of all senders that share the journal, logins apart; None for
            no such limit.
        retry: how often and after which wait a campaign that could not be sent yet is tried
            again before the error is raised. Its hooks are not called.
        adopt: the base URL that the journal was used with before: this session's address and
            login replace it. Only for the same account, at a new address or with a new login:
            campaigns that the journal holds are launched by their number, which is another
            campaign on any other server. Stop the senders of the old address first.

    Every time takes seconds or a timedelta.

    Raises:
        ConfigurationError: for an option that cannot be taken.
    """

    def __init__(
        self,
        session: Session,
        journal: Journal,
        *,
        limit: int | None = None,
        in_doubt: int = 500,
        settle: Time = timedelta(seconds=120),
        confirmations: int = 2,
        confirm_every: Time = timedelta(seconds=10),
        lease: Time = timedelta(minutes=2),
        relaunch_window: Time = timedelta(minutes=15),
        patience: Time = timedelta(minutes=5),
        rate: float | None = None,
        retry: RetryPolicy | None = None,
        adopt: str | None = None,
    ) -> None:
        self._policy = Policy(
            settle=_timedelta_of(settle, "settle"),
            confirmations=count_of(confirmations, "confirmations"),
            confirm_every=_timedelta_of(confirm_every, "confirm_every"),
            lease=_timedelta_of(lease, "lease"),
            relaunch_window=_timedelta_of(relaunch_window, "relaunch_window"),
            patience=_timedelta_of(patience, "patience"),
        )
        limit = count_of(session.max_in_flight if limit is None else limit, "limit")
        self._at_once = limit + count_of(in_doubt, "in_doubt")
        self._slots = Slots(limit)
        self._pacing = Pacing(journal, ceiling=limit, rate=rate_of(rate, "rate"))
        retry = RetryPolicy() if retry is None else retry
        self._retry = retry
        self._retry_quota = RetryQuota(retry.quota)
        self._session = session.with_options(
            deadline=self._policy.longest_call,
            retry=RetryPolicy.off(),
            departing=None if rate is None else self._pacing.departing,
        )
        self._journal = journal
        self._adopts = None if adopt is None else str(normalised_base_url(adopt))
        self._knows_account = False

    async def __aenter__(self) -> Self:
        """Check that the journal is this account's; without this, the first use does."""
        await self._know_account()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop as `shutdown` does; the session and the journal stay open."""
        await self.shutdown()

    async def shutdown(self, grace: Time = timedelta(seconds=30)) -> None:
        """Stop and lose nothing, as a program does on SIGTERM.

        Nothing new begins, and `send_many` takes no more of its input. Calls under way are
        waited for, `grace` long, and then cancelled; a campaign that waits for a launch in doubt
        to settle is released at once. All that had not ended raises `SenderStopped`, and goes on
        with `resume` or with the same key, in any process.
        """
        await self._slots.stop(_timedelta_of(grace, "grace").total_seconds())

    async def send(
        self,
        key: str,
        request: CampaignRequest,
        *,
        sender: str | None = None,
        auto_list: bool = False,
    ) -> Receipt:
        """Send a campaign, or return what became of it when the key was sent before.

        The campaign is prepared, then launched by its number (Guide: 2.1.3), at once or at its
        `schedule_on`. A request that names a `campaign_id` launches that prepared campaign as
        it is. A launch without an answer takes `settle` and more to be decided.

        Args:
            key: names this campaign for ever: an order number, the id of an event. It is kept
                in the journal, so let it be no phone number.
            request: what to send; `start_now` is taken as True.
            sender: another sender than the request's, at the launch (Guide: 2.1.3.2).
            auto_list: upload the recipients as a list first when they are more than 50.

        Raises:
            InvalidRequest: every problem of the request; nothing was sent or recorded.
            ConfigurationError: the journal is another account's.
            KeyConflict: the key was used before, for another payload.
            KeyBusy: another sender works on it, for longer than `patience`.
            SenderStopped: `shutdown` was called.
            DeliveryUnknown: it was launched, and the server could not be asked about that.
            JournalError: the journal failed.
            MediasflowError: why it could not be sent yet.
        """
        order = Order(request=request, sender=sender, auto_list=auto_list)
        return value_of(await self._send(key, order))

    def send_many(
        self,
        pairs: Iterable[_Pair] | AsyncIterable[_Pair],
        *,
        sender: str | None = None,
        auto_list: bool = False,
    ) -> Outcomes[_Pair, Receipt]:
        """Send any number of campaigns under their keys, several at once.

        Pairs are read as slots become free, never all at once, and none is kept. A launch in
        doubt leaves its slot while it waits, and gives its outcome when it is decided. After a
        crash, give the same input again: what had ended is found in the journal and not sent
        again.

        Args:
            pairs: keys and requests.
            sender: as in `send`, for all.
            auto_list: as in `send`.

        Yields:
            An `Outcome` for each pair, in the order of completion; `value` is its `Receipt`. What
            is no pair has an `InvalidRequest` there.
        """

        async def send(pair: _Pair) -> Receipt:
            refuse(pair_problems(pair))
            key, request = pair
            return await self.send(key, request, sender=sender, auto_list=auto_list)

        return map_bounded(send, pairs, limit=self._at_once, stop_on=_ENDS_ALL)

    async def resume(self) -> Resumption:
        """Bring to an end what other senders left behind, such as processes that died.

        That is every campaign that is PREPARED or LAUNCHING and on which no sender has a lease:
        call it at the start of a program, and every few minutes in one that runs for long. A
        campaign that is still NEW needs its request: send its key again.
        """
        await self._know_account()
        leases = take_over(
            self._journal, self._policy, is_wanted=lambda: not self._slots.is_stopped
        )
        return await resumption_of(map_bounded(self._resume_one, leases, limit=self._at_once))

    async def status(self, key: str) -> Receipt | None:
        """Return how far a key has come, None for one that the journal does not know."""
        entry = await self._journal.get(key)
        return None if entry is None else receipt_of(entry, is_recorded=True)

    def parked(self) -> AsyncGenerator[Parked, None]:
        """Iterate over the campaigns that wait for a person, with what to look at."""
        return parked(self._journal)

    async def resolve(self, key: str, *, launched: bool) -> Receipt:
        """Record what a person found out about a parked campaign; nothing is sent.

        Args:
            key: the key.
            launched: True makes it LAUNCHED; False makes it CANCELLED, for good: to send it
                after all, use a new key.

        Raises:
            KeyUnknown: there is no such key.
            NotParked: it is in another state.
        """
        return value_of(await resolve(self._journal, key, launched=launched))

    async def cancel(self, key: str) -> Receipt:
        """Cancel a campaign that was not launched; one that has ended stays as it is.

        Returns:
            How it ended: CANCELLED, unless it was too late for that.

        Raises:
            KeyUnknown: there is no such key.
            KeyBusy: a sender works on it right now, or its launch is in doubt.
        """
        return value_of(await cancel(self._journal, key))

    async def _know_account(self) -> None:
        if self._knows_account:
            return
        own = account_of(self._session, self._journal.salt)
        check_account(own, await self._journal.belong(own, adopt=self._adopts))
        self._knows_account = True

    async def _send(self, key: str, order: Order) -> Receipt | MediasflowError:
        refuse([*key_problems(key), *request_problems(order.request)])
        await self._know_account()
        async with self._slots.occupied() as slot:
            problems = [*order_problems(order, self._session.dialect, datetime.now(UTC))]
            # A request that was valid when it was recorded may be so no more: its date has passed.
            if problems and await self._journal.get(key) is None:
                refuse(problems)
            digest = digest_of(order, self._journal.salt)
            return await send_campaign(self._context(slot), key, digest, order)

    async def _resume_one(self, lease: Lease) -> Receipt:
        async with released_on_failure(lease.release), self._slots.occupied() as slot:
            result = await advance(self._context(slot), lease)
        return value_of(result)

    def _context(self, slot: Slot) -> SendContext:
        return SendContext(
            session=self._session,
            journal=self._journal,
            policy=self._policy,
            retry=self._retry,
            retry_quota=self._retry_quota,
            pacing=self._pacing,
            slot=slot,
        )


def _timedelta_of(value: Time, name: str) -> timedelta:
    """Return a time option.

    Raises:
        ConfigurationError: it is no positive time, or one that no journal can count with.
    """
    seconds = seconds_of(value, name)
    if seconds is None or seconds > _LONGEST_SECONDS:
        raise ConfigurationError(
            f"{name} is a positive number of seconds or a timedelta, of a year at most"
        )
    return timedelta(seconds=seconds)
