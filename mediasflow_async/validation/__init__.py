"""The API's rules, checked before anything leaves: every problem of a request at once.

Only what is certain to be refused is a problem here. What may surprise is the preflight's
business.
"""

from __future__ import annotations

from mediasflow_async.validation.campaigns import MAX_INLINE_RECIPIENTS, campaign_problems
from mediasflow_async.validation.entries import blacklist_problems, period_bounds, period_problems
from mediasflow_async.validation.rules import (
    campaign_id_problems,
    listed,
    number_problems,
    refuse,
    sender_problems,
)

__all__ = [
    "MAX_INLINE_RECIPIENTS",
    "blacklist_problems",
    "campaign_id_problems",
    "campaign_problems",
    "listed",
    "number_problems",
    "period_bounds",
    "period_problems",
    "refuse",
    "sender_problems",
]
