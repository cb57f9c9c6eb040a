"""Any number of calls, several at once, with the outcome of each."""

from __future__ import annotations

from mediasflow_async.concurrency.mapping import Outcomes, map_bounded
from mediasflow_async.concurrency.outcomes import Outcome, StopOn

__all__ = ["Outcome", "Outcomes", "StopOn", "map_bounded"]
