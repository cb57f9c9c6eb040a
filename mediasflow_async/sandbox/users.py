"""Who may use the API: users, their login, and the bearer tokens that it issues (Guide: 1.3).

The guide shows neither the login's path nor its fields nor the life of a token: `ServerRules`
chooses them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING

from attrs import field, frozen

from mediasflow_async.sandbox import reading
from mediasflow_async.sandbox.http import (
    Answer,
    HttpError,
    json_answer,
    unauthorized,
    unsupported_media,
)
from mediasflow_async.sandbox.rules import FORM, JSON, ServerRules

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from mediasflow_async.sandbox.dates import Clock
    from mediasflow_async.sandbox.http import Request

__all__ = ["CUSTOMER_ID", "LOGIN", "Tokens", "User", "dead_token_answer", "log_in", "login_data"]

LOGIN = "login"
"""The login's name in `Fault.operation` and in `RecordedRequest.operation`."""

_BODY_TYPES = {"form": FORM, "json": JSON}
_BASIC = "Basic "
_BEARER = "Bearer "


@frozen
class User:
    """Someone with an account.

    Attributes:
        username: what to log in with.
        password: the same.
        admin: whether they see the campaigns of all users and may act for others. Guide: 2.1.
    """

    username: str
    password: str = field(repr=False)
    admin: bool = True

    @property
    def id(self) -> str:
        """The `userOwnerID` of this user."""
        return _object_id(f"user {self.username}")


def log_in(request: Request, rules: ServerRules, users: tuple[User, ...], tokens: Tokens) -> Answer:
    """Answer POST to the login path.

    Raises:
        HttpError: 401 for a wrong user name or password, 415 for another kind of body.
    """
    username, password = _credentials(request, rules)
    user = _find(users, username, password)
    if user is None:
        raise unauthorized("wrong user name or password")
    return _token_answer(rules, tokens.issue(user))


def _credentials(request: Request, rules: ServerRules) -> tuple[str, str]:
    authorization = request.headers.get("authorization", "")
    if "basic" in rules.login_encodings and authorization.startswith(_BASIC):
        return _basic_credentials(authorization)
    data = login_data(request, rules)
    name, password = (reading.required(reading.text(data, key), key) for key in rules.login_fields)
    return name, password


def _basic_credentials(authorization: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(authorization.removeprefix(_BASIC), validate=True).decode()
    except (binascii.Error, ValueError):
        raise unauthorized("the Basic credentials cannot be read") from None
    name, _, password = text.partition(":")
    return name, password


def login_data(request: Request, rules: ServerRules) -> reading.Object:
    """Return the fields of a login's body.

    Raises:
        HttpError: 415 for a kind of body that the rules do not name, 400 for unreadable JSON.
    """
    accepted = {_BODY_TYPES[kind] for kind in rules.login_encodings & _BODY_TYPES.keys()}
    if request.content_type not in accepted:
        raise unsupported_media(request.content_type, " or ".join(sorted(accepted)) or "Basic")
    if request.content_type == JSON:
        return reading.json_object(request, frozenset({JSON}))
    return request.form()


def _find(users: tuple[User, ...], username: str, password: str) -> User | None:
    for user in users:
        if user.username == username and hmac.compare_digest(
            user.password.encode(), password.encode()
        ):
            return user
    return None


_TOKEN_HEADERS = {
    "header": ("Authorization", _BEARER),
    "bare": ("Authorization", ""),
    "x_auth_token": ("X-Auth-Token", ""),
    "bearer": ("Bearer", ""),
}


def _token_answer(rules: ServerRules, token: str) -> Answer:
    if rules.token_place == "json":
        data: object = token
        for name in reversed(rules.token_field.split(".")):
            data = {name: data}
        return json_answer(data)
    if rules.token_place == "text":
        body = f"{_BEARER}{token}".encode()
        return Answer(body=body, content_type="text/plain; charset=utf-8")
    header, word = _TOKEN_HEADERS[rules.token_place]
    return Answer(headers={header: f"{word}{token}"})


_LOGIN_PAGE = b"""<!DOCTYPE html><html><head><title>Connexion</title></head><body>
<form method="post" action="login"><input name="username"><input type="password" name="password">
</form></body></html>"""


def dead_token_answer(rules: ServerRules, error: HttpError) -> Answer:
    """Return the answer to a request whose token is no good, as the rules have it.

    Raises:
        HttpError: it is an error.
    """
    status = rules.dead_token
    if status == HTTPStatus.FOUND:
        return Answer(status, headers={"Location": "/login"})
    if status == HTTPStatus.OK:
        return Answer(body=_LOGIN_PAGE, content_type="text/html; charset=utf-8")
    raise HttpError(status, error.code, error.message, headers=error.headers)


class Tokens:
    """Bearer tokens: issued at login, accepted until they expire or are revoked.

    Args:
        clock: the sandbox's time.
        life: how long a token is accepted.
        jwt: whether tokens are signed JWTs, or opaque.
        one_each: whether a new token ends those that its user had.
    """

    def __init__(self, clock: Clock, life: timedelta, *, jwt: bool, one_each: bool = False) -> None:
        self._clock = clock
        self._life = life
        self._jwt = jwt
        self._one_each = one_each
        self._secret = secrets.token_bytes(32)
        self._issued: dict[str, tuple[User, datetime]] = {}

    def issue(self, user: User) -> str:
        """Return a new token for `user`."""
        expires = self._clock.now() + self._life
        token = self._sign(user, expires) if self._jwt else secrets.token_urlsafe(32)
        others = self._issued.items() if self._one_each else ()
        for other in [other for other, (owner, _) in others if owner == user]:
            del self._issued[other]
        self._issued[token] = (user, expires)
        return token

    def owner(self, authorization: str, at: datetime | None = None) -> User:
        """Return the user whose token an `Authorization` header carries.

        Args:
            authorization: the header.
            at: when it is looked at; the present by default.

        Raises:
            HttpError: 401, the token is missing, unknown or expired.
        """
        if not authorization.startswith(_BEARER):
            raise unauthorized("log in, then send the Authorization header with the word Bearer")
        user, expires = self._issued.get(authorization.removeprefix(_BEARER), (None, None))
        if user is None or expires is None:
            raise unauthorized("this token is not known")
        if expires <= (at or self._clock.now()):
            raise unauthorized("this token has expired")
        return user

    def revoke(self) -> None:
        """Accept no token that was issued until now."""
        self._issued.clear()

    def _sign(self, user: User, expires: datetime) -> str:
        claims = {
            "sub": user.username,
            "exp": int(expires.timestamp()),
            "jti": secrets.token_hex(8),
        }
        parts = ({"alg": "HS256", "typ": "JWT"}, claims)
        signed = ".".join(_base64url(json.dumps(part).encode()) for part in parts)
        signature = hmac.digest(self._secret, signed.encode(), "sha256")
        return f"{signed}.{_base64url(signature)}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _object_id(seed: str) -> str:
    """Return 24 hexadecimal digits, as MongoDB's ids have, always the same for `seed`."""
    return hashlib.sha256(seed.encode()).hexdigest()[:24]


CUSTOMER_ID = _object_id("customer")
"""The `customerID` of every answer: the sandbox has one customer, with any number of users."""
