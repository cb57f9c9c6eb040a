"""When a campaign that could not be sent yet is tried again by itself."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from attrs import field, frozen

from mediasflow_async.errors import MediasflowError, RateLimited, ServerError
from mediasflow_async.limits import RetryQuota
from mediasflow_async.operations import Operation, OperationKind
from mediasflow_async.retry import RetryPolicy, is_retryable

__all__ = ["Retries"]

# Whatever failed, the entry says how far the campaign came: going on from there is harmless.
_HARMLESS: Final = Operation(OperationKind.PREPARE, "", "")


@frozen(kw_only=True)
class Retries:
    """The attempts at a campaign beyond the first one.

    Attributes:
        policy: how many attempts, and how long to wait between them.
        quota: how many retries all campaigns of the sender may still make.
        jitter: gives a number from 0 to 1.
    """

    policy: RetryPolicy
    quota: RetryQuota
    jitter: Callable[[], float] = field(default=random.random, repr=False)

    def wait_after(self, error: MediasflowError, attempt: int) -> float | None:
        """Return the seconds to wait before the next attempt, or None when there is none.

        Args:
            error: what the attempt ended with.
            attempt: its number, from 1.
        """
        told = error.retry_after if isinstance(error, RateLimited | ServerError) else None
        if attempt >= self.policy.attempts or not is_retryable(error, _HARMLESS):
            return None
        if (told and told > self.policy.max_retry_after) or not self.quota.take():
            return None
        doubled: timedelta = self.policy.base_wait * 2 ** (attempt - 1)
        own = min(doubled, self.policy.max_wait) * self.jitter()
        return (own + (told or timedelta(0))).total_seconds()
