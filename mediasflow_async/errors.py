"""Everything that can go wrong, as plain data that pickles and never holds a secret.

MediasflowError
├── ConfigurationError       the session cannot be built or used like this
├── SessionClosed            the session was used after ``aclose()``
├── InvalidRequest           refused here, before anything left; lists every problem
├── ConnectionFailed         no answer; the request is proven not to have left
├── RequestTimeout           no answer in time, for a request that is harmless to repeat
├── DeliveryUnknown          no usable answer, and SMS may have been sent: check before resending
├── ResponseInvalid          the server answered something that cannot be understood
└── ApiError                 the server refused
    ├── BadRequest           400, 413, 415, 422
    ├── AuthenticationFailed 401
    ├── PermissionDenied     403
    ├── NotFound             404
    ├── Conflict             409
    ├── RateLimited          429
    └── ServerError          5xx
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

__all__ = [
    "ApiError",
    "AuthenticationFailed",
    "BadRequest",
    "ConfigurationError",
    "Conflict",
    "ConnectionFailed",
    "DeliveryUnknown",
    "InvalidRequest",
    "MediasflowError",
    "NotFound",
    "PermissionDenied",
    "Problem",
    "RateLimited",
    "RequestTimeout",
    "ResponseInvalid",
    "Sent",
    "ServerError",
    "SessionClosed",
    "value_of",
]


class Sent(StrEnum):
    """What is known of a request that did not succeed."""

    NOT_SENT = "NOT_SENT"
    """Proven: not one byte of the request left this machine."""
    UNKNOWN = "UNKNOWN"
    """Bytes left and no answer came back: the server may have executed it."""
    ANSWERED = "ANSWERED"
    """The server answered, so the error says what it did."""


_WHAT_WAS_SENT: Final = {
    Sent.NOT_SENT: "Nothing left this machine.",
    Sent.UNKNOWN: "The server may have executed it.",
    Sent.ANSWERED: "",
}


class MediasflowError(Exception):
    """The root of every error of this package.

    Attributes:
        message: what happened.
        method: HTTP method, or None where no request is concerned.
        path: path template, such as ``campaigns/{campaign_id}/sender``, never the filled path.
        status: HTTP status of the answer, or None.
        code: the server's own error code, or None.
        request_id: the server's id of the request, or None.
        attempts: how many attempts were made.
        campaign_id: the campaign concerned, or None.
        sent: whether the request may have been executed.
        next_step: what to do now, in one sentence.
    """

    next_step: str = ""

    def __init__(
        self,
        message: str = "",
        *,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        attempts: int = 0,
        campaign_id: int | None = None,
        sent: Sent = Sent.NOT_SENT,
        next_step: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.method = method
        self.path = path
        self.status = status
        self.code = code
        self.request_id = request_id
        self.attempts = attempts
        self.campaign_id = campaign_id
        self.sent = sent
        if next_step:
            self.next_step = next_step

    def __str__(self) -> str:
        where = ", ".join(self._circumstances())
        message = self.message.rstrip(".") or type(self).__name__
        first = f"{message} ({where})." if where else f"{message}."
        fate = _WHAT_WAS_SENT[self.sent] if self.method else ""
        return " ".join(part for part in (first, fate, self.next_step) if part)

    def _circumstances(self) -> Iterable[str]:
        if self.method:
            yield f"{self.method} {self.path}"
        if self.campaign_id is not None:
            yield f"campaign {self.campaign_id}"
        if self.status is not None:
            yield f"HTTP {self.status}"
        if self.code:
            yield f"code {self.code}"
        if self.attempts > 1:
            yield f"{self.attempts} attempts"
        if self.request_id:
            yield f"request id {self.request_id}"


class ConfigurationError(MediasflowError):
    """The session cannot be built or used like this; nothing was sent."""


class SessionClosed(MediasflowError):
    """The session was used after ``aclose()``; nothing was sent."""

    next_step = "Open a new Session, or keep this one open as long as it is used."


@frozen
class Problem:
    """One reason why a request is refused before it leaves.

    Attributes:
        field: the field concerned, as written in Python, such as ``tiny_urls[0].label``.
        rule: the rule that it breaks.
    """

    field: str
    rule: str

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}"


class InvalidRequest(MediasflowError):
    """The request breaks rules of the API and did not leave; holds every problem at once.

    Attributes:
        problems: the problems, in the order of the fields.
    """

    next_step = "Nothing was sent. Correct the fields and call again."

    def __init__(
        self,
        message: str = "",
        *,
        problems: Iterable[Problem] = (),
        campaign_id: int | None = None,
    ) -> None:
        self.problems = tuple(problems)
        text = message or "; ".join(str(problem) for problem in self.problems)
        super().__init__(text, campaign_id=campaign_id)

    def __str__(self) -> str:
        concerned = "" if self.campaign_id is None else f" (campaign {self.campaign_id})"
        return f"{self.message or type(self).__name__}{concerned}. {self.next_step}"


class ConnectionFailed(MediasflowError):
    """No answer to a request that is harmless to repeat, or is proven not to have left."""

    next_step = "Check the network and the base URL, then call again."


class RequestTimeout(MediasflowError):
    """No answer in time; the request is harmless to repeat, or never left."""

    next_step = "Call again, or allow more time."


class DeliveryUnknown(MediasflowError):
    """SMS may have been sent: the request left and no usable answer came back.

    Never resend on this error alone: look at the report of the campaign first.
    """

    next_step = (
        "Do not resend blindly: look for the campaign in the Mediasflow console or in "
        "session.reports before you decide."
    )


class ApiError(MediasflowError):
    """The server answered, and refused.

    Attributes:
        field: the wire field that the server blames, or None.
        allow: the HTTP methods that the server allows instead; for 405 only.
    """

    field: str | None = None
    allow: tuple[str, ...] = ()


class BadRequest(ApiError):
    """400, 413, 415 or 422: the server does not accept the request."""


class AuthenticationFailed(ApiError):
    """401: the username, password or token is not accepted."""

    next_step = "Check the username and password, or get a new token."


class PermissionDenied(ApiError):
    """403: the account may not do this, or this machine may not call at all."""

    next_step = (
        "Is the IP address of this machine registered with Mediasflow? Requests from unknown "
        "addresses are refused (Guide: 1.2). Acting for another user needs ADMIN rights."
    )


class NotFound(ApiError):
    """404: no such campaign, list or function."""


class Conflict(ApiError):
    """409: the campaign is in a state that does not allow this."""


class RateLimited(ApiError):
    """429: too many requests.

    Attributes:
        retry_after: how long the server asks to wait, or None when it does not say.
    """

    next_step = "Nothing was executed. Wait before calling again, or set a lower rate."
    retry_after: timedelta | None = None


class ServerError(ApiError):
    """5xx: the server failed.

    Attributes:
        retry_after: how long the server asks to wait, or None when it does not say.
    """

    next_step = "Call again later."
    retry_after: timedelta | None = None


class ResponseInvalid(MediasflowError):
    """The server answered something that cannot be understood.

    Attributes:
        wire_path: where in the answer, in the server's own names, such as
            ``$.listInCampaign.size``; empty when the answer as a whole is not readable.
        body: the first part of the body, phone numbers and tokens masked.
    """

    wire_path: str = ""
    body: str = ""

    next_step = "Compare the answer with the Dialect of the session; `raw` keeps what was sent."


_Value = TypeVar("_Value")


def value_of(result: _Value | MediasflowError) -> _Value:
    """Return a result, or raise the error that it is.

    Errors travel as values inside the package. Raised here, where nothing else holds them, they
    leave no reference cycle of error, traceback and frame behind.
    """
    if isinstance(result, MediasflowError):
        try:
            raise result
        finally:
            del result
    return result
