"""What may be shown of a number, a token or a password."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async import Secret
from mediasflow_async.secrecy import hidden, mask_phone, mask_text

SEPARATORS = st.sampled_from(["", " ", ".", "-", "/", "\u00a0", "\u202f", "\u2011", "%20", "  "])
BEFORE = st.sampled_from(
    [
        "",
        " ",
        "tel:",
        "tel.",
        "n\u00b0",
        "=",
        "%2B",
        "%3B",
        "\\u003d",
        "\\u002b",
        "mobile_",
        '"',
        "(",
        "Z",
        "+",
        "x",
        ":",
        ",",
        "\u00e9",
        "/",
        "-",
    ]
)
AFTER = st.sampled_from(["", " ", ".", ",", "%3B", '"', ")", "a", "\u00e9", "&x=1", "\n"])
SUBSCRIBER = st.from_regex(r"[1-9][0-9]{8}", fullmatch=True)


def pairs(digits: str, separator: str) -> str:
    """Write nine digits as the French do: one, then four pairs."""
    return separator.join([digits[0], *(digits[place : place + 2] for place in range(1, 9, 2))])


def check(text: str, digits: str) -> None:
    for piece in mask_text(text).split("*"):
        shown = "".join(re.findall(r"\d", piece))
        assert digits not in shown, f"{text!r} became {mask_text(text)!r}"


@given(
    SUBSCRIBER,
    st.sampled_from(["+33", "0033", "33", "0", "+33(0)", "+33 (0) ", "00 33 ", "+ 33 "]),
    SEPARATORS,
    BEFORE,
    AFTER,
)
def test_no_french_number_survives_in_any_usual_spelling(
    digits: str, prefix: str, separator: str, before: str, after: str
) -> None:
    check(f"{before}{prefix}{separator}{pairs(digits, separator)}{after}", digits)


@given(st.from_regex(r"[1-9][0-9]{9,13}", fullmatch=True), BEFORE, AFTER)
def test_no_number_of_another_country_survives(digits: str, before: str, after: str) -> None:
    check(f"{before}+{digits}{after}", digits)
    check(f"{before}{digits}{after}", digits)


@given(st.lists(SUBSCRIBER, min_size=2, max_size=5), st.sampled_from([";", ",", "%3B", "; ", "\n"]))
def test_no_number_of_several_survives(numbers: list[str], separator: str) -> None:
    text = separator.join(f"0{digits}" for digits in numbers)
    for digits in numbers:
        check(text, digits)


@given(st.text())
def test_masking_never_fails_and_changes_nothing_twice(text: str) -> None:
    assert mask_text(mask_text(text)) == mask_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "HTTP 500",
        "campaign 943",
        "12:30:05",
        "2025-11-22",
        "1.5 ms",
        "port 37583",
        "id 12345678",
        "127.0.0.1",
        "http://127.0.0.1:37583/MediasflowApi/v1/",
    ],
)
def test_what_is_no_number_of_a_phone_stays_readable(text: str) -> None:
    assert mask_text(text) == text


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("+33612345678", "+336******78"),
        ("0612345678", "061*****78"),
        ("12345", "*****"),
        ("", ""),
        (612345678, "612****78"),
    ],
)
def test_a_masked_number_keeps_its_beginning_and_its_end(number: object, masked: str) -> None:
    assert mask_phone(number) == masked


@given(st.from_regex(r"\+?[0-9]{1,15}", fullmatch=True))
def test_a_masked_number_keeps_its_length_and_at_most_five_digits(number: str) -> None:
    masked = mask_phone(number)
    assert len(masked) == len(number)
    assert sum(map(str.isdigit, masked)) <= 5


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer s3cr3t-t0ken",
        "authorization: bearer   s3cr3t-t0ken",
        "(b'authorization', b'Bearer s3cr3t-t0ken')",
        "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzM2NyM3QifQ.s3cr3t-t0ken",
        "password=s3cr3t-t0ken&login=demo",
        '{"password": "s3cr3t-t0ken"}',
        "{'password': 's3cr3t-t0ken'}",
        "passwd: s3cr3t-t0ken",
        "PASS=s3cr3t-t0ken",
        "Authorization: Basic s3cr3t-t0ken=",
        '{"token": "s3cr3t-t0ken"}',
        '{"access_token":"s3cr3t-t0ken"}',
        "http://a.example/?token=s3cr3t-t0ken",
        "Set-Cookie: JSESSIONID=s3cr3t-t0ken; Path=/",
        "[(b'Set-Cookie', b'JSESSIONID=s3cr3t-t0ken; Path=/'), (b'Date', b'x')]",
    ],
)
def test_tokens_and_passwords_are_masked(text: str) -> None:
    assert "s3cr3t-t0ken" not in mask_text(text)


@pytest.mark.parametrize("show", [repr, str, "{}".format, ascii])
def test_a_secret_shows_nothing(show: Callable[[object], str]) -> None:
    secret = Secret("s3cr3t")
    assert "s3cr3t" not in show(secret)
    assert "s3cr3t" not in show([secret])
    assert secret.reveal() == "s3cr3t"


def test_a_secret_compares_and_is_true_when_it_has_text() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
    assert (bool(Secret("a")), bool(Secret(""))) == (True, False)


def test_a_secret_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(Secret("s3cr3t"))
    with pytest.raises(TypeError):
        copy.deepcopy(Secret("s3cr3t"))


def test_secrets_are_starred_by_their_text_unless_they_are_a_few_letters() -> None:
    assert hidden("hunter2 for hunter2", ["hunter2", "", "for"]) == "*** for ***"
