"""Recipients of a campaign: which of them get a message, which one, and why the others do not.

Numbers are checked first, then destinations, duplicates and blacklists; what is left is
personalised and measured. Nothing is stored or billed here, so that a draft can be counted by the
same steps that its launch takes.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from attrs import field, frozen

from mediasflow_async.sandbox import lists, texts
from mediasflow_async.sandbox.blacklist import blocked_scopes, status_of
from mediasflow_async.sandbox.http import not_found
from mediasflow_async.sandbox.orders import track_fields
from mediasflow_async.text import measure, replace_emoji

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping

    from mediasflow_async.sandbox.orders import Order
    from mediasflow_async.sandbox.rules import ServerRules

__all__ = [
    "DESTINATION",
    "DUPLICATE",
    "MALFORMED",
    "NO_CREDIT",
    "PERSONALISATION",
    "TOO_LONG",
    "UCS2",
    "PreparedMessage",
    "Recipient",
    "Totals",
    "prepare_message",
    "prepare_messages",
    "recipients_of",
    "totals_of",
]

# Status codes of messages that are not written. Guide: 3.
MALFORMED = 2
DESTINATION = 3
DUPLICATE = 4
PERSONALISATION = 5
UCS2 = 6
TOO_LONG = 7
NO_CREDIT = 8


@frozen
class Recipient:
    """A recipient as it was given.

    Attributes:
        line: in its list, from 1.
        ref_list: name of its list, empty for inline recipients.
        number: as written.
        fields: what its message may be personalised with.
    """

    line: int
    ref_list: str
    number: str
    fields: Mapping[str, str]


@frozen
class PreparedMessage:
    """The message for one recipient, or the reason why there is none.

    Attributes:
        recipient: whose message it is.
        mobile: the number, E.164; as it was written when it is malformed.
        status: why there is no message; None when there is one.
        scope: of the blacklist that holds the number, empty for none.
        text: the message.
        encoding: `GSM-7` or `UCS-2`, empty without a message.
        segments: SMS to bill, 0 without a message.
    """

    recipient: Recipient
    mobile: str
    status: int | None = None
    scope: str = ""
    text: str = ""
    encoding: str = ""
    segments: int = 0


def prepare_messages(
    db: sqlite3.Connection, order: Order, rules: ServerRules, key: str
) -> Iterator[PreparedMessage]:
    """Yield the message for each recipient of `order`, or why there is none.

    Args:
        db: the open transaction.
        order: the campaign.
        rules: of the account.
        key: identifies the launch; the codes of the short links depend on it.

    Raises:
        HttpError: 404, there is no such list; 501, the renderer's engine is not installed.
    """
    blocked = blocked_scopes(db, order.brand)
    seen: set[str] = set()
    for recipient in recipients_of(db, order):
        mobile = texts.mobile(recipient.number)
        if mobile is None:
            yield PreparedMessage(recipient, recipient.number, MALFORMED)
            continue
        status, scope = _exclusion(mobile, order, rules, seen, blocked)
        seen.add(mobile)
        if status is not None:
            yield PreparedMessage(recipient, mobile, status, scope)
        else:
            yield prepare_message(recipient, mobile, order, rules, key)


def _exclusion(
    mobile: str, order: Order, rules: ServerRules, seen: set[str], blocked: Mapping[str, str]
) -> tuple[int | None, str]:
    if not rules.allows(texts.country_of(mobile)):
        return DESTINATION, ""
    if order.check_duplicate and mobile in seen:
        return DUPLICATE, ""
    if scope := blocked.get(mobile):
        return status_of(scope, rules.lost_codes[2]), scope
    return None, ""


def prepare_message(
    recipient: Recipient, mobile: str, order: Order, rules: ServerRules, key: str
) -> PreparedMessage:
    """Return the message for one recipient, or why it cannot be written.

    Args:
        recipient: whose fields fill the message.
        mobile: where it goes, E.164.
        order: the campaign.
        rules: of the account.
        key: identifies the launch; the codes of the short links depend on it.

    Raises:
        HttpError: 501, the renderer's engine is not installed.
    """
    tracks = track_fields(order.links, f"{key}/{recipient.line}/{mobile}")
    try:
        text = texts.rendered(
            order.text, {**recipient.fields, **tracks}, order.renderer, order.defaults
        )
    except texts.PersonalisationError:
        return PreparedMessage(recipient, mobile, PERSONALISATION)
    size = measure(text := _replaced(text, order))
    status = None
    if texts.needs_ucs2(size) and not order.allow_ucs2:
        status = UCS2
    elif size.segments > rules.max_segments:
        status = TOO_LONG
    if status is not None:
        return PreparedMessage(recipient, mobile, status)
    return PreparedMessage(recipient, mobile, None, "", text, size.encoding, size.segments)


def _replaced(text: str, order: Order) -> str:
    if order.replace_emoji:
        text = replace_emoji(text)
    return texts.to_gsm7(text) if order.replace_to_gsm7 else text


def recipients_of(db: sqlite3.Connection, order: Order) -> Iterator[Recipient]:
    """Yield the inline recipients of `order`, then those of its lists.

    Raises:
        HttpError: 404, there is no such list.
    """
    for line, recipient in enumerate(order.inline_recipients, 1):
        yield Recipient(line, "", recipient.number, recipient.fields)
    for list_id in order.list_ids:
        yield from _listed(db, list_id)


def _listed(db: sqlite3.Connection, list_id: int) -> Iterator[Recipient]:
    found = lists.find(db, list_id)
    if found is None:
        raise not_found("list", "listsId")
    for line, cells in lists.rows(db, list_id):
        fields = dict(zip(found.header, cells, strict=True))
        yield Recipient(line, found.name, cells[found.mobile_column], fields)


@frozen
class Totals:
    """The counts of a campaign's recipients and messages; the store keeps them as JSON.

    Attributes:
        total: recipients.
        segments: SMS to bill.
        most_segments: SMS of the longest message.
        by_status: how many recipients get no message, by status code as text.
        by_scope: how many are blocked, by scope of the blacklist.
    """

    total: int = 0
    segments: int = 0
    most_segments: int = 0
    by_status: Mapping[str, int] = field(factory=dict)
    by_scope: Mapping[str, int] = field(factory=dict)

    def count(self, *codes: int) -> int:
        """Return how many recipients have one of these status codes."""
        return sum(self.by_status.get(str(code), 0) for code in codes)

    @property
    def valid(self) -> int:
        """Recipients that get a message."""
        return self.total - sum(self.by_status.values())


def totals_of(prepared: Iterable[PreparedMessage]) -> Totals:
    """Return the counts of `prepared`."""
    total = segments = most = 0
    by_status, by_scope = Counter[str](), Counter[str]()
    for message in prepared:
        total += 1
        segments += message.segments
        most = max(most, message.segments)
        if message.status is not None:
            by_status[str(message.status)] += 1
        if message.scope:
            by_scope[message.scope] += 1
    return Totals(total, segments, most, by_status, by_scope)
