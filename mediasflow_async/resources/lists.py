"""Lists of recipients, uploaded as CSV (Guide: 2.11)."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from anyio.lowlevel import checkpoint

from mediasflow_async._core.calls import Operation, OperationKind
from mediasflow_async._core.responses import ApiResponse, invalid
from mediasflow_async.errors import Problem
from mediasflow_async.models import Recipient, RecipientList
from mediasflow_async.resources.api import Api
from mediasflow_async.uploads import (
    MultipartBody,
    Progress,
    ProgressFailed,
    UploadSource,
    multipart,
    opened,
)
from mediasflow_async.uploads.contents import Content
from mediasflow_async.validation import refuse

__all__ = ["Lists", "recipient_rows"]


# Control characters, halves of surrogate pairs, line and paragraph separators.
_NOT_IN_A_LINE: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
# A list that is uploaded twice is waste, not harm: nothing is sent by it.
_UPLOAD: Final = Operation(OperationKind.PREPARE, "POST", "lists/upload")


class Lists:
    """Uploaded lists of recipients; reached as `session.lists`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def upload(
        self,
        source: UploadSource,
        *,
        filename: str,
        description: str | None = None,
        user_owner_id: str | None = None,
        progress: Progress | None = None,
    ) -> RecipientList:
        """Upload a list of any length; it is streamed, never whole in memory.

        Guide: 2.11. At least one column is called mobile, sms, portable or gsm. Upload only
        the columns that the message needs.

        A file is read while it is sent. What can be gone through once only, and rows, are
        written to a temporary file first (where `TMPDIR` says, beyond 2 MiB): the length is
        announced to the server, and a retry sends all of it again. Only a `Dialect.checksum`
        needs the whole of it in memory.

        The deadline of the session holds for an upload too: for what takes longer, call
        `session.with_options(deadline=None).lists.upload(...)`.

        Args:
            source: path of a CSV file; an open binary file, which is read from where it stands
                and not closed (its `read` may be a coroutine); its bytes; an iterator or async
                iterator of bytes; or rows: an iterable or async iterable of mappings from
                column to value. Rows become UTF-8 with semicolons, and have no column that the
                first one has not.
            filename: name of the list on the platform.
            description: name shown in a campaign instead.
            user_owner_id: account to upload for; needs ADMIN rights.
            progress: called on the event loop after each piece of at most 256 KiB, with the
                bytes sent so far and the bytes in all; a retry starts again from the first
                piece. What it raises ends the upload and reaches you.

        Returns:
            The list, with its `id` for `CampaignRequest.list_ids` and its counts.

        Raises:
            InvalidRequest: nothing left; an empty source is a problem as well. Or a file
                changed its size while it was sent, and the server has no list of it.
            ApiError: the server refused.
            OSError: there is no room for the temporary file.
        """
        refuse(_text_problems(filename, description, user_owner_id))
        texts = {"filename": filename, "description": description, "userOwnerID": user_owner_id}
        given = {name: text for name, text in texts.items() if text is not None}
        async with opened(source) as content:
            answer = await self._send(self._form(content, given, progress), given)
        uploaded = answer.read(RecipientList)
        if not uploaded.id:
            raise invalid(answer, "the answer names no list", "$.id")
        return uploaded

    def _form(
        self, content: Content, texts: Mapping[str, str], progress: Progress | None
    ) -> MultipartBody:
        dialect = self._api.dialect
        return multipart(
            content,
            filename=texts["filename"],
            file_field=dialect.upload_field,
            fields=texts if dialect.upload_params in {"form", "both"} else {},
            progress=progress,
        )

    async def _send(self, form: MultipartBody, texts: Mapping[str, str]) -> ApiResponse:
        params = texts if self._api.dialect.upload_params in {"query", "both"} else None
        try:
            return await self._api.call(_UPLOAD, body=form, params=params)
        except ProgressFailed as failure:
            error = failure.error
        try:
            raise error
        finally:
            # The frame must not hold what holds the frame.
            del error


def _text_problems(
    filename: object, description: object, user_owner_id: object
) -> Iterator[Problem]:
    if not _is_line(filename):
        yield Problem("filename", "is text without line breaks, and not empty")
    for name, text in (("description", description), ("user_owner_id", user_owner_id)):
        if text is not None and not _is_line(text):
            yield Problem(name, "is text without line breaks, or None")


def _is_line(text: object) -> bool:
    if not isinstance(text, str) or not text:
        return False
    return _NOT_IN_A_LINE.isdisjoint(map(unicodedata.category, text))


_COLUMNS: Final = {
    "mobile": "mobile",
    "title": "title",
    "lastName": "last_name",
    "firstName": "first_name",
    "email": "email",
    "phone": "phone",
}
_AT_ONCE: Final = 500


async def recipient_rows(recipients: Sequence[Recipient]) -> AsyncGenerator[dict[str, Any], None]:
    """Yield a row for each recipient, with all the own fields and the standard columns in use.

    An own field stays though it is empty for everyone: the message may name it.
    """
    columns: dict[str, None] = {}
    for block in _blocks(recipients):
        columns |= dict.fromkeys(_used_by(block))
        await checkpoint()
    for recipient in recipients:
        yield {column: _cell(recipient, column) for column in columns}


def _blocks(recipients: Sequence[Recipient]) -> Iterator[Sequence[Recipient]]:
    return (recipients[start : start + _AT_ONCE] for start in range(0, len(recipients), _AT_ONCE))


def _used_by(recipients: Iterable[Recipient]) -> Iterator[str]:
    for recipient in recipients:
        yield from (column for column, name in _COLUMNS.items() if getattr(recipient, name))
        yield from recipient.fields


def _cell(recipient: Recipient, column: str) -> Any:
    if column in recipient.fields:
        value = recipient.fields[column]
    else:
        value = getattr(recipient, _COLUMNS[column]) if column in _COLUMNS else None
    return "" if value is None else value
