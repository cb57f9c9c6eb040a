"""What an answer shows of a launch, and what several answers show together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async.delivery.evidence import (
    Evidence,
    evidence_in,
    is_row_of_launch,
    verdict_of,
)
from mediasflow_async.models import Campaign

ANSWERS = st.lists(st.sampled_from(Evidence), max_size=5)
CONFIRMATIONS = st.integers(min_value=1, max_value=4)


@given(ANSWERS, CONFIRMATIONS)
def test_a_launch_that_was_seen_once_was_executed(
    answers: list[Evidence], confirmations: int
) -> None:
    seen = [answer for answer in answers if answer in (Evidence.ROWS, Evidence.UNDER_WAY)]
    verdict = verdict_of(answers, confirmations)
    assert (verdict in (Evidence.ROWS, Evidence.UNDER_WAY)) is bool(seen)


@given(ANSWERS, CONFIRMATIONS)
def test_a_draft_is_believed_when_every_answer_says_so(
    answers: list[Evidence], confirmations: int
) -> None:
    is_said = len(answers) >= confirmations and set(answers) == {Evidence.DRAFT}
    assert (verdict_of(answers, confirmations) is Evidence.DRAFT) is is_said


@given(ANSWERS, CONFIRMATIONS)
def test_few_answers_are_no_verdict_and_many_are_one(
    answers: list[Evidence], confirmations: int
) -> None:
    if verdict_of(answers, confirmations) is None:
        assert len(answers) < confirmations


def test_answers_that_differ_show_nothing() -> None:
    assert verdict_of([Evidence.DRAFT, Evidence.NOTHING], 2) is Evidence.NOTHING
    assert verdict_of([Evidence.DRAFT, Evidence.NO_DRAFT], 2) is Evidence.NOTHING
    assert verdict_of([Evidence.NO_DRAFT, Evidence.NO_DRAFT], 2) is Evidence.NO_DRAFT


def _seen(answer: Any, *, success_shows_draft: bool = False) -> Evidence:
    """Return what an answer to a question about campaign 7 shows."""
    raw = answer if isinstance(answer, dict) else {"answer": answer}
    return evidence_in(Campaign(id=7, raw=raw), 7, success_shows_draft=success_shows_draft)


SHOWS = [
    ({"id": 7, "status": "DRAFT"}, Evidence.DRAFT),
    ({"campaignId": "7", "status": "DRAFT"}, Evidence.DRAFT),
    ({"data": {"id": 7, "status": "DRAFT"}}, Evidence.DRAFT),
    ({"status": "OK", "campaign": {"id": 7, "status": "INJECTED"}}, Evidence.UNDER_WAY),
    ({"id": 7, "status": "SCHEDULED", "message": "Your parcel is here"}, Evidence.UNDER_WAY),
]


@pytest.mark.parametrize(("answer", "evidence"), SHOWS, ids=str)
@pytest.mark.parametrize("lenient", [False, True])
def test_the_number_and_a_known_state_in_the_answer_count(
    answer: object, evidence: Evidence, *, lenient: bool
) -> None:
    assert _seen(answer, success_shows_draft=lenient) is evidence


SAYS_SOMETHING_ELSE = [
    {"message": "the campaign is no draft"},
    {"code": 409, "message": "the campaign is no draft"},
    {"success": False},
    {"id": 7, "success": False},
    {"result": "KO"},
    {"id": 7, "status": "FAILED"},
    {"id": 7, "status": "ERROR"},
    {"id": 7, "status": "draft"},
    {"id": 7, "status": "BROUILLON"},
    {"id": 7, "state": "SENT"},
    {"id": 7, "message": "already sent", "path": "/campaigns/7/sender"},
    {"id": 8, "status": "DRAFT"},
    {"id": 0, "status": "DRAFT"},
    {"id": -7, "status": "DRAFT"},
    {"id": 7, "campaignId": 8, "status": "INPROGRESS"},
    {"status": "DRAFT"},
    {"status": "INPROGRESS"},
    {"id": 7, "status": "INPROGRESS", "errors": ["no credit"]},
    [{"id": 7, "status": "DRAFT"}, {"id": 8, "status": "DRAFT"}],
    "<html><title>Login</title></html>",
    "KO",
    "OK",
    "DRAFT",
    False,
    True,
    0,
    7,
]


@pytest.mark.parametrize("answer", SAYS_SOMETHING_ELSE, ids=str)
@pytest.mark.parametrize("lenient", [False, True])
def test_what_says_anything_else_shows_nothing(answer: object, *, lenient: bool) -> None:
    assert _seen(answer, success_shows_draft=lenient) is Evidence.NOTHING


WITHOUT_STATE = [
    None,
    {},
    {"id": 7},
    {"id": 7, "status": None},
    {"id": 7, "campaignName": "parcels", "message": "Your parcel is here"},
]


@pytest.mark.parametrize("answer", WITHOUT_STATE, ids=str)
def test_an_answer_without_a_state_may_be_said_to_show_a_draft(answer: object) -> None:
    assert _seen(answer) is Evidence.NOTHING
    assert _seen(answer, success_shows_draft=True) is Evidence.DRAFT


def test_an_unknown_field_may_say_something_else() -> None:
    told = {"id": 7, "remarque": "la campagne est partie"}
    campaign = Campaign(id=7, raw=told, extra={"remarque": told["remarque"]})
    assert evidence_in(campaign, 7, success_shows_draft=True) is Evidence.NOTHING


COLUMNS = ("REF_LIST", "ID_LINE", "INT_MOBILE", "STATUS_CODE")
ROWS = [
    (("list", "1", "+33600001601", "16"), True),
    (("list", "1", "", "16"), True),
    (("", "", "33600001601", "0"), True),
    (("list", "", "", "16"), False),
    (("list", "1", "+33600001601", ""), False),
    (("list", "1", "+33600001601", "Delivered"), False),
    (("TOTAL", "3", "", "3"), False),
    (("TOTAL", "3", "+33600001601", "3"), True),
    (("TotalEnergies", "3", "", "3"), True),
    (("", "3", "", "3"), True),
    (("", "0", "", "0"), False),
    (("list", "1", "+33600001601", "32"), True),
    (("EMAIL", "1", "", "113"), True),
    (("list", "1", "+33600001601", "33"), False),
    (("Not Found", "1", "", "404"), False),
    (("Internal Server Error", "500", "0612345678", "500"), False),
]


@pytest.mark.parametrize(("cells", "counts"), ROWS, ids=str)
def test_a_row_counts_with_a_status_and_a_line_or_a_number(
    cells: tuple[str, ...], *, counts: bool
) -> None:
    assert is_row_of_launch(dict(zip(COLUMNS, cells, strict=True)), 7) is counts


def test_a_recipient_may_be_called_like_a_total() -> None:
    assert is_row_of_launch({"SOCIETE": "TotalEnergies", "STATUS_CODE": "16", "ID_LINE": "1"}, 7)
    assert is_row_of_launch({"ID_LINE": "1", "STATUS_CODE": "16", "REPLY": "total"}, 7)


def test_a_row_counts_under_other_spellings_and_for_its_own_campaign() -> None:
    row = {"Status Code": "16", "idLine": "1"}
    assert is_row_of_launch(row, 7)
    assert is_row_of_launch(row | {"campaignId": "7"}, 7)
    assert not is_row_of_launch(row | {"campaignId": "8"}, 7)
    assert not is_row_of_launch({"an": "1", "error": "16"}, 7)


IDS = ["campaignId", "CAMPAIGN_ID", "campainId", "ID_CAMPAGNE", "N CAMPAGNE"]


@pytest.mark.parametrize("name", [*IDS, "CAMPAGNE", "Campaign"])
def test_a_row_of_another_campaign_shows_nothing(name: str) -> None:
    row = {"STATUS_CODE": "16", "ID_LINE": "1"}
    assert not is_row_of_launch(row | {name: "8"}, 7)
    assert not is_row_of_launch(row | {name: "9" * 5000}, 7) or name not in IDS
    for same in ("7", "007", ""):
        assert is_row_of_launch(row | {name: same}, 7)
    # The name of a campaign, or a column of the caller's own, tells nothing.
    assert is_row_of_launch(row | {name: "Noël"}, 7) is (name not in IDS)
