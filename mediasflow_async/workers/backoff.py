"""When a job that has not ended is done again."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Final

from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from mediasflow_async.delivery.errors import KeyConflict, SenderStopped
from mediasflow_async.errors import InvalidRequest, RateLimited, ServerError

__all__ = ["NEVER_SENT", "Backoff"]

NEVER_SENT: Final = (InvalidRequest, KeyConflict)
"""What no repetition can help: nothing was sent, and nothing ever is."""

_AT_ONCE: Final = timedelta(0)
_SHORTEST: Final = timedelta(seconds=2)
_LONGEST: Final = timedelta(minutes=5)
_MOST_DOUBLINGS: Final = 8


class Backoff(BaseRetryStrategy):
    """Does every job again that may still be sent, after longer and longer waits.

    No number of failures ends it: a campaign that is not sent and that nobody hears of is lost.
    """

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Return when the job is done again, None for never."""
        if isinstance(exception, NEVER_SENT):
            return None
        return RetryDecision(retry_at=datetime.now(UTC) + _wait_after(exception, job.attempts))


def _wait_after(error: BaseException, attempts: int) -> timedelta:
    if isinstance(error, SenderStopped) or not isinstance(error, Exception):
        return _AT_ONCE
    told = error.retry_after if isinstance(error, RateLimited | ServerError) else None
    doubled: timedelta = min(_SHORTEST * 2 ** min(attempts, _MOST_DOUBLINGS), _LONGEST)
    # Those that failed together do not come back together.
    return (told or _AT_ONCE) + doubled * random.uniform(0.5, 1)  # noqa: S311 - no secret
