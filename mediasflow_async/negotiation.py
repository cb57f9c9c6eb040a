"""What a server turned out to want, learned from refusals that executed nothing."""

from __future__ import annotations

from collections.abc import Container
from functools import lru_cache
from typing import Final

from attrs import frozen

from mediasflow_async.calls import Call
from mediasflow_async.dialect import FORM_TYPE, JSON_TYPE, Dialect
from mediasflow_async.errors import MediasflowError

__all__ = ["CANCEL_PATH", "Choice", "Negotiation"]

CANCEL_PATH: Final = "campaigns/{campaign_id}/cancel"

_METHOD_NOT_ALLOWED: Final = 405
_UNSUPPORTED_MEDIA_TYPE: Final = 415
# GET comes last: a cancel by GET could be repeated by any cache or proxy on the way.
_PREFERRED_METHODS: Final = ("PUT", "POST", "DELETE", "GET")


@frozen
class Choice:
    """What one request was sent with.

    Attributes:
        method: its HTTP method.
        content_type: the media type announced for its body, or None without a body.
    """

    method: str
    content_type: str | None


_choice = lru_cache(maxsize=64)(Choice)


class Negotiation:
    """Remembers for a session which media type and which method the server accepts.

    The guide announces JSON under the type of forms, and gives no method for a cancel. A
    refusal with 415 or 405 says that nothing was executed, so the other choice is tried once.

    Args:
        dialect: the choices to start from.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._json_type = dialect.json_content_type
        self._cancel_method: str = dialect.cancel_method
        self._refused: set[str] = set()

    def choice_for(self, call: Call) -> Choice:
        """Return what to send a call with, as far as is known."""
        method = self._cancel_method if _is_cancel(call) else call.operation.method
        if call.body is not None:
            return _choice(method, call.body.content_type)
        is_json = call.content_type == JSON_TYPE
        return _choice(method, self._json_type if is_json else call.content_type)

    def learns_from(self, error: MediasflowError, call: Call, choice: Choice) -> bool:
        """Take a refusal; True when the call is worth sending again, with another choice."""
        if error.status == _UNSUPPORTED_MEDIA_TYPE and call.content_type == JSON_TYPE:
            self._refused.add(choice.content_type or "")
            other = JSON_TYPE if choice.content_type == FORM_TYPE else FORM_TYPE
            if other in self._refused:
                return False
            self._json_type = other
            return True
        if error.status == _METHOD_NOT_ALLOWED and _is_cancel(call):
            self._refused.add(choice.method)
            return self._finds_method(getattr(error, "allow", ()))
        return False

    def _finds_method(self, allowed: Container[str]) -> bool:
        for method in _PREFERRED_METHODS:
            if method in allowed and method not in self._refused:
                self._cancel_method = method
                return True
        return False


def _is_cancel(call: Call) -> bool:
    return call.operation.path == CANCEL_PATH
