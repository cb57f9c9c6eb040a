"""What is to be sent under a key, checked before the key is used."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from attrs import evolve, field, frozen

from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import Problem
from mediasflow_async.models import CampaignRequest
from mediasflow_async.validation import MAX_INLINE_RECIPIENTS, campaign_problems, sender_problems

__all__ = ["Order", "key_problems", "order_problems"]

_LONGEST_KEY = 255


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
