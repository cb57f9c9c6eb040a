"""The sandbox without a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from mediasflow_async.sandbox.app import ConnectionCut

if TYPE_CHECKING:
    from starlette.applications import Starlette


class InProcessTransport(httpx.AsyncBaseTransport):
    """Hands requests to the sandbox's application in the caller's own event loop."""

    def __init__(self, app: Starlette) -> None:
        self._transport = httpx.ASGITransport(app=app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the sandbox's answer.

        Raises:
            httpx.RemoteProtocolError: a fault cut the connection.
        """
        try:
            return await self._transport.handle_async_request(request)
        except ConnectionCut:
            raise httpx.RemoteProtocolError(
                "the sandbox closed the connection without a complete answer", request=request
            ) from None
