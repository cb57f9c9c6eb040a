from __future__ import annotations

import copy
import inspect
import pickle
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async import errors
from mediasflow_async._core.calls import Operation, OperationKind
from mediasflow_async._core.responses import ApiResponse, error_of, invalid, response_of
from mediasflow_async.converter import reader_for
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import (
    ApiError,
    AuthenticationFailed,
    BadRequest,
    ConfigurationError,
    Conflict,
    ConnectionFailed,
    DeliveryUnknown,
    InvalidRequest,
    MediasflowError,
    NotFound,
    PermissionDenied,
    Problem,
    RateLimited,
    RequestTimeout,
    ResponseInvalid,
    Sent,
    ServerError,
    SessionClosed,
)

PATH = "campaigns/{campaign_id}/sender"


def every_error() -> list[type[MediasflowError]]:
    """The root and all that comes below it."""
    found = [MediasflowError]
    for kind in found:
        found += kind.__subclasses__()
    return [kind for kind in found if kind.__module__ == errors.__name__]


def filled(kind: type[MediasflowError]) -> MediasflowError:
    """An error with everything in it that it can hold."""
    if issubclass(kind, InvalidRequest):
        return kind(
            problems=[Problem("sender", "is wrong"), Problem("msg", "is empty")], campaign_id=9
        )
    error = kind(
        "it went wrong",
        method="PUT",
        path=PATH,
        status=400,
        code="CODE",
        request_id="abc",
        attempts=3,
        campaign_id=943,
        sent=Sent.UNKNOWN,
    )
    extra: dict[str, Any] = {
        "field": "sender",
        "allow": ("PUT", "POST"),
        "retry_after": timedelta(seconds=3),
        "wire_path": "$.id",
        "body": "the body",
    }
    for name, value in extra.items():
        if hasattr(error, name):
            setattr(error, name, value)
    error.add_note("a note")
    return error


def data_of(error: MediasflowError) -> dict[str, Any]:
    return vars(error) | {"str": str(error), "args": error.args, "next": error.next_step}


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_an_error_survives_pickling_and_copying_with_all_its_data(
    kind: type[MediasflowError],
) -> None:
    for error in (filled(kind), kind()):
        pickled = (
            pickle.loads(pickle.dumps(error, protocol))  # noqa: S301  of our own making
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
        )
        for again in (*pickled, copy.copy(error), copy.deepcopy(error)):
            assert type(again) is kind
            assert data_of(again) == data_of(error)


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_an_error_says_what_happened_and_what_to_do(kind: type[MediasflowError]) -> None:
    error = filled(kind)
    error.next_step = "Do this."
    text = str(error)
    assert text.endswith("Do this.")
    if isinstance(error, InvalidRequest):
        assert "sender: is wrong; msg: is empty" in text
        assert "campaign 9" in text
        return
    for part in (
        "it went wrong",
        "PUT",
        PATH,
        "campaign 943",
        "HTTP 400",
        "CODE",
        "3 attempts",
        "abc",
    ):
        assert part in text, part
    assert "may have executed" in text


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_an_error_without_details_is_still_a_sentence(kind: type[MediasflowError]) -> None:
    assert re.match(r"\w", str(kind())) or str(kind()) == ""
    assert str(kind("it went wrong")).startswith("it went wrong.")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (Sent.NOT_SENT, "Nothing left this machine."),
        (Sent.UNKNOWN, "The server may have executed it."),
        (Sent.ANSWERED, None),
    ],
)
def test_an_error_about_a_request_says_what_is_known_of_it(
    sent: Sent, expected: str | None
) -> None:
    text = str(MediasflowError("no answer", method="GET", path="blacklist", sent=sent))
    sentences = {"Nothing left this machine.", "The server may have executed it."}
    assert {sentence for sentence in sentences if sentence in text} == ({expected} - {None})


def test_a_single_attempt_is_not_worth_a_word() -> None:
    assert "attempt" not in str(MediasflowError("no answer", attempts=1))


def test_the_next_step_of_an_error_is_its_kinds_unless_told_otherwise() -> None:
    assert DeliveryUnknown("x").next_step == DeliveryUnknown.next_step != ""
    assert DeliveryUnknown("x", next_step="Wait.").next_step == "Wait."
    assert DeliveryUnknown.next_step != "Wait."


def drawn() -> Iterator[tuple[str, str]]:
    """Parent and child, as the docstring of the module draws them."""
    ancestors = ["MediasflowError"]
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"([│ ]*)[├└]── (\w+)", line):
            depth = len(match[1]) // 4 + 1
            ancestors[depth:] = [match[2]]
            yield ancestors[depth - 1], match[2]


def test_the_tree_in_the_docstring_is_the_real_one() -> None:
    real = {(kind.__bases__[0].__name__, kind.__name__) for kind in every_error()[1:]}
    assert set(drawn()) == real
    public = {getattr(errors, name) for name in errors.__all__}
    assert {
        kind for kind in public if isinstance(kind, type) and issubclass(kind, Exception)
    } == set(every_error())


def test_every_error_has_a_docstring_and_one_parent() -> None:
    for kind in every_error():
        assert inspect.getdoc(kind)
        assert len(kind.__bases__) == 1


def test_the_promised_errors_are_told_apart() -> None:
    refused = (
        AuthenticationFailed,
        BadRequest,
        Conflict,
        NotFound,
        PermissionDenied,
        RateLimited,
        ServerError,
    )
    assert all(issubclass(kind, ApiError) for kind in refused)
    others = (
        ConfigurationError,
        ConnectionFailed,
        DeliveryUnknown,
        InvalidRequest,
        RequestTimeout,
        ResponseInvalid,
        SessionClosed,
    )
    assert not any(issubclass(kind, ApiError) for kind in others)
    assert "IP address" in PermissionDenied.next_step
    assert "Do not resend" in DeliveryUnknown.next_step


def test_a_problem_is_its_field_and_its_rule() -> None:
    problem = Problem("tiny_urls[0].label", "at most 20 characters")
    assert str(problem) == "tiny_urls[0].label: at most 20 characters"
    assert pickle.loads(pickle.dumps(problem)) == problem  # noqa: S301  of our own making


def test_the_problems_are_a_tuple_in_the_order_given() -> None:
    problems = (Problem("b", "1"), Problem("a", "2"))
    assert InvalidRequest(problems=iter(problems)).problems == problems


def answer(content: bytes, status: int, **headers: str) -> ApiResponse:
    return response_of(
        status,
        httpx.Headers(headers),
        "",
        content,
        operation=Operation(OperationKind.READ, "GET", "blacklist"),
        reader=reader_for(Dialect().server_tz),
    )


digits = st.text("0123456789", min_size=8, max_size=8)


def spaced(separator: str) -> Any:
    return digits.map(lambda text: separator.join(re.findall("..", "06" + text)))


numbers = st.one_of(
    digits.map("06".__add__),
    digits.map("+336".__add__),
    digits.map("336".__add__),
    digits.map("00336".__add__),
    digits.map("6".__add__),
    *map(spaced, (" ", ".", "-", "\u00a0", "\u202f")),
)
AROUND = [
    "{}",
    "<{}>",
    '"{}"',
    "({})",
    "[{}]",
    "no: {}.",
    "tel:{}",
    "item={}&x",
    "n°{}",
    "mobile_{}",
    "{},{}",
]
BODIES = [
    '{{"message": "{}"}}',
    '{{"error": "{}"}}',
    '{{"errors": ["{}"]}}',
    '{{"code": "{}"}}',
    "{}",
    "<title>{}</title>",
]


@given(
    numbers,
    st.sampled_from(AROUND),
    st.sampled_from(BODIES),
    st.sampled_from([400, 404, 429, 500, 200]),
)
def test_no_error_shows_a_number_that_the_server_repeats(
    number: str, around: str, body: str, status: int
) -> None:
    told = around.replace("{}", number).replace('"', "'")
    found = answer(
        body.format(told).encode(),
        status,
        **{"x-request-id": number.encode("ascii", "replace").decode()},
    )
    refused = error_of(found)
    for error in (refused, invalid(found, "the answer cannot be understood")):
        if error is None:
            continue
        for text in (str(error), repr(error), getattr(error, "body", "")):
            assert number not in text
