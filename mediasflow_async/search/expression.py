"""The tree of a search: comparisons joined by and (`;`) and or (`,`)."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from enum import StrEnum
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote as percent_encode
from urllib.parse import unquote as percent_decode

from attrs import Attribute, field, frozen
from attrs.validators import min_len

from mediasflow_async.secrecy import mask_phone

if TYPE_CHECKING:
    from collections.abc import Iterable

QuoteStyle = Literal["rsql", "fiql"]
RegexStyle = Literal["guide", "regex"]


def to_text(
    search: Expression | str,
    *,
    quote_style: QuoteStyle = "rsql",
    regex_style: RegexStyle = "guide",
) -> str:
    """Return the text to send for `search`; text stays as it is.

    Raises:
        ValueError: a value or a prefix cannot be written in the chosen style.
    """
    if isinstance(search, str):
        return search
    return search.write(Style(quote_style=quote_style, regex_style=regex_style))


@frozen
class Style:
    """The two choices in writing that the guide leaves open.

    Attributes:
        quote_style: `rsql` quotes special values, `fiql` percent-encodes them.
        regex_style: `guide` writes a prefix as `3368581*`, `regex` as `^3368581`.
    """

    quote_style: QuoteStyle = "rsql"
    regex_style: RegexStyle = "guide"


class Expression(ABC):
    """A search, or a part of one. Join them with `&` and `|`; `str()` gives the text to send."""

    __slots__ = ()

    @abstractmethod
    def write(self, style: Style, /) -> str:
        """Return the text of this part."""

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
    """A comparison operator, valued as it is written.

    All but `REGEX` come with the RSQL language; `REGEX` is the API's own. Guide: 2.6.
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
    if not is_plain(name):
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


def _hidden(value: object) -> str:
    return hide_digits(repr(value))


@frozen(str=False)
class Comparison(Expression):
    """`selector operator value`, such as `fields.REF==DRAFT`.

    Attributes:
        selector: `item`, `type`, `msg` or `fields.KEY`.
        operator: how the value is compared.
        values: one text, or several after `=in=` and `=out=`.

    Raises:
        ValueError: the selector has a reserved character, or the operator takes fewer values.
    """

    selector: str = field(validator=_check_selector)
    operator: Operator = field(converter=Operator)
    values: tuple[str, ...] = field(converter=_texts, validator=_check_values, repr=_hidden)

    def write(self, style: Style, /) -> str:
        """Return the text of this comparison."""
        values = ",".join(write_value(value, style.quote_style) for value in self.values)
        written = f"({values})" if self.operator.takes_many else values
        return f"{write_name(self.selector, style.quote_style)}{self.operator.value}{written}"


_BEFORE_METACHARACTER = re.compile(r"[^\\.^$*+?{}\[\]()|]*")


@frozen(str=False)
class Prefix(Expression):
    """The value of `selector` begins with `prefix`.

    The language has no such operator. It is written with `=re=`, in one of two styles, since the
    guide's own examples leave open whether `3368581*` is read as a wildcard or as a regular
    expression, which finds more. `may_match` takes the surplus out of the answer. Guide: 2.6.
    """

    selector: str = field(validator=_check_selector)
    prefix: str = field(validator=min_len(1), repr=_hidden)

    def write(self, style: Style, /) -> str:
        """Return this prefix as an `=re=` comparison.

        Raises:
            ValueError: the guide's style has no way to write a prefix that begins with a
                metacharacter, such as `+`.
        """
        pattern = self._wildcard() if style.regex_style == "guide" else f"^{re.escape(self.prefix)}"
        return Comparison(self.selector, Operator.REGEX, (pattern,)).write(style)

    def _wildcard(self) -> str:
        # Cut before the first metacharacter, so that both readings find at least every match.
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
    """Every operand holds. Written with `;`, which binds tighter than `,`."""

    operands: tuple[Expression, ...] = field(converter=_flat_and, validator=min_len(2))

    def write(self, style: Style, /) -> str:
        """Return the operands joined by `;`, in parentheses where they need them."""
        return ";".join(_grouped(operand, style, Or, Raw) for operand in self.operands)


@frozen(str=False)
class Or(Expression):
    """At least one operand holds. Written with `,`."""

    operands: tuple[Expression, ...] = field(converter=_flat_or, validator=min_len(2))

    def write(self, style: Style, /) -> str:
        """Return the operands joined by `,`."""
        return ",".join(_grouped(operand, style, Raw) for operand in self.operands)


def _grouped(operand: Expression, style: Style, *loose: type[Expression]) -> str:
    text = operand.write(style)
    return f"({text})" if isinstance(operand, loose) else text


@frozen(str=False)
class Raw(Expression):
    """Search text that is sent as it is, for what this module does not know."""

    text: str = field(repr=_hidden)

    def write(self, _style: Style, /) -> str:
        """Return the text unchanged."""
        return self.text


def write_name(name: str, style: QuoteStyle) -> str:
    """Write a selector such as `fields.REF`."""
    return name if style == "rsql" else percent_encode(name, safe="")


def write_value(value: str, style: QuoteStyle) -> str:
    """Write one value, with no more quoting than it needs.

    Raises:
        ValueError: the value is empty, which `fiql` has no way to write.
    """
    if style == "fiql":
        return _percent_encoded(value)
    if is_plain(value):
        return value
    escaped = _NEEDS_BACKSLASH.sub(r"\\\g<0>", value)
    return f'"{escaped}"'


RESERVED = "\"'();,=<>!~"
_PLAIN = re.compile(rf"[^{RESERVED}\s\x00-\x1f\x7f]+")
_NEEDS_BACKSLASH = re.compile(r'[\\"]')


def is_plain(text: str) -> bool:
    """Tell whether `text` can stand in a search without quotes."""
    return _PLAIN.fullmatch(text) is not None


def _percent_encoded(value: str) -> str:
    if not value:
        raise ValueError("an empty value cannot be written with quote_style='fiql'; use 'rsql'")
    return percent_encode(value, safe="*:")


def read_plain(token: str, style: QuoteStyle) -> str:
    """Read a token without quotes.

    Raises:
        UnicodeDecodeError: the percent-encoded bytes are not UTF-8.
    """
    return token if style == "rsql" else percent_decode(token, errors="strict")


_BACKSLASHED = re.compile(r"\\(.)", re.DOTALL)


def read_quoted(token: str) -> str:
    """Read a token in single or double quotes; a backslash makes any character plain."""
    return _BACKSLASHED.sub(r"\1", token[1:-1])


_PICTURE_RADIUS = 40


class SearchSyntaxError(ValueError):
    """A search, or a pattern inside one, cannot be read.

    Its text shows the place with a caret; phone numbers in it are half hidden.

    Attributes:
        reason: what is wrong, without the place.
        text: the text that was read, numbers half hidden.
        position: index of the offending character in `text`, counted from 0.
    """

    def __init__(self, reason: str, text: str, position: int) -> None:
        self.reason = reason
        self.text = hide_digits(text)
        self.position = position
        super().__init__(reason, self.text, position)

    def __str__(self) -> str:
        start = max(0, self.position - _PICTURE_RADIUS)
        picture = self.text[start : self.position + _PICTURE_RADIUS]
        one_line = "".join(character if character.isprintable() else " " for character in picture)
        caret = " " * (self.position - start) + "^"
        return f"{self.reason} (character {self.position + 1})\n  {one_line}\n  {caret}"


_LONG_NUMBER = re.compile(r"\+?\d(?:[ .]?\d){5,}")


def hide_digits(text: str) -> str:
    """Return `text` with every number of six digits and more half hidden.

    The length stays the same, so that a position in `text` still points at the same place.
    """
    return _LONG_NUMBER.sub(lambda number: mask_phone(number[0]), text)
