"""A campaign, and what it is measured against."""

from __future__ import annotations

from attrs import Factory, field, frozen
from attrs.validators import ge, le

from mediasflow_async.models import CampaignRequest
from mediasflow_async.text.encoding import MAX_SEGMENTS, Encoding
from mediasflow_async.text.preflighting.composing import Composer, composer
from mediasflow_async.text.preflighting.conditions import Conditions
from mediasflow_async.text.preflighting.sizes import Size

__all__ = ["Plan"]


def _composer(plan: Plan) -> Composer:
    return composer(plan.request, plan.conditions)


@frozen(kw_only=True)
class Plan:
    """A campaign, and what it is measured against.

    Attributes:
        request: the campaign.
        credit: credits at hand, None when they are not known.
        max_segments: segments that the account allows in a message, 1 to 6. Guide: 2.1, `msg`.
        conditions: everything else that a preflight assumes.
        composer: of the message.
    """

    request: CampaignRequest
    credit: float | None = None
    max_segments: int = field(default=1, validator=[ge(1), le(MAX_SEGMENTS)])
    conditions: Conditions = field(factory=Conditions)
    composer: Composer = field(init=False, default=Factory(_composer, takes_self=True))

    @property
    def skips_duplicates(self) -> bool:
        """Whether a number gets the message once, as it does when nothing is said."""
        return self.request.check_duplicate is not False

    def allows(self, encoding: Encoding) -> bool:
        """Tell whether messages in this encoding are sent."""
        return encoding is Encoding.GSM7 or bool(self.request.allow_ucs2)

    def fits(self, size: Size) -> bool:
        """Tell whether the account sends messages of this size."""
        return size.segments <= self.max_segments
