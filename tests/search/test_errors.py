"""What a person is told about a search that cannot be read."""

from __future__ import annotations

import pickle

import pytest

from mediasflow_async.search import SearchSyntaxError, parse


def refusal(text: str) -> SearchSyntaxError:
    with pytest.raises(SearchSyntaxError) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", 0, "a name to compare"),
        ("item 0685812475", 5, "an operator, one of == != =re="),
        ("item=foo=1", 4, "unknown operator =foo="),
        ("item==", 6, "a value"),
        ('msg=="Hello', 5, "a value"),
        ("a==b c==d", 5, "; or , or the end"),
        ("(a==b", 5, "the closing parenthesis"),
        ("type=in=(a,b", 12, ", or the closing parenthesis"),
        ("type==(a,b)", 0, "exactly one value, 2 given"),
        ("a==b;", 5, "a name to compare"),
    ],
)
def test_an_error_says_what_was_expected_and_where(text: str, position: int, reason: str) -> None:
    error = refusal(text)
    assert reason in error.reason
    assert error.position == position


def test_an_error_points_at_the_place() -> None:
    assert str(refusal("type==P2P;item 06")).splitlines()[1:] == [
        "  type==P2P;item 06",
        "                 ^",
    ]


def test_the_picture_of_a_long_search_shows_the_place_alone() -> None:
    picture = str(refusal("a==b;" * 1000 + "!" + ";a==b" * 1000)).splitlines()[1:]
    assert max(map(len, picture)) < 90
    assert picture[0][len(picture[1]) - 1] == "!"


def test_phone_numbers_are_half_hidden_and_keep_their_place() -> None:
    error = refusal("item==33685812475 item")
    assert "33685812475" not in str(error) + repr(error) + error.text
    assert len(error.text) == len("item==33685812475 item")


def test_bytes_that_are_not_utf_8_are_refused() -> None:
    with pytest.raises(SearchSyntaxError, match="not UTF-8") as caught:
        parse("msg==%E9t%E9", quote_style="fiql")
    assert caught.value.position == len("msg==")


def test_an_error_can_be_pickled() -> None:
    error = refusal("item==33685812475 item")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  our own bytes
    assert str(copy) == str(error)
