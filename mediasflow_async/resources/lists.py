"""Lists of recipients, uploaded as CSV (Guide: 2.11).

A campaign that names a list can have any number of recipients; written into the request itself,
it can have 50. `recipient_rows` turns the ones of a request into the rows of a list.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from anyio import to_thread
from anyio.lowlevel import checkpoint

from mediasflow_async._core.calls import Operation, OperationKind
from mediasflow_async._core.judgement import Expected
from mediasflow_async._core.responses import ApiResponse
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import MediasflowError, Problem
from mediasflow_async.models import Recipient, RecipientList
from mediasflow_async.resources.api import Api, name_cures
from mediasflow_async.uploads import (
    Content,
    ContentFile,
    MultipartBody,
    Progress,
    ProgressFailed,
    UploadSource,
    multipart,
    opened,
)
from mediasflow_async.validation import refuse

__all__ = ["Lists", "recipient_rows"]

# A list that is uploaded twice is waste, not harm: nothing is sent by it.
_UPLOAD: Final = Operation(OperationKind.PREPARE, "POST", "lists/upload", Expected.LIST)
# Control characters, halves of surrogate pairs, line and paragraph separators.
_NOT_IN_A_LINE: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Standard columns of a list, and the attributes of a recipient that fill them.
_COLUMNS: Final = {
    "mobile": "mobile",
    "title": "title",
    "lastName": "last_name",
    "firstName": "first_name",
    "email": "email",
    "phone": "phone",
}
_RECIPIENTS_AT_ONCE: Final = 500
# What servers answer to a form without the part that they read, beside the usual.
_NO_PART: Final = frozenset({404, 406})


class Lists:
    """The lists of recipients of the account; reached as `session.lists`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def upload(
        self,
        source: UploadSource,
        *,
        filename: str,
        description: str | None = None,
        user_owner_id: str | None = None,
        check: bool = False,
        progress: Progress | None = None,
    ) -> RecipientList:
        """Upload a list of any length; it is streamed, never whole in memory.

        Guide: 2.11. At least one column is called mobile, sms, portable or gsm. Upload only
        the columns that the message needs.

        A file is read while it is sent. Iterators and rows are spooled first: to memory, beyond
        2 MiB to a temporary file where `TMPDIR` says. So the length can be announced to the
        server, and a retry can send all of it again. Only a `Dialect.checksum` needs the whole
        of it in memory.

        The deadline of the session holds for an upload too: for what takes longer, call
        `session.with_options(deadline=None).lists.upload(...)`.

        Args:
            source: the path of a CSV file; an open binary file, which is read from where it
                stands and not closed (its `read` may be a coroutine function); bytes; an
                iterable or async iterable of bytes; or rows: an iterable or async iterable of
                mappings from column to value. Rows are written in UTF-8 with semicolons; the
                first one has all the columns.
            filename: the name of the list on the platform.
            description: the name that is shown in a campaign instead.
            user_owner_id: the account to upload for; needs ADMIN rights.
            check: read all of it first, as the command line does, and refuse what the platform
                may read in another way: open quotes, text after a closing one, more cells than
                columns, two columns of one name, no column of numbers, a header alone, a line
                `sep=`, and what is neither UTF-8 nor Windows-1252.
            progress: called on the event loop after each piece of at most 256 KiB, with the
                bytes sent so far and the bytes in all; a retry begins at the first piece again.
                An exception that it raises ends the upload and is raised here.

        Returns:
            The list, with its `id` for `CampaignRequest.list_ids` and its counts.

        Raises:
            InvalidRequest: an argument is wrong, the source is empty, or `check` found lines that
                are wrong, all of them with their numbers: no request was made.
                Or a file changed its size while it was sent: the server has no list of it.
            ApiError: the server refused.
            ResponseInvalid: the answer names no list.
            OSError: there is no room for the temporary file.
        """
        refuse(_text_problems(filename, description, user_owner_id))
        texts = {"filename": filename, "description": description, "userOwnerID": user_owner_id}
        given = {name: text for name, text in texts.items() if text is not None}
        dialect = self._api.dialect
        async with opened(source) as content:
            if check:
                await to_thread.run_sync(_check, content, filename)
            form = multipart(
                content,
                filename=filename,
                file_field=dialect.upload_field,
                fields=given if dialect.upload_params in {"form", "both"} else {},
                progress=progress,
            )
            params = given if dialect.upload_params in {"query", "both"} else None
            answer = await self._send(form, params)
        return answer.read(RecipientList)

    async def _send(self, form: MultipartBody, params: Mapping[str, str] | None) -> ApiResponse:
        """Make the call, and raise what the progress callback raised as it is."""
        try:
            return await self._api.call(_UPLOAD, body=form, params=params)
        except MediasflowError as refusal:
            others = _other_forms(self._api.dialect)
            name_cures(refusal, _UPLOAD, others, further_statuses=_NO_PART)
            raise
        except ProgressFailed as failure:
            error = failure.error
        try:
            raise error
        finally:
            # The error holds this frame, which must not hold the error.
            del error


def _check(content: Content, filename: str) -> None:
    # Imported here: uploads without a check do without.
    from mediasflow_async.uploads.recipients import check_recipients

    table = check_recipients(io.BufferedReader(ContentFile(content)), filename)
    refuse([Problem(filename, table.upload_rule)] if table.upload_rule else [])


def _other_forms(dialect: Dialect) -> dict[str, tuple[str, ...]]:
    """Return the options of a dialect that write an upload in another form."""
    field = "File" if dialect.upload_field == "file" else "file"
    params = "query" if dialect.upload_params == "form" else "form"
    return {
        f"upload_field={field!r}": (" file", "file ", "part"),
        f"upload_params={params!r}": ("filename", "description", "userOwnerID"),
    }


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


async def recipient_rows(recipients: Sequence[Recipient]) -> AsyncGenerator[dict[str, Any], None]:
    """Yield a row for each recipient, all with the same columns.

    These are the standard ones in which any recipient has a value, and all own fields: the
    message may name one that is empty for everybody. A wire name is the name of its column.
    """
    columns: dict[str, None] = {}
    for block in _blocks(recipients):
        columns |= dict.fromkeys(_used_by(block))
        await checkpoint()
    for recipient in recipients:
        yield {column: _cell(recipient, column) for column in columns}


def _blocks(recipients: Sequence[Recipient]) -> Iterator[Sequence[Recipient]]:
    starts = range(0, len(recipients), _RECIPIENTS_AT_ONCE)
    return (recipients[start : start + _RECIPIENTS_AT_ONCE] for start in starts)


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
