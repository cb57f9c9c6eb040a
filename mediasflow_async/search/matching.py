"""Searches evaluated on the rows of a report.

The sandbox evaluates them in full (`matches`). The client only removes rows that the server cannot
have meant (`may_match`). A regular expression from a user is compiled only if it cannot run for
long: Python's `re` has no time limit, and some patterns take exponential time. Guide: 2.6.
"""

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

__all__ = ["matches", "may_match"]


def matches(search: Expression, row: Mapping[str, object]) -> bool:
    """Tell whether `search` finds `row`. Guide: 2.6.

    `=re=` finds its pattern anywhere in the value. `=lt=`, `=le=`, `=gt=` and `=ge=` compare
    numbers as numbers and anything else as text. Only `!=` and `=out=` find a missing value.

    Args:
        search: an expression, from `parse` or from the selectors.
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
    """Tell whether `row` can be an answer to `search`, or is sure to be a surplus one. Guide: 2.6.

    Only prefixes are checked: `item.startswith("3368581")` may be sent in a form that finds more
    than it should. Anything else is assumed to hold, since how the server compares is not known,
    as is a prefix of a value that `row` does not have.

    Args:
        search: an expression, from `parse` or from the selectors.
        row: as in `matches`.
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
        pattern = _compile_pattern(wanted[0])
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
def _compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the pattern of `=re=`, compiled.

    Raises:
        SearchSyntaxError: it is no regular expression, or one that could run for very long: it has
            over 200 characters, too many repeats or choices, or any inside a repeated group.
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


_MAX_LENGTH = 200

_MAX_REPEATS = 2
"""How many `*`, `+` and `{}` a pattern may have: each multiplies the time by the text's length."""

_MAX_CHOICES = 10
"""How many `?` and `|` a pattern may have: each may double the time."""

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
    if len(pattern) > _MAX_LENGTH:
        raise SearchSyntaxError(f"more than {_MAX_LENGTH} characters", pattern, _MAX_LENGTH)
    counts = Counter[str]()
    groups = [False]
    closed_varying_at = -1
    for token in _TOKEN.finditer(pattern):
        kind = token.lastgroup or ""
        counts[kind] += 1
        if counts["repeat"] > _MAX_REPEATS or counts["choice"] > _MAX_CHOICES:
            reason = f"more than {_MAX_REPEATS} repeats or {_MAX_CHOICES} choices"
            raise SearchSyntaxError(reason, pattern, token.start())
        if kind == "repeat" and token.start() == closed_varying_at:
            reason = "a repeated group may hold no repeat and no choice"
            raise SearchSyntaxError(reason, pattern, token.start())
        if _close_varying(groups, kind):
            closed_varying_at = token.end()


def _close_varying(groups: list[bool], kind: str) -> bool:
    """Update the stack of open groups with one token; tell whether it closes one that varies.

    A group varies if it has a repeat or a choice in it: repeating such a group can take exponential
    time.
    """
    if kind == "open":
        groups.append(False)
    elif kind in {"repeat", "choice"}:
        groups[-1] = True
    elif kind == "close" and len(groups) > 1:
        varies = groups.pop()
        groups[-1] |= varies
        return varies
    return False
