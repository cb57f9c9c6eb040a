"""Campaigns as JSON objects, in the names of `CampaignRequest` (Guide: 2.1)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson
from attrs import NOTHING, fields

from mediasflow_async.cli.campaign_lines import Line, derived_key, own_key_problems
from mediasflow_async.errors import ConfigurationError, Problem
from mediasflow_async.models import CampaignRequest, Recipient, TinyUrl

__all__ = ["read_records"]

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
