"""Who may call: users, tokens, registered addresses."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime, timedelta

from attrs import field, frozen

from mediasflow_async.sandbox.http import unauthorized


class Clock:
    """The machine's clock plus an offset that only `advance` changes."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        """Return the sandbox's present as an aware UTC datetime."""
        return datetime.now(UTC) + self._offset

    def advance(self, by: timedelta) -> None:
        """Move the sandbox's present forward.

        Raises:
            ValueError: `by` is negative; messages that have arrived cannot be taken back.
        """
        if by < timedelta():
            raise ValueError("the sandbox's clock only goes forward; use reset() to start again")
        self._offset += by

    def reset(self) -> None:
        """Return to the machine's clock."""
        self._offset = timedelta()

    def __repr__(self) -> str:
        return f"Clock(now={self.now().isoformat()})"


_SCHEME = "Bearer "


def object_id(seed: str) -> str:
    """Return 24 hexadecimal digits, as MongoDB's ids have, always the same for `seed`."""
    return hashlib.sha256(seed.encode()).hexdigest()[:24]


CUSTOMER_ID = object_id("customer")


@frozen
class User:
    """Someone with an account.

    Attributes:
        username: what the login asks for.
        password: the same.
        admin: whether they see find_all's campaigns and may act for others. Guide: 2.1.
    """

    username: str
    password: str = field(repr=False)
    admin: bool = True

    @property
    def id(self) -> str:
        """The `userOwnerID` of this user."""
        return object_id(f"user {self.username}")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Tokens:
    """Bearer tokens: issued at login, accepted until they expire or are revoked."""

    def __init__(self, clock: Clock, life: timedelta, *, jwt: bool) -> None:
        self._clock = clock
        self._life = life
        self._jwt = jwt
        self._secret = secrets.token_bytes(32)
        self._issued: dict[str, tuple[User, datetime]] = {}

    def issue(self, user: User) -> str:
        """Return a new token for `user`."""
        expires = self._clock.now() + self._life
        token = self._sign(user, expires) if self._jwt else secrets.token_urlsafe(32)
        self._issued[token] = (user, expires)
        return token

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

    def revoke(self) -> None:
        """Accept no token that was issued until now."""
        self._issued.clear()

    def owner(self, authorization: str) -> User:
        """Return the user whose token an `Authorization` header carries.

        Raises:
            HttpError: 401, the token is missing, unknown or expired.
        """
        if not authorization.startswith(_SCHEME):
            raise unauthorized("log in, then send the Authorization header with the word Bearer")
        user, expires = self._issued.get(authorization.removeprefix(_SCHEME), (None, None))
        if user is None or expires is None:
            raise unauthorized("this token is not known")
        if expires <= self._clock.now():
            raise unauthorized("this token has expired")
        return user
