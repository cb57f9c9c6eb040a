"""Campaigns out of files: JSON Lines with whole campaigns, or CSV with their recipients.

A file of any length is read a line at a time, and each line becomes a campaign with a key, or
tells everything that is wrong with how it is written. A key is the same whenever the file is read
again, moved or extended, so that a batch that is run again sends nothing twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import orjson
from attrs import NOTHING, evolve, field, fields, frozen

from mediasflow_async.converter.names import is_number_column
from mediasflow_async.errors import ConfigurationError, Problem
from mediasflow_async.models import CampaignRequest, Recipient, TinyUrl
from mediasflow_async.secrecy import mask_text
from mediasflow_async.uploads.recipients import RecipientTable, check_recipients, read_recipients

__all__ = ["CampaignFile", "Line", "lines_of", "problems_text", "read_rows", "sendable_campaigns"]

_JSON_LINES: Final = frozenset({".jsonl", ".ndjson"})
_CSV: Final = frozenset({".csv", ".txt", ".xlsx", ".ods"})


@frozen(kw_only=True)
class CampaignFile:
    """A file of campaigns, and how it is read.

    Attributes:
        path: the file: ``.jsonl`` or ``.ndjson``, or for recipients ``.csv``, ``.txt``, ``.xlsx``
            or ``.ods``.
        template: the campaign of each row, without recipients; for a file of recipients only.
        as_list: send all rows as one campaign with a list, which is held in memory.
        key_column: the column that holds the key of each row.
        mobile_column: the column that holds the numbers; by default the one with a usual name.
        batch: a name that is a part of every key that is derived from the content of a line.
        max_segments: SMS that one message may take on the account.

    Raises:
        ConfigurationError: the options contradict each other or the kind of the file.
    """

    path: Path
    template: CampaignRequest | None = field(default=None, repr=False)
    as_list: bool = False
    key_column: str | None = None
    mobile_column: str | None = None
    batch: str = ""
    max_segments: int = 1

    def __attrs_post_init__(self) -> None:
        suffix = self.path.suffix.lower()
        if suffix not in _JSON_LINES | _CSV:
            raise ConfigurationError(
                f"{self.path.name}: campaigns are read from .jsonl (one a line) or "
                ".csv, .xlsx, .ods (recipients)"
            )
        for_rows = (self.template, self.as_list or None, self.key_column, self.mobile_column)
        if suffix in _JSON_LINES and any(option is not None for option in for_rows):
            raise ConfigurationError(
                f"{self.path.name} holds whole campaigns: a message, --as-list, --key-column and "
                "--mobile-column are for a CSV file of recipients"
            )
        if suffix in _CSV and self.template is None:
            raise ConfigurationError(f"{self.path.name} holds recipients: add --message")
        if self.as_list and self.key_column is not None:
            raise ConfigurationError("--as-list makes one campaign, --key-column one for each row")

    def stamp(self) -> tuple[int, ...]:
        """Return what changes when the file does: its size, its time, and which file it is.

        Raises:
            OSError: it is gone.
        """
        found = self.path.stat()
        return found.st_size, found.st_mtime_ns, found.st_ino


@frozen(kw_only=True)
class Line:
    """One campaign of a file.

    Attributes:
        where: its place in the file, such as ``line 17``.
        key: what it is sent under; empty where it has none.
        request: what is sent, or None for what cannot be read.
        problems: what is wrong with how it is written; the rules of the API are not checked.
    """

    where: str
    key: str = ""
    request: CampaignRequest | None = field(default=None, repr=False)
    problems: tuple[Problem, ...] = ()


def sendable_campaigns(
    file: CampaignFile,
    *,
    salt: bytes,
    places: dict[int, str],
    refuse: Callable[[Line], object],
    examine: Callable[[CampaignRequest], Sequence[Problem]] | None = None,
) -> Iterator[tuple[str, CampaignRequest]]:
    """Yield the key and the campaign of each line that can be read, for a sender or a queue.

    Args:
        file: the file.
        salt: the key of the digests that keys are derived with: `Journal.salt`.
        places: filled with the place of each campaign in the file, by its position among those
            that are yielded; whoever consumes them removes what has ended.
        refuse: called with each line that cannot be sent.
        examine: returns what is wrong with a campaign that can be read; None where all of the
            file was examined before.

    Raises:
        ConfigurationError, InvalidRequest, OSError: as in `lines_of`.
    """
    index = 0
    for line in lines_of(file, salt=salt):
        if line.request is None or line.problems:
            refuse(line)
            continue
        if examine is not None and (problems := examine(line.request)):
            refuse(evolve(line, problems=tuple(problems)))
            continue
        places[index] = line.where
        index += 1
        yield line.key, line.request


def problems_text(problems: Iterable[Problem]) -> str:
    """Return problems on one line, without phone numbers."""
    return mask_text("; ".join(map(str, problems)))


def lines_of(
    file: CampaignFile, *, salt: bytes, found: Callable[[RecipientTable], object] = lambda _: None
) -> Iterator[Line]:
    """Yield the lines of a file of any length, also those that cannot be read.

    Args:
        file: the file.
        salt: the key of the digests that keys are derived with: `Journal.salt`.
        found: called with what a file of recipients is, once it has been checked.

    Raises:
        ConfigurationError: the file as a whole is not what its name or its options say.
        InvalidRequest: a file of recipients has lines that are not read in one way only.
        OSError: it cannot be read.
    """
    if file.template is None:
        yield from _json_lines(file.path, partial(_derived_key, "line", file.batch, salt))
    elif file.as_list:
        yield _list_of_rows(file, file.template, salt, found)
    else:
        yield from _rows(file, file.template, salt, found)


_BOM: Final = b"\xef\xbb\xbf"
# A campaign may carry images and pages; anything longer is no file of lines.
_MAX_LINE_BYTES: Final = 2**26


def _json_lines(path: Path, derived_key: Callable[[Any], str]) -> Iterator[Line]:
    with path.open("rb") as file:
        lines = iter(partial(file.readline, _MAX_LINE_BYTES), b"")
        for number, text in enumerate(lines, 1):
            if len(text) == _MAX_LINE_BYTES:
                raise ConfigurationError(f"{path.name}, line {number}: the line never ends")
            content = text.removeprefix(_BOM) if number == 1 else text
            if content.strip():
                yield _json_line(f"line {number}", content, derived_key)


def _json_line(where: str, text: bytes, derived_key: Callable[[Any], str]) -> Line:
    record = _json_object(text)
    if isinstance(record, Problem):
        return Line(where=where, problems=(record,))
    problems: list[Problem] = []
    given = {name: value for name, value in record.items() if name != "key"}
    request: CampaignRequest = _model(CampaignRequest, given, "", problems)
    key = record.get("key")
    if key is None:
        key = derived_key(record)
    else:
        problems += _key_problems(key, request)
    return Line(where=where, key=str(key), request=request, problems=tuple(problems))


def _json_object(text: bytes) -> dict[str, Any] | Problem:
    try:
        # orjson refuses invalid characters; only json shows a name that is given twice.
        orjson.loads(text)
        record = json.loads(text, object_pairs_hook=_unique_members)
    except _GivenTwice as error:
        return Problem(str(error), "is given twice")
    except (ValueError, RecursionError):
        record = None
    return record if isinstance(record, dict) else Problem("line", "is one JSON object")


class _GivenTwice(Exception):
    """An object has two members of one name, of which one would be lost."""


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        raise _GivenTwice(next(name for name in members if names.count(name) > 1))
    return members


# Fields of answers, and what the batch decides itself.
_NOT_GIVEN: Final = frozenset({"raw", "extra", "id", "start_now"})
_NESTED_MODELS: Final[Mapping[str, type[Any]]] = {"recipients": Recipient, "tiny_urls": TinyUrl}
_PARSERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "schedule_on": datetime.fromisoformat,
    "end_of_life": date.fromisoformat,
}


def _model(model: type[Any], record: Mapping[str, Any], where: str, problems: list[Problem]) -> Any:
    """Return a model of a JSON object, or None where a mandatory field is missing.

    Args:
        model: the class of the model.
        record: the object; null counts as not given.
        where: its place in the line, in front of the name of a field that has a problem.
        problems: extended by what is wrong.
    """
    given = {name: value for name, value in record.items() if value is not None}
    known = {each.name: each for each in fields(model) if each.name not in _NOT_GIVEN}
    values = {
        name: _field_value(name, value, problems) for name, value in given.items() if name in known
    }
    unknown = sorted(given.keys() - known.keys())
    problems += [Problem(f"{where}{name}", "is no field that can be given") for name in unknown]
    mandatory = [name for name, each in known.items() if each.default is NOTHING]
    missing = [name for name in mandatory if name not in given]
    problems += [Problem(f"{where}{name}", "is mandatory") for name in missing]
    return None if missing else model(**values)


def _field_value(name: str, value: Any, problems: list[Problem]) -> Any:
    """Return the value of a field; one of the wrong type as it is, for the rules to refuse."""
    if name in _NESTED_MODELS and isinstance(value, list):
        items = (
            _model(_NESTED_MODELS[name], item, f"{name}[{index}].", problems)
            if isinstance(item, dict)
            else item
            for index, item in enumerate(value)
        )
        return [item for item in items if item is not None]
    if name in _PARSERS and isinstance(value, str):
        try:
            return _PARSERS[name](value)
        except ValueError:
            return value
    return value


def _rows(
    file: CampaignFile,
    template: CampaignRequest,
    salt: bytes,
    found: Callable[[RecipientTable], object],
) -> Iterator[Line]:
    """Yield a campaign for each row; its columns are the fields of its recipient."""
    derived_key = partial(_derived_key, "row", file.batch, salt)
    with file.path.open("rb") as opened:
        table = check_recipients(opened, file.path.name, mobile_column=file.mobile_column)
        found(table)
        if file.key_column is not None:
            _check_key_column(table, file.key_column)
        for position, row in enumerate(read_recipients(opened, table), 1):
            request = evolve(template, recipients=(_recipient(row, table.number_key),))
            where = f"row {position}"
            if file.key_column is None:
                yield Line(where=where, key=derived_key(row), request=request)
            else:
                key = row[file.key_column]
                problems = tuple(_key_problems(key, request))
                yield Line(where=where, key=key, request=request, problems=problems)


def _list_of_rows(
    file: CampaignFile,
    template: CampaignRequest,
    salt: bytes,
    found: Callable[[RecipientTable], object],
) -> Line:
    """Return the one campaign of all rows, which are held in memory."""
    key = _derived_key("list", file.batch, salt, _digest_of(file.path))
    with file.path.open("rb") as opened:
        table = check_recipients(opened, file.path.name, mobile_column=file.mobile_column)
        found(table)
        rows = read_recipients(opened, table)
        recipients = tuple(_recipient(row, table.number_key) for row in rows)
    return Line(where="the list", key=key, request=evolve(template, recipients=recipients))


def _recipient(row: Mapping[str, str], number_key: str) -> Recipient:
    others = {name: value for name, value in row.items() if name != number_key}
    return Recipient(row[number_key], fields=others)


def _check_key_column(table: RecipientTable, name: str) -> None:
    if name not in table.columns:
        columns = ", ".join(filter(None, table.columns))
        raise ConfigurationError(f"{table.name} has no column {name}; there are {columns}")
    if name == table.number_column or is_number_column(name):
        raise ConfigurationError(
            "keys are kept in the journal, which holds no phone number: --key-column names another"
        )


_KEY_BYTES: Final = 16
_PURPOSE: Final = b"mediasflow line"
_NUMBER_DIGITS: Final = 9  # that tell one phone from another, without the country


def _derived_key(kind: str, batch: str, salt: bytes, content: Any) -> str:
    """Return the key of a line that has none of its own: the same content, the same key.

    It is a digest under the journal's salt, so that a key that is shown or exported does not
    reveal the number that it stands for.

    Args:
        kind: the kind of the line, with which the key begins.
        batch: the name of the batch.
        salt: the journal's.
        content: the content, as JSON data; neither its order nor its spaces count.
    """
    text = json.dumps([batch, content], sort_keys=True, separators=(",", ":"))
    digest = blake2b(text.encode(), key=salt, person=_PURPOSE, digest_size=_KEY_BYTES)
    return f"{kind}-{digest.hexdigest()}"


def _key_problems(key: object, request: CampaignRequest) -> Iterator[Problem]:
    """Yield what is wrong with a key that a line gives itself."""
    if not isinstance(key, str):
        yield Problem("key", "is text")
    elif _number_in(key) in _numbers(request):
        yield Problem("key", "is kept in the journal, so let it be no phone number")


def _numbers(request: CampaignRequest) -> Iterator[str]:
    # Recipients of the wrong type are left to the rules of the API.
    recipients = request.recipients if isinstance(request.recipients, tuple) else ()
    for recipient in recipients:
        if isinstance(recipient, Recipient) and (number := _number_in(recipient.mobile)):
            yield number


def _number_in(text: object) -> str:
    """Return the last digits of a text, or nothing where it has too few for a phone number."""
    digits = "".join(filter(str.isdigit, str(text)))
    return digits[-_NUMBER_DIGITS:] if len(digits) >= _NUMBER_DIGITS else ""


def read_rows(
    path: Path,
    *,
    mobile_column: str | None = None,
    found: Callable[[RecipientTable], object] = lambda _: None,
    progress: Callable[[int], object] = lambda _: None,
) -> Iterator[dict[str, str]]:
    """Yield the rows of a file of recipients of any length, once all of it has been checked.

    Args:
        path: the file.
        mobile_column: the column of numbers; by default the one with one of the usual names.
        found: called with what the file is, once it has been checked.
        progress: called with the number of bytes read so far.

    Raises:
        InvalidRequest: the file is not read in one way only, or names no column of numbers.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        table = check_recipients(file, path.name, mobile_column=mobile_column)
        found(table)
        yield from read_recipients(file, table, progress=progress)


_PIECE_BYTES: Final = 2**18


def _digest_of(path: Path) -> str:
    digest = blake2b()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
