"""What a sender is given, what the journal remembers of it, and what a sender returns.

An `Order` is what is to be sent under a key: it is checked before the key is used, and recognised
by its digest. The journal keeps the digest and not the payload, so that a key that is used again
for another payload is noticed, and no number and no text is stored. An `Entry` is one campaign in
the journal, in a `State` and for a `Reason`; `MOVES` are the changes of state that there are. A
`Receipt` is what `Sender.send` returns of it. The `Account` is whose campaigns the journal holds.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, field, fields, frozen, has

from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import ConfigurationError, MediasflowError, Problem
from mediasflow_async.models import Campaign, CampaignRequest
from mediasflow_async.validation import MAX_INLINE_RECIPIENTS, campaign_problems, sender_problems

if TYPE_CHECKING:
    from mediasflow_async.session import Session

__all__ = [
    "MOVES",
    "Account",
    "Entry",
    "Order",
    "Reason",
    "Receipt",
    "State",
    "account_of",
    "check_account",
    "digest_of",
    "key_problems",
    "order_problems",
    "pair_problems",
    "receipt_of",
]


class State(StrEnum):
    """How far a campaign has come."""

    NEW = "NEW"
    """The key is known. A draft may exist at the server, and nothing has been sent."""
    PREPARED = "PREPARED"
    """The server holds the draft under the campaign's number; nothing has been sent."""
    LAUNCHING = "LAUNCHING"
    """A launch may have left. What it did is found out, never assumed."""
    LAUNCHED = "LAUNCHED"
    """Final: the server has the launch: it answered so, evidence shows it, or a person said so."""
    REJECTED = "REJECTED"
    """Final: the server or the rules of the API refused it; nothing was sent."""
    PARKED = "PARKED"
    """Nobody can tell whether it was sent: waits for a person, and for `Sender.resolve`."""
    CANCELLED = "CANCELLED"
    """Final: not to be sent: the caller cancelled it before a launch, or a person said so."""

    @property
    def is_open(self) -> bool:
        """Whether there is still work to do that needs no person."""
        return self in _OPEN


_OPEN: Final = frozenset({State.NEW, State.PREPARED, State.LAUNCHING})

MOVES: Final[Mapping[State, frozenset[State]]] = MappingProxyType(
    {
        State.NEW: frozenset({State.PREPARED, State.REJECTED, State.CANCELLED}),
        State.PREPARED: frozenset({State.LAUNCHING, State.CANCELLED}),
        State.LAUNCHING: frozenset(
            {State.LAUNCHING, State.PREPARED, State.LAUNCHED, State.REJECTED, State.PARKED}
        ),
        State.PARKED: frozenset({State.LAUNCHED, State.CANCELLED}),
        State.LAUNCHED: frozenset(),
        State.REJECTED: frozenset(),
        State.CANCELLED: frozenset(),
    }
)
"""The states that each state may be left for. LAUNCHING to itself is a relaunch on positive
evidence; LAUNCHING back to PREPARED is a launch that is proven not to have been executed."""


class Reason(StrEnum):
    """Why an entry is in its state."""

    ANSWERED = "ANSWERED"
    """LAUNCHED: the server answered the launch."""
    SHOWN_BY_STATE = "SHOWN_BY_STATE"
    """LAUNCHED: the server showed the campaign in a known state after DRAFT."""
    SHOWN_BY_REPORT = "SHOWN_BY_REPORT"
    """LAUNCHED: the report of the campaign has a row that can be read."""
    REFUSED = "REFUSED"
    """REJECTED: the server refused for good."""
    INVALID = "INVALID"
    """REJECTED: the rules of the API refuse the request."""
    CAMPAIGN_TAKEN = "CAMPAIGN_TAKEN"
    """REJECTED: the campaign's number belongs to another key."""
    NO_EVIDENCE = "NO_EVIDENCE"
    """PARKED: nothing shows whether the launch was executed."""
    TOO_LATE = "TOO_LATE"
    """PARKED: it seems to be a draft still, and the relaunch window has passed."""
    BY_CALLER = "BY_CALLER"
    """CANCELLED: the caller cancelled it before a launch."""
    BY_PERSON = "BY_PERSON"
    """LAUNCHED or CANCELLED: what a person found out about a parked campaign."""


@frozen(kw_only=True)
class Entry:
    """One campaign in the journal, as it was when it was read.

    Every time is an aware datetime in UTC by the journal's own clock, which is the same for
    all that share the journal.

    Attributes:
        key: the caller's key, unique.
        digest: keyed digest of the payload, in hexadecimal.
        state: how far it has come.
        campaign_id: the server's number, unique among the entries; None before PREPARED.
        sender: the sender that phones show, a name by the API's rules and never a number; a
            launch and a question about a draft need it. None for the account's short code.
        owner: who works on it: a token of one claim, never used twice. None when it is free.
        lease_until: until when the owner may work on it; None when it is free.
        created_at: when the key was first seen.
        updated_at: when anything of the entry last changed.
        launching_since: when it was first LAUNCHING; the relaunch window counts from here. None
            before that, and again once a launch is proven not to have been executed.
        quiet_since: when the last moment is, or was, at which a byte of a launch could leave:
            in LAUNCHING the end of the lease it was launched under, or when its owner said
            that nothing is under way any more. The settle window counts from here.
        launches: how often it became LAUNCHING.
        reason: why it is in its state, or None.
        status: HTTP status of the refusal that ended it, or None.
        read_at: the journal's clock when this was read.
    """

    key: str
    digest: str
    state: State
    campaign_id: int | None = None
    sender: str | None = None
    owner: str | None = None
    lease_until: datetime | None = None
    created_at: datetime
    updated_at: datetime
    launching_since: datetime | None = None
    quiet_since: datetime | None = None
    launches: int = 0
    reason: Reason | None = None
    status: int | None = None
    read_at: datetime

    @property
    def lease_left(self) -> timedelta:
        """How long its owner may still work on it, from `read_at`; zero when it is free."""
        end = self.lease_until or self.read_at
        return max(end - self.read_at, timedelta(0))


@frozen(kw_only=True)
class Receipt:
    """What became of a key.

    Attributes:
        key: the caller's key.
        state: how far the campaign has come. `Sender.send` returns a receipt when it has ended:
            LAUNCHED, REJECTED, CANCELLED, or PARKED for a person to look at.
        campaign_id: the server's number, or None where no draft was made.
        reason: why it is in this state, or None.
        status: HTTP status of the refusal, or None.
        launched_at: when the launch was recorded, by the journal's clock; None unless LAUNCHED.
        launches: how often a launch was about to leave.
        is_recorded: whether it had ended before this call, which then did nothing.
        campaign: the launched campaign as the server described it to this call, else None.
        error: the refusal as the server sent it to this call, else None.
    """

    key: str
    state: State
    campaign_id: int | None = None
    reason: Reason | None = None
    status: int | None = None
    launched_at: datetime | None = None
    launches: int = 0
    is_recorded: bool = False
    campaign: Campaign | None = field(default=None, repr=False)
    error: MediasflowError | None = None

    @property
    def is_launched(self) -> bool:
        """Whether the server has the launch."""
        return self.state is State.LAUNCHED


def receipt_of(
    entry: Entry,
    answer: Campaign | MediasflowError | None = None,
    *,
    is_recorded: bool = False,
) -> Receipt:
    """Return the receipt of an entry, with what the server answered just now."""
    return Receipt(
        key=entry.key,
        state=entry.state,
        campaign_id=entry.campaign_id,
        reason=entry.reason,
        status=entry.status,
        launched_at=entry.updated_at if entry.state is State.LAUNCHED else None,
        launches=entry.launches,
        is_recorded=is_recorded,
        campaign=answer if isinstance(answer, Campaign) else None,
        error=answer if isinstance(answer, MediasflowError) else None,
    )


@frozen
class Account:
    """An account on a server.

    Attributes:
        address: base URL of the server.
        login: keyed digest of the username; None where only a bearer is known.
    """

    address: str
    login: str | None = None


_LOGIN_DIGEST_BYTES: Final = 16
_NEXT_STEP: Final = (
    "Use the journal of this account, or a new one. Only where it is the same account, which has "
    "moved to another address or has another login: adopt, or --adopt, with the old address."
)


def account_of(session: Session, salt: bytes) -> Account:
    """Return the account of a session, with the digest of its login under the journal's salt."""
    name = session.username
    if name is None:
        return Account(session.base_url)
    login = blake2b(name.encode(), key=salt, digest_size=_LOGIN_DIGEST_BYTES).hexdigest()
    return Account(session.base_url, login)


def check_account(own: Account, recorded: Account) -> None:
    """Refuse the journal of another account.

    A bearer does not say whose it is: without a login, the address alone is compared.

    Raises:
        ConfigurationError: it is another's; nothing was sent.
    """
    if own.address != recorded.address:
        raise ConfigurationError(
            f"the journal holds campaigns of {recorded.address}, and the session talks to "
            f"{own.address}, where their numbers mean others",
            next_step=_NEXT_STEP,
        )
    if own.login is not None and own.login != recorded.login:
        raise ConfigurationError(
            f"the journal holds campaigns of another account of {own.address}, whose numbers "
            "the session may not launch",
            next_step=_NEXT_STEP,
        )


_LONGEST_KEY: Final = 255


@frozen(kw_only=True)
class Order:
    """What is to be sent.

    Attributes:
        request: the campaign.
        sender: another sender than the request's, at the launch; None for the request's.
        auto_list: upload the recipients as a list first when they are more than 50.
    """

    request: CampaignRequest = field(repr=False)
    sender: str | None = None
    auto_list: bool = False

    @property
    def launch_sender(self) -> str | None:
        """The sender that the launch names."""
        return self.sender or self.request.sender

    @property
    def uploads(self) -> bool:
        """Whether a list is uploaded first."""
        return self.auto_list and len(self.request.recipients) > MAX_INLINE_RECIPIENTS


_PAIR: Final = 2


def pair_problems(pair: object) -> Iterator[Problem]:
    """Yield what is wrong with the form of a key and its request."""
    if not isinstance(pair, tuple | list) or len(pair) != _PAIR:
        yield Problem("pair", "is a key and a CampaignRequest")


def key_problems(key: object) -> Iterator[Problem]:
    """Yield what is wrong with a key."""
    if not isinstance(key, str) or not key.isprintable() or not 0 < len(key) <= _LONGEST_KEY:
        yield Problem("key", f"is 1 to {_LONGEST_KEY} printable characters")


def order_problems(order: Order, dialect: Dialect, now: datetime) -> Iterator[Problem]:
    """Yield what the server would refuse, and what a launch by number cannot carry."""
    request = order.request
    yield from campaign_problems(request, dialect, now, any_number=order.auto_list)
    yield from sender_problems(order.sender)
    bare = CampaignRequest(campaign_id=request.campaign_id, sender=request.sender)
    if request.campaign_id is not None and evolve(request, start_now=False) != bare:
        yield Problem("campaign_id", "names a prepared campaign, which is launched as it is")


_DIGEST_BYTES: Final = 32


def digest_of(order: Order, salt: bytes) -> str:
    """Return the keyed digest of a payload, in hexadecimal.

    It covers everything that decides what is sent to whom: the request, but for `start_now`, and
    the sender at launch. Neither the day nor the dialect changes it, nor a field that has its
    default.

    The key is the journal's salt, so that a digest alone says nothing. Who has the whole
    journal has the salt too, and can find out whether a payload that they already know in every
    other part went to a certain number, by trying numbers: keep the journal as private as a
    list of recipients.
    """
    payload = {"request": evolve(order.request, start_now=False), "sender": order.sender}
    text = json.dumps(payload, default=_plain, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), key=salt, digest_size=_DIGEST_BYTES).hexdigest()


def _plain(value: Any) -> Any:
    """Return a value that JSON has no form for as one that it has a form for."""
    if has(type(value)):
        return _given(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _given(value: Any) -> dict[str, Any]:
    """Return the fields that are set, so that a field of a later version changes no digest."""
    values = ((name.name, getattr(value, name.name)) for name in fields(type(value)))
    return {name: value for name, value in values if value is not None and value not in ((), {})}
