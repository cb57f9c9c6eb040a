"""Who logs in: credentials, the request of a login, and its errors, which name options to try.

The guide shows a login as a page to click on (Guide: 1.3): neither its address nor the form of its
request is certain, so each error of a login says which options of a `Dialect` to try.
"""

from __future__ import annotations

import base64
from typing import Final

from attrs import field, frozen

from mediasflow_async._core.bearers import REDIRECTS, unannounced
from mediasflow_async._core.calls import CallParts
from mediasflow_async._core.responses import ApiResponse
from mediasflow_async.dialect import Dialect, wants_checksum
from mediasflow_async.errors import (
    ConfigurationError,
    MediasflowError,
    ResponseInvalid,
    TokenLost,
)
from mediasflow_async.models.values import ENCODABLE_RULE, is_encodable
from mediasflow_async.secrecy import Secret

__all__ = [
    "Credentials",
    "bearer_or_none",
    "login_headers",
    "login_parts",
    "no_token",
    "token_lost",
    "with_cure",
]


def _secret(value: str | Secret | None) -> Secret | None:
    return Secret(value) if isinstance(value, str) else value


def _bearer(value: str | Secret | None) -> Secret | None:
    if value is None:
        return None
    token = unannounced(value.reveal() if isinstance(value, Secret) else value)
    is_printable = token.isascii() and token.isprintable() and " " not in token
    if not token or not is_printable or token.lower() == "bearer":
        raise ConfigurationError(
            "the token (MEDIASFLOW_TOKEN) is one word, with or without 'Bearer' before it"
        )
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
            raise ConfigurationError(
                "a username and a password go together (MEDIASFLOW_USERNAME, MEDIASFLOW_PASSWORD)"
            )
        if not all(map(is_encodable, self.secrets())):
            raise ConfigurationError(f"each of username and password {ENCODABLE_RULE}")
        if self.username is None and self.token is None:
            raise ConfigurationError(
                "no credentials: give username and password, or token, or set "
                "MEDIASFLOW_USERNAME and MEDIASFLOW_PASSWORD, or MEDIASFLOW_TOKEN"
            )

    def secrets(self) -> tuple[str, ...]:
        """Return the texts that must not be shown, whoever repeats them."""
        revealed = (secret.reveal() for secret in (self.password, self.token) if secret)
        return (*revealed, self.username or "")

    @property
    def can_log_in(self) -> bool:
        """Whether a new bearer can be had."""
        return self.username is not None


def bearer_or_none(text: str | None) -> Secret | None:
    """Return the bearer that a login answered, or None where it is none that can be sent."""
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


def token_lost(error: MediasflowError) -> TokenLost:
    """Return the error of a call whose every token was refused, though each login was accepted."""
    return TokenLost(
        "the server refused each token that was just given: another login of the account may have "
        "ended it",
        method=error.method,
        path=error.path,
        status=error.status,
        code=error.code,
        request_id=error.request_id,
        attempts=error.attempts,
        campaign_id=error.campaign_id,
        sent=error.sent,
    )


def no_token(answer: ApiResponse, dialect: Dialect) -> ResponseInvalid:
    """Return the error of a login that answered without a token, with the options to try."""
    error = ResponseInvalid(
        "the login answered without a token",
        method=answer.operation.method,
        path=answer.operation.shown_path,
        status=answer.status,
        request_id=answer.request_id,
    )
    error.next_step = (
        "No token stands in a header, in JSON or as the text of the answer. Is the IP address of "
        "this machine registered with Mediasflow (Guide: 1.2), and are the username and password "
        f"right? {_login_options(dialect)}"
    )
    return error


_FIRST_REDIRECT: Final = 300
_WRONG_PLACE: Final = REDIRECTS | {404, 405, 410, 501}
_WRONG_FORM: Final = frozenset({400, 406, 415, 422, 500})
_UNAUTHORIZED: Final = 401


def with_cure(error: MediasflowError, dialect: Dialect) -> MediasflowError:
    """Return the error of a first login, with the options that would cure it where that can be."""
    if error.status in _WRONG_PLACE:
        error.next_step = _other_places(dialect)
    elif error.status in _WRONG_FORM:
        checksum = " or Dialect(checksum=content_digest)" if wants_checksum(error, dialect) else ""
        error.next_step = f"{_other_forms(dialect)}{checksum}."
    elif error.status == _UNAUTHORIZED:
        error.next_step = f"{error.next_step} Where they are right: {_other_forms(dialect)}."
    elif error.status and error.status < _FIRST_REDIRECT:
        error.next_step = f"Check the username and password. {_login_options(dialect)}"
    return error


def _login_options(dialect: Dialect) -> str:
    return f"{_other_places(dialect)} {_other_forms(dialect)}."


def _other_places(dialect: Dialect) -> str:
    paths = [path for path in _LIKELY_PATHS if path != dialect.login_path]
    slashes = "always" if dialect.trailing_slashes != "always" else "never"
    return (
        f"The guide does not name the login, and this session has it at {dialect.login_path!r}; "
        "the server's Swagger page shows it (Guide: 1.3). "
        f"Try {' or '.join(f'Dialect(login_path={path!r})' for path in paths[:2])}, "
        f"or Dialect(trailing_slashes={slashes!r})."
    )


def _other_forms(dialect: Dialect) -> str:
    encodings = [each for each in ("json", "form", "basic") if each != dialect.login_encoding]
    name = "username" if dialect.login_fields[0] == "login" else "login"
    return (
        "The guide does not say how the username and password are sent. "
        f"Try {' or '.join(f'Dialect(login_encoding={each!r})' for each in encodings)}, "
        f"or Dialect(login_fields=({name!r}, 'password'))"
    )


_LIKELY_PATHS: Final = ("login", "auth/login", "users/login")
