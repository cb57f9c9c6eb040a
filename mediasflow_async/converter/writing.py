"""JSON objects, out of the models of a request.

A strict writer: each attribute under the one name that the guide's tables print, in the shape
that the dialect chooses. What has its default is not written, so that the account's own default
holds.
"""

from __future__ import annotations

import base64
import inspect
import unicodedata
import warnings
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from attrs import fields
from cattrs import Converter
from cattrs.fns import identity
from cattrs.gen import make_dict_unstructure_fn, override

from mediasflow_async.converter.names import WIRE_NAMES
from mediasflow_async.dates import to_schedule_text, to_whole_second
from mediasflow_async.dialect import Dialect
from mediasflow_async.models import BlacklistEntry, CampaignRequest, Recipient, TinyUrl
from mediasflow_async.models.values import plain_cell

__all__ = ["ModelWriter", "TwelveOClockWarning", "is_twelve_oclock", "writer_for"]

_START_NOW: Final = WIRE_NAMES[CampaignRequest]["start_now"]
_LINKS: Final = WIRE_NAMES[CampaignRequest]["tiny_urls"]
# Written even with their defaults, since the guide calls them mandatory.
_ALWAYS: Final = {(TinyUrl, "type"), (CampaignRequest, "start_now"), (BlacklistEntry, "kind")}
_NEVER: Final = frozenset({"raw", "extra", "id", "created_at"})
_NOON: Final = 12
_INSIDE: Final = frozenset({"mediasflow_async", "cattrs"})


@lru_cache(maxsize=32)
def writer_for(dialect: Dialect) -> ModelWriter:
    """Return the writer for a dialect, the same one for an equal dialect.

    Keep it where it is used at each call: the look-up hashes the dialect.
    """
    return ModelWriter(dialect)


class ModelWriter:
    """Writes models.

    Args:
        dialect: the choices that the guide leaves open.
    """

    def __init__(self, dialect: Dialect) -> None:
        converter = _converter(dialect)
        self._files_in_links = _files_in_links(dialect)
        self._write_campaign = converter.get_unstructure_hook(CampaignRequest)
        self._write_blacklist_entry = converter.get_unstructure_hook(BlacklistEntry)

    def campaign(
        self, request: CampaignRequest, *, start_now: bool | None = None
    ) -> dict[str, Any]:
        """Return the JSON object of a campaign request (Guide: 2.1).

        Args:
            request: the request.
            start_now: what is written instead of the request's own; None for the request's.
        """
        body: dict[str, Any] = self._write_campaign(request)
        if start_now is not None:
            body[_START_NOW] = start_now
        for file, name in self._files_in_links.items():
            links = [link for link in body.get(_LINKS, ()) if name in link]
            if links and file in body:
                content = body.pop(file)
                for link in links:
                    link[file] = content
        return body

    def blacklist_entry(self, entry: BlacklistEntry) -> dict[str, Any]:
        """Return the JSON object of a number to add to the blacklist (Guide: 2.9)."""
        body: dict[str, Any] = self._write_blacklist_entry(entry)
        return body


def _converter(dialect: Dialect) -> Converter:
    converter = Converter()
    for scalar in (str, bool, int):
        # cattrs makes no call for an attribute whose hook is `identity`.
        converter.register_unstructure_hook(scalar | None, identity)
    special: dict[type[Any], dict[str, Callable[[Any], Any]]] = {
        BlacklistEntry: {},
        Recipient: {"fields": _extended_keys_writer(dialect)},
        TinyUrl: {"end_of_life": _end_of_life_writer(dialect)},
        CampaignRequest: {
            "msg": _composed,
            "list_ids": _lists_id_writer(dialect),
            "schedule_on": _schedule_writer(dialect),
            "check_duplicate": _check_duplicate_writer(dialect),
            "image_preview": _base64_text,
            "zip_local": _base64_text,
        },
    }
    for model, writers in special.items():
        names = WIRE_NAMES[model]
        if model is CampaignRequest:
            names = {**names, "zip_local": dialect.zip_local_field}
        converter.register_unstructure_hook(model, _object_writer(model, names, writers, converter))
    return converter


def _object_writer(
    model: type[Any],
    names: Mapping[str, str],
    writers: Mapping[str, Callable[[Any], Any]],
    converter: Converter,
) -> Callable[[Any], dict[str, Any]]:
    overrides: dict[str, Any] = {
        name: override(
            rename=wire,
            unstruct_hook=writers.get(name),
            omit_if_default=(model, name) not in _ALWAYS,
        )
        for name, wire in names.items()
    }
    present = {attribute.name for attribute in fields(model)}
    overrides |= {name: override(omit=True) for name in _NEVER & present}
    return make_dict_unstructure_fn(model, converter, **overrides)


def _composed(text: str) -> str:
    # A letter and its accent as two characters are not GSM-7: the message would become UCS-2, in
    # segments of less than half the length.
    return unicodedata.normalize("NFC", text)


def _files_in_links(dialect: Dialect) -> dict[str, str]:
    """Return the names of the files that go into links, each with the field that asks for it."""
    image = WIRE_NAMES[CampaignRequest]["image_preview"]
    files = {}
    if dialect.image_preview_in == "link":
        files[image] = WIRE_NAMES[TinyUrl]["image_name"]
    if dialect.zip_local_in == "link":
        files[dialect.zip_local_field] = WIRE_NAMES[TinyUrl]["local_html"]
    return files


def _check_duplicate_writer(dialect: Dialect) -> Callable[[bool], Any]:
    if dialect.check_duplicate_as == "boolean":
        return identity
    words = ("FALSE", "TRUE") if dialect.check_duplicate_as == "capitals" else ("false", "true")
    return lambda is_checked: words[is_checked]


def _lists_id_writer(dialect: Dialect) -> Callable[[tuple[int, ...]], Any]:
    return (lambda ids: ids[0]) if dialect.lists_id_as_scalar else list


def _extended_keys_writer(dialect: Dialect) -> Callable[[Mapping[str, Any]], Any]:
    if dialect.extended_keys_as == "object":
        return lambda fields: [{name: _as_text(value) for name, value in fields.items()}]
    return lambda fields: [
        {"keyName": name, "keyValue": _as_text(value)} for name, value in fields.items()
    ]


def _as_text(value: object) -> str:
    value = plain_cell(value)
    return "" if value is None else str(value)


def _schedule_writer(dialect: Dialect) -> Callable[[datetime], str]:
    return lambda moment: to_schedule_text(_past_noon(moment, dialect), dialect.schedule_tz)


def _past_noon(moment: datetime, dialect: Dialect) -> datetime:
    if not is_twelve_oclock(moment, dialect):
        return moment
    if dialect.twelve_oclock == "shift":
        local = to_whole_second(moment).astimezone(dialect.schedule_tz)
        return local.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    if dialect.twelve_oclock == "warn":
        warnings.warn(
            "the server may read a schedule between 12:00 and 12:59 as half a day earlier and "
            "send at once: choose another hour, or Dialect(twelve_oclock='shift')",
            TwelveOClockWarning,
            stacklevel=_level_of_the_caller(),
        )
    return moment


def is_twelve_oclock(moment: datetime, dialect: Dialect) -> bool:
    """Whether the hour that would be written is 12, which the pattern's `hh` reads as midnight."""
    return to_whole_second(moment).astimezone(dialect.schedule_tz).hour == _NOON


class TwelveOClockWarning(UserWarning):
    """A schedule between 12:00 and 12:59, which the server may read half a day earlier."""


def _level_of_the_caller() -> int:
    """Return the `stacklevel` of the caller outside of this package and of cattrs."""
    level, frame = 0, inspect.currentframe()
    while frame and frame.f_globals.get("__name__", "cattrs").partition(".")[0] in _INSIDE:
        level, frame = level + 1, frame.f_back
    return level


def _end_of_life_writer(dialect: Dialect) -> Callable[[int | date], Any]:
    as_date = dialect.end_of_life_as == "date"

    def write(life: int | date) -> int | str:
        today = datetime.now(dialect.server_tz).date()
        if isinstance(life, int):
            return _day_text(today + timedelta(days=life)) if as_date else life
        day = life.astimezone(dialect.server_tz).date() if isinstance(life, datetime) else life
        return _day_text(day) if as_date else (day - today).days

    return write


def _day_text(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def _base64_text(data: bytes | str | None) -> str | None:
    return base64.b64encode(data).decode("ascii") if isinstance(data, bytes) else data
