"""A search as a tree of comparisons joined by and (`;`) and or (`,`), and how it is written.

There are two ways to write a value. `rsql` is the language of the parser that the API seems to use:
a value is plain, or in quotes with backslash escapes. `fiql` is the older language that the guide
names: nothing is quoted, and special characters are percent-encoded. Guide: 2.6.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from enum import StrEnum
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote as percent_encode
from urllib.parse import unquote as percent_decode

from attrs import Attribute, field, frozen
from attrs.validators import min_len

from mediasflow_async.models.values import ENCODABLE_RULE, is_encodable
from mediasflow_async.secrecy import mask_phone

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "RESERVED",
    "And",
    "Comparison",
    "Expression",
    "Operator",
    "Or",
    "Prefix",
    "QuoteStyle",
    "Raw",
    "RegexStyle",
    "SearchSyntaxError",
    "Style",
    "read_plain",
    "read_quoted",
    "to_text",
]

QuoteStyle = Literal["rsql", "fiql"]
"""How values are written: `rsql` quotes special ones, `fiql` percent-encodes them. Guide: 2.6."""

RegexStyle = Literal["guide", "regex"]
"""How a prefix is written: `guide` as `3368581*`, `regex` as `^3368581`. Guide: 2.6."""


def to_text(
    search: Expression | str,
    *,
    quote_style: QuoteStyle = "rsql",
    regex_style: RegexStyle = "guide",
) -> str:
    """Return the text to send for `search`; a text stays as it is. Guide: 2.6.

    Args:
        search: an expression, or a search that is already written.
        quote_style: `rsql` quotes special values, `fiql` percent-encodes them.
        regex_style: `guide` writes a prefix as `3368581*`, `regex` as `^3368581`.

    Raises:
        ValueError: a value or a prefix cannot be written in the chosen style.
    """
    if isinstance(search, str):
        return search
    return search.write(Style(quote_style=quote_style, regex_style=regex_style))


@frozen
class Style:
    """The two choices that the guide leaves open when a search is written. Guide: 2.6.

    Attributes:
        quote_style: `rsql` quotes special values, `fiql` percent-encodes them.
        regex_style: `guide` writes a prefix as `3368581*`, `regex` as `^3368581`.
    """

    quote_style: QuoteStyle = "rsql"
    regex_style: RegexStyle = "guide"


class Expression(ABC):
    """A search, or a part of one. `&` and `|` join two, and `str()` gives the text to send."""

    __slots__ = ()

    @abstractmethod
    def write(self, style: Style, /) -> str:
        """Return the text of this expression."""

    def __and__(self, other: Expression) -> And:
        return And((self, other))

    def __or__(self, other: Expression) -> Or:
        return Or((self, other))

    def __str__(self) -> str:
        return self.write(Style())

    def __bool__(self) -> bool:
        raise TypeError(
            "a search is neither true nor false: join searches with & and |, not with and, or"
        )


class Operator(StrEnum):
    """A comparison operator; its value is how it is written.

    All are from RSQL but `REGEX`, which is the API's own. Guide: 2.6.
    """

    EQUAL = "=="
    NOT_EQUAL = "!="
    REGEX = "=re="
    LESS = "=lt="
    LESS_OR_EQUAL = "=le="
    GREATER = "=gt="
    GREATER_OR_EQUAL = "=ge="
    IN = "=in="
    NOT_IN = "=out="

    @property
    def takes_many(self) -> bool:
        """Whether a group of values may follow, as in `type=in=(P2P,BCAST_MKG)`."""
        return self in {Operator.IN, Operator.NOT_IN}


def _check_selector(_: Comparison | Prefix, __: Attribute[str], name: str) -> None:
    if not _is_plain(name):
        raise ValueError(
            f"a search cannot name {name!r}: no spaces, quotes or any of ( ) ; , = < > ! ~"
        )


def _check_values(
    comparison: Comparison, _: Attribute[tuple[str, ...]], values: tuple[str, ...]
) -> None:
    if not values or (len(values) > 1 and not comparison.operator.takes_many):
        wanted = "at least one value" if comparison.operator.takes_many else "exactly one value"
        raise ValueError(f"{comparison.operator.value} takes {wanted}, {len(values)} given")


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _masked_repr(value: object) -> str:
    return _mask_numbers(repr(value))


@frozen(str=False)
class Comparison(Expression):
    """A selector, an operator and its values, such as `fields.REF==DRAFT`. Guide: 2.6.

    Attributes:
        selector: `item`, `type`, `msg` or `fields.KEY`.
        operator: how the value is compared.
        values: one text, or several after `=in=` and `=out=`.

    Raises:
        ValueError: the selector has a reserved character, or the operator does not take so many
            values.
    """

    selector: str = field(validator=_check_selector)
    operator: Operator = field(converter=Operator)
    values: tuple[str, ...] = field(converter=_texts, validator=_check_values, repr=_masked_repr)

    def write(self, style: Style, /) -> str:
        """Return the text of this comparison."""
        values = ",".join(_write_value(value, style.quote_style) for value in self.values)
        written = f"({values})" if self.operator.takes_many else values
        return f"{_write_name(self.selector, style.quote_style)}{self.operator.value}{written}"


_BEFORE_METACHARACTER = re.compile(r"[^\\.^$*+?{}\[\]()|]*")


@frozen(str=False)
class Prefix(Expression):
    """The value of `selector` begins with `prefix`.

    The language has no such operator, so `=re=` is used. The guide's examples leave open whether
    the server reads `3368581*` as a wildcard or as a regular expression, which finds more: hence
    two styles, and `may_match`, which removes the surplus rows from the answer. Guide: 2.6.

    Attributes:
        selector: `item`, `type`, `msg` or `fields.KEY`.
        prefix: the text with which the value begins; never empty.

    Raises:
        ValueError: `prefix` is empty, or the selector has a reserved character.
    """

    selector: str = field(validator=_check_selector)
    prefix: str = field(validator=min_len(1), repr=_masked_repr)

    def write(self, style: Style, /) -> str:
        """Return this prefix as an `=re=` comparison.

        Raises:
            ValueError: the guide's style has no way to write a prefix that begins with a
                metacharacter, such as `+`.
        """
        pattern = self._wildcard() if style.regex_style == "guide" else f"^{re.escape(self.prefix)}"
        return Comparison(self.selector, Operator.REGEX, (pattern,)).write(style)

    def _wildcard(self) -> str:
        # The prefix is cut before its first metacharacter, so that a wildcard and a regular
        # expression both find at least every match.
        known = _BEFORE_METACHARACTER.match(self.prefix)
        if known is None or not known[0]:
            msg = (
                f"a prefix that begins with {self.prefix[0]!r} needs regex_style='regex' "
                "(phone numbers are written without +)"
            )
            raise ValueError(msg)
        return f"{known[0]}*"


def _flat_and(operands: Iterable[Expression]) -> tuple[Expression, ...]:
    return _flat(And, operands)


def _flat_or(operands: Iterable[Expression]) -> tuple[Expression, ...]:
    return _flat(Or, operands)


def _flat(kind: type[And | Or], operands: Iterable[Expression]) -> tuple[Expression, ...]:
    parts: list[Expression] = []
    for operand in operands:
        parts.extend(operand.operands if isinstance(operand, kind) else (operand,))
    return tuple(parts)


@frozen(str=False)
class And(Expression):
    """A search in which every operand holds. Written with `;`, which binds tighter than `,`.

    Attributes:
        operands: two or more expressions, none of them an `And`.
    """

    operands: tuple[Expression, ...] = field(converter=_flat_and, validator=min_len(2))

    def write(self, style: Style, /) -> str:
        """Return the operands joined by `;`, in parentheses where they need them."""
        return ";".join(_grouped(operand, style, Or, Raw) for operand in self.operands)


@frozen(str=False)
class Or(Expression):
    """A search in which at least one operand holds. Written with `,`.

    Attributes:
        operands: two or more expressions, none of them an `Or`.
    """

    operands: tuple[Expression, ...] = field(converter=_flat_or, validator=min_len(2))

    def write(self, style: Style, /) -> str:
        """Return the operands joined by `,`."""
        return ",".join(_grouped(operand, style, Raw) for operand in self.operands)


def _grouped(operand: Expression, style: Style, *loose: type[Expression]) -> str:
    text = operand.write(style)
    return f"({text})" if isinstance(operand, loose) else text


@frozen(str=False)
class Raw(Expression):
    """Search text that is sent as it is, for what the other expressions cannot say.

    Attributes:
        text: the text.
    """

    text: str = field(repr=_masked_repr)

    def write(self, _style: Style, /) -> str:
        """Return the text unchanged."""
        return self.text


def _write_name(name: str, style: QuoteStyle) -> str:
    """Return a selector, such as `fields.REF`, as it is written."""
    return name if style == "rsql" else _percent_encoded(name)


def _write_value(value: str, style: QuoteStyle) -> str:
    """Return `value` with no more quoting than it needs.

    Raises:
        ValueError: `fiql` has no way to write the value: it is empty, or UTF-8 cannot encode it.
    """
    if style == "fiql":
        if not value:
            raise ValueError("an empty value cannot be written with quote_style='fiql'; use 'rsql'")
        return _percent_encoded(value, safe="*:")
    if _is_plain(value):
        return value
    escaped = _NEEDS_BACKSLASH.sub(r"\\\g<0>", value)
    return f'"{escaped}"'


def _percent_encoded(text: str, safe: str = "") -> str:
    if not is_encodable(text):
        raise ValueError(ENCODABLE_RULE)
    return percent_encode(text, safe=safe)


RESERVED = "\"'();,=<>!~"
_PLAIN = re.compile(rf"[^{RESERVED}\s\x00-\x1f\x7f]+")
_NEEDS_BACKSLASH = re.compile(r'[\\"]')


def _is_plain(text: str) -> bool:
    """Tell whether `text` needs no quotes in a search."""
    return _PLAIN.fullmatch(text) is not None


def read_plain(token: str, style: QuoteStyle) -> str:
    """Return the value of a token without quotes.

    Raises:
        UnicodeDecodeError: the percent-encoded bytes are not UTF-8.
    """
    return token if style == "rsql" else percent_decode(token, errors="strict")


_BACKSLASHED = re.compile(r"\\(.)", re.DOTALL)


def read_quoted(token: str) -> str:
    """Return the value of a token in single or double quotes, with backslash escapes."""
    return _BACKSLASHED.sub(r"\1", token[1:-1])


_SHOWN_AROUND = 40


class SearchSyntaxError(ValueError):
    """A search, or a regular expression in one, cannot be read. Guide: 2.6.

    Its text shows the position with a caret; phone numbers in it are masked.

    Attributes:
        reason: what is wrong, without the position.
        text: the text that was read, its numbers masked.
        position: index of the offending character in `text`, counted from 0.
    """

    def __init__(self, reason: str, text: str, position: int) -> None:
        self.reason = reason
        self.text = _mask_numbers(text)
        self.position = position
        super().__init__(reason, self.text, position)

    def __str__(self) -> str:
        start = max(0, self.position - _SHOWN_AROUND)
        shown = self.text[start : self.position + _SHOWN_AROUND]
        one_line = "".join(character if character.isprintable() else " " for character in shown)
        caret = " " * (self.position - start) + "^"
        return f"{self.reason} (character {self.position + 1})\n  {one_line}\n  {caret}"


_LONG_NUMBER = re.compile(r"\+?\d(?:[ .]?\d){5,}")


def _mask_numbers(text: str) -> str:
    """Return `text` with every number of six or more digits masked.

    The length stays the same, so that a position in `text` stays valid.
    """
    return _LONG_NUMBER.sub(lambda number: mask_phone(number[0]), text)
