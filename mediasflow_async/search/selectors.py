"""Selectors: `item`, `type_`, `msg` and the recipient's own fields, compared with operators.

Python's operators build a search: `field("REF") == "DRAFT"` is `fields.REF==DRAFT`. A phone number
is searched in each form in which the server may have it. Guide: 2.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from mediasflow_async.search.expression import Comparison, Expression, Operator, Prefix, Raw
from mediasflow_async.text.phones import InvalidPhone, check_phone

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Selector", "field", "item", "msg", "raw", "report_forms", "type_"]

_Value = str | int | float


@frozen(eq=False)
class Selector:
    """A name that a search compares: `field("REF") == "x"` is the search `fields.REF==x`.

    `==`, `!=`, `<`, `<=`, `>` and `>=` give a `Comparison`, not a truth value. Guide: 2.6.

    Attributes:
        name: the name as it is written in a search.
    """

    name: str

    def __eq__(self, value: object) -> Comparison:  # type: ignore[override]  # builds a search
        return self._compare(Operator.EQUAL, value)

    def __ne__(self, value: object) -> Comparison:  # type: ignore[override]  # builds a search
        return self._compare(Operator.NOT_EQUAL, value)

    def __lt__(self, value: _Value) -> Comparison:
        return self._compare(Operator.LESS, value)

    def __le__(self, value: _Value) -> Comparison:
        return self._compare(Operator.LESS_OR_EQUAL, value)

    def __gt__(self, value: _Value) -> Comparison:
        return self._compare(Operator.GREATER, value)

    def __ge__(self, value: _Value) -> Comparison:
        return self._compare(Operator.GREATER_OR_EQUAL, value)

    def __hash__(self) -> int:
        return hash(self.name)

    def __call__(self, number: str) -> Expression:
        """Return `phone(number)`: `item("+33685812475")`. Guide: 2.6."""
        return self.phone(number)

    def _compare(self, operator: Operator, *values: object) -> Comparison:
        return Comparison(self.name, operator, [_text(value) for value in values])

    def is_in(self, values: Iterable[_Value]) -> Comparison:
        """Search for any of `values`: `type_.is_in(["P2P", "BCAST_MKG"])`. Guide: 2.6."""
        return self._compare(Operator.IN, *values)

    def not_in(self, values: Iterable[_Value]) -> Comparison:
        """Search for anything but `values`. Guide: 2.6."""
        return self._compare(Operator.NOT_IN, *values)

    def matches(self, pattern: str) -> Comparison:
        """Search for values in which the regular expression `pattern` matches. Guide: 2.6."""
        return self._compare(Operator.REGEX, pattern)

    def startswith(self, prefix: str) -> Prefix:
        """Search for values that begin with `prefix`: `item.startswith("3368581")`. Guide: 2.6."""
        return Prefix(self.name, prefix)

    def phone(self, number: str) -> Expression:
        """Search for a phone number in its national and its international form.

        The guide's examples use both, `0685812475` and `3368581*`, and do not say which one the
        reports have. Guide: 2.6.

        Raises:
            InvalidPhone: `number` is no phone number.
        """
        first, *others = (self == form for form in _written_forms(number))
        search: Expression = first
        for other in others:
            search |= other
        return search


def field(key: str) -> Selector:
    """Return the selector of a recipient's own field (a CSV column): `fields.KEY`. Guide: 2.6."""
    return Selector(f"fields.{key}")


def raw(text: str) -> Raw:
    """Return `text` as a search that is sent as it is, without any check. Guide: 2.6."""
    return Raw(text)


item = Selector("item")
"""The address that the message was sent to: a phone number for an SMS. Guide: 2.6."""

msg = Selector("msg")
"""The text of the message. Guide: 2.6."""

type_ = Selector("type")
"""The route of the message: `BCAST_MKG` for marketing, `P2P` for notifications. Guide: 2.6."""


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int | float):
        return repr(value)
    raise TypeError(f"a search compares with text or numbers, not with {type(value).__name__}")


def _written_forms(number: str) -> tuple[str, ...]:
    """Return the national form, where it is known, and the international one without `+`.

    `+33685812475` and `0685812475` both give `("0685812475", "33685812475")`.

    Raises:
        InvalidPhone: `number` is no phone number.
    """
    known = check_phone(number)
    international = known.e164.removeprefix("+")
    return (known.national, international) if known.national else (international,)


def report_forms(value: str) -> tuple[str, ...]:
    """Return every form in which the server may have the number that a report shows as `value`."""
    try:
        return (value, *_written_forms(value))
    except InvalidPhone:
        return (value,)
