"""From NEW to PREPARED: the draft at the server, which is harmless to make twice."""

from __future__ import annotations

from functools import partial

from mediasflow_async.delivery.desk import Desk
from mediasflow_async.delivery.errors import CampaignTaken
from mediasflow_async.delivery.fates import is_refused_for_good
from mediasflow_async.delivery.holds import Hold
from mediasflow_async.delivery.orders import Order
from mediasflow_async.delivery.states import Reason, State
from mediasflow_async.errors import InvalidRequest, MediasflowError
from mediasflow_async.models import Campaign

__all__ = ["draft"]


async def draft(desk: Desk, hold: Hold, order: Order) -> Campaign | MediasflowError | None:
    """Make the draft, or take the one that the request names.

    Returns:
        The draft as the server described it, None where it was not asked, or what is wrong:
        then the entry is REJECTED, or free for another attempt.
    """
    number = order.request.campaign_id
    if number is not None:
        return await _prepared(hold, number, order)
    if order.uploads and (lost := await hold.renew(further=desk.policy.lease)):
        return lost
    prepare = partial(desk.campaigns.prepare, order.request, auto_list=order.auto_list)
    result = await desk.result_of(prepare)
    if isinstance(result, MediasflowError):
        return await _failed(hold, result)
    return await _prepared(hold, result.id, order) or result


async def _prepared(hold: Hold, campaign_id: int, order: Order) -> MediasflowError | None:
    try:
        return await hold.move(State.PREPARED, campaign_id=campaign_id, sender=order.launch_sender)
    except CampaignTaken as error:
        taken = error.with_traceback(None)
    return await hold.move(State.REJECTED, reason=Reason.CAMPAIGN_TAKEN) or taken


async def _failed(hold: Hold, error: MediasflowError) -> MediasflowError:
    if not is_refused_for_good(error):
        await hold.release()
        return error
    reason = Reason.INVALID if isinstance(error, InvalidRequest) else Reason.REFUSED
    return await hold.move(State.REJECTED, reason=reason, status=error.status) or error
