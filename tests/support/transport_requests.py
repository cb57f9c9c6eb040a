"""Requests of tests."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Any

import httpx

__all__ = ["fetch", "request", "send"]


def request(
    url: str,
    method: str = "GET",
    *,
    content: bytes | AsyncIterable[bytes] | None = None,
    headers: dict[str, str] | list[tuple[bytes, bytes]] | None = None,
    timeouts: dict[str, float] | None = None,
    **extensions: Any,
) -> httpx.Request:
    """Return a request; `timeouts` has seconds by httpx's names, 5 where nothing is given."""
    limits = dict.fromkeys(("connect", "read", "write", "pool"), 5.0) | (timeouts or {})
    return httpx.Request(
        method, url, content=content, headers=headers, extensions={"timeout": limits, **extensions}
    )


async def send(
    transport: httpx.AsyncBaseTransport, url: str, method: str = "GET", **options: Any
) -> httpx.Response:
    """Send a request and return the response, its body still to be read."""
    return await transport.handle_async_request(request(url, method, **options))


async def fetch(
    transport: httpx.AsyncBaseTransport, url: str, method: str = "GET", **options: Any
) -> httpx.Response:
    """Send a request and return the response, its body read."""
    response = await send(transport, url, method, **options)
    await response.aread()
    return response
