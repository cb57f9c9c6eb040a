"""Requests and answers as plain data, and the errors that the API answers with.

The operations of the API see these classes only: neither ASGI nor Starlette.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Answer",
    "HttpError",
    "Request",
    "conflict",
    "forbidden",
    "invalid",
    "json_answer",
    "missing",
    "not_found",
    "unauthorized",
    "unsupported_media",
]


@frozen
class Request:
    """A request as it came in.

    Attributes:
        method: in capitals.
        path: below the base URL, decoded, without slashes at its ends.
        query: parameters of the URL.
        headers: names in lower case; the last one of a name counts.
        body: whole, undecoded.
        client_ip: who calls.
        url: address of the request, without its query.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(factory=dict)
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    client_ip: str = "127.0.0.1"
    url: str = ""

    @property
    def content_type(self) -> str:
        """The media type in lower case, without parameters; empty when there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def form(self) -> dict[str, str]:
        """Return the body's form fields; empty when the body is no form."""
        text = self.body.decode("utf-8", errors="replace")
        return dict(parse_qsl(text, keep_blank_values=True))


@frozen
class Answer:
    """A response.

    Attributes:
        status: HTTP status code.
        body: whole, encoded.
        content_type: media type with its parameters.
        headers: further headers.
    """

    status: int = 200
    body: bytes = field(default=b"", repr=False)
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(factory=dict)


def json_answer(data: object, status: int = 200) -> Answer:
    """Return an answer with `data` as JSON."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return Answer(status, text.encode())


class HttpError(Exception):
    """What the API answers with an error status.

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


def invalid(field: str, message: str, code: str = "INVALID_FIELD") -> HttpError:
    """Return a 400 about one field."""
    return HttpError(HTTPStatus.BAD_REQUEST, code, message, field=field)


def missing(field: str) -> HttpError:
    """Return a 400 about a field that is not there."""
    return invalid(field, f"{field} is mandatory", "MISSING_FIELD")


def not_found(what: str, field: str | None = None) -> HttpError:
    """Return a 404; `what` names the thing, as in `campaign`."""
    return HttpError(HTTPStatus.NOT_FOUND, "NOT_FOUND", f"no such {what}", field=field)


def conflict(code: str, message: str) -> HttpError:
    """Return a 409: the campaign's state does not allow the request."""
    return HttpError(HTTPStatus.CONFLICT, code, message)


def forbidden(message: str, code: str = "FORBIDDEN", field: str | None = None) -> HttpError:
    """Return a 403."""
    return HttpError(HTTPStatus.FORBIDDEN, code, message, field=field)


def unauthorized(message: str) -> HttpError:
    """Return a 401."""
    return HttpError(
        HTTPStatus.UNAUTHORIZED,
        "UNAUTHORIZED",
        message,
        headers={"WWW-Authenticate": "Bearer"},
    )


def unsupported_media(content_type: str, wanted: str) -> HttpError:
    """Return a 415."""
    found = content_type or "no Content-Type"
    return HttpError(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", f"{wanted} wanted, got {found}"
    )
