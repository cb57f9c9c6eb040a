"""What is known of an action that did not end by itself. No I/O."""

from __future__ import annotations

from collections.abc import Iterable

from mediasflow_async.errors import DeliveryUnknown, MediasflowError, Sent
from mediasflow_async.interruptions import Fate

__all__ = ["cut_short", "never_begun"]


def cut_short(failure: BaseException, calls: Iterable[Fate]) -> MediasflowError:
    """Return the error of an action that was cancelled, or that raised what is no error of ours.

    Args:
        failure: what it ended with.
        calls: the calls that it had made and that may matter. One that may have sent SMS counts
            most, then the latest; without any, nothing is proven, for an action can do more
            than make calls.
    """
    fates = [fate() for fate in calls]
    in_doubt = [fate for fate in fates if isinstance(fate, DeliveryUnknown)]
    if fates:
        return (in_doubt or fates)[-1]
    return MediasflowError(
        f"the action ended with {type(failure).__name__}, outside of any call",
        sent=Sent.UNKNOWN,
        next_step="Find out what it did before you repeat it.",
    )


def never_begun() -> MediasflowError:
    """Return the error of an item that was pulled from the input and then not wanted."""
    return MediasflowError("the action never began for this item", next_step="Nothing was sent.")
