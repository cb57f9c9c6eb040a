"""What several answers show together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async.delivery.evidence import Evidence, verdict_of

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
