"""Lists of recipients (Guide: 2.11)."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from attrs import frozen
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, create_form_parser

from mediasflow_async.sandbox.csvfiles import RecipientFile, counts, read_file
from mediasflow_async.sandbox.dates import yasson
from mediasflow_async.sandbox.errors import invalid, missing, unsupported_media
from mediasflow_async.sandbox.reading import required
from mediasflow_async.sandbox.users import CUSTOMER_ID
from mediasflow_async.sandbox.wire import answer

if TYPE_CHECKING:
    from mediasflow_async.sandbox.http import Answer, Call
    from mediasflow_async.sandbox.rules import ServerRules
    from mediasflow_async.sandbox.world import Task

MULTIPART = "multipart/form-data"


@frozen
class Upload:
    """An uploaded file, read and counted.

    Attributes:
        params: the request's other parameters.
        file: what is in the file.
        counts: of the List object.
    """

    params: dict[str, str]
    file: RecipientFile
    counts: dict[str, Any]


def read_upload(call: Call, rules: ServerRules) -> Upload:
    """Read the body of POST /lists/upload; takes no lock, since it is long for large files.

    Raises:
        Refusal: 415 for anything but multipart, 400 for a missing or unreadable part.
    """
    if call.content_type != MULTIPART:
        raise unsupported_media(call.content_type, MULTIPART)
    fields, files = _parts(call)
    data = next((files[name] for name in rules.upload_fields if name in files), None)
    if data is None:
        raise missing("file")
    params = fields if "form" in rules.upload_params else {}
    if "query" in rules.upload_params:
        params = {**call.query, **params}
    file = read_file(data)
    return Upload(params, file, counts(file, rules))


def _parts(call: Call) -> tuple[dict[str, str], dict[str, bytes]]:
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}

    def keep_field(found: Field) -> None:
        name, value = (found.field_name or b""), (found.value or b"")
        fields[name.decode(errors="replace")] = value.decode(errors="replace")

    def keep_file(found: File) -> None:
        found.file_object.seek(0)
        name = (found.field_name or b"").decode(errors="replace")
        files[name] = found.file_object.read()

    headers = {"Content-Type": call.headers["content-type"].encode("latin-1")}
    try:
        parser = create_form_parser(
            headers, keep_field, keep_file, config={"MAX_MEMORY_FILE_SIZE": len(call.body) + 1}
        )
        parser.write(call.body)
        parser.finalize()
    except FormParserError:
        raise invalid("body", "the body is not valid multipart/form-data") from None
    return fields, files


def upload(task: Task, found: Upload) -> Answer:
    """Answer POST /lists/upload."""
    name = required(found.params.get("filename"), "filename")
    owner = task.owner(found.params.get("userOwnerID"))
    cursor = task.db.execute(
        "INSERT INTO lists (user_id, name, header, mobile_column) VALUES (?, ?, ?, ?)",
        (owner, name, json.dumps(found.file.header), found.file.mobile_column),
    )
    list_id = cursor.lastrowid
    data = _list_data(task, found, name, owner) | {"id": list_id}
    task.db.executemany(
        "INSERT INTO list_rows VALUES (?, ?, ?)",
        (
            (list_id, line, json.dumps(row, ensure_ascii=False))
            for line, row in enumerate(found.file.rows, 1)
        ),
    )
    return answer(task.rules, data)


def _list_data(task: Task, found: Upload, name: str, owner: str) -> dict[str, Any]:
    folder = f"/mnt/mediasflow/shared/{CUSTOMER_ID}/{owner}/lists/"
    return {
        "campainId": 0,
        "creationDate": yasson(task.now),
        "customerID": CUSTOMER_ID,
        "description": found.params.get("description") or name,
        "filePath": f"{folder}/{secrets.token_hex(8)}.tmp.csv",
        "listName": name,
        "type": "CSV",
        "userOwnerID": owner,
        **found.counts,
    }
