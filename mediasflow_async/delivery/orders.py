"""What is to be sent under a key: checked before the key is used, and recognised by its digest.

The journal keeps the digest and not the payload, so that a key that is used again for another
payload is noticed, and no number and no text is stored.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import Any, Final

from attrs import evolve, field, fields, frozen, has

from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import Problem
from mediasflow_async.models import CampaignRequest
from mediasflow_async.validation import MAX_INLINE_RECIPIENTS, campaign_problems, sender_problems

__all__ = [
    "Order",
    "digest_of",
    "key_problems",
    "order_problems",
    "pair_problems",
]


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
