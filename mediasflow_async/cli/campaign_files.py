"""Campaigns out of .jsonl and .csv."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from functools import partial
from hashlib import blake2b
from itertools import chain, count, repeat
from pathlib import Path
from typing import Any, Final

import orjson
from attrs import NOTHING, evolve, field, fields, frozen

from mediasflow_async.converter.names import NUMBER_COLUMNS
from mediasflow_async.converter.streams import CsvDecoder
from mediasflow_async.errors import ConfigurationError, InvalidRequest, Problem
from mediasflow_async.models import CampaignRequest, Recipient, TinyUrl
from mediasflow_async.secrecy import mask_text

__all__ = [
    "CampaignFile",
    "Line",
    "campaigns_of",
    "derived_key",
    "lines_of",
    "own_key_problems",
    "read_as_list",
    "read_each_row",
    "read_records",
    "read_rows",
]


_KEY_BYTES: Final = 16
_PURPOSE: Final = b"mediasflow line"
_NUMBER_DIGITS: Final = 9  # that tell one phone from another, without the country


@frozen(kw_only=True)
class Line:
    """One campaign of a file.

    Attributes:
        where: its place in the file, such as ``line 17``.
        key: what it is sent under; empty where it has none.
        request: what is sent, or None for what cannot be read.
        problems: what is wrong with how it is written; the rules of the API come later.
    """

    where: str
    key: str = ""
    request: CampaignRequest | None = field(default=None, repr=False)
    problems: tuple[Problem, ...] = ()


def derived_key(kind: str, content: Any, *, batch: str, salt: bytes) -> str:
    """Return the key of a line that has none of its own: the same content, the same key.

    A digest under the journal's salt, so that a key that is shown or exported says nothing of
    the number that it stands for.

    Args:
        kind: what it is a key of, as it begins.
        content: the content, as JSON data; neither its order nor its spaces count.
        batch: the name of the batch.
        salt: the journal's.
    """
    text = json.dumps([batch, content], sort_keys=True, separators=(",", ":"))
    digest = blake2b(text.encode(), key=salt, person=_PURPOSE, digest_size=_KEY_BYTES)
    return f"{kind}-{digest.hexdigest()}"


def own_key_problems(key: object, request: CampaignRequest) -> Iterator[Problem]:
    """Yield what is wrong with a key that a line gives itself."""
    if not isinstance(key, str):
        yield Problem("key", "is text")
    elif _number_in(key) in _numbers(request):
        yield Problem("key", "is kept in the journal, so let it be no phone number")


def _numbers(request: CampaignRequest) -> Iterator[str]:
    recipients = request.recipients if isinstance(request.recipients, tuple) else ()
    for recipient in recipients:
        if isinstance(recipient, Recipient) and (number := _number_in(recipient.mobile)):
            yield number


def _number_in(text: object) -> str:
    """Return the last digits of a text, or nothing where it has too few for a phone number."""
    digits = "".join(filter(str.isdigit, str(text)))
    return digits[-_NUMBER_DIGITS:] if len(digits) >= _NUMBER_DIGITS else ""


_BOM: Final = b"\xef\xbb\xbf"
# A campaign may carry images and pages; what is longer is no file of lines.
_LONGEST_LINE_BYTES: Final = 2**26
# What only answers hold, and what a batch says itself.
_NOT_GIVEN: Final = frozenset({"raw", "extra", "id", "start_now"})
_Report = Callable[[str, str], None]


def read_records(path: Path, *, batch: str, salt: bytes) -> Iterator[Line]:
    """Yield the campaigns of a file of JSON Lines of any length, one object a line.

    Raises:
        ConfigurationError: a line never ends.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        lines = iter(partial(file.readline, _LONGEST_LINE_BYTES), b"")
        for number, text in enumerate(lines, 1):
            if len(text) == _LONGEST_LINE_BYTES:
                raise ConfigurationError(f"{path.name}, line {number}: the line never ends")
            content = text.removeprefix(_BOM) if number == 1 else text
            if content.strip():
                yield _line(f"line {number}", content, batch=batch, salt=salt)


def _line(where: str, text: bytes, *, batch: str, salt: bytes) -> Line:
    record = _object(text)
    if isinstance(record, Problem):
        return Line(where=where, problems=(record,))
    problems: list[Problem] = []

    def report(name: str, rule: str) -> None:
        problems.append(Problem(name, rule))

    given = {name: value for name, value in record.items() if name != "key" and value is not None}
    request = _request(given, report)
    key = record.get("key")
    if key is None:
        key = derived_key("line", record, batch=batch, salt=salt)
    else:
        problems += own_key_problems(key, request)
    return Line(where=where, key=str(key), request=request, problems=tuple(problems))


def _object(text: bytes) -> dict[str, Any] | Problem:
    try:
        # The one is strict about characters, the other shows a name that is given twice.
        orjson.loads(text)
        record = json.loads(text, object_pairs_hook=_unique)
    except _GivenTwice as error:
        return Problem(str(error), "is given twice")
    except (ValueError, RecursionError):
        record = None
    return record if isinstance(record, dict) else Problem("line", "is one JSON object")


class _GivenTwice(Exception):
    """An object has two members of one name, of which one would be lost."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        raise _GivenTwice(next(name for name in members if names.count(name) > 1))
    return members


def _request(given: Mapping[str, Any], report: _Report) -> CampaignRequest:
    values = {name: _READERS.get(name, _as_given)(value, report) for name, value in given.items()}
    request: CampaignRequest = _model(CampaignRequest, values, "", report)
    return request


def _model(model: type[Any], given: Mapping[str, Any], where: str, report: _Report) -> Any:
    """Return a model of what is given, or None where something lacks that it must have."""
    known = {each.name: each for each in fields(model) if each.name not in _NOT_GIVEN}
    for name in sorted(given.keys() - known.keys()):
        report(f"{where}{name}", "is no field that can be given")
    missing = [name for name, each in known.items() if each.default is NOTHING]
    missing = [name for name in missing if name not in given]
    for name in missing:
        report(f"{where}{name}", "is mandatory")
    values = {name: value for name, value in given.items() if name in known}
    return None if missing else model(**values)


def _recipients(value: Any, report: _Report) -> Any:
    return _each(Recipient, value, "recipients", report)


def _links(value: Any, report: _Report) -> Any:
    return _each(TinyUrl, value, "tiny_urls", report)


def _each(model: type[Any], value: Any, where: str, report: _Report) -> Any:
    """Return the objects of a list as models; what is no list or object is left to the rules."""
    if not isinstance(value, list):
        return value
    items = (
        _model(model, _plain(item), f"{where}[{index}].", report)
        if isinstance(item, dict)
        else item
        for index, item in enumerate(value)
    )
    return [item for item in items if item is not None]


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an object gives, with the last day of a link as a date."""
    given = {name: value for name, value in item.items() if value is not None}
    if isinstance(given.get("end_of_life"), str):
        given["end_of_life"] = _parsed(date.fromisoformat, given["end_of_life"])
    return given


def _as_given(value: Any, _: _Report) -> Any:
    return value


def _moment(value: Any, _: _Report) -> Any:
    return _parsed(datetime.fromisoformat, value) if isinstance(value, str) else value


def _parsed(read: Callable[[str], Any], text: str) -> Any:
    """Return what a text says, or the text itself, for the rules to refuse."""
    try:
        return read(text)
    except ValueError:
        return text


_READERS: Final[dict[str, Callable[[Any, _Report], Any]]] = {
    "recipients": _recipients,
    "tiny_urls": _links,
    "schedule_on": _moment,
}


_READ_BYTES: Final = 2**18


def read_rows(
    path: Path, *, progress: Callable[[int], object] = lambda _: None
) -> Iterator[dict[str, str]]:
    """Yield the recipients of a file of any length, as mappings from column to value.

    A missing cell is empty, and a cell beyond the header is dropped.

    Args:
        path: the file: UTF-8 or Windows-1252, with any of the usual delimiters.
        progress: called with the bytes read so far.

    Raises:
        ConfigurationError: the file is empty or no CSV.
        OSError: it cannot be read.
    """
    records = _records(path, progress)
    header = next(records, None)
    if header is None:
        raise ConfigurationError(f"{path.name} is empty")
    columns = [name.strip() for name in header]
    for record in records:
        missing = len(columns) - len(record)
        record.extend(repeat("", missing))
        yield dict(zip(columns, record, strict=False))


def _records(path: Path, progress: Callable[[int], object]) -> Iterator[list[str]]:
    def no_csv(reason: str, _text: str) -> ConfigurationError:
        return ConfigurationError(f"{path.name} is no CSV file: {reason}")

    decoder = CsvDecoder(no_csv)
    with path.open("rb") as file:
        while piece := file.read(_READ_BYTES):
            yield from decoder.feed(piece)
            progress(file.tell())
    yield from decoder.finish()


_PIECE_BYTES: Final = 2**20
Row = Mapping[str, str]


def read_each_row(
    path: Path, template: CampaignRequest, *, key_column: str | None, batch: str, salt: bytes
) -> Iterator[Line]:
    """Yield a campaign for each row; its columns are the fields of its recipient.

    Raises:
        ConfigurationError: the file is no list, or lacks a column.
        OSError: it cannot be read.
    """
    rows = read_rows(path)
    first = next(rows, None)
    if first is None:
        return
    number = _number_column(path, first)
    if key_column is not None:
        _check_key_column(path, first, key_column)
    for position, row in zip(count(1), chain([first], rows), strict=False):
        request = evolve(template, recipients=(_recipient(row, number),))
        where = f"row {position}"
        if key_column is None:
            key = derived_key("row", row, batch=batch, salt=salt)
            yield Line(where=where, key=key, request=request)
        else:
            problems = tuple(own_key_problems(row[key_column], request))
            yield Line(where=where, key=row[key_column], request=request, problems=problems)


def read_as_list(path: Path, template: CampaignRequest, *, batch: str, salt: bytes) -> Line:
    """Return the one campaign of all rows, which are held in memory.

    Raises:
        ConfigurationError: the file is no list, or lacks a column.
        OSError: it cannot be read.
    """
    key = derived_key("list", _digest_of(path), batch=batch, salt=salt)
    rows = read_rows(path)
    first = next(rows, None)
    if first is None:
        raise ConfigurationError(f"{path.name} has no rows")
    number = _number_column(path, first)
    recipients = tuple(_recipient(row, number) for row in chain([first], rows))
    return Line(where="the list", key=key, request=evolve(template, recipients=recipients))


def _recipient(row: Row, number: str) -> Recipient:
    return Recipient(row[number], fields={name: row[name] for name in row if name != number})


def _number_column(path: Path, row: Row) -> str:
    found = [name for name in row if name.strip().lower() in NUMBER_COLUMNS]
    if not found:
        names = ", ".join(NUMBER_COLUMNS[:-1])
        raise ConfigurationError(
            f"{path.name} has no column of numbers: none is called {names} or {NUMBER_COLUMNS[-1]}"
        )
    if len(found) > 1:
        raise ConfigurationError(
            f"{path.name} has several columns of numbers, {' and '.join(found)}: keep one"
        )
    return found[0]


def _check_key_column(path: Path, row: Row, name: str) -> None:
    if name not in row:
        raise ConfigurationError(f"{path.name} has no column {name}; there are {', '.join(row)}")
    if name.strip().lower() in NUMBER_COLUMNS:
        raise ConfigurationError(
            "keys are kept in the journal, which holds no phone number: --key-column names another"
        )


def _digest_of(path: Path) -> str:
    digest = blake2b()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


_RECORDS: Final = frozenset({".jsonl", ".ndjson"})
_ROWS: Final = frozenset({".csv", ".txt"})


def _known_suffix(_: object, __: object, path: Path) -> None:
    if path.suffix.lower() not in _RECORDS | _ROWS:
        raise ConfigurationError(
            f"{path.name}: campaigns are read from .jsonl (one a line) or .csv (recipients)"
        )


@frozen(kw_only=True)
class CampaignFile:
    """A file of campaigns, and how it is read.

    Attributes:
        path: the file: ``.jsonl`` or ``.ndjson``, or ``.csv`` or ``.txt`` for recipients.
        template: the campaign of each row, without recipients; for recipients alone.
        as_list: send all rows as one campaign with a list, which is held in memory.
        key_column: the column that holds the key of each row.
        batch: a name that is a part of every key that is made here.

    Raises:
        ConfigurationError: for what does not go together.
    """

    path: Path = field(validator=_known_suffix)
    template: CampaignRequest | None = field(default=None, repr=False)
    as_list: bool = False
    key_column: str | None = None
    batch: str = ""

    def __attrs_post_init__(self) -> None:
        for_rows = (self.template, self.as_list or None, self.key_column)
        if self.is_records and any(option is not None for option in for_rows):
            raise ConfigurationError(
                f"{self.path.name} holds whole campaigns: a message, --as-list and --key-column "
                "are for a CSV file of recipients"
            )
        if not self.is_records and self.template is None:
            raise ConfigurationError(f"{self.path.name} holds recipients: add --message")
        if self.as_list and self.key_column is not None:
            raise ConfigurationError("--as-list makes one campaign, --key-column one for each row")

    @property
    def is_records(self) -> bool:
        """Whether the file holds whole campaigns, not recipients."""
        return self.path.suffix.lower() in _RECORDS


def lines_of(file: CampaignFile, *, salt: bytes) -> Iterator[Line]:
    """Yield the lines of a file of any length, those that cannot be read with what is wrong.

    Args:
        file: the file.
        salt: the key of what digests the content: `Journal.salt`.

    Raises:
        ConfigurationError: the file as a whole cannot be read as what it says it is.
        OSError: it cannot be read.
    """
    if file.template is None:
        yield from read_records(file.path, batch=file.batch, salt=salt)
    elif file.as_list:
        yield read_as_list(file.path, file.template, batch=file.batch, salt=salt)
    else:
        yield from read_each_row(
            file.path, file.template, key_column=file.key_column, batch=file.batch, salt=salt
        )


def campaigns_of(file: CampaignFile, *, salt: bytes) -> Iterator[tuple[str, CampaignRequest]]:
    """Yield the keys and campaigns of a file of any length.

    Nothing but the form of a line is checked here: the rules of the API are the sender's, or
    those of a check of the whole file before.

    Args:
        file: the file.
        salt: the key of what digests the content: `Journal.salt`.

    Raises:
        InvalidRequest: for the first line that cannot be read; it names file and line, and all
            that is wrong with it.
        ConfigurationError: the file as a whole cannot be read as what it says it is.
        OSError: it cannot be read.
    """
    for line in lines_of(file, salt=salt):
        if line.request is None or line.problems:
            wrong = mask_text("; ".join(map(str, line.problems)))
            raise InvalidRequest(f"{file.path.name}, {line.where}: {wrong}", problems=line.problems)
        yield line.key, line.request
