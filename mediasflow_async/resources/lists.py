"""Lists of recipients, uploaded as CSV (Guide: 2.11)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import IO, Final

from mediasflow_async.errors import Problem
from mediasflow_async.models import RecipientList
from mediasflow_async.operations import Operation, OperationKind
from mediasflow_async.resources.api import Api, CallParts
from mediasflow_async.responses import invalid
from mediasflow_async.uploads import Progress, UploadSource, multipart, opened
from mediasflow_async.validation import refuse

__all__ = ["Lists"]

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

        Args:
            source: path of a CSV file, its bytes, an async iterator of bytes, or rows:
                an iterable or async iterable of mappings from column to value.
            filename: name of the list on the platform.
            description: name shown in a campaign instead.
            user_owner_id: account to upload for; needs ADMIN rights.
            progress: called with the bytes sent so far and the bytes in all.

        Returns:
            The list, with its `id` for `CampaignRequest.list_ids` and its counts.

        Raises:
            InvalidRequest: nothing left; an empty source is a problem as well.
            ApiError: the server refused.
        """
        refuse(_text_problems(filename, description, user_owner_id))
        texts = {"filename": filename, "description": description, "userOwnerID": user_owner_id}
        given = {name: text for name, text in texts.items() if text is not None}
        async with opened(source) as file:
            answer = await self._api.call(_UPLOAD, **self._parts(file, given, progress))
        uploaded = answer.read(RecipientList)
        if not uploaded.id:
            raise invalid(answer, "the answer names no list", "$.id")
        return uploaded

    def _parts(
        self, file: IO[bytes], texts: Mapping[str, str], progress: Progress | None
    ) -> CallParts:
        dialect = self._api.dialect
        body = multipart(
            file,
            filename=texts["filename"],
            file_field=dialect.upload_field,
            fields=texts if dialect.upload_params in {"form", "both"} else {},
            progress=progress,
        )
        params = texts if dialect.upload_params in {"query", "both"} else None
        return {"body": body, "params": params}


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
