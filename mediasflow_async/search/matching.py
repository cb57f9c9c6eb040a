"""Searches evaluated here: by the sandbox in full, by the client as far as it can be sure."""

from __future__ import annotations

import operator as compare
import re
import warnings
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import cast

from mediasflow_async.search.expression import (
    And,
    Comparison,
    Expression,
    Operator,
    Or,
    Prefix,
    Raw,
    SearchSyntaxError,
)
from mediasflow_async.search.parser import parse
from mediasflow_async.search.selectors import report_forms


def matches(search: Expression, row: Mapping[str, object]) -> bool:
    """Tell whether `search` finds `row`.

    `=re=` finds its pattern anywhere in the value. `=lt=` and its kin compare numbers as numbers
    and anything else as text. A missing value is found by `!=` and `=out=` only.

    Args:
        search: what `parse` or the selectors give.
        row: `{"item": ..., "type": ..., "msg": ..., "fields": {KEY: ...}}`.

    Raises:
        SearchSyntaxError: an `=re=` pattern or raw text cannot be read.
    """
    match search:
        case And(operands):
            return all(matches(operand, row) for operand in operands)
        case Or(operands):
            return any(matches(operand, row) for operand in operands)
        case Comparison(selector, operator, values):
            return _holds(operator, _value(selector, row), values)
        case Prefix(selector, prefix):
            return (_value(selector, row) or "").startswith(prefix)
        case Raw(text):
            return matches(parse(text), row)
        case _:
            raise TypeError(f"not a search: {type(search).__name__}")


def may_match(search: Expression, row: Mapping[str, object]) -> bool:
    """Tell whether the server can have meant `row` as an answer to `search`.

    Only prefixes are looked at: `item.startswith("3368581")` is sent in a form that finds more
    than it should. How the server compares anything else is its own affair, so that is taken as
    true, as is a prefix of a value that `row` does not show. Guide: 2.6.
    """
    match search:
        case And(operands):
            return all(may_match(operand, row) for operand in operands)
        case Or(operands):
            return any(may_match(operand, row) for operand in operands)
        case Prefix(selector, prefix):
            return any(form.startswith(prefix) for form in _forms(selector, row) or (prefix,))
        case _:
            return True


def _forms(selector: str, row: Mapping[str, object]) -> tuple[str, ...]:
    value = _value(selector, row)
    if value is None:
        return ()
    return report_forms(value) if selector == "item" else (value,)


def _value(selector: str, row: Mapping[str, object]) -> str | None:
    if selector in row:
        return _text(row[selector])
    parent, _, key = selector.partition(".")
    nested = row.get(parent)
    return (
        _text(cast("Mapping[str, object]", nested).get(key))
        if isinstance(nested, Mapping)
        else None
    )


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _holds(operator: Operator, value: str | None, wanted: tuple[str, ...]) -> bool:
    if operator in {Operator.NOT_EQUAL, Operator.NOT_IN}:
        return value not in wanted
    if operator in {Operator.EQUAL, Operator.IN}:
        return value in wanted
    if operator is Operator.REGEX:
        pattern = compile_pattern(wanted[0])
        return value is not None and pattern.search(value) is not None
    return value is not None and bool(_ORDERED[operator](_order(value, wanted[0]), 0))


_ORDERED = {
    Operator.LESS: compare.lt,
    Operator.LESS_OR_EQUAL: compare.le,
    Operator.GREATER: compare.gt,
    Operator.GREATER_OR_EQUAL: compare.ge,
}

_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?")


def _order(left: str, right: str) -> int:
    """Return -1, 0 or 1 as `left` comes before, with or after `right`."""
    if _NUMBER.fullmatch(left) and _NUMBER.fullmatch(right):
        return int(Decimal(left).compare(Decimal(right)))
    return (left > right) - (left < right)


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile an `=re=` pattern.

    Raises:
        SearchSyntaxError: it is no regular expression, or one that could take very long: over
            200 characters, too many repeats or choices, or such inside a repeated group.
    """
    _refuse_slow(pattern)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(pattern)
    except re.error as error:
        reason = f"not a regular expression: {error.msg}"
        raise SearchSyntaxError(reason, pattern, error.pos or 0) from None
    except (OverflowError, RecursionError):
        raise SearchSyntaxError("the regular expression is too large", pattern, 0) from None


MAX_LENGTH = 200

MAX_REPEATS = 2
"""How often a pattern may say `*`, `+` or `{}`: each multiplies the time by the text's length."""

MAX_CHOICES = 10
"""How often a pattern may say `?` or `|`: each may double the time."""

_TOKEN = re.compile(
    r"""
      (?P<plain> \\. | \[\^?\]?(?:\\.|[^\]\\])*\] )   # an escape, or a class such as [a-z]
    | (?P<open> \( (?:\?[:=!])? )
    | (?P<close> \) )
    | (?P<repeat> (?: [*+] | \{[0-9,]+\} ) [?+]? )
    | (?P<choice> [|?] )
    """,
    re.VERBOSE | re.DOTALL,
)


def _refuse_slow(pattern: str) -> None:
    if len(pattern) > MAX_LENGTH:
        raise SearchSyntaxError(f"more than {MAX_LENGTH} characters", pattern, MAX_LENGTH)
    counts = Counter[str]()
    groups = [False]
    closed_varying_at = -1
    for token in _TOKEN.finditer(pattern):
        kind = token.lastgroup or ""
        counts[kind] += 1
        if counts["repeat"] > MAX_REPEATS or counts["choice"] > MAX_CHOICES:
            reason = f"more than {MAX_REPEATS} repeats or {MAX_CHOICES} choices"
            raise SearchSyntaxError(reason, pattern, token.start())
        if kind == "repeat" and token.start() == closed_varying_at:
            reason = "a repeated group may hold no repeat and no choice"
            raise SearchSyntaxError(reason, pattern, token.start())
        if _close_varying(groups, kind):
            closed_varying_at = token.end()


def _close_varying(groups: list[bool], kind: str) -> bool:
    """Follow one token through the open groups; tell whether it closes one that varies."""
    if kind == "open":
        groups.append(False)
    elif kind in {"repeat", "choice"}:
        groups[-1] = True
    elif kind == "close" and len(groups) > 1:
        varies = groups.pop()
        groups[-1] |= varies
        return varies
    return False
