"""The body of an answer as it was before compression: bounded, and known to be whole."""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from typing import Final, cast

import httpx

__all__ = ["ACCEPTED_ENCODING", "decoded_pieces", "is_encoded"]

ACCEPTED_ENCODING: Final = "gzip"
"""What requests announce. httpx would take more, and take a body that breaks off for whole."""

_PIECE_BYTES: Final = 2**18
_GZIP: Final = 31


def is_encoded(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a body is not as it was before, by the headers as they came."""
    # To ask httpx's headers would first look for a charset that all of them fit in.
    return b"content-encoding" in [name.lower() for name, _ in headers]


async def decoded_pieces(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """Yield the decoded body in pieces of at most 256 KiB, however far it was compressed.

    Raises:
        httpx.DecodingError: for a compression that nobody asked for, or a damaged one.
        httpx.TransportError: when the body breaks off.
    """
    if response.is_stream_consumed:
        # A transport of the caller's made it in memory, where httpx has decoded it.
        yield response.content
        return
    encoding = response.headers.get("content-encoding", "").strip().lower()
    decoder = _DECODERS.get(encoding)
    if decoder is None:
        raise httpx.DecodingError("a compression that nobody asked for", request=response.request)
    decode = decoder()
    raw = cast("AsyncGenerator[bytes, None]", response.aiter_raw())
    async with aclosing(raw) as pieces:
        async for piece in pieces:
            for part in decode.feed(piece, response):
                yield part
    if not decode.is_whole:
        raise httpx.DecodingError("the compressed body ends early", request=response.request)


class _Identity:
    is_whole = True

    def feed(self, data: bytes, _: httpx.Response) -> Iterator[bytes]:
        yield data


class _Inflater:
    """Undoes gzip, one member after the other; no byte at all is a whole body, too."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self.is_whole = True

    def feed(self, data: bytes, response: httpx.Response) -> Iterator[bytes]:
        while data:
            if self._member.eof:
                self._member = zlib.decompressobj(_GZIP)
            try:
                yield self._member.decompress(data, _PIECE_BYTES)
            except zlib.error as error:
                raise httpx.DecodingError(str(error), request=response.request) from None
            data = self._member.unconsumed_tail or self._member.unused_data
            self.is_whole = self._member.eof


_DECODERS: Final[dict[str, type[_Identity | _Inflater]]] = {
    "": _Identity,
    "identity": _Identity,
    "gzip": _Inflater,
    "x-gzip": _Inflater,
}
