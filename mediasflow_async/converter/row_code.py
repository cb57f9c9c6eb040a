"""A reader of rows written for one report: it does what every row of it needs, and no more.

It is compiled from a plan, as attrs compiles an `__init__`. It takes rows that are as they
should be, and leaves any other to a careful reader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import Factory, fields

from mediasflow_async.converter.row_plans import DATES, INTEGERS, RowPlan, is_own_number
from mediasflow_async.converter.row_values import (
    RowValues,
    international,
    number_or_text,
    own_fields,
)
from mediasflow_async.converter.scalars import read_int
from mediasflow_async.models import ReportRow, Track

__all__ = ["compile_reader"]

# It sets what `__init__` would set, in the same order: to pass so many arguments takes longer.
_CODE: Final = """\
def read({parameters}):
    try:
        ({cells}) = cells
        row = new(ReportRow)
        made = row.__dict__
        {settings}
    except (TypeError, ValueError):
        return read_carefully({parameters})
    return row
"""

# What is made of `{0}`, by kind: first where it is the text of a cell, then where it is JSON.
_OF_TEXT: Final = {
    "integer": "int({0}) if {0} else {1}",
    "date": "date_of_text({0}) if {0} else None",
    "mobile": "({0} if {0}[:1] == '+' else international({0})) or None",
    "text": "{0} or None",
}
_OF_JSON: Final = {
    "integer": "{0} if type({0}) is int else {1} if {0} is None or {0} == '' else integer({0})",
    "date": (
        "None if {0} is None or {0} == '' else date_of_text({0}) if type({0}) is str else date({0})"
    ),
    "mobile": "None if {0} is None or {0} == '' else international({0})",
    "text": "({0} or None) if type({0}) is str else None if {0} is None else text({0})",
    "tracks": "() if {0} is None or {0} == '' else tracks({0})",
    "fields": "{{}} if {0} is None or {0} == '' else own_fields({0})",
}
_DEFAULTS: Final = {"campaign_id": "campaign_id", "preview_count": "0"}

# Whether nobody has clicked on a link, by the date and by the counter of it.
_UNTOUCHED_TEXT: Final = "not {date} and (not {count} or {count} == '0')"
_UNTOUCHED_JSON: Final = (
    "({date} is None or {date} == '') and "
    "({count} is None or {count} == '' or {count} == '0' or type({count}) is int and not {count})"
)


def compile_reader(
    names: tuple[str, ...],
    plan: RowPlan,
    values: RowValues,
    campaign_id: int | None,
    read_carefully: Callable[..., ReportRow],
    *,
    keys: bool,
) -> Callable[..., ReportRow]:
    """Return a reader of the cells of a row, in the order of their names.

    Args:
        names: the columns of a CSV report, or the keys of a JSON row.
        plan: what they stand for.
        values: readers of dates and clicks.
        campaign_id: the campaign of rows that name none.
        read_carefully: reads what is not as it should be; it is called with the same arguments.
        keys: whether the names are those of a JSON row. The reader then takes the row itself, too.
    """
    cells = {name: f"c{number}" for number, name in enumerate(names)}
    forms = _absent() | _present(plan, cells, keys=keys)
    code = _CODE.format(
        parameters="cells, raw" if keys else "cells",
        cells="".join(f"{cell}, " for cell in cells.values()),
        settings="\n        ".join(f"made[{name!r}] = {form}" for name, form in forms.items()),
    )
    namespace: dict[str, Any] = {
        "ReportRow": ReportRow,
        "new": ReportRow.__new__,
        "campaign_id": campaign_id,
        "read_carefully": read_carefully,
        "integer": read_int,
        "text": number_or_text,
        "international": international,
        "own_fields": own_fields,
        "date": values.date,
        "date_of_text": values.date_of_text,
        "track": values.track,
        "tracks": values.tracks,
    }
    # Of what a server sends, the names alone are in the code, and as literals.
    namespace |= {_untouched(index): Track(index) for index, _, _ in plan.tracks}
    exec(compile(code, "<reader of report rows>", "exec"), namespace)  # noqa: S102
    read: Callable[..., ReportRow] = namespace["read"]
    return read


def _absent() -> dict[str, str]:
    """Return the attributes of a row that has none of them, each with its expression."""
    return {
        attribute.name: "{}" if attribute.default == Factory(dict) else f"{attribute.default!r}"
        for attribute in fields(ReportRow)
    }


def _present(plan: RowPlan, cells: Mapping[str, str], *, keys: bool) -> dict[str, str]:
    """Return the attributes that a report holds, each with the expression that makes it."""
    forms = _OF_JSON if keys else _OF_TEXT
    made = {
        role: forms[_kind(role, name)].format(cells[name], _DEFAULTS.get(role, "None"))
        for role, name in plan.roles.items()
    }
    own = "".join(f"{name!r}: {cells[name]}, " for name in plan.own)
    given = made.get("fields")
    made["fields"] = given if given and not own else f"{{{own}{f'**({given})' if given else ''}}}"
    if keys:
        made["raw"] = "raw"
    if plan.tracks:
        form = _UNTOUCHED_JSON if keys else _UNTOUCHED_TEXT
        made["tracks"] = f"({''.join(_track(track, cells, form) for track in plan.tracks)})"
    return {"campaign_id": "campaign_id", **made}


def _kind(role: str, name: str) -> str:
    if role in INTEGERS:
        return "integer"
    if role in DATES:
        return "date"
    if role == "mobile" and is_own_number(name):
        return "text"
    return role if role in _OF_JSON else "text"


def _track(
    track: tuple[int, str | None, str | None], cells: Mapping[str, str], untouched: str
) -> str:
    index, *names = track
    clicked_at, count = (cells[name] if name else "None" for name in names)
    is_untouched = untouched.format(date=clicked_at, count=count)
    return f"{_untouched(index)} if {is_untouched} else track({index}, {clicked_at}, {count}), "


def _untouched(index: int) -> str:
    """Return the name of the track that nobody has clicked on."""
    return f"untouched_{index}"
