"""The options of a session, from arguments and from the environment."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Unpack

import httpx
import pytest

from mediasflow_async import (
    BASE_URL_ALT,
    PRODUCTION_URL,
    AuthenticationFailed,
    ConfigurationError,
    Dialect,
    Secret,
    Session,
)
from mediasflow_async._core.calls import Call, CallParts, joining, make_call, operation_of
from mediasflow_async._core.not_given import NOT_GIVEN
from mediasflow_async._core.options import (
    Settings,
    from_environment,
    normalised_base_url,
    seconds_of,
)
from tests.support.raw_server import RawServer, http

PASSWORD = "s3cret-pass-word"
NO_DURATIONS = [0, -0.5, float("nan"), timedelta(seconds=-1), True, "5"]


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USERNAME", "PASSWORD", "TOKEN", "BASE_URL", "TIMEOUT", "RATE", "DEADLINE"):
        monkeypatch.delenv(f"MEDIASFLOW_{name}", raising=False)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [(3, 3.0), (0.25, 0.25), (timedelta(minutes=2), 120.0), (None, None)],
)
def test_a_duration_is_seconds_a_timedelta_or_none(given: Any, seconds: float | None) -> None:
    assert seconds_of(given, "timeout") == seconds


@pytest.mark.parametrize("option", ["timeout", "connect_timeout", "deadline"])
@pytest.mark.parametrize("given", NO_DURATIONS, ids=repr)
def test_what_is_no_duration_is_refused_by_the_name_of_its_option(option: str, given: Any) -> None:
    with pytest.raises(ConfigurationError, match=option):
        Session(token="abcdefgh", **{option: given})


@pytest.mark.parametrize("option", ["max_in_flight", "max_response_bytes"])
@pytest.mark.parametrize("given", [0, -1, 1.5, True, None, "5"])
def test_a_count_is_a_whole_number_from_one_up(option: str, given: Any) -> None:
    with pytest.raises(ConfigurationError, match=option):
        Session(token="abcdefgh", **{option: given})


@pytest.mark.parametrize("given", [0, -1, float("nan"), "5", True])
def test_a_rate_is_a_positive_number_or_none(given: Any) -> None:
    with pytest.raises(ConfigurationError, match="rate"):
        Session(token="abcdefgh", rate=given)


def call_with(settings: Settings, **options: Unpack[CallParts]) -> Call:
    """Return a call that is made with these settings and these options of its own."""
    base_url = httpx.URL("http://localhost/")
    return make_call(operation_of(None, "GET", "x"), joining(base_url), settings, options)


def test_none_is_no_limit_where_not_given_is_the_default() -> None:
    settings = Settings().changed(timeout=NOT_GIVEN, deadline=None)
    assert settings.timeout_seconds == 30
    assert settings.deadline_seconds is None
    assert call_with(settings).deadline_seconds is None
    assert call_with(settings, deadline=timedelta(seconds=2)).deadline_seconds == 2
    assert call_with(Settings()).deadline_seconds == 120
    assert call_with(Settings(), deadline=None).deadline_seconds is None
    assert repr(NOT_GIVEN) == "NOT_GIVEN"


def test_a_request_gets_a_connect_timeout_and_a_read_timeout() -> None:
    settings = Settings().changed(timeout=7, connect_timeout=timedelta(seconds=2))
    assert call_with(settings).timeouts == {"connect": 2, "read": 7, "write": 7, "pool": 7}
    unlimited = {"connect": 2, "read": None, "write": None, "pool": None}
    assert call_with(settings, timeout=None).timeouts == unlimited
    assert call_with(settings, timeout=timedelta(seconds=1)).timeouts["read"] == 1


@pytest.mark.parametrize(
    "url", ["https://a.example/api/v1", "https://a.example/api/v1/", "https://a.example/api/v1//"]
)
def test_the_base_url_gets_one_closing_slash(url: str) -> None:
    assert str(normalised_base_url(url)) == "https://a.example/api/v1/"


def test_the_base_url_is_productions_then_the_dialects_then_the_arguments() -> None:
    other = Dialect(base_url=BASE_URL_ALT)
    mine = "https://a.example/"
    sessions = [
        Session(token="abcdefgh"),
        Session(token="abcdefgh", dialect=other),
        Session(token="abcdefgh", dialect=other, base_url=mine),
    ]
    assert [session.base_url for session in sessions] == [PRODUCTION_URL, BASE_URL_ALT, mine]


@pytest.mark.parametrize(
    "url",
    ["http://localhost:8025/x", "http://127.0.0.1/", "http://127.8.9.1/", "http://[::1]:80/"],
)
def test_plain_http_is_allowed_on_this_machine(url: str) -> None:
    assert normalised_base_url(url).scheme == "http"


@pytest.mark.parametrize(
    "url",
    [
        "http://app.mediasflow.com/",
        "http://localhost.evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://0.0.0.0/",
        "http://10.0.0.1/",
        "HTTP://APP.MEDIASFLOW.COM/",
    ],
)
def test_plain_http_is_refused_beyond_this_machine(url: str) -> None:
    with pytest.raises(
        ConfigurationError, match="base_url: plain http is allowed on this machine only"
    ):
        Session(token="abcdefgh", base_url=url)


@pytest.mark.parametrize(
    "url",
    [
        f"https://demo:{PASSWORD}@a.example/",
        f"demo:{PASSWORD}@a.example/",
        f"https://a.example/?token={PASSWORD}",
        f"https://a.example/#{PASSWORD}",
        f"ftp://demo:{PASSWORD}@a.example/",
        f"//demo:{PASSWORD}@a.example/",
        f"https://demo:{PASSWORD}@a.example:port/",
    ],
)
def test_a_base_url_with_credentials_is_refused_without_showing_them(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Session(token="abcdefgh", base_url=url)
    assert PASSWORD not in f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize(
    "url", ["a.example", "/api/v1", "https://", "ftp://a.example/", "https://a:b", 5]
)
def test_what_is_no_https_address_is_refused(url: Any) -> None:
    with pytest.raises(ConfigurationError, match="base_url"):
        Session(token="abcdefgh", base_url=url)


def test_every_option_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "USERNAME": "demo",
        "PASSWORD": PASSWORD,
        "TOKEN": "Bearer abcdefgh",
        "BASE_URL": "https://a.example/api",
        "TIMEOUT": "1.5",
        "CONNECT_TIMEOUT": "2",
        "DEADLINE": "none",
        "MAX_IN_FLIGHT": "7",
        "RATE": "12.5",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"MEDIASFLOW_{name}", value)
    found = from_environment({})
    assert found == {
        "username": "demo",
        "password": Secret(PASSWORD),
        "token": Secret("Bearer abcdefgh"),
        "base_url": "https://a.example/api",
        "timeout": 1.5,
        "connect_timeout": 2.0,
        "deadline": None,
        "max_in_flight": 7,
        "rate": 12.5,
    }
    session = Session.from_env()
    assert session.base_url == "https://a.example/api/"
    assert session.max_in_flight == 7
    assert PASSWORD not in repr(found)


def test_arguments_come_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIASFLOW_TOKEN", "abcdefgh")
    monkeypatch.setenv("MEDIASFLOW_BASE_URL", "https://a.example/")
    monkeypatch.setenv("MEDIASFLOW_MAX_IN_FLIGHT", "  ")
    session = Session.from_env(base_url="https://b.example/", max_in_flight=3)
    assert session.base_url == "https://b.example/"
    assert session.max_in_flight == 3


def test_credentials_given_as_arguments_are_used_instead_of_a_token_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or else the call would go out in the name of another account."""
    monkeypatch.setenv("MEDIASFLOW_TOKEN", "token-of-someone-else")
    with RawServer([http(401)]).running() as server:
        session = Session.from_env(username="me", password="mine", base_url=server.url)
        with pytest.raises(AuthenticationFailed):
            asyncio.run(session.request("GET", "blacklist"))
        asyncio.run(session.aclose())
        assert server.requests[0].body == b"login=me&password=mine"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIMEOUT", "soon"),
        ("TIMEOUT", "-1"),
        ("TIMEOUT", "nan"),
        ("CONNECT_TIMEOUT", "0"),
        ("DEADLINE", "1h"),
        ("MAX_IN_FLIGHT", "2.5"),
        ("MAX_IN_FLIGHT", "0"),
        ("MAX_IN_FLIGHT", "none"),
        ("RATE", "fast"),
        ("RATE", "-3"),
        ("BASE_URL", "http://a.example/"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIASFLOW_TOKEN", "abcdefgh")
    monkeypatch.setenv(f"MEDIASFLOW_{name}", value)
    spoken = name.lower().replace("_", "[_ ]")
    with pytest.raises(ConfigurationError, match=f"(?i){spoken}"):
        Session.from_env()


def test_a_password_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIASFLOW_PASSWORD", " starts and ends with a space ")
    assert from_environment({})["password"] == Secret(" starts and ends with a space ")


def test_missing_credentials_are_named_with_their_variables() -> None:
    with pytest.raises(ConfigurationError, match="MEDIASFLOW_USERNAME"):
        Session.from_env()


@pytest.mark.parametrize("half", [{"username": "demo"}, {"password": "x"}])
def test_a_username_and_a_password_go_together(half: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="together"):
        Session(**half)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "token", ["", "   ", "Bearer ", "two words", "Bearer a b", "é", "a\r\nb", "a\x7f"]
)
def test_a_token_is_one_printable_word(token: str) -> None:
    with pytest.raises(ConfigurationError, match="token"):
        Session(token=token)
