"""Everything that can go wrong with a call, one class for each way to react to it.

MediasflowError
├── ConfigurationError       the session cannot be built or used like this
├── SessionClosed            the session was used after ``aclose()``
├── InvalidRequest           refused here, before anything left; lists every problem
├── ConnectionFailed         no answer to a request that never left, or is harmless to repeat
├── RequestTimeout           no answer in time to such a request
├── DeliveryUnknown          no usable answer, and SMS may have been sent: check before resending
├── ResponseInvalid          the server answered something that cannot be understood
└── ApiError                 the server refused
    ├── BadRequest           400, 413, 415, 422
    ├── AuthenticationFailed 401
    │   └── TokenLost        401 to token after token, though each login was accepted
    ├── PermissionDenied     403
    ├── NotFound             404
    ├── Conflict             409
    ├── RateLimited          429
    └── ServerError          5xx

The packages `delivery` and `workers` have further ones of their own.

An error says what happened (`message`), whether the request may have been executed (`sent`), and
what to do next (`next_step`); its text has all three. It is plain data: it pickles, it copies,
and it holds neither requests nor responses, so no password, token or phone number is in it.
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
    "TokenLost",
    "is_login_refused",
    "is_refused_under_success",
    "may_have_sent",
    "told_by",
    "value_of",
]

_Value = TypeVar("_Value")


class Sent(StrEnum):
    """Whether a request that did not succeed may have been executed."""

    NOT_SENT = "NOT_SENT"
    """Proven: not one byte of the request left this machine."""
    UNKNOWN = "UNKNOWN"
    """Bytes left and no usable answer came back: the server may have executed it."""
    ANSWERED = "ANSWERED"
    """The server answered: the error says what it did."""


class MediasflowError(Exception):
    """The root of every error of this package.

    Attributes:
        message: what happened.
        method: HTTP method, or None for an error that is about no request.
        path: path template, such as ``campaigns/{campaign_id}/sender``, never the filled path.
        status: HTTP status of the answer, or None.
        code: the server's own error code, or None.
        request_id: the server's id of the request, or None.
        attempts: how many attempts were made.
        campaign_id: the campaign concerned, or None.
        sent: whether the request may have been executed.
        next_step: what to do now, in one sentence.
        login_refused: whether it was the login that was refused, so that any other call would
            end like this.
    """

    next_step: str = ""
    login_refused: bool = False

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
        sent = _WHAT_WAS_SENT[self.sent] if self.method else ""
        return " ".join(part for part in (first, sent, self.next_step) if part)

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


_WHAT_WAS_SENT: Final = {
    Sent.NOT_SENT: "Nothing left this machine.",
    Sent.UNKNOWN: "The server may have executed it.",
    Sent.ANSWERED: "",
}


class ConfigurationError(MediasflowError):
    """The session cannot be built or used like this; nothing was sent.

    The message names the option to correct, or the right form.
    """


class SessionClosed(MediasflowError):
    """The session was used after ``aclose()``; nothing was sent by this call."""

    next_step = "Open a new Session, or keep this one open as long as it is used."


class InvalidRequest(MediasflowError):
    """The request breaks rules of the API; nothing was sent.

    Correct the fields and call again: every problem is told at once.

    Attributes:
        problems: the problems, each with its field and its rule.
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


@frozen
class Problem:
    """A rule of the API that a request breaks.

    Attributes:
        field: the field concerned, as written in Python, such as ``tiny_urls[0].label``.
        rule: the rule, without the value that breaks it.
    """

    field: str
    rule: str

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}"


class ConnectionFailed(MediasflowError):
    """No answer: the connection failed.

    Either nothing left this machine, or the request is harmless to repeat (`sent` says which):
    call again once the network is there.
    """

    next_step = "Check the network and the base URL, then call again."


class RequestTimeout(MediasflowError):
    """No answer in time.

    Either nothing left this machine, or the request is harmless to repeat (`sent` says which):
    call again, or allow more time.
    """

    next_step = "Call again, or allow more time."


class DeliveryUnknown(MediasflowError):
    """SMS may have been sent: the request left and no usable answer came back.

    Never resend on this error alone: look at the report of the campaign first. A
    `mediasflow_async.delivery.Sender` does that by itself.
    """

    next_step = (
        "Do not resend blindly: look for the campaign in the Mediasflow console or in "
        "session.reports before you decide."
    )


class ResponseInvalid(MediasflowError):
    """The server answered something that cannot be understood.

    After a call that sends, SMS may have been sent (`sent` is UNKNOWN): look before you resend.
    Otherwise compare the answer with the dialect of the session.

    Attributes:
        wire_path: where in the answer, in the server's own names, such as
            ``$.listInCampaign.size``; empty when the answer as a whole is not readable.
        body: the first part of the body, phone numbers and tokens masked; of JSON its names,
            numbers and states, without its texts, which may be those of SMS.
    """

    wire_path: str = ""
    body: str = ""

    next_step = "Compare the answer, whose beginning is in `body`, with the Dialect of the session."


class ApiError(MediasflowError):
    """The server answered, and refused: it did not do what was asked.

    After a call that sends, `sent` is UNKNOWN where the status is none of the dialect's
    `launch_refusals`: under a status of success, for a redirect, or for 409.

    Attributes:
        field: the wire field that the server blames, or None.
        allow: the HTTP methods that the server allows instead; for 405 only.
        is_json: whether it came as JSON, as the API answers; False for a page, a text or nothing,
            as proxies answer, and a container whose application is being deployed.
    """

    field: str | None = None
    allow: tuple[str, ...] = ()
    is_json: bool = False


class BadRequest(ApiError):
    """400, 413, 415 or 422: the server does not accept the request, and did nothing.

    The message is the server's; `field` is what it blames, where it says so.
    """

    next_step = "Correct what the server names, then call again."


class AuthenticationFailed(ApiError):
    """401: the username, password or token is not accepted, and nothing was done."""

    next_step = "Check the username and password, or get a new token."


class TokenLost(AuthenticationFailed):
    """401 to one new token after the other: the login is accepted, its tokens are not.

    The password is right and nothing was done. On a server that knows one token per account,
    each login ends the token of every other session of the account.
    """

    next_step = (
        "The password is right. Do several programs or sessions use this account? Share one "
        "Session, share the token with Session(token_store=FileTokenStore(...)), or give each an "
        "account of its own; then call again."
    )


def is_login_refused(error: MediasflowError) -> bool:
    """Whether the credentials are refused, so that no call can succeed with them.

    A token that was lost to another session is no such case.
    """
    is_refused = isinstance(error, AuthenticationFailed) and not isinstance(error, TokenLost)
    return error.login_refused or is_refused


def may_have_sent(error: MediasflowError) -> bool:
    """Whether SMS may have been sent by the call that ended in an error.

    `sent` is UNKNOWN for reads and uploads that broke off, too: these have errors of their own.
    """
    is_in_doubt = error.sent is Sent.UNKNOWN and not isinstance(error, _OF_HARMLESS_CALLS)
    return is_in_doubt or isinstance(error, DeliveryUnknown)


# A call that may send ends in DeliveryUnknown instead, once a byte of it has left.
_OF_HARMLESS_CALLS: Final = (ConnectionFailed, InvalidRequest, RequestTimeout)


class PermissionDenied(ApiError):
    """403: the account may not do this, or this machine may not call; nothing was done."""

    next_step = (
        "Is the IP address of this machine registered with Mediasflow? Requests from unknown "
        "addresses are refused (Guide: 1.2). Acting for another user needs ADMIN rights."
    )


class NotFound(ApiError):
    """404: there is no such campaign, list or function; nothing was done.

    Where the number is right, the path of the function may differ on this server: see `Dialect`.
    """

    next_step = "Check the number, and whether the Dialect of the session fits this server."


class Conflict(ApiError):
    """409: the campaign is in a state that does not allow this.

    After a call that sends, that proves nothing (`sent` is UNKNOWN): it may have been launched
    before, and its report shows it.
    """

    next_step = "Look at the status of the campaign, or at its report, before you call again."


class RateLimited(ApiError):
    """429: too many requests; this one was not executed.

    Attributes:
        retry_after: how long the server asks to wait, or None when it does not say.
    """

    next_step = "Nothing was executed. Wait before calling again, or set a lower rate."
    retry_after: timedelta | None = None


class ServerError(ApiError):
    """5xx: the server failed at a call that sends no SMS, and may have done part of it.

    The call is harmless to repeat. After a call that sends, a 5xx is a `DeliveryUnknown`.

    Attributes:
        retry_after: how long the server asks to wait, or None when it does not say.
    """

    next_step = "Call again later."
    retry_after: timedelta | None = None


def is_refused_under_success(error: MediasflowError) -> bool:
    """Whether the server refused under a status of success."""
    return type(error) is ApiError and (error.status or _FIRST_ERROR) < _FIRST_ERROR


_FIRST_ERROR: Final = 300


def told_by(error: MediasflowError, *, with_body: bool = True) -> str:
    """Return what the server says in an error: the field that it blames, code, message, body.

    Args:
        error: the error.
        with_body: whether to add the beginning of a body that could not be read.
    """
    parts = [getattr(error, "field", None), error.code, error.message]
    if with_body:
        parts.append(getattr(error, "body", None))
    return " ".join(filter(None, parts))


def value_of(result: _Value | MediasflowError) -> _Value:
    """Return a result, or raise it when it is an error.

    Inside the package errors are passed as values and raised only here, where nothing else holds
    them: an error leaves no reference cycle with its traceback and its frames.
    """
    if isinstance(result, MediasflowError):
        try:
            raise result
        finally:
            del result
    return result
