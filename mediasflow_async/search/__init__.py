"""The search language of the period reports. Guide: 2.6.

A search is built from selectors or read by `parse`, written by `str()` or `to_text`, and evaluated
on the rows of a report by `matches` and `may_match`.

    >>> from mediasflow_async.search import field, item, msg, parse, type_
    >>> search = (field("REF") == "DRAFT") & item.startswith("3368581")
    >>> str(search)
    'fields.REF==DRAFT;item=re=3368581*'
    >>> parse("type==P2P, msg =re= Hello*") == ((type_ == "P2P") | msg.matches("Hello*"))
    True

The language is RSQL, a superset of FIQL, with an operator of its own, `=re=`.
"""

from __future__ import annotations

from mediasflow_async.search.expression import (
    And,
    Comparison,
    Expression,
    Operator,
    Or,
    Prefix,
    QuoteStyle,
    Raw,
    RegexStyle,
    SearchSyntaxError,
    to_text,
)
from mediasflow_async.search.matching import matches, may_match
from mediasflow_async.search.parser import parse
from mediasflow_async.search.selectors import Selector, field, item, msg, raw, type_

__all__ = [
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
    "Selector",
    "field",
    "item",
    "matches",
    "may_match",
    "msg",
    "parse",
    "raw",
    "to_text",
    "type_",
]
