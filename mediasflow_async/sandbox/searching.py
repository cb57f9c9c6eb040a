"""The `search` parameter of period reports: the sandbox's one seam to `search` (Guide: 2.6)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mediasflow_async.sandbox import texts
from mediasflow_async.sandbox.errors import invalid
from mediasflow_async.search import And, Comparison, Expression, Operator, Or, matches, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from mediasflow_async.sandbox.messages import StoredMessage


def condition(written: str | None, regex_style: str) -> Callable[[StoredMessage], bool]:
    """Return what decides whether a message is found by the search `written`.

    The guide compares `item` with a national number in one example and an international one
    without `+` in the next: `==` and its kin take both, `=re=` sees the second.

    Raises:
        Refusal: 400, the search cannot be read.
    """
    if not written or not written.strip():
        return lambda _: True
    try:
        search = _adapted(parse(written), as_glob=regex_style == "glob")
    except ValueError:
        raise invalid("search", "search cannot be read", "MALFORMED_SEARCH") from None
    return lambda message: matches(search, _row(message))


def _adapted(search: Expression, *, as_glob: bool) -> Expression:
    match search:
        case And(operands):
            return And([_adapted(operand, as_glob=as_glob) for operand in operands])
        case Or(operands):
            return Or([_adapted(operand, as_glob=as_glob) for operand in operands])
        case Comparison(selector, Operator.REGEX, (pattern, *_)):
            return _checked(selector, _regex_of(pattern) if as_glob else pattern)
        case Comparison("item", operator, values):
            return Comparison("item", operator, tuple(map(_international, values)))
        case _:
            return search


def _checked(selector: str, pattern: str) -> Comparison:
    """Return a comparison with a pattern that can be read; a ValueError otherwise."""
    comparison = Comparison(selector, Operator.REGEX, (pattern,))
    matches(comparison, {})
    return comparison


def _regex_of(glob: str) -> str:
    return f"^{'.*'.join(map(re.escape, glob.split('*')))}$"


def _international(number: str) -> str:
    return (texts.e164(number) or number).removeprefix("+")


def _row(message: StoredMessage) -> dict[str, Any]:
    return {
        "item": message.mobile.removeprefix("+"),
        "type": message.type,
        "msg": message.text,
        "fields": message.fields,
    }
