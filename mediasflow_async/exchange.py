"""One attempt: a request out, an answer or a typed error back. Nothing here retries."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Final, TypeVar

import anyio
import httpx
from attrs import field, frozen

from mediasflow_async.auth import Authenticator, Credentials, login_headers, login_parts
from mediasflow_async.calls import Call, make_call
from mediasflow_async.converter import ModelReader
from mediasflow_async.decoding import ACCEPTED_ENCODING, decoded_pieces
from mediasflow_async.dialect import Checksum
from mediasflow_async.errors import MediasflowError, Sent
from mediasflow_async.failures import FAILURES, Progress, failed, hide, unreadable
from mediasflow_async.limits import Pacer
from mediasflow_async.negotiation import Choice, Negotiation
from mediasflow_async.operations import Operation, OperationKind
from mediasflow_async.proof import Proof
from mediasflow_async.responses import ApiResponse, decoded, error_of, request_id_of
from mediasflow_async.settings import Settings
from mediasflow_async.streaming import closing
from mediasflow_async.telemetry import LOGGER, masked_http_logs

__all__ = ["Exchange"]

_Result = TypeVar("_Result")
_Receive = Callable[[httpx.Response, Call, Progress], Awaitable[_Result | MediasflowError]]

_HEADERS: Final = {
    "Accept": "application/json, text/csv, */*;q=0.5",
    "Accept-Encoding": ACCEPTED_ENCODING,
}
_UNAUTHORIZED: Final = 401
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 3
_FIRST_ERROR_STATUS: Final = 300


@frozen(kw_only=True)
class Exchange:
    """Makes attempts through one client.

    Attributes:
        client: httpx's client.
        base_url: the address that every path is below.
        authenticator: gives the bearer.
        negotiation: what this server turned out to want.
        reader: reads models out of answers.
        checksum: headers that prove integrity, or None.
        pacer: spaces the requests, or None.
        turn: held by the request that waits for its slot.
        is_trusted: whether the client's transport is known to report what leaves.
        max_response_bytes: size of a decoded body beyond which reading stops.
    """

    client: httpx.AsyncClient = field(repr=False)
    base_url: httpx.URL
    authenticator: Authenticator = field(repr=False)
    negotiation: Negotiation
    reader: ModelReader = field(repr=False)
    checksum: Checksum | None
    pacer: Pacer | None
    turn: anyio.Lock = field(repr=False)
    is_trusted: bool
    max_response_bytes: int

    async def attempt(self, call: Call, progress: Progress) -> ApiResponse | MediasflowError:
        """Send a call and return the whole answer, or the error as a value."""
        return await self._negotiated(call, progress, self._whole)

    async def open(self, call: Call, progress: Progress) -> httpx.Response | MediasflowError:
        """Send a call and return the answer with its body still to be read, or the error."""
        return await self._negotiated(call, progress, self._head)

    async def log_in(
        self, credentials: Credentials, settings: Settings
    ) -> ApiResponse | MediasflowError:
        """Send a login and return its answer, or the error as a value (Guide: 1.3)."""
        dialect = self.negotiation.dialect
        operation = Operation(OperationKind.READ, "POST", dialect.login_path)
        parts = login_parts(credentials, dialect)
        call = make_call(operation, self.base_url, settings, parts)
        authorization = login_headers(credentials, dialect)
        choice = Choice(operation.method, call.content_type)
        secrets = credentials.secrets()
        with masked_http_logs(secrets):
            result = await self._send(
                call, choice, authorization, Progress(attempts=1), self._whole
            )
        if isinstance(result, MediasflowError):
            hide(result, secrets)
            # Of the call that needs the login, nothing has left.
            result.sent = Sent.NOT_SENT
        return result

    async def _negotiated(
        self, call: Call, progress: Progress, receive: _Receive[_Result]
    ) -> _Result | MediasflowError:
        bearer = await self.authenticator.bearer()
        renewed = False
        while not isinstance(bearer, MediasflowError):
            choice = self.negotiation.choice_for(call)
            secrets = (bearer.reveal(),)
            authorization = {"Authorization": f"Bearer {bearer.reveal()}"}
            with masked_http_logs(secrets):
                result = await self._send(call, choice, authorization, progress, receive)
            if not isinstance(result, MediasflowError):
                return result
            hide(result, secrets)
            if result.status == _UNAUTHORIZED and not renewed and self.authenticator.reject(bearer):
                renewed = True
                progress.proof = None
                bearer = await self.authenticator.bearer()
            elif not self.negotiation.learns_from(result, call, choice):
                return result
        bearer.attempts = progress.attempts
        bearer.campaign_id = call.campaign_id
        bearer.sent = progress.verdict
        return bearer

    async def _send(
        self,
        call: Call,
        choice: Choice,
        authorization: dict[str, str],
        progress: Progress,
        receive: _Receive[_Result],
    ) -> _Result | MediasflowError:
        await self._paced()
        proof = progress.proof = Proof(is_trusted=self.is_trusted)
        started = time.perf_counter()
        try:
            request = await self._request(call, choice, authorization, proof)
            response = await self._follow(request)
            result = await receive(response, call, progress)
        except FAILURES as failure:
            result = failed(failure, call, progress)
        _log(call, result, progress, started)
        return result

    async def _request(
        self, call: Call, choice: Choice, authorization: dict[str, str], proof: Proof
    ) -> httpx.Request:
        headers = httpx.Headers(_HEADERS)
        headers.update(call.headers)
        headers.update(authorization)
        if choice.content_type:
            headers["Content-Type"] = choice.content_type
        if call.body:
            headers["Content-Length"] = str(call.body.length)
        request = self.client.build_request(
            choice.method,
            call.url,
            content=await self._content(call),
            headers=headers,
            timeout=call.timeout,
            extensions={"trace": proof.trace},
        )
        if self.checksum:
            request.headers.update(self.checksum(request))
        return request

    async def _content(self, call: Call) -> bytes | AsyncIterator[bytes] | None:
        if call.body is None:
            return call.content
        if self.checksum is None:
            return call.body.stream()
        # What proves the integrity of a body stands before it, in a header.
        return b"".join([piece async for piece in call.body.stream()])

    async def _follow(self, request: httpx.Request) -> httpx.Response:
        for _ in range(_MOST_REDIRECTS):
            response = await self._sent(request)
            following = _same_origin_get(request, response)
            if following is None:
                return response
            async with closing(response):
                request = following
            await self._paced()
        return await self._sent(request)

    async def _sent(self, request: httpx.Request) -> httpx.Response:
        return await self.client.send(request, stream=True, auth=None, follow_redirects=False)

    async def _paced(self) -> None:
        if self.pacer:
            await self.pacer.wait(self.turn)

    async def _whole(
        self, response: httpx.Response, call: Call, progress: Progress
    ) -> ApiResponse | MediasflowError:
        async with closing(response), aclosing(decoded_pieces(response)) as pieces:
            content = await _joined(pieces, self.max_response_bytes)
        if content is None:
            reason = f"the answer is larger than {self.max_response_bytes} bytes once decoded"
            return unreadable(reason, call, progress, response.status_code)
        answer = self._answer(response, content, call, progress)
        return error_of(answer) or answer

    async def _head(
        self, response: httpx.Response, call: Call, progress: Progress
    ) -> httpx.Response | MediasflowError:
        if response.status_code < _FIRST_ERROR_STATUS:
            return response
        error = await self._whole(response, call, progress)
        return error if isinstance(error, MediasflowError) else response

    def _answer(
        self, response: httpx.Response, content: bytes, call: Call, progress: Progress
    ) -> ApiResponse:
        return ApiResponse(
            status=response.status_code,
            headers=response.headers,
            content=content,
            data=decoded(content),
            request_id=request_id_of(response.headers),
            attempts=progress.attempts,
            operation=call.operation,
            campaign_id=call.campaign_id,
            reader=self.reader,
        )


async def _joined(pieces: AsyncIterator[bytes], most_bytes: int) -> bytes | None:
    """Return the pieces as one, or None when they are too many."""
    content = bytearray()
    async for piece in pieces:
        content += piece
        if len(content) > most_bytes:
            return None
    return bytes(content)


def _same_origin_get(request: httpx.Request, response: httpx.Response) -> httpx.Request | None:
    """Return the request that a redirect asks for, where it may be followed at all.

    Only a GET to the same origin: the bearer belongs to that origin, and repeating anything
    else could send twice.
    """
    following = response.next_request
    if request.method != "GET" or response.status_code not in _REDIRECTS or following is None:
        return None
    old, new = request.url, following.url
    if (old.scheme, old.host, old.port) != (new.scheme, new.host, new.port) or new.userinfo:
        return None
    following.headers["Authorization"] = request.headers["Authorization"]
    return following


def _log(call: Call, result: object, progress: Progress, started: float) -> None:
    if not LOGGER.isEnabledFor(logging.DEBUG):
        return
    LOGGER.debug(
        "%s %s: %s, attempt %d, %.1f ms, request id %s",
        call.operation.method,
        call.operation.shown_path,
        getattr(result, "status", None) or type(result).__name__,
        progress.attempts,
        (time.perf_counter() - started) * 1000,
        getattr(result, "request_id", None),
    )
