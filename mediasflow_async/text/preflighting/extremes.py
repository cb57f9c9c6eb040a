"""The lightest and the heaviest message that a list can give (Guide: 2.11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import evolve, frozen

from mediasflow_async.text.encoding import Encoding
from mediasflow_async.text.preflighting.composing import Composer
from mediasflow_async.text.preflighting.plan import Plan
from mediasflow_async.text.preflighting.sizes import LongMessage, Size, size_of
from mediasflow_async.text.preflighting.uploaded import UploadedColumn
from mediasflow_async.text.templates.syntax import SYNTAXES

__all__ = ["Extremes", "extremes"]

_HEAVY: Final = {Encoding.GSM7: "€", Encoding.UCS2: "\N{GRINNING FACE}"}
"""A character of two units that no segment may part."""
_MOST_ESCAPED: Final = '"'
"""The character with the longest of HTML's escapes, `&quot;`."""


@frozen
class Extremes:
    """Sizes between which every message of a list lies.

    Attributes:
        lightest: with every cell empty.
        shown: with the longest cell of each column, as it is.
        longest: that message.
        heaviest: with cells of the same length, of the characters that take most.
        are_bounds: whether that is certain; not for a template that computes.
    """

    lightest: Size
    shown: Size
    longest: LongMessage
    heaviest: Size
    are_bounds: bool


def extremes(plan: Plan, columns: Mapping[str, UploadedColumn]) -> Extremes:
    """Return the extremes of the messages that a list with these columns can give."""
    composer = plan.composer
    syntax = SYNTAXES[composer.renderer]
    longest = _text(composer, {name: column.longest for name, column in columns.items()})
    shown = size_of(longest)
    others = {name: text for name, text in composer.defaults.items() if name not in columns}
    lightest = _text(evolve(composer, defaults=others), dict.fromkeys(columns, ""))
    return Extremes(
        size_of(lightest),
        shown,
        LongMessage(None, shown.encoding, shown.units, shown.segments, longest),
        max(shown, size_of(_text(composer, _heaviest_row(plan, columns)))),
        are_bounds=not composer.fields or syntax.is_plain(composer.template),
    )


def _text(composer: Composer, row: Mapping[str, str]) -> str:
    return composer.settle(composer.compose(row))


def _heaviest_row(plan: Plan, columns: Mapping[str, UploadedColumn]) -> dict[str, str]:
    composer = plan.composer
    cell = _HEAVY[Encoding.UCS2 if plan.allows(Encoding.UCS2) else Encoding.GSM7]
    if composer.replaces:
        cell *= 2  # as for an ellipsis, which becomes three dots
    if SYNTAXES[composer.renderer].escapes:
        cell = _MOST_ESCAPED + cell
    defaults = {name: len(composer.defaults.get(name, "")) for name in columns}
    return {
        name: cell * (max(column.length, defaults[name]) if column.length else 0)
        for name, column in columns.items()
    }
