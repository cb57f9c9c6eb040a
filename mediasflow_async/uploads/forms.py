"""The multipart form that carries an upload (Guide: 2.11), streamed and sendable again.

The length of the form is announced before it is sent. Of a file, only the few pieces that are
under way are in memory.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Self

from attrs import field, frozen

from mediasflow_async.uploads.contents import Content

__all__ = ["MultipartBody", "Progress", "ProgressFailed", "multipart"]

Progress = Callable[[int, int], object]
"""Called with the bytes sent so far and the bytes in all."""


def multipart(
    content: Content,
    *,
    filename: str,
    file_field: str,
    fields: Mapping[str, str],
    progress: Progress | None = None,
) -> MultipartBody:
    """Return the form of an upload (Guide: 2.11).

    Args:
        content: the CSV file.
        filename: name of the file in the form.
        file_field: name of the part with the file.
        fields: the other parts.
        progress: called before each piece but the first, and at the end.
    """
    boundary = secrets.token_hex(16)
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n{text}\r\n'
        for name, text in fields.items()
    ) + (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(file_field)}"; '
        f'filename="{_quoted(filename)}"\r\nContent-Type: text/csv\r\n\r\n'
    )
    return MultipartBody(
        content_type=f"multipart/form-data; boundary={boundary}",
        head=head.encode(),
        content=content,
        tail=f"\r\n--{boundary}--\r\n".encode(),
        progress=progress,
    )


def _quoted(text: str) -> str:
    """Escape a name as the WHATWG form encoding does."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


@frozen(kw_only=True)
class MultipartBody:
    """A form, which can be sent any number of times.

    Attributes:
        content_type: its media type, with the boundary.
        head: what comes before the file.
        content: the file.
        tail: what comes after it.
        progress: called before each piece but the first, and at the end.
    """

    content_type: str
    head: bytes = field(repr=False)
    content: Content = field(repr=False)
    tail: bytes = field(repr=False)
    progress: Progress | None = field(default=None, repr=False)

    @property
    def length(self) -> int:
        """Its length in bytes."""
        return len(self.head) + self.content.size + len(self.tail)

    def stream(self) -> AsyncIterator[bytes]:
        """Return an iterator over the form from its start, in pieces of up to 256 KiB.

        The iterator raises `ProgressFailed` when `progress` raises, and `InvalidRequest` when
        the file changes its size.
        """
        return _Sending(self)

    async def read(self, offset: int) -> Sequence[bytes]:
        """Return some of the form from `offset` on, in pieces; no piece at its end."""
        place = offset - len(self.head)
        if place < 0:
            return [self.head[place:]]
        if place < self.content.size:
            return await self.content.read(place)
        rest = self.tail[place - self.content.size :]
        return [rest] if rest else []


class _Sending:
    """One pass over a form. It is no generator: one that is left half-way would need a close."""

    def __init__(self, form: MultipartBody) -> None:
        self._form = form
        self._ready: deque[bytes] = deque()
        self._sent = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        # A sender that asks for the next piece has sent the one before.
        if self._sent:
            self._report()
        if not self._ready:
            self._ready.extend(await self._form.read(self._sent))
        if not self._ready:
            raise StopAsyncIteration
        piece = self._ready.popleft()
        self._sent += len(piece)
        return piece

    def _report(self) -> None:
        if self._form.progress is None:
            return
        try:
            self._form.progress(self._sent, self._form.length)
        except Exception as error:  # noqa: BLE001 - all of it reaches the caller, unwrapped
            raise ProgressFailed(error) from None


class ProgressFailed(Exception):
    """Carries what a progress callback raised to the caller of the upload.

    Raised as it is, an OSError of the callback would be taken for one of the network.

    Attributes:
        error: what it raised.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error
