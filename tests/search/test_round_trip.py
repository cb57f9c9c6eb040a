"""What is written is read back as it was, and no text breaks the reader."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async.search import (
    And,
    Comparison,
    Expression,
    Operator,
    Or,
    Prefix,
    QuoteStyle,
    SearchSyntaxError,
    parse,
    to_text,
)
from mediasflow_async.search.parser import MAX_DEPTH

SELECTORS = st.sampled_from(["item", "type", "msg", "fields.REF", "fields.Prénom", "and", "or"])
ANY_TEXT = st.text() | st.text(alphabet="ab \"'\\();,=<>!~%+*&#\t\n", max_size=8)
MANY = st.sampled_from([Operator.IN, Operator.NOT_IN])
ONE = st.sampled_from([operator for operator in Operator if not operator.takes_many])


def comparisons(values: st.SearchStrategy[str]) -> st.SearchStrategy[Expression]:
    single = st.builds(Comparison, SELECTORS, ONE, st.tuples(values))
    several = st.builds(Comparison, SELECTORS, MANY, st.lists(values, min_size=1, max_size=3))
    return single | several


def searches(leaves: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.recursive(
        leaves,
        lambda inner: st.builds(
            lambda kind, operands: kind(operands),
            st.sampled_from([And, Or]),
            st.lists(inner, min_size=2, max_size=4),
        ),
        max_leaves=12,
    )


OPERATORS = ["=", "==", "!", "=re=", "=in=", "<", ">=", "(", ")", ";", ",", " and ", " or "]
OPERANDS = ["item", "a", '"', "'", "\\", " ", "\t", "%", "%FF", "0685812475", "é", "\x00", "~"]
SOUP = st.lists(st.sampled_from(OPERATORS + OPERANDS), max_size=20).map("".join)


@given(searches(comparisons(ANY_TEXT)))
def test_a_search_is_read_back_as_it_was_written(search: Expression) -> None:
    assert parse(str(search)) == search


@given(searches(comparisons(ANY_TEXT.filter(bool))))
def test_a_percent_encoded_search_is_read_back_as_it_was_written(search: Expression) -> None:
    assert parse(to_text(search, quote_style="fiql"), quote_style="fiql") == search


@given(searches(comparisons(ANY_TEXT) | st.builds(Prefix, SELECTORS, st.from_regex(r"\A\w+\Z"))))
def test_reading_and_writing_again_changes_nothing(search: Expression) -> None:
    assert str(parse(str(search))) == str(search)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("(a==b)", "a==b"),
        ("((a==b;c==d);e==f)", "a==b;c==d;e==f"),
        ("(a==b;c==d),(e==f)", "a==b;c==d,e==f"),
        ("(a==b,c==d);(e==f)", "(a==b,c==d);e==f"),
        ("a =in= ( 'x' , \"y\" ) and b < 3 or c==(z)", "a=in=(x,y);b=lt=3,c==z"),
    ],
)
def test_only_needed_parentheses_quotes_and_blanks_are_written(text: str, written: str) -> None:
    assert str(parse(text)) == written


@given(st.text() | SOUP, st.sampled_from(["rsql", "fiql"]))
def test_any_text_is_read_or_refused_with_one_error(text: str, quote_style: QuoteStyle) -> None:
    with suppress(SearchSyntaxError):
        search = parse(text, quote_style=quote_style)
        assert parse(str(search)) == search


@pytest.mark.parametrize("opening", ["(", "((a==b);", "(a==b,"])
def test_deep_nesting_is_refused_before_it_can_exhaust_the_stack(opening: str) -> None:
    with pytest.raises(SearchSyntaxError, match=f"more than {MAX_DEPTH} parentheses"):
        parse(opening * 100_000)


def test_nesting_is_allowed_up_to_the_limit() -> None:
    text = "(" * MAX_DEPTH + "a==b" + ")" * MAX_DEPTH
    assert str(parse(text)) == "a==b"
