"""Login: credentials in, a bearer token out (the guide shows no more than Guide: 1.3)."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from attrs import evolve

from mediasflow_async.sandbox import reading
from mediasflow_async.sandbox.http import (
    Answer,
    Call,
    Refusal,
    json_answer,
    unauthorized,
    unsupported_media,
)
from mediasflow_async.sandbox.rules import FORM, JSON, ServerRules

if TYPE_CHECKING:
    from mediasflow_async.sandbox.users import User
    from mediasflow_async.sandbox.world import World

_MASK = "***"
_MEDIA = {"form": FORM, "json": JSON}
_BASIC = "Basic "


def log_in(world: World, call: Call) -> Answer:
    """Answer POST to the login path.

    Raises:
        Refusal: 401 for a wrong user name or password, 415 for another kind of body.
    """
    username, password = _credentials(call, world.rules)
    user = _find(world.users, username, password)
    if user is None:
        raise unauthorized("wrong user name or password")
    return _token_answer(world.rules, f"Bearer {world.tokens.issue(user)}")


def _find(users: tuple[User, ...], username: str, password: str) -> User | None:
    for user in users:
        if user.username == username and hmac.compare_digest(
            user.password.encode(), password.encode()
        ):
            return user
    return None


def _credentials(call: Call, rules: ServerRules) -> tuple[str, str]:
    if "basic" in rules.login_encodings and call.headers.get("authorization", "").startswith(
        _BASIC
    ):
        return _basic(call.headers["authorization"])
    data = _fields(call, rules)
    name, password = (reading.required(reading.text(data, key), key) for key in rules.login_fields)
    return name, password


def _basic(authorization: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(authorization.removeprefix(_BASIC), validate=True).decode()
    except (binascii.Error, ValueError):
        raise unauthorized("the Basic credentials cannot be read") from None
    name, _, password = text.partition(":")
    return name, password


def _fields(call: Call, rules: ServerRules) -> reading.Object:
    accepted = {_MEDIA[kind] for kind in rules.login_encodings & _MEDIA.keys()}
    if call.content_type not in accepted:
        raise unsupported_media(call.content_type, " or ".join(sorted(accepted)) or "Basic")
    if call.content_type == JSON:
        return reading.json_object(call, frozenset({JSON}))
    return call.form()


def _token_answer(rules: ServerRules, bearer: str) -> Answer:
    if rules.token_place == "json":
        return json_answer({"token": bearer.removeprefix("Bearer ")})
    if rules.token_place == "text":
        return Answer(body=bearer.encode(), content_type="text/plain; charset=utf-8")
    return Answer(headers={"Authorization": bearer})


def without_password(call: Call, rules: ServerRules) -> Call:
    """Return `call` with its password hidden; with its whole body hidden if it is no login."""
    secret = rules.login_fields[1]
    query = {name: _MASK if name == secret else value for name, value in call.query.items()}
    return evolve(call, query=query, body=_masked_body(call, rules))


def _masked_body(call: Call, rules: ServerRules) -> bytes:
    try:
        data = dict(_fields(call, rules))
    except Refusal:
        return _MASK.encode() if call.body else b""
    if rules.login_fields[1] in data:
        data[rules.login_fields[1]] = _MASK
    text = json.dumps(data) if call.content_type == JSON else urlencode(data, safe="*")
    return text.encode()
