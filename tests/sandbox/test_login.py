"""Who is let in."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from mediasflow_async.sandbox import Sandbox, User
from tests.support.sandboxes import WITHOUT_TLS, with_rules

if TYPE_CHECKING:
    from collections.abc import Callable

ANNE = User("anne", "secret-of-anne", admin=False)
BOB = User("bob", "secret-of-bob", admin=False)


def claims(bearer: str) -> dict[str, Any]:
    payload = bearer.split(".")[1]
    text = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    found: dict[str, Any] = json.loads(text)
    return found


def log_in(sandbox: Sandbox, **arguments: Any) -> httpx.Response:
    return httpx.post(f"{sandbox.base_url}users/login", verify=WITHOUT_TLS, **arguments)


def form_of(sandbox: Sandbox) -> dict[str, str]:
    return {"login": sandbox.username, "password": sandbox.password}


def bearer_of(sandbox: Sandbox, user: User) -> dict[str, str]:
    response = log_in(sandbox, data={"login": user.username, "password": user.password})
    return {"Authorization": response.headers["Authorization"]}


def test_the_bearer_is_in_the_response_headers(sandbox: Sandbox) -> None:
    bearer = log_in(sandbox, data=form_of(sandbox)).headers["Authorization"]
    assert bearer.startswith("Bearer ")
    life = claims(bearer)["exp"] - sandbox.clock.now().timestamp()
    assert 14 * 60 < life <= 15 * 60


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"login": "nobody"}, {"password": "é"}])
def test_a_wrong_password_or_user_is_refused(sandbox: Sandbox, wrong: dict[str, str]) -> None:
    response = log_in(sandbox, data=form_of(sandbox) | wrong)
    assert (response.status_code, response.json()["error"]) == (401, "UNAUTHORIZED")
    assert "Authorization" not in response.headers


def test_a_login_without_a_password_names_the_field(sandbox: Sandbox) -> None:
    response = log_in(sandbox, data={"login": "demo"})
    assert (response.status_code, response.json()["field"]) == (400, "password")


@pytest.mark.parametrize("authorization", [None, "Bearer nonsense", "Basic ZGVtbzpkZW1v"])
def test_without_a_known_bearer_nothing_is_answered(
    http: httpx.Client, authorization: str | None
) -> None:
    del http.headers["Authorization"]
    headers = {} if authorization is None else {"Authorization": authorization}
    assert http.get("blacklist", headers=headers).status_code == 401


def test_a_token_without_the_word_bearer_is_refused(http: httpx.Client) -> None:
    token = http.headers["Authorization"].removeprefix("Bearer ")
    assert http.get("blacklist", headers={"Authorization": token}).status_code == 401


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("jwt", marks=with_rules(token_format="jwt")),
        pytest.param("opaque", marks=with_rules(token_format="opaque")),
    ],
)
def test_a_token_expires_by_the_sandbox_clock(
    sandbox: Sandbox, http: httpx.Client, kind: str
) -> None:
    dots = http.headers["Authorization"].count(".")
    assert dots == (2 if kind == "jwt" else 0)
    assert http.get("blacklist").status_code == 200
    sandbox.clock.advance(timedelta(minutes=15))
    response = http.get("blacklist")
    assert (response.status_code, "expired" in response.json()["message"]) == (401, True)


def test_revoked_tokens_are_refused(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.revoke_tokens()
    assert http.get("blacklist").status_code == 401


@pytest.mark.parametrize(
    "find",
    [
        pytest.param(
            lambda answer: answer.json()["token"], marks=with_rules(token_place="json"), id="json"
        ),
        pytest.param(
            lambda answer: answer.text.removeprefix("Bearer "),
            marks=with_rules(token_place="text"),
            id="text",
        ),
    ],
)
def test_the_token_may_be_in_the_body(
    sandbox: Sandbox, http: httpx.Client, find: Callable[[httpx.Response], str]
) -> None:
    response = log_in(sandbox, data=form_of(sandbox))
    assert "Authorization" not in response.headers
    headers = {"Authorization": f"Bearer {find(response)}"}
    assert http.get("blacklist", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "send",
    [
        pytest.param(
            lambda pair: {"json": dict(zip(("login", "password"), pair, strict=True))},
            marks=with_rules(login_encodings={"json"}),
            id="json",
        ),
        pytest.param(
            lambda pair: {"auth": pair}, marks=with_rules(login_encodings={"basic"}), id="basic"
        ),
        pytest.param(
            lambda pair: {"data": dict(zip(("user", "pass"), pair, strict=True))},
            marks=with_rules(login_fields=("user", "pass")),
            id="other names",
        ),
    ],
)
def test_credentials_may_come_in_another_encoding(
    sandbox: Sandbox, send: Callable[[tuple[str, str]], dict[str, Any]]
) -> None:
    pair = (sandbox.username, sandbox.password)
    assert log_in(sandbox, **send(pair)).status_code == 200
    assert log_in(sandbox, **send((sandbox.username, "wrong"))).status_code == 401


@with_rules(login_encodings={"basic"})
def test_basic_credentials_that_cannot_be_read_are_refused(sandbox: Sandbox) -> None:
    for written in ("Basic !", "Basic gICA"):
        assert log_in(sandbox, headers={"Authorization": written}).status_code == 401


@with_rules(login_encodings={"json"})
def test_a_form_is_refused_where_json_is_wanted(sandbox: Sandbox) -> None:
    assert log_in(sandbox, data=form_of(sandbox)).status_code == 415


@with_rules(login_path="auth/token")
def test_the_login_path_is_a_choice(sandbox: Sandbox, http: httpx.Client) -> None:
    assert log_in(sandbox, data=form_of(sandbox)).status_code == 404
    assert http.post("auth/token", data=form_of(sandbox)).status_code == 200


@with_rules(registered_ips={"192.0.2.1"})
def test_an_unregistered_address_is_refused_before_anything_else(sandbox: Sandbox) -> None:
    response = log_in(sandbox, data=form_of(sandbox))
    assert (response.status_code, response.json()["error"]) == (403, "UNKNOWN_IP")


@with_rules(registered_ips={"127.0.0.1"})
def test_a_registered_address_is_let_in(http: httpx.Client) -> None:
    assert http.get("blacklist").status_code == 200


@pytest.mark.sandbox(users=[ANNE, BOB])
def test_only_admins_act_for_others(
    sandbox: Sandbox, order: Callable[..., httpx.Response], http: httpx.Client
) -> None:
    assert order(userOwnerID=ANNE.id).json()["userOwnerID"] == ANNE.id
    assert order(userOwnerID="0" * 24).status_code == 404
    http.headers.update(bearer_of(sandbox, ANNE))
    assert order(userOwnerID=ANNE.id).status_code == 200
    refused = order(userOwnerID=BOB.id)
    assert (refused.status_code, refused.json()["field"]) == (403, "userOwnerID")


@pytest.mark.sandbox(users=[ANNE, BOB])
def test_users_without_admin_rights_see_their_own_campaigns_only(
    sandbox: Sandbox, order: Callable[..., httpx.Response], http: httpx.Client
) -> None:
    of_anne = order(userOwnerID=ANNE.id).json()["id"]
    of_bob = order(userOwnerID=BOB.id).json()["id"]
    http.headers.update(bearer_of(sandbox, ANNE))
    assert http.get(f"campaigns/reportjson/{of_anne}").status_code == 200
    assert http.get(f"campaigns/reportjson/{of_bob}").status_code == 404
    day = sandbox.clock.now() - timedelta(days=1)
    params = {"from": f"{day:%Y-%m-%d}"}
    rows = http.get("campaigns/reportjson/", params=params).json()
    assert [row["campaignId"] for row in rows] == [of_anne]
    params["userID"] = BOB.id
    assert http.get("campaigns/reportjson/", params=params).status_code == 403


@with_rules(checksum=True)
def test_a_body_needs_its_digest_where_checksums_are_wanted(http: httpx.Client) -> None:
    body = b'{"item": "+33612345678", "typeItem": "MOBILE"}'
    headers = {"Content-Type": "application/json"}
    refused = http.post("blacklist", content=body, headers=headers)
    assert (refused.status_code, refused.json()["error"]) == (400, "CHECKSUM")
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    headers["Content-Digest"] = f"sha-256=:{digest}:"
    assert http.post("blacklist", content=body, headers=headers).status_code == 200
    assert http.post("blacklist", content=body + b" ", headers=headers).status_code == 400
    assert http.get("blacklist").status_code == 200
