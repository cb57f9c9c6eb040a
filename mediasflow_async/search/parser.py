"""The parser of searches: a recursive descent over the text. Guide: 2.6.

The grammar, lowest precedence first, with optional blanks between the parts:

    or         = and *( "," and )
    and        = unit *( ";" unit )
    unit       = "(" or ")" / comparison
    comparison = selector operator ( value / "(" value *( "," value ) ")" )
    value      = plain / "double quoted" / 'single quoted'

The words `and` and `or` stand for `;` and `,`, as in the RSQL parser that the API seems to use.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from attrs import define

from mediasflow_async.search.expression import (
    RESERVED,
    And,
    Comparison,
    Expression,
    Operator,
    Or,
    QuoteStyle,
    SearchSyntaxError,
    read_plain,
    read_quoted,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MAX_DEPTH", "parse"]

MAX_DEPTH = 50
"""How many parentheses may be open at once, so that the recursion is bounded."""


def parse(text: str, *, quote_style: QuoteStyle = "rsql") -> Expression:
    """Return the expression that `text` is. Guide: 2.6.

    What a person may type is read too: blanks between the parts, `and` and `or`, `<` for `=lt=`,
    quotes of either kind, more parentheses than needed.

    Args:
        text: the search, not URL-encoded.
        quote_style: `fiql` also decodes percent-encoded characters.

    Raises:
        SearchSyntaxError: `text` is not a search. No text raises any other error.
    """
    parser = _Parser(text, quote_style)
    search = parser.either()
    parser.end()
    return search


_BLANKS = re.compile(r"[ \t\r\n]*")
_AND = re.compile(r";|and(?=[ \t\r\n(])")
_OR = re.compile(r",|or(?=[ \t\r\n(])")
_COMMA = re.compile(r",")
_OPEN = re.compile(r"\(")
_CLOSE = re.compile(r"\)")
_OPERATOR = re.compile(r"=[A-Za-z]*=|!=|[<>]=?")
_SELECTOR = re.compile(rf"[^{RESERVED} \t\r\n]+")
_PLAIN = {"rsql": _SELECTOR, "fiql": re.compile(r"[^\"();,<> \t\r\n]+")}
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", re.DOTALL)

_OPERATORS = {operator.value: operator for operator in Operator} | {
    "<": Operator.LESS,
    "<=": Operator.LESS_OR_EQUAL,
    ">": Operator.GREATER,
    ">=": Operator.GREATER_OR_EQUAL,
}

_Part = TypeVar("_Part")


@define
class _Parser:
    """A position in the text, with one method for each rule of the grammar.

    `either` and `both` are the rules `or` and `and`, which are keywords of Python.
    """

    text: str
    quote_style: QuoteStyle
    position: int = 0
    depth: int = 0

    def either(self) -> Expression:
        parts = self.listed(self.both, _OR)
        return Or(parts) if len(parts) > 1 else parts[0]

    def both(self) -> Expression:
        parts = self.listed(self.unit, _AND)
        return And(parts) if len(parts) > 1 else parts[0]

    def unit(self) -> Expression:
        opened_at = self.skip_blanks()
        if not self.take(_OPEN):
            return self.comparison()
        if self.depth == MAX_DEPTH:
            raise self.fail(f"more than {MAX_DEPTH} parentheses inside each other", opened_at)
        self.depth += 1
        search = self.either()
        self.need(_CLOSE, "; or , or the closing parenthesis")
        self.depth -= 1
        return search

    def comparison(self) -> Comparison:
        started_at = self.skip_blanks()
        selector = self.unescaped(
            self.need(_SELECTOR, "a name to compare, such as item or fields.REF")
        )
        operator = self.operator()
        values = self.values()
        try:
            return Comparison(selector, operator, values)
        except ValueError as error:
            raise self.fail(str(error), started_at) from None

    def operator(self) -> Operator:
        at = self.skip_blanks()
        written = self.need(_OPERATOR, f"an operator, one of {' '.join(Operator)}")
        if written not in _OPERATORS:
            raise self.fail(f"unknown operator {written}, not one of {' '.join(Operator)}", at)
        return _OPERATORS[written]

    def values(self) -> list[str]:
        if not self.take(_OPEN):
            return [self.value()]
        values = self.listed(self.value, _COMMA)
        self.need(_CLOSE, ", or the closing parenthesis")
        return values

    def value(self) -> str:
        if quoted := self.take(_QUOTED):
            return read_quoted(quoted)
        return self.unescaped(self.need(_PLAIN[self.quote_style], "a value"))

    def unescaped(self, token: str) -> str:
        try:
            return read_plain(token, self.quote_style)
        except UnicodeDecodeError:
            at = self.position - len(token)
            raise self.fail("the percent-encoded characters are not UTF-8", at) from None

    def end(self) -> None:
        if self.skip_blanks() < len(self.text):
            raise self.fail("expected ; or , or the end of the search")

    def listed(self, read: Callable[[], _Part], separator: re.Pattern[str]) -> list[_Part]:
        parts = [read()]
        while self.take(separator):
            parts.append(read())
        return parts

    def need(self, pattern: re.Pattern[str], what: str) -> str:
        token = self.take(pattern)
        if token is None:
            raise self.fail(f"expected {what}")
        return token

    def take(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self.text, self.skip_blanks())
        if found is None:
            return None
        self.position = found.end()
        return found[0]

    def skip_blanks(self) -> int:
        blanks = _BLANKS.match(self.text, self.position)
        self.position = blanks.end() if blanks else self.position
        return self.position

    def fail(self, reason: str, position: int | None = None) -> SearchSyntaxError:
        return SearchSyntaxError(reason, self.text, self.position if position is None else position)
