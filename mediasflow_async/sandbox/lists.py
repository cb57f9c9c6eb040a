"""Lists of recipients: uploaded as CSV, counted, kept in the store (Guide: 2.11)."""

from __future__ import annotations

import csv
import io
import json
import secrets
from collections import Counter
from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, create_form_parser

from mediasflow_async.sandbox import reading, texts
from mediasflow_async.sandbox.dates import yasson
from mediasflow_async.sandbox.http import invalid, missing, unsupported_media
from mediasflow_async.sandbox.orders import NUMBER_NAMES
from mediasflow_async.sandbox.users import CUSTOMER_ID

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from mediasflow_async.sandbox.context import RequestContext
    from mediasflow_async.sandbox.http import Request
    from mediasflow_async.sandbox.rules import ServerRules

__all__ = ["StoredList", "Upload", "find", "read_upload", "rows", "upload"]

_MULTIPART = "multipart/form-data"


@frozen
class Upload:
    """An uploaded file, read and counted.

    Attributes:
        params: the request's other parameters.
        file: what is in the file.
        counts: those of the List object. Guide: 2.11.1.
    """

    params: dict[str, str]
    file: _RecipientFile
    counts: dict[str, Any]


def read_upload(request: Request, rules: ServerRules) -> Upload:
    """Read the body of POST /lists/upload.

    It happens outside the store's transaction, since it takes long for large files.

    Raises:
        HttpError: 415 for anything but multipart, 400 for a missing or unreadable part.
    """
    if request.content_type != _MULTIPART:
        raise unsupported_media(request.content_type, _MULTIPART)
    fields, files = _parts(request)
    data = next((files[name] for name in rules.upload_fields if name in files), None)
    if data is None:
        raise missing("file")
    params = fields if "form" in rules.upload_params else {}
    if "query" in rules.upload_params:
        params = {**request.query, **params}
    file = _read_file(data)
    return Upload(params, file, _counts(file, rules))


def _parts(request: Request) -> tuple[dict[str, str], dict[str, bytes]]:
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}

    def keep_field(found: Field) -> None:
        name, value = (found.field_name or b""), (found.value or b"")
        fields[name.decode(errors="replace")] = value.decode(errors="replace")

    def keep_file(found: File) -> None:
        found.file_object.seek(0)
        name = (found.field_name or b"").decode(errors="replace")
        files[name] = found.file_object.read()

    headers = {"Content-Type": request.headers["content-type"].encode("latin-1")}
    try:
        parser = create_form_parser(
            headers, keep_field, keep_file, config={"MAX_MEMORY_FILE_SIZE": len(request.body) + 1}
        )
        parser.write(request.body)
        parser.finalize()
    except FormParserError:
        raise invalid("body", "the body is not valid multipart/form-data") from None
    return fields, files


def upload(context: RequestContext, found: Upload) -> dict[str, Any]:
    """Keep a list, and answer POST /lists/upload with the List object. Guide: 2.11.1.

    Raises:
        HttpError: 400, the list has no name; 403 or 404, it is for another user.
    """
    name = reading.required(found.params.get("filename"), "filename")
    owner = context.owner(found.params.get("userOwnerID"))
    cursor = context.db.execute(
        "INSERT INTO lists (user_id, name, header, mobile_column) VALUES (?, ?, ?, ?)",
        (owner, name, json.dumps(found.file.header), found.file.mobile_column),
    )
    list_id = cursor.lastrowid
    data = _list_data(context, found, name, owner) | {"id": list_id}
    context.db.executemany(
        "INSERT INTO list_rows VALUES (?, ?, ?)",
        (
            (list_id, line, json.dumps(row, ensure_ascii=False))
            for line, row in enumerate(found.file.rows, 1)
        ),
    )
    return data


def _list_data(context: RequestContext, found: Upload, name: str, owner: str) -> dict[str, Any]:
    folder = f"/mnt/mediasflow/shared/{CUSTOMER_ID}/{owner}/lists/"
    return {
        "campainId": 0,
        "creationDate": yasson(context.now),
        "customerID": CUSTOMER_ID,
        "description": found.params.get("description") or name,
        "filePath": f"{folder}/{secrets.token_hex(8)}.tmp.csv",
        "listName": name,
        "type": "CSV",
        "userOwnerID": owner,
        **found.counts,
    }


@frozen
class StoredList:
    """A list in the store.

    Attributes:
        id: what `listsId` names.
        user_id: whose it is.
        name: the `filename` of the upload.
        header: column names as written.
        mobile_column: index of the column of numbers.
    """

    id: int
    user_id: str
    name: str
    header: tuple[str, ...] = field(converter=tuple)
    mobile_column: int


def find(db: sqlite3.Connection, list_id: int) -> StoredList | None:
    """Return a list, None when there is none with this id."""
    row = db.execute("SELECT * FROM lists WHERE id = ?", (list_id,)).fetchone()
    return None if row is None else StoredList(**{**row, "header": json.loads(row["header"])})


def rows(db: sqlite3.Connection, list_id: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines of a list, from 1, each with its cells: as many as the header has."""
    query = "SELECT line, cells FROM list_rows WHERE list_id = ? ORDER BY line"
    for line, cells in db.execute(query, (list_id,)):
        yield line, json.loads(cells)


@frozen
class _RecipientFile:
    """A CSV file of recipients.

    Attributes:
        charset: as juniversalchardet names it.
        header: column names as written.
        rows: cells of each line, as many as the header has.
        broken: how many lines had more or fewer cells, and were cut or filled up.
        longest_line: characters of the longest line, delimiters not counted.
        mobile_column: index of the column of numbers.
    """

    charset: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    broken: int
    longest_line: int
    mobile_column: int


def _read_file(data: bytes) -> _RecipientFile:
    """Read an uploaded CSV file. Charset and delimiter are detected. Guide: 2.11.

    Raises:
        HttpError: 400, the file is empty or has no column of mobile numbers.
    """
    charset, text = _decoded(data)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    try:
        header = tuple(name.strip() for name in next(lines, []))
        column = _column(header, NUMBER_NAMES)
        cells = [line for line in lines if any(line)]
    except csv.Error:
        raise invalid("file", "the file is no CSV, or a cell is very long") from None
    if column is None:
        raise invalid("file", "no column is named mobile, sms, portable or gsm", "NO_MOBILE_COLUMN")
    width = len(header)
    rows = [tuple(line if len(line) == width else _fitted(line, width)) for line in cells]
    return _RecipientFile(
        charset=charset,
        header=header,
        rows=rows,
        broken=sum(len(line) != width for line in cells),
        longest_line=max((sum(map(len, row)) for row in rows), default=0),
        mobile_column=column,
    )


_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "UTF-8"),
    (b"\xff\xfe", "UTF-16LE"),
    (b"\xfe\xff", "UTF-16BE"),
)


def _decoded(data: bytes) -> tuple[str, str]:
    for mark, charset in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return charset, data[len(mark) :].decode(charset, errors="replace")
    try:
        return "UTF-8", data.decode("utf-8")
    except UnicodeDecodeError:
        return "WINDOWS-1252", data.decode("cp1252", errors="replace")


_DELIMITERS = ";,\t|"


def _delimiter(text: str) -> str:
    """Return the delimiter that yields a column of numbers, or else the most columns."""
    header = text.lstrip("\r\n").partition("\n")[0]
    return max(_DELIMITERS, key=lambda delimiter: _columns_by(header, delimiter))


def _columns_by(header: str, delimiter: str) -> tuple[bool, int]:
    """Return whether a delimiter yields a column of numbers, and how many columns it yields."""
    names = tuple(name.strip(' "\r') for name in header.split(delimiter))
    return _column(names, NUMBER_NAMES) is not None, len(names)


def _column(header: Sequence[str], names: Sequence[str]) -> int | None:
    lowered = [name.lower() for name in header]
    return next((lowered.index(name) for name in names if name in lowered), None)


def _fitted(line: list[str], width: int) -> list[str]:
    return (line + [""] * width)[:width]


def _counts(file: _RecipientFile, rules: ServerRules) -> dict[str, Any]:
    """Return the counters of the List object that follow from the file. Guide: 2.11.1."""
    columns = list(zip(*file.rows, strict=True)) or [() for _ in file.header]
    by_name = dict(zip(file.header, columns, strict=True))
    order = _java_hash_order(list(by_name))
    mobile_name = file.header[file.mobile_column]
    email = _column(file.header, _EMAIL_NAMES)
    return {
        "charsetDetected": file.charset,
        "computedHeaderSize": {name: _lengths(by_name[name]) for name in order},
        "emptyKeys": [name for name in order if name != mobile_name and "" in by_name[name]],
        "globalInvalidLine": file.broken,
        "header": list(file.header),
        "maxDatasMap": {name: max(by_name[name], key=len, default="") for name in order},
        "maxSizeDataLine": file.longest_line,
        "size": len(file.rows),
        **_mobile_counts(columns[file.mobile_column], rules),
        **_email_counts(columns[email] if email is not None else ()),
    }


def _lengths(cells: Sequence[str]) -> dict[str, int]:
    return {str(length): count for length, count in sorted(Counter(map(len, cells)).items())}


def _mobile_counts(cells: Sequence[str], rules: ServerRules) -> dict[str, Any]:
    found = [texts.mobile(cell) for cell in cells]
    invalid_lines = [line for line, mobile in enumerate(found, 1) if mobile is None]
    duplicates = _repeated([mobile or "" for mobile in found])
    countries = Counter(texts.country_of(mobile) for mobile in found if mobile)
    refused = {code for code in countries if not rules.allows(code)}
    return {
        "countDuplicateMobile": len(duplicates),
        "invalidCountryCounter": {code: countries[code] for code in sorted(refused)},
        "invalidLineList": invalid_lines,
        "invalidNumberMOBILE": len(invalid_lines),
        "lineDuplicateMobile": duplicates,
        "validCountryCounter": {code: countries[code] for code in sorted({*countries} - refused)},
        "validNumberMOBILE": len(found) - len(invalid_lines),
    }


_EMAIL_NAMES = ("email", "e-mail", "mail")


def _email_counts(cells: Sequence[str]) -> dict[str, Any]:
    given = [cell for cell in cells if cell]
    valid = sum(_is_email(cell) for cell in given)
    duplicates = _repeated([cell.lower() for cell in cells])
    return {
        "countDuplicateEmail": len(duplicates),
        "invalidNumberEMAIL": len(given) - valid,
        "lineDuplicateEmail": duplicates,
        "validNumberEMAIL": valid,
    }


def _is_email(cell: str) -> bool:
    name, _, domain = cell.partition("@")
    return bool(name) and "." in domain.strip(".") and " " not in cell and "@" not in domain


def _repeated(values: Sequence[str]) -> list[str]:
    """Return the lines, from 1 and as texts, whose value stood on an earlier line."""
    seen: set[str] = set()
    lines = []
    for line, value in enumerate(values, 1):
        if value in seen:
            lines.append(str(line))
        elif value:
            seen.add(value)
    return lines


def _java_hash_order(keys: list[str]) -> list[str]:
    """Return `keys` in the order in which a Java HashMap lists them, as the guide's answers do."""
    buckets = 16
    while len(keys) > buckets * 3 // 4:
        buckets *= 2
    return sorted(keys, key=lambda key: _spread_hash(key) % buckets)


def _spread_hash(key: str) -> int:
    value = 0
    units = key.encode("utf-16-be")
    for high, low in zip(units[::2], units[1::2], strict=True):
        value = (31 * value + (high << 8 | low)) & 0xFFFFFFFF
    return value ^ value >> 16
