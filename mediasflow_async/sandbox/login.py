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
    HttpError,
    Request,
    json_answer,
    unauthorized,
    unsupported_media,
)
from mediasflow_async.sandbox.rules import FORM, JSON, ServerRules

if TYPE_CHECKING:
    from mediasflow_async.sandbox.context import Server
    from mediasflow_async.sandbox.users import User

_MASK = "***"
_MEDIA = {"form": FORM, "json": JSON}
_BASIC = "Basic "


def log_in(server: Server, request: Request) -> Answer:
    """Answer POST to the login path.

    Raises:
        HttpError: 401 for a wrong user name or password, 415 for another kind of body.
    """
    username, password = _credentials(request, server.rules)
    user = _find(server.users, username, password)
    if user is None:
        raise unauthorized("wrong user name or password")
    return _token_answer(server.rules, f"Bearer {server.tokens.issue(user)}")


def _find(users: tuple[User, ...], username: str, password: str) -> User | None:
    for user in users:
        if user.username == username and hmac.compare_digest(
            user.password.encode(), password.encode()
        ):
            return user
    return None


def _credentials(request: Request, rules: ServerRules) -> tuple[str, str]:
    if "basic" in rules.login_encodings and request.headers.get("authorization", "").startswith(
        _BASIC
    ):
        return _basic(request.headers["authorization"])
    data = _fields(request, rules)
    name, password = (reading.required(reading.text(data, key), key) for key in rules.login_fields)
    return name, password


def _basic(authorization: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(authorization.removeprefix(_BASIC), validate=True).decode()
    except (binascii.Error, ValueError):
        raise unauthorized("the Basic credentials cannot be read") from None
    name, _, password = text.partition(":")
    return name, password


def _fields(request: Request, rules: ServerRules) -> reading.Object:
    accepted = {_MEDIA[kind] for kind in rules.login_encodings & _MEDIA.keys()}
    if request.content_type not in accepted:
        raise unsupported_media(request.content_type, " or ".join(sorted(accepted)) or "Basic")
    if request.content_type == JSON:
        return reading.json_object(request, frozenset({JSON}))
    return request.form()


def _token_answer(rules: ServerRules, bearer: str) -> Answer:
    if rules.token_place == "json":
        return json_answer({"token": bearer.removeprefix("Bearer ")})
    if rules.token_place == "text":
        return Answer(body=bearer.encode(), content_type="text/plain; charset=utf-8")
    return Answer(headers={"Authorization": bearer})


def without_password(request: Request, rules: ServerRules) -> Request:
    """Return `request` with its password hidden; with its whole body hidden if it is no login."""
    secret = rules.login_fields[1]
    query = {name: _MASK if name == secret else value for name, value in request.query.items()}
    return evolve(request, query=query, body=_masked_body(request, rules))


def _masked_body(request: Request, rules: ServerRules) -> bytes:
    try:
        data = dict(_fields(request, rules))
    except HttpError:
        return _MASK.encode() if request.body else b""
    if rules.login_fields[1] in data:
        data[rules.login_fields[1]] = _MASK
    text = json.dumps(data) if request.content_type == JSON else urlencode(data, safe="*")
    return text.encode()
