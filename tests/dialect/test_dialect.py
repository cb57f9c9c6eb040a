from __future__ import annotations

import base64
import hashlib
import pickle
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from attrs import evolve, fields
from attrs.exceptions import FrozenInstanceError

from mediasflow_async.dialect import BASE_URL_ALT, PRODUCTION_URL, Dialect, content_digest
from mediasflow_async.errors import ConfigurationError


def test_the_defaults_are_the_most_likely_reading_of_the_guide() -> None:
    assert Dialect() == Dialect(
        base_url=PRODUCTION_URL,
        json_content_type="application/json",
        login_path="users/login",
        login_fields=("login", "password"),
        login_encoding="form",
        token_ttl=None,
        cancel_method="PUT",
        put_params="query",
        put_content_type=None,
        trailing_slashes="printed",
        upload_field="file",
        upload_params="form",
        blacklist_path="blacklist",
        campaign_status_separator=",",
        period_status_separator=";",
        lists_id_as_scalar=False,
        extended_keys_as="pairs",
        server_tz="Europe/Paris",
        schedule_tz="UTC",
        twelve_oclock="warn",
        window=timedelta(days=7) - timedelta(minutes=1),
        overlap=timedelta(0),
        check_duplicate_as="boolean",
        image_preview_in="campaign",
        zip_local_in="campaign",
        zip_local_field="b64ZipLocal",
        end_of_life_as="days",
        regex_style="guide",
        quote_style="rsql",
        strict_placeholders=False,
        checksum=None,
        draft_probes=("set_sender", "prepare"),
        set_sender_shows_draft=False,
        conflict_shows_launch=False,
        report_shows_launch=True,
        launch_refusals=(400, 401, 403, 404, 405, 410, 413, 414, 415, 422, 429),
    )
    assert PRODUCTION_URL == "https://app.mediasflow.com/MediasflowApi/v1/"
    assert BASE_URL_ALT == "https://app.mediasflow.com/api/v1/"


def test_a_dialect_is_a_value() -> None:
    dialect = Dialect(cancel_method="POST", login_fields=["user", "pass"])
    same = Dialect(cancel_method="POST", login_fields=("user", "pass"))
    assert dialect == same
    assert hash(dialect) == hash(same)
    assert evolve(dialect, cancel_method="PUT") != dialect
    assert pickle.loads(pickle.dumps(dialect)) == dialect  # noqa: S301  of our own making
    with pytest.raises(FrozenInstanceError):
        setattr(dialect, "cancel_method", "GET")  # noqa: B010  type checkers refuse the statement


def test_every_choice_is_documented() -> None:
    for attribute in fields(Dialect):
        assert f"{attribute.name}: " in (Dialect.__doc__ or "")


@pytest.mark.parametrize("name", ["server_tz", "schedule_tz"])
def test_a_zone_is_given_by_its_name_or_itself(name: str) -> None:
    zone = ZoneInfo("America/Cayenne")
    for given in ("America/Cayenne", zone):
        choice: dict[str, Any] = {name: given}
        assert getattr(Dialect(**choice), name) == zone


@pytest.mark.parametrize(
    "zone", ["", "Europe", "Nowhere/Atlantis", "../etc/passwd", "/etc/passwd", 5, None, "\0"]
)
@pytest.mark.parametrize("name", ["server_tz", "schedule_tz"])
def test_a_zone_that_does_not_exist_is_refused(name: str, zone: Any) -> None:
    with pytest.raises(ConfigurationError, match="time zone"):
        Dialect(**{name: zone})


WRONG: list[tuple[str, Any]] = [
    ("base_url", 5),
    ("json_content_type", None),
    ("login_path", None),
    ("login_fields", ("x",)),
    ("login_fields", ("a", "b", "c")),
    ("login_fields", "ab"),
    ("login_fields", 5),
    ("login_fields", ("login", 5)),
    ("login_encoding", "xml"),
    ("login_encoding", ["form"]),
    ("token_ttl", 900),
    ("token_ttl", timedelta(0)),
    ("cancel_method", "PATCH"),
    ("cancel_method", "put"),
    ("put_params", "header"),
    ("put_content_type", ""),
    ("put_content_type", "json"),
    ("put_content_type", "text/plain\r\nX: y"),
    ("put_content_type", "application/json;"),
    ("put_content_type", 5),
    ("trailing_slashes", True),
    ("check_duplicate_as", "TRUE"),
    ("image_preview_in", "tinyList"),
    ("zip_local_in", None),
    ("zip_local_field", ""),
    ("upload_field", None),
    ("upload_params", "json"),
    ("blacklist_path", None),
    ("campaign_status_separator", 5),
    ("period_status_separator", ""),
    ("lists_id_as_scalar", "yes"),
    ("extended_keys_as", "map"),
    ("twelve_oclock", "ignore"),
    ("window", 7),
    ("window", timedelta(days=8)),
    ("window", timedelta(seconds=59)),
    ("window", timedelta(0)),
    ("overlap", timedelta(days=6)),
    ("overlap", -timedelta(minutes=1)),
    ("overlap", 5),
    ("end_of_life_as", "weeks"),
    ("regex_style", "glob"),
    ("quote_style", "json"),
    ("strict_placeholders", 1),
    ("checksum", "sha-256"),
    ("draft_probes", "cancel"),
    ("draft_probes", ("set_sender", "test")),
    ("set_sender_shows_draft", None),
    ("conflict_shows_launch", 1),
    ("report_shows_launch", "no"),
    ("launch_refusals", (400, 500)),
    ("launch_refusals", "4xx"),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=repr)
def test_a_choice_that_is_none_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Dialect(**{name: value})


def test_all_choices_that_are_none_are_told_at_once() -> None:
    # How long an overlap may be is known only of a window that is one.
    wrong: dict[str, Any] = {name: value for name, value in WRONG if name != "overlap"}
    with pytest.raises(ConfigurationError) as caught:
        Dialect(**wrong)
    told = caught.value.message.split("; ")
    assert {problem.split()[0] for problem in told} == {f"Dialect.{name}" for name in wrong}


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=UTF-8"])
def test_a_media_type_may_have_parameters(kind: str) -> None:
    assert Dialect(put_content_type=kind).put_content_type == kind


def test_the_limits_of_the_windows_are_allowed() -> None:
    assert Dialect(window=timedelta(days=7)).window == timedelta(days=7)
    assert Dialect(window=timedelta(minutes=1)).window == timedelta(minutes=1)
    day = timedelta(days=1)
    assert Dialect(window=2 * day, overlap=day).overlap == day


def test_any_piece_of_evidence_can_be_left_out() -> None:
    dialect = Dialect(draft_probes=(), launch_refusals=(), report_shows_launch=False)
    assert (dialect.draft_probes, dialect.launch_refusals) == ((), ())
    assert Dialect(draft_probes="prepare").draft_probes == ("prepare",)


@pytest.mark.parametrize("body", [b"", b'{"a": 1}', "é".encode()])
def test_the_preset_checksum_is_that_of_rfc_9530(body: bytes) -> None:
    request = httpx.Request("POST", "https://example.org", content=body)
    expected = base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert content_digest(request) == {"Content-Digest": f"sha-256=:{expected}:"}


def test_the_preset_checksum_agrees_with_the_example_of_the_rfc() -> None:
    request = httpx.Request("POST", "https://example.org", content=b'{"hello": "world"}\n')
    expected = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
    assert content_digest(request)["Content-Digest"] == expected
