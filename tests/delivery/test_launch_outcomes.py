"""The outcome of a launch: nothing that may have been sent counts as not sent."""

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
    LaunchOutcome,
    is_refused_for_good,
    outcome_of_launch,
)
from mediasflow_async.errors import ApiError, NotFound, ResponseInvalid, Sent
from mediasflow_async.models import Campaign, CampaignStatus

ANSWERED, UNKNOWN, NOT_SENT = Sent.ANSWERED, Sent.UNKNOWN, Sent.NOT_SENT


@pytest.mark.parametrize("status", ["INPROGRESS", "INJECTING", "INJECTED", "SCHEDULED"])
def test_a_launch_that_is_answered_with_a_state_after_draft_is_done(status: str) -> None:
    answer = Campaign(id=1, raw={"id": 1, "status": status})
    assert outcome_of_launch(answer, 1, Dialect()) is LaunchOutcome.DONE


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"id": 1},
        {"id": 1, "status": "DRAFT"},
        {"id": 1, "status": "SOMETHING_NEW"},
        {"id": 1, "status": None},
        {"id": 2, "status": "INPROGRESS"},
        {"status": "INPROGRESS"},
        {"id": 1, "status": "INPROGRESS", "success": False},
    ],
    ids=str,
)
def test_a_launch_that_is_answered_with_anything_else_is_in_doubt(raw: dict[str, object]) -> None:
    answer = Campaign(id=1, status=CampaignStatus.INPROGRESS, raw=raw)
    assert outcome_of_launch(answer, 1, Dialect()) is LaunchOutcome.UNKNOWN


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ConnectionFailed(sent=NOT_SENT), LaunchOutcome.NOT_EXECUTED),
        (LeaseLost(), LaunchOutcome.NOT_EXECUTED),
        (InvalidRequest(), LaunchOutcome.REFUSED),
        (DeliveryUnknown(sent=UNKNOWN), LaunchOutcome.UNKNOWN),
        (DeliveryUnknown(sent=UNKNOWN, status=400), LaunchOutcome.UNKNOWN),
        (ResponseInvalid(sent=UNKNOWN, status=200), LaunchOutcome.UNKNOWN),
        (ServerError(sent=ANSWERED, status=500), LaunchOutcome.UNKNOWN),
        (ServerError(sent=ANSWERED, status=503), LaunchOutcome.UNKNOWN),
        (ApiError(sent=ANSWERED, status=200), LaunchOutcome.UNKNOWN),
        (ApiError(sent=ANSWERED, status=302), LaunchOutcome.UNKNOWN),
        (ApiError(sent=ANSWERED, status=408), LaunchOutcome.UNKNOWN),
        (ApiError(sent=ANSWERED, status=409), LaunchOutcome.UNKNOWN),
        (ApiError(sent=ANSWERED, status=499), LaunchOutcome.UNKNOWN),
        (ApiError(sent=ANSWERED), LaunchOutcome.UNKNOWN),
        (BadRequest(sent=ANSWERED, status=400), LaunchOutcome.REFUSED),
        (BadRequest("jeton expiré", sent=ANSWERED, status=400), LaunchOutcome.NOT_EXECUTED),
        (NotFound(sent=ANSWERED, status=404), LaunchOutcome.NOT_EXECUTED),
        (ApiError(sent=ANSWERED, status=410), LaunchOutcome.NOT_EXECUTED),
        (ApiError(sent=ANSWERED, status=401), LaunchOutcome.NOT_EXECUTED),
        (ApiError(sent=ANSWERED, status=403), LaunchOutcome.NOT_EXECUTED),
        (RateLimited(sent=ANSWERED, status=429), LaunchOutcome.NOT_EXECUTED),
    ],
)
def test_the_outcome_of_a_launch(error: MediasflowError, outcome: LaunchOutcome) -> None:
    assert outcome_of_launch(error, 1, Dialect()) is outcome


@pytest.mark.parametrize("status", [404, 410])
def test_a_campaign_is_gone_where_the_api_says_so(status: int) -> None:
    refusal = NotFound(sent=ANSWERED, status=status)
    refusal.is_json = True
    assert outcome_of_launch(refusal, 1, Dialect()) is LaunchOutcome.REFUSED


def test_what_proves_that_nothing_was_executed_is_a_choice() -> None:
    refusal = BadRequest(sent=ANSWERED, status=400)
    assert outcome_of_launch(refusal, 1, Dialect(launch_refusals=())) is LaunchOutcome.UNKNOWN


@pytest.mark.parametrize(
    ("error", "is_final"),
    [
        (InvalidRequest(), True),
        (BadRequest(sent=ANSWERED, status=422), True),
        (BadRequest("Invalid token", sent=ANSWERED, status=400), False),
        (NotFound(sent=ANSWERED, status=404), False),
        (ServerError(sent=ANSWERED, status=500), False),
        (ConnectionFailed(sent=UNKNOWN), False),
    ],
)
def test_what_cannot_be_prepared_may_be_tried_again(
    error: MediasflowError, *, is_final: bool
) -> None:
    assert is_refused_for_good(error) is is_final
