"""From a username and a password to a bearer: one login at a time, renewed early (Guide: 1.3)."""

from __future__ import annotations

import base64
import binascii
import copy
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import anyio
import orjson
from attrs import field, frozen

from mediasflow_async._core.calls import CallParts
from mediasflow_async._core.responses import ApiResponse
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import ConfigurationError, MediasflowError, ResponseInvalid
from mediasflow_async.secrecy import Secret

__all__ = ["Authenticator", "Credentials", "bearer_in", "expiry_of", "login_headers", "login_parts"]


_EARLY_SECONDS: Final = 60.0


class Authenticator:
    """Holds the bearer of a session and renews it, with one login for all who need it.

    Args:
        credentials: who is calling.
        dialect: how to log in and how long a bearer lives.
        login: sends the login and returns the answer, or the error.
    """

    def __init__(
        self,
        credentials: Credentials,
        dialect: Dialect,
        login: Callable[[], Awaitable[ApiResponse | MediasflowError]],
    ) -> None:
        self._credentials = credentials
        self._dialect = dialect
        self._login = login
        self._pending: _PendingLogin | None = None
        self._bearer = credentials.token
        self._stale_at = self._end_of(credentials.token) if credentials.token else 0.0

    @property
    def username(self) -> str | None:
        """The login of who is calling, or None where only a bearer is known."""
        return self._credentials.username

    @property
    def at_hand(self) -> Secret | None:
        """The bearer that is good as far as is known, or None when that takes a login."""
        is_good = self._bearer and (time.time() < self._stale_at or self._is_pasted)
        return self._bearer if is_good else None

    async def bearer(self) -> Secret | MediasflowError:
        """Return a bearer that is good as far as is known, or the error of the login."""
        while not (bearer := self.at_hand):
            pending = self._pending
            if pending is None:
                return await self._log_in()
            await pending.is_over.wait()
            if isinstance(pending.result, MediasflowError):
                return copy.copy(pending.result)
        return bearer

    def reject(self, bearer: Secret) -> bool:
        """Note that the server refused a bearer; True when another attempt makes sense."""
        if not self._credentials.can_log_in:
            return False
        if bearer == self._bearer:
            self._bearer = None
        return True

    @property
    def _is_pasted(self) -> bool:
        return not self._credentials.can_log_in

    async def _log_in(self) -> Secret | MediasflowError:
        pending = self._pending = _PendingLogin()
        try:
            answer = await self._login()
            pending.result = self._accept(answer)
        finally:
            # Cancelled in the middle, the result is None: the next who waits logs in.
            self._pending = None
            pending.is_over.set()
        return pending.result

    def _accept(self, answer: ApiResponse | MediasflowError) -> Secret | MediasflowError:
        if isinstance(answer, MediasflowError):
            return answer
        bearer = _bearer_or_none(bearer_in(answer))
        if bearer is None:
            return _no_token(answer)
        self._bearer = bearer
        self._stale_at = self._end_of(bearer)
        return bearer

    def _end_of(self, bearer: Secret) -> float:
        now = time.time()
        expiry = expiry_of(bearer.reveal())
        if expiry is None and self._dialect.token_ttl is not None:
            expiry = now + self._dialect.token_ttl.total_seconds()
        # A token that is already over by this machine's clock means that the clocks differ:
        # the server says with a 401 when it is really over.
        if expiry is None or expiry <= now:
            return float("inf")
        return expiry - min(_EARLY_SECONDS, (expiry - now) / 2)


class _PendingLogin:
    """A login under way, and what came of it for those who wait."""

    def __init__(self) -> None:
        self.is_over = anyio.Event()
        self.result: Secret | MediasflowError | None = None


def _secret(value: str | Secret | None) -> Secret | None:
    return Secret(value) if isinstance(value, str) else value


def _bearer(value: str | Secret | None) -> Secret | None:
    if value is None:
        return None
    text = (value.reveal() if isinstance(value, Secret) else value).strip()
    word, _, rest = text.partition(" ")
    token = rest.strip() if word.lower() == "bearer" else text
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigurationError("the token is one word, with or without 'Bearer' before it")
    return Secret(token)


@frozen(kw_only=True)
class Credentials:
    """Who is calling: a username with its password, or a bearer obtained elsewhere.

    Attributes:
        username: the account's login.
        password: its password.
        token: a bearer, pasted with or without the word "Bearer".
    """

    username: str | None = field(default=None, repr=False)
    password: Secret | None = field(default=None, converter=_secret)
    token: Secret | None = field(default=None, converter=_bearer)

    def __attrs_post_init__(self) -> None:
        if (self.username is None) != (self.password is None):
            raise ConfigurationError("a username and a password go together")
        if self.username is None and self.token is None:
            raise ConfigurationError(
                "no credentials: give username and password, or token, or set "
                "MEDIASFLOW_USERNAME and MEDIASFLOW_PASSWORD, or MEDIASFLOW_TOKEN"
            )

    def secrets(self) -> tuple[str, ...]:
        """Return the texts that must not be shown, whoever repeats them."""
        return tuple(secret.reveal() for secret in (self.password, self.token) if secret)

    @property
    def can_log_in(self) -> bool:
        """Whether a new bearer can be had."""
        return self.username is not None


_TOKEN_KEYS: Final = ("token", "access_token", "jwt")
_SHORTEST_TOKEN: Final = 8
_JWT_PARTS: Final = 3


def _bearer_or_none(text: str | None) -> Secret | None:
    try:
        return _bearer(text)
    except ConfigurationError:
        return None


def login_parts(credentials: Credentials, dialect: Dialect) -> CallParts:
    """Return the body of a login, as the dialect wants it."""
    if dialect.login_encoding == "basic":
        return {}
    fields = dict(zip(dialect.login_fields, _pair(credentials), strict=True))
    return {"json": fields} if dialect.login_encoding == "json" else {"form": fields}


def login_headers(credentials: Credentials, dialect: Dialect) -> dict[str, str]:
    """Return the headers of a login, as the dialect wants them."""
    if dialect.login_encoding != "basic":
        return {}
    pair = base64.b64encode(":".join(_pair(credentials)).encode()).decode("ascii")
    return {"Authorization": f"Basic {pair}"}


def _pair(credentials: Credentials) -> tuple[str, str]:
    password = credentials.password
    return credentials.username or "", password.reveal() if password else ""


def bearer_in(answer: ApiResponse) -> str | None:
    """Return the token that a login answered: in the header, in JSON, or as the text itself."""
    header = answer.headers.get("authorization", "")
    if header.lower().startswith("bearer "):
        return str(header)
    if isinstance(answer.data, Mapping):
        found = (answer.data.get(key) for key in _TOKEN_KEYS)
        return next((token for token in found if isinstance(token, str) and token), None)
    if isinstance(answer.data, str):
        token = answer.data.strip().removeprefix("Bearer ")
        is_token = len(token) >= _SHORTEST_TOKEN and token.isprintable() and " " not in token
        return token if is_token and "<" not in token else None
    return None


def _no_token(answer: ApiResponse) -> ResponseInvalid:
    return ResponseInvalid(
        "the login answered without a token",
        method=answer.operation.method,
        path=answer.operation.shown_path,
        status=answer.status,
        request_id=answer.request_id,
        next_step="Is Dialect.login_path right for this server?",
    )


def expiry_of(token: str) -> float | None:
    """Return when a JWT ends, in seconds since 1970, or None for any other token."""
    parts = token.split(".")
    if len(parts) != _JWT_PARTS:
        return None
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return None
    expiry = claims.get("exp") if isinstance(claims, dict) else None
    return float(expiry) if isinstance(expiry, int | float) else None
