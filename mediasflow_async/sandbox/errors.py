"""How a request is refused."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Refusal(Exception):
    """A request that gets an error as its answer.

    Attributes:
        status: HTTP status code.
        code: short name of the reason, in capitals.
        message: what is wrong, without any number, password or message text.
        field: wire name of the offending field, such as `listRecipient[3].mobile`.
        headers: further response headers.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.headers = dict(headers or {})


def invalid(field: str, message: str, code: str = "INVALID_FIELD") -> Refusal:
    """Return a 400 about one field."""
    return Refusal(HTTPStatus.BAD_REQUEST, code, message, field=field)


def missing(field: str) -> Refusal:
    """Return a 400 about a field that is not there."""
    return invalid(field, f"{field} is mandatory", "MISSING_FIELD")


def not_found(what: str, field: str | None = None) -> Refusal:
    """Return a 404; `what` names the thing, as in `campaign`."""
    return Refusal(HTTPStatus.NOT_FOUND, "NOT_FOUND", f"no such {what}", field=field)


def conflict(code: str, message: str) -> Refusal:
    """Return a 409: the request is right, the campaign's state is not."""
    return Refusal(HTTPStatus.CONFLICT, code, message)


def forbidden(message: str, code: str = "FORBIDDEN", field: str | None = None) -> Refusal:
    """Return a 403."""
    return Refusal(HTTPStatus.FORBIDDEN, code, message, field=field)


def unauthorized(message: str) -> Refusal:
    """Return a 401."""
    return Refusal(
        HTTPStatus.UNAUTHORIZED,
        "UNAUTHORIZED",
        message,
        headers={"WWW-Authenticate": "Bearer"},
    )


def unsupported_media(content_type: str, wanted: str) -> Refusal:
    """Return a 415."""
    found = content_type or "no Content-Type"
    return Refusal(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", f"{wanted} wanted, got {found}"
    )
