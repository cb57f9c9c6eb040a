"""Templates of text and fields alone, rendered here: the fast path of every renderer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from mediasflow_async.text.templates.errors import MissingField
from mediasflow_async.text.templates.lookup import is_track, look_up, look_up_loosely

if TYPE_CHECKING:
    import re

    from mediasflow_async.text.templates.syntax import Syntax


@frozen
class Substitution:
    """A template cut into text and fields.

    Attributes:
        layout: the text, with `%s` in the place of each field.
        names: the field of each place.
        unfilled: what stands in each place without a value.
        escapes: what is replaced in the value of each place; empty when nothing is anywhere.
    """

    layout: str
    names: tuple[str, ...]
    unfilled: tuple[str, ...]
    escapes: tuple[Mapping[int, str], ...]

    def __call__(
        self, fields: Mapping[str, object], defaults: Mapping[str, object], *, strict: bool
    ) -> str:
        """Return the text for one recipient.

        Raises:
            MissingField: `strict`, and a field is neither in `fields` nor in `defaults`.
        """
        try:
            values = [fields[name] for name in self.names]
        except KeyError:
            values = self._values(fields, defaults, strict=strict)
        else:
            if not all(values):
                values = self._values(fields, defaults, strict=strict)
        if self.escapes:
            pairs = zip(values, self.escapes, strict=True)
            values = [str(value).translate(escapes) for value, escapes in pairs]
        return self.layout % tuple(values)

    def _values(
        self, fields: Mapping[str, object], defaults: Mapping[str, object], *, strict: bool
    ) -> list[object]:
        values = [look_up(name, fields, defaults) for name in self.names]
        if None not in values:
            return values
        if strict:
            check_missing(self.names, fields, defaults)
        places = zip(values, self.names, self.unfilled, strict=True)
        return [
            _first(value, look_up_loosely(name, fields, defaults), unfilled)
            for value, name, unfilled in places
        ]


def check_missing(
    names: tuple[str, ...], fields: Mapping[str, object], defaults: Mapping[str, object]
) -> None:
    """Raise `MissingField` with the names that have no value and that nobody else fills."""
    wanted = (name for name in dict.fromkeys(names) if not is_track(name))
    missing = [name for name in wanted if look_up(name, fields, defaults) is None]
    if missing:
        raise MissingField(*missing)


def _first(*values: object | None) -> object:
    return next(value for value in values if value is not None)


def compile_substitution(template: str, syntax: Syntax) -> Substitution:
    """Cut a plain template at its fields."""
    found = list(syntax.fields(template))
    cuts = [0, *(edge for field in found for edge in field.span()), len(template)]
    texts = [template[start:end] for start, end in zip(cuts[::2], cuts[1::2], strict=True)]
    escapes = tuple(
        (syntax.escapes or {}) if syntax.escapes_value(field) else {} for field in found
    )
    return Substitution(
        layout="%s".join(text.replace("%", "%%") for text in texts),
        names=tuple(field["name"] for field in found),
        unfilled=tuple(_unfilled(field, syntax) for field in found),
        escapes=escapes if any(escapes) else (),
    )


def _unfilled(field: re.Match[str], syntax: Syntax) -> str:
    if is_track(field["name"]):
        # Not as it is written where that would be escaped in its turn.
        return field[0] if syntax.escapes is None else f"${{{field['name']}}}"
    return field[0] if syntax.keeps_unknown and not field["quiet"] else ""
