"""The short way of a call that is in memory: over our transport, without an object of httpx.

A request and a response of httpx cost as much as all that the transport does. What they are for,
redirects, streams and decompression, most calls never need.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Final

import httpx

from mediasflow_async.calls import Call
from mediasflow_async.negotiation import Choice
from mediasflow_async.proof import Proof
from mediasflow_async.requests import METHODS_WITH_BODY, prepared_headers
from mediasflow_async.transport import (
    SMALL_BYTES,
    Origin,
    Outgoing,
    outgoing_of,
)

__all__ = ["Shortcut"]

_NO_BODY: Final = b"0\r\n\r\n"


class Shortcut:
    """Writes calls as the bytes that go over the wire; heads that are alike are written once.

    Args:
        base_url: the address that every call is below.

    Attributes:
        origin: where the calls go.
    """

    def __init__(self, base_url: httpx.URL) -> None:
        self.origin: Origin = (base_url.scheme, base_url.raw_host, base_url.port, None)
        # Of its own, so that no bearer outlives the session.
        self._head = lru_cache(maxsize=128)(partial(_head_of, base_url))

    def takes(self, call: Call, choice: Choice) -> bool:
        """Whether a call can go this way: small, in memory, and not to be redirected."""
        return (
            choice.method in METHODS_WITH_BODY
            and call.body is None
            and not call.headers
            and (call.content is None or len(call.content) <= SMALL_BYTES)
        )

    def write(
        self, call: Call, choice: Choice, authorization: str | None, proof: Proof
    ) -> Outgoing:
        """Return the request of one attempt, the same bytes as through httpx.

        Args:
            call: what is called.
            choice: method and media type, as this server wants them.
            authorization: the header that says who is calling.
            proof: told by the transport what leaves.
        """
        content = call.content or b""
        head = self._head(choice.method, call.url.raw_path, authorization, choice.content_type)
        return Outgoing(
            method=choice.method,
            start=b"%b%d\r\n\r\n%b" % (head, len(content), content),
            timeouts=call.timeouts,
            watcher=proof,
            body_length=len(content),
        )


def _head_of(
    base_url: httpx.URL,
    method: str,
    raw_path: bytes,
    authorization: str | None,
    content_type: str | None,
) -> bytes:
    """Return a head up to the number of its Content-Length, which comes last."""
    request = httpx.Request(
        method,
        base_url.copy_with(raw_path=raw_path),
        headers=prepared_headers(base_url.netloc, authorization, content_type, 0),
        stream=httpx.ByteStream(b""),
    )
    return outgoing_of(request).start.removesuffix(_NO_BODY)
