"""The names that a search can compare: `item`, `type`, `msg` and the recipient's own fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from mediasflow_async.search.expression import Comparison, Expression, Operator, Prefix, Raw
from mediasflow_async.text.phones import InvalidPhone, check_phone

if TYPE_CHECKING:
    from collections.abc import Iterable

Value = str | int | float


@frozen(eq=False)
class Selector:
    """A name to compare: `field("REF") == "x"` is the search `fields.REF==x`.

    `==`, `!=`, `<`, `<=`, `>` and `>=` give a `Comparison`, not a truth value.
    """

    name: str

    def __eq__(self, value: object) -> Comparison:  # type: ignore[override]  # builds a search
        return self._compare(Operator.EQUAL, value)

    def __ne__(self, value: object) -> Comparison:  # type: ignore[override]  # builds a search
        return self._compare(Operator.NOT_EQUAL, value)

    def __lt__(self, value: Value) -> Comparison:
        return self._compare(Operator.LESS, value)

    def __le__(self, value: Value) -> Comparison:
        return self._compare(Operator.LESS_OR_EQUAL, value)

    def __gt__(self, value: Value) -> Comparison:
        return self._compare(Operator.GREATER, value)

    def __ge__(self, value: Value) -> Comparison:
        return self._compare(Operator.GREATER_OR_EQUAL, value)

    def __hash__(self) -> int:
        return hash(self.name)

    def __call__(self, number: str) -> Expression:
        """Return `phone(number)`: `item("+33685812475")`."""
        return self.phone(number)

    def _compare(self, operator: Operator, *values: object) -> Comparison:
        return Comparison(self.name, operator, [_text(value) for value in values])

    def is_in(self, values: Iterable[Value]) -> Comparison:
        """Search for any of `values`: `type_.is_in(["P2P", "BCAST_MKG"])`."""
        return self._compare(Operator.IN, *values)

    def not_in(self, values: Iterable[Value]) -> Comparison:
        """Search for none of `values`."""
        return self._compare(Operator.NOT_IN, *values)

    def matches(self, pattern: str) -> Comparison:
        """Search with a regular expression, found anywhere in the value: `=re=`. Guide: 2.6."""
        return self._compare(Operator.REGEX, pattern)

    def startswith(self, prefix: str) -> Prefix:
        """Search for values that begin with `prefix`: `item.startswith("3368581")`. Guide: 2.6."""
        return Prefix(self.name, prefix)

    def phone(self, number: str) -> Expression:
        """Search for a phone number in its national and its international form.

        The guide's examples use both, `0685812475` and `3368581*`, without saying which one the
        reports hold.

        Raises:
            InvalidPhone: `number` is no phone number.
        """
        first, *others = (self == form for form in written_forms(number))
        search: Expression = first
        for other in others:
            search |= other
        return search


def field(key: str) -> Selector:
    """Return the selector of a recipient's own field (a CSV column): `fields.KEY`. Guide: 2.6."""
    return Selector(f"fields.{key}")


def raw(text: str) -> Raw:
    """Return `text` as a search that is sent as it is, without any check."""
    return Raw(text)


item = Selector("item")
"""The address that the message went to: a phone number for an SMS. Guide: 2.6."""

msg = Selector("msg")
"""The text of the message. Guide: 2.6."""

type_ = Selector("type")
"""The route: `BCAST_MKG` for marketing, `P2P` for notifications. Guide: 2.6."""


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int | float):
        return repr(value)
    raise TypeError(f"a search compares with text or numbers, not with {type(value).__name__}")


def written_forms(number: str) -> tuple[str, ...]:
    """Return the national form, where it is known, and the international one without `+`.

    `+33685812475` and `0685812475` both give `("0685812475", "33685812475")`.

    Raises:
        InvalidPhone: `number` is no phone number.
    """
    known = check_phone(number)
    international = known.e164.removeprefix("+")
    return (known.national, international) if known.national else (international,)


def report_forms(value: str) -> tuple[str, ...]:
    """Return every form in which the server may know the number that a report shows as `value`."""
    try:
        return (value, *written_forms(value))
    except InvalidPhone:
        return (value,)
