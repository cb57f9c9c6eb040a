"""What a call means for a campaign: nothing that may have been sent counts as not sent."""

from __future__ import annotations

import pytest

from mediasflow_async import (
    BadRequest,
    ConnectionFailed,
    DeliveryUnknown,
    Dialect,
    InvalidRequest,
    MediasflowError,
    RateLimited,
    ServerError,
)
from mediasflow_async.delivery import LeaseLost
from mediasflow_async.delivery.evidence import (
    Fate,
    fate_of_launch,
    is_refused_for_good,
    is_under_way,
)
from mediasflow_async.errors import ApiError, NotFound, ResponseInvalid, Sent
from mediasflow_async.models import Campaign, CampaignStatus

ANSWERED, UNKNOWN, NOT_SENT = Sent.ANSWERED, Sent.UNKNOWN, Sent.NOT_SENT


def test_a_launch_that_was_answered_is_done() -> None:
    assert fate_of_launch(Campaign(id=1), Dialect()) is Fate.DONE
    for status in ("INPROGRESS", "INJECTED", "SCHEDULED", "SOMETHING_NEW"):
        campaign = Campaign(id=1, status=CampaignStatus(status))
        assert fate_of_launch(campaign, Dialect()) is Fate.DONE


def test_a_launch_that_is_answered_with_a_draft_is_in_doubt() -> None:
    draft = Campaign(id=1, status=CampaignStatus.DRAFT)
    assert fate_of_launch(draft, Dialect()) is Fate.UNKNOWN


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        (ConnectionFailed(sent=NOT_SENT), Fate.NOT_EXECUTED),
        (LeaseLost(), Fate.NOT_EXECUTED),
        (InvalidRequest(), Fate.REFUSED),
        (DeliveryUnknown(sent=UNKNOWN), Fate.UNKNOWN),
        (DeliveryUnknown(sent=UNKNOWN, status=400), Fate.UNKNOWN),
        (ResponseInvalid(sent=UNKNOWN, status=200), Fate.UNKNOWN),
        (ServerError(sent=ANSWERED, status=500), Fate.UNKNOWN),
        (ServerError(sent=ANSWERED, status=503), Fate.UNKNOWN),
        (ApiError(sent=ANSWERED, status=200), Fate.UNKNOWN),
        (ApiError(sent=ANSWERED, status=302), Fate.UNKNOWN),
        (ApiError(sent=ANSWERED, status=408), Fate.UNKNOWN),
        (ApiError(sent=ANSWERED, status=409), Fate.UNKNOWN),
        (ApiError(sent=ANSWERED, status=499), Fate.UNKNOWN),
        (ApiError(sent=ANSWERED), Fate.UNKNOWN),
        (BadRequest(sent=ANSWERED, status=400), Fate.REFUSED),
        (NotFound(sent=ANSWERED, status=404), Fate.REFUSED),
        (ApiError(sent=ANSWERED, status=410), Fate.REFUSED),
        (ApiError(sent=ANSWERED, status=401), Fate.NOT_EXECUTED),
        (ApiError(sent=ANSWERED, status=403), Fate.NOT_EXECUTED),
        (RateLimited(sent=ANSWERED, status=429), Fate.NOT_EXECUTED),
    ],
)
def test_the_fate_of_a_launch(error: MediasflowError, fate: Fate) -> None:
    assert fate_of_launch(error, Dialect()) is fate


def test_what_proves_that_nothing_was_executed_is_a_choice() -> None:
    refusal = BadRequest(sent=ANSWERED, status=400)
    assert fate_of_launch(refusal, Dialect(launch_refusals=())) is Fate.UNKNOWN


@pytest.mark.parametrize(
    ("error", "is_final"),
    [
        (InvalidRequest(), True),
        (BadRequest(sent=ANSWERED, status=422), True),
        (NotFound(sent=ANSWERED, status=404), False),
        (ServerError(sent=ANSWERED, status=500), False),
        (ConnectionFailed(sent=UNKNOWN), False),
    ],
)
def test_what_cannot_be_prepared_may_be_tried_again(
    error: MediasflowError, *, is_final: bool
) -> None:
    assert is_refused_for_good(error) is is_final


def test_an_unknown_state_does_not_show_that_a_campaign_is_under_way() -> None:
    assert is_under_way(Campaign(id=1, status=CampaignStatus.INJECTING))
    assert not is_under_way(Campaign(id=1, status=CampaignStatus("PAUSED")))
    assert not is_under_way(Campaign(id=1))
