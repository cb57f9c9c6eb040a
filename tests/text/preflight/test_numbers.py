from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mediasflow_async.text import InvalidPhone, ProblemCode, to_e164
from mediasflow_async.text.preflighting.rows import SeenNumbers, judge_number

FORMS = ["0{}", "{}", "33{}", "+33{}", "0033{}", "+33 (0){}", "tel:0{}"]


@given(st.integers(100_000_000, 999_999_999), st.sampled_from(FORMS))
@example(639_000_000, "0{}")
@example(692_123_456, "0{}")
@example(709_100_000, "+33{}")
@example(699_999_999, "33{}")
def test_a_number_is_read_as_everywhere_else(nine: int, form: str) -> None:
    text = form.format(nine)
    assert judge_number(text)[0] == int(to_e164(text)[1:])


@given(st.text(alphabet="0123456789 +.-()a", max_size=16))
def test_what_is_no_number_elsewhere_is_none_here(text: str) -> None:
    try:
        expected = int(to_e164(text)[1:])
    except InvalidPhone:
        number, [code] = judge_number(text)
        assert number is None
        assert code in {
            ProblemCode.MISSING_NUMBER,
            ProblemCode.SHORT_NUMBER,
            ProblemCode.INVALID_NUMBER,
        }
    else:
        assert judge_number(text)[0] == expected


@pytest.mark.parametrize("cell", [612345678, "612345678", "0612345678"], ids=repr)
def test_a_number_that_a_spreadsheet_made_of_it_is_read(cell: object) -> None:
    assert judge_number(cell) == (33612345678, ())


numbers = st.one_of(
    st.integers(33_600_000_000, 33_600_000_020),
    st.integers(33_799_999_990, 33_800_000_010),
    st.integers(33_599_999_990, 33_600_000_000),
    st.integers(1, 10**15),
)


@given(st.lists(numbers))
def test_seen_numbers_are_a_set(found: list[int]) -> None:
    seen, known = SeenNumbers(), set[int]()
    for number in found:
        assert seen.add(number) is (number not in known)
        known.add(number)
