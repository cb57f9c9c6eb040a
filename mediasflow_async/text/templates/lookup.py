"""Where the value of a field comes from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRACK: Final = re.compile(r"track_[1-9][0-9]*")


def is_track(name: str) -> bool:
    """Tell whether the platform fills this field with a short link. Guide: 2.1 (tinyList)."""
    return _TRACK.fullmatch(name.strip()) is not None


def look_up(
    name: str, fields: Mapping[str, object], defaults: Mapping[str, object]
) -> object | None:
    """Return the value of exactly this field, or its default where it is empty or missing.

    None where there is neither. Guide: 2.1 (defaultForHeader).
    """
    value = fields.get(name)
    if value is not None and value != "":
        return value
    default = defaults.get(name)
    if default is not None:
        return default
    return "" if name in fields else None


def look_up_loosely(
    name: str, fields: Mapping[str, object], defaults: Mapping[str, object]
) -> object | None:
    """Return the value of a field whose name differs in case or in blanks around it alone.

    The guide writes `${FIRSTNAME}` for a recipient's `firstName`, and does not say what the
    platform makes of it. Guide: 2.1.
    """
    wanted = fold(name)
    names = filter(None, (*fields, *defaults))  # `csv.DictReader` puts surplus cells under None
    alike = (key for key in names if fold(key) == wanted)
    return next((look_up(key, fields, defaults) for key in alike), None)


def fold(name: str) -> str:
    """Return `name` in the form in which names that differ in case and blanks are equal."""
    return name.strip().casefold()
