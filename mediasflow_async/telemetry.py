"""Logging of names, never of contents, and a mask over what httpx logs meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Final

from mediasflow_async.masking import hidden, mask_text

__all__ = ["LOGGER", "mask_http_loggers", "masked_http_logs"]

LOGGER: Final = logging.getLogger("mediasflow_async")
"""Method, path template, status, attempt, time and request id of each call, at DEBUG."""

_HTTP_LOGGERS: Final = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2")
_secrets_in_use: ContextVar[Sequence[str] | None] = ContextVar("secrets_in_use", default=None)


class _Mask(logging.Filter):
    """Masks what other loggers say while a request of ours is under way.

    httpx logs whole URLs, in which a search or a test puts phone numbers, and httpcore logs
    response headers, in which a login answers with the token.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        secrets = _secrets_in_use.get()
        if secrets is not None:
            record.msg, record.args = mask_text(hidden(record.getMessage(), secrets)), None
        return True


_MASK: Final = _Mask()


def mask_http_loggers() -> None:
    """Put the mask on httpx's loggers; harmless to repeat, without effect on other traffic."""
    for name in _HTTP_LOGGERS:
        logging.getLogger(name).addFilter(_MASK)


class masked_http_logs:  # noqa: N801 - a context manager, which every attempt enters
    """Mask numbers, tokens and passwords in what httpx and httpcore log inside the block.

    Args:
        secrets: the secrets of the request, which are known by their text.
    """

    __slots__ = ("_secrets", "_token")

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = secrets

    def __enter__(self) -> None:
        self._token = _secrets_in_use.set(self._secrets)

    def __exit__(self, *_: object) -> None:
        _secrets_in_use.reset(self._token)
