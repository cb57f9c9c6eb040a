"""Which name of a report plays which role in a row (Guide: 4).

The guide shows no JSON row, and a CSV report mixes the platform's columns with the user's own.
A plan is made once for each set of names: every name that plays no role is one of the user's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from attrs import frozen

from mediasflow_async.converter.names import NUMBER_COLUMNS

__all__ = ["DATES", "INTEGERS", "RowPlan", "is_own_number", "plan_of"]

# The platform's columns in a CSV report; letter case is not certain.
_COLUMNS: Final = {
    "REF_LIST": "list_name",
    "ID_LINE": "line",
    "INT_MOBILE": "mobile",
    "STATUS_CODE": "status_code",
    "STATUS_TEXT": "status_text",
    "DELIVERYDATE": "delivered_at",
    "REPLY": "reply",
    "PREVIEW": "previewed_at",
    "PREVIEW_COUNTER": "preview_count",
}

# Keys of a JSON row, after the selectors of the search language and the campaign object.
_KEYS: Final = {
    "campaignId": "campaign_id",
    "campainId": "campaign_id",
    "refList": "list_name",
    "idLine": "line",
    "item": "mobile",
    "type": "type",
    "msg": "message",
    "message": "message",
    "status": "status_code",
    "statusText": "status_text",
    "sendDate": "sent_at",
    "deliveryDate": "delivered_at",
    "reply": "reply",
    "preview": "previewed_at",
    "previewCounter": "preview_count",
    "tracks": "tracks",
    "fields": "fields",
}
_TRACK: Final = re.compile(r"TRACK_(\d{1,3})(_COUNTER)?", re.IGNORECASE)

INTEGERS: Final = frozenset({"campaign_id", "line", "status_code", "preview_count"})
"""Roles that are numbers."""

DATES: Final = frozenset({"sent_at", "delivered_at", "previewed_at"})
"""Roles that are dates."""


@frozen
class RowPlan:
    """What the names of a report stand for.

    Attributes:
        roles: name of each attribute of `ReportRow` that the report holds, by attribute.
        tracks: for each short link its index, and the names of its date and of its counter.
        own: the names of the user's, and those that nobody knows.
    """

    roles: Mapping[str, str]
    tracks: tuple[tuple[int, str | None, str | None], ...]
    own: tuple[str, ...]


def plan_of(names: tuple[str, ...], *, keys: bool) -> RowPlan:
    """Return the plan for columns of a CSV report, or with `keys` for those of a JSON row."""
    vocabulary = _COLUMNS | _KEYS if keys else _COLUMNS
    roles: dict[str, str] = {}
    for name in _exact_names_first(names, vocabulary):
        role = _role_of(name, vocabulary)
        if role and role not in roles:
            roles[role] = name
    if "mobile" not in roles and (own := next(filter(is_own_number, names), None)):
        roles["mobile"] = own
    tracks = _track_names(names)
    if tracks:
        roles.pop("tracks", None)
    taken = {*roles.values(), *(name for _, *pair in tracks for name in pair)}
    return RowPlan(roles, tracks, tuple(name for name in names if name not in taken))


def _exact_names_first(names: tuple[str, ...], vocabulary: Mapping[str, str]) -> list[str]:
    return sorted(names, key=lambda name: name not in vocabulary)


def _role_of(name: str, vocabulary: Mapping[str, str]) -> str | None:
    if name in vocabulary:
        return vocabulary[name]
    folded = {known.upper(): role for known, role in vocabulary.items()}
    return folded.get(name.strip().upper())


def is_own_number(name: str) -> bool:
    """Whether a column is the user's own one with the number, in whatever form it was uploaded."""
    return name.strip().lower() in NUMBER_COLUMNS


def _track_names(names: tuple[str, ...]) -> tuple[tuple[int, str | None, str | None], ...]:
    found: dict[int, list[str | None]] = {}
    for name in names:
        if match := _TRACK.fullmatch(name.strip()):
            found.setdefault(int(match[1]), [None, None])[1 if match[2] else 0] = name
    return tuple((index, dates, counts) for index, (dates, counts) in sorted(found.items()))
