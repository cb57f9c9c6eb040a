"""Which failure is tried again and when: policy, backoff, deadline; and the rate of a session."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final, TypeVar

import anyio
from attrs import evolve, field, frozen
from tenacity import AsyncRetrying, RetryCallState, retry_if_result

from mediasflow_async._core.calls import Operation, OperationKind
from mediasflow_async.errors import (
    ConfigurationError,
    ConnectionFailed,
    DeliveryUnknown,
    MediasflowError,
    RateLimited,
    RequestTimeout,
    Sent,
    ServerError,
)

__all__ = [
    "Pacer",
    "RetryPolicy",
    "RetryQuota",
    "RetryRecord",
    "are_retries_off",
    "no_retries",
    "paused",
    "retried",
]

_Answer = TypeVar("_Answer")


def _positive(_: object, attribute: Any, value: object) -> None:
    if not (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        message = f"RetryPolicy.{attribute.name} is a whole number from 1 up, not {value!r}"
        raise ConfigurationError(message)


def _quota_or_none(_: object, attribute: Any, value: object) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    if value is not None and not is_number:
        message = f"RetryPolicy.{attribute.name} is a number from 0 up, or None, not {value!r}"
        raise ConfigurationError(message)


def _hooks(hooks: Any) -> tuple[Callable[[RetryRecord], object], ...]:
    found = tuple(hooks) if isinstance(hooks, Iterable) else (hooks,)
    if not all(map(callable, found)):
        raise ConfigurationError("RetryPolicy.on_retry is a function, or several")
    return found


def _not_negative(_: object, attribute: Any, value: timedelta) -> None:
    if not (isinstance(value, timedelta) and value >= timedelta(0)):
        message = f"RetryPolicy.{attribute.name} is a timedelta from 0 up, not {value!r}"
        raise ConfigurationError(message)


@frozen(kw_only=True)
class RetryPolicy:
    """How often and after which wait a failed call is tried again.

    What may be tried again is not a choice: a request that may have sent SMS never is, unless
    it is proven that it did not leave, or the answer refuses to execute it: with 429, and
    outside of this policy with a refusal of the bearer, such as 401 (then with a new one), and
    415 (as another media type).

    A report or a blacklist that is not ready yet (202) is asked for again after the same waits,
    until the deadline of the session.

    Attributes:
        attempts: attempts in all, the first included; 4 by default, 1 turns retries off.
        base_wait: the wait before the second attempt is at most this; it doubles each time.
        max_wait: longest wait of our own choice.
        max_retry_after: longest wait asked for by the server that is honoured; when it asks
            for more, the error is raised at once.
        quota: retries that a session may make beyond a tenth of its successes, so that an
            outage is not multiplied; None for no limit.
        on_retry: a function, or several, called before each wait with a record of the failure.
    """

    attempts: int = field(default=4, validator=_positive)
    base_wait: timedelta = field(default=timedelta(seconds=0.5), validator=_not_negative)
    max_wait: timedelta = field(default=timedelta(seconds=20), validator=_not_negative)
    max_retry_after: timedelta = field(default=timedelta(seconds=60), validator=_not_negative)
    quota: float | None = field(default=500, validator=_quota_or_none)
    on_retry: tuple[Callable[[RetryRecord], object], ...] = field(default=(), converter=_hooks)

    @classmethod
    def off(cls) -> RetryPolicy:
        """Return a policy of one attempt."""
        return cls(attempts=1)

    def allows(self, error: MediasflowError, attempt: int, kind: OperationKind) -> bool:
        """Whether a failed attempt may be followed by another; never within `no_retries`.

        Args:
            error: what the attempt ended with.
            attempt: its number, from 1.
            kind: what the call does to the world.
        """
        return (
            not _off_depth
            and attempt < self.attempts
            and _is_retryable(error, kind)
            and _told_to_wait(error) <= self.max_retry_after
        )

    def wait_after(
        self, error: BaseException, attempt: int, jitter: Callable[[], float] = random.random
    ) -> timedelta:
        """Return how long to wait after a failed attempt: backoff with full jitter.

        The jitter is added to what the server asks for and never taken from it, so that clients
        that were told the same do not come back together.

        Args:
            error: what the attempt ended with.
            attempt: its number, from 1.
            jitter: returns which part of the longest wait is waited, from 0 to 1.
        """
        doubled = self.base_wait.total_seconds() * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS)
        longest = min(doubled, self.max_wait.total_seconds())
        return _told_to_wait(error) + timedelta(seconds=longest * jitter())


@frozen(kw_only=True)
class RetryRecord:
    """What a retry hook is told, before the wait.

    Attributes:
        operation: kind, method and path template of the call.
        attempt: number of the attempt that failed, from 1.
        wait: how long until the next one.
        error: the class of the failure.
        status: HTTP status of the answer, or None.
        sent: whether the failed attempt may have been executed.
        campaign_id: the campaign concerned, or None.
    """

    operation: Operation
    attempt: int
    wait: timedelta
    error: type[MediasflowError]
    status: int | None
    sent: Sent
    campaign_id: int | None


_off_depth = 0


@contextmanager
def no_retries() -> Generator[None, None, None]:
    """Turn retries off in this process, for the tests of your application.

    That goes for every session, and for every `Sender`, whatever their policies.
    """
    global _off_depth  # noqa: PLW0603 - a switch of the process, as tests need it
    _off_depth += 1
    try:
        yield
    finally:
        _off_depth -= 1


def are_retries_off() -> bool:
    """Whether this is within `no_retries`."""
    return _off_depth > 0


async def retried(
    first: MediasflowError,
    attempt: Callable[[], Awaitable[_Answer | MediasflowError]],
    operation: Operation,
    *,
    policy: RetryPolicy,
    quota: RetryQuota,
    time_left: Callable[[], float],
) -> _Answer | MediasflowError:
    """Return what a call ends with whose first attempt failed: an answer, or the last error.

    Errors travel as values and are raised at the edge of the package, so that a failed call
    leaves no reference cycle of exception, traceback and frame behind. The first attempt is the
    caller's, and counts: a call that succeeds at once owes nothing to tenacity.

    Args:
        first: what the first attempt ended with.
        attempt: makes one more.
        operation: what is attempted.
        policy: how often and after which wait to try again.
        quota: the retries that the session may still make.
        time_left: gives the seconds until the deadline of the call.
    """
    rules = _Rules(operation, policy, quota, time_left)
    return await _continue(first, attempt, rules) if rules.wants_another(first, 1) else first


async def _continue(
    first: MediasflowError,
    attempt: Callable[[], Awaitable[_Answer | MediasflowError]],
    rules: _Rules,
) -> _Answer | MediasflowError:
    is_first = True

    async def next_attempt() -> _Answer | MediasflowError:
        nonlocal is_first
        if is_first:
            is_first = False
            return first
        return await attempt()

    retrying = AsyncRetrying(
        retry=retry_if_result(lambda result: isinstance(result, MediasflowError)),
        stop=rules.stop,
        wait=rules.wait,
        before_sleep=rules.report,
        retry_error_callback=_result,
        sleep=anyio.sleep,
    )
    try:
        return await retrying(next_attempt)
    finally:
        # tenacity's actions refer back to it, and to all that the call holds.
        retrying.iter_state.reset()


class _Rules:
    """The policy in tenacity's terms, for one call."""

    def __init__(
        self,
        operation: Operation,
        policy: RetryPolicy,
        quota: RetryQuota,
        time_left: Callable[[], float],
    ) -> None:
        self._time_left = time_left
        self._operation = operation
        self._policy = policy
        self._quota = quota

    def wants_another(self, error: MediasflowError, attempt: int) -> bool:
        is_allowed = self._policy.allows(error, attempt, self._operation.kind)
        return is_allowed and _told_to_wait(error).total_seconds() < self._time_left()

    def stop(self, state: RetryCallState) -> bool:
        error = _result(state)
        return not (self.wants_another(error, state.attempt_number) and self._quota.take())

    def wait(self, state: RetryCallState) -> float:
        return self._policy.wait_after(_result(state), state.attempt_number).total_seconds()

    def report(self, state: RetryCallState) -> None:
        if self._policy.on_retry and state.next_action is not None:
            wait = timedelta(seconds=state.next_action.sleep)
            _tell(self._policy, self._operation, _result(state), state.attempt_number, wait)


async def paused(
    error: MediasflowError,
    attempt: int,
    operation: Operation,
    *,
    policy: RetryPolicy,
    seconds_left: float,
) -> bool:
    """Wait before an answer that was not ready is asked for again.

    False where the deadline, the policy or `no_retries` forbids it.

    It is no failure, which the attempts of a policy would count: the deadline alone ends it, or a
    wait that the server asks for and the policy does not honour.

    Args:
        error: what says that the answer is not ready.
        attempt: how often it was asked for.
        operation: what is called.
        policy: after which wait to ask again; one of a single attempt never does.
        seconds_left: the time until the deadline.
    """
    wait = max(policy.wait_after(error, attempt), _SHORTEST_PAUSE)
    is_allowed = not _off_depth and policy.attempts > 1
    if not is_allowed or _told_to_wait(error) > policy.max_retry_after:
        return False
    if wait.total_seconds() >= seconds_left:
        return False
    _tell(policy, operation, error, attempt, wait)
    await anyio.sleep(wait.total_seconds())
    return True


def _tell(
    policy: RetryPolicy,
    operation: Operation,
    error: MediasflowError,
    attempt: int,
    wait: timedelta,
) -> None:
    """Call the hooks of a policy with a record of a failure."""
    if not policy.on_retry:
        return
    record = RetryRecord(
        operation=evolve(operation, path=operation.shown_path),
        attempt=attempt,
        wait=wait,
        error=type(error),
        status=error.status,
        sent=error.sent,
        campaign_id=error.campaign_id,
    )
    for hook in policy.on_retry:
        hook(record)


_SHORTEST_PAUSE: Final = timedelta(seconds=0.05)
_MOST_DOUBLINGS: Final = 64
_TRANSIENT: Final = (ConnectionFailed, RequestTimeout, DeliveryUnknown, ServerError)
"""Failures that may pass by themselves."""


def _is_retryable(error: MediasflowError, kind: OperationKind) -> bool:
    if isinstance(error, RateLimited):
        # It is trusted that nothing was executed, unless the dialect says otherwise.
        return error.sent is not Sent.UNKNOWN or kind.is_repeatable
    if not isinstance(error, _TRANSIENT):
        return False
    return error.sent is Sent.NOT_SENT or kind.is_repeatable


def _told_to_wait(error: BaseException) -> timedelta:
    asked = error.retry_after if isinstance(error, RateLimited | ServerError) else None
    return asked or timedelta(0)


def _result(state: RetryCallState) -> Any:
    return state.outcome.result() if state.outcome else None


class Pacer:
    """Spaces requests so that no more than `rate` start in any second (GCRA, no burst).

    Args:
        rate: requests per second.
    """

    def __init__(self, rate: float) -> None:
        self._interval_seconds = 1 / rate
        self._next_start = 0.0

    async def wait(self, lock: anyio.Lock) -> None:
        """Wait until the next request may start; a wait that is cancelled takes nothing.

        Args:
            lock: of the running event loop, the same for all that wait in it.
        """
        async with lock:
            await anyio.sleep(max(0.0, self._next_start - time.monotonic()))
            self._next_start = time.monotonic() + self._interval_seconds


_REFUND_PER_SUCCESS: Final = 0.1


class RetryQuota:
    """How many retries a session may still make; successes earn new ones.

    While the server is well, a tenth of the traffic may be retries for ever. In an outage the
    reserve is used up and the load falls to one attempt per call, instead of a multiple.

    Args:
        capacity: the reserve, in retries; None for no limit.
    """

    def __init__(self, capacity: float | None) -> None:
        self._capacity = capacity
        self._left = 0.0 if capacity is None else float(capacity)

    def take(self) -> bool:
        """Take one retry; False when none is left."""
        if self._capacity is None:
            return True
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def earn(self) -> None:
        """Note a call that succeeded."""
        if self._capacity is not None:
            self._left = min(self._capacity, self._left + _REFUND_PER_SUCCESS)
