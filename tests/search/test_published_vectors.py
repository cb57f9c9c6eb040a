"""The expressions that two other parsers of this language family publish with their tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mediasflow_async.search import (
    And,
    Comparison,
    Expression,
    Or,
    QuoteStyle,
    SearchSyntaxError,
    parse,
)

RSQL = json.loads(Path(__file__).with_name("vectors_rsql.json").read_text("utf-8"))
FIQL = json.loads(Path(__file__).with_name("vectors_fiql.json").read_text("utf-8"))


def tree(node: list[Any]) -> Expression:
    """Build the expression that a vector describes as nested lists."""
    kind, *rest = node
    if kind == "and":
        return And(map(tree, rest))
    if kind == "or":
        return Or(map(tree, rest))
    selector, values = rest
    return Comparison(selector, kind, values)


@pytest.mark.parametrize("vector", RSQL["accepted"], ids=lambda vector: vector["text"])
def test_rsql_is_read_like_its_reference_parser(vector: dict[str, Any]) -> None:
    assert parse(vector["text"]) == tree(vector["tree"])


@pytest.mark.parametrize("text", RSQL["rejected"])
def test_what_the_reference_parser_refuses_is_refused(text: str) -> None:
    with pytest.raises(SearchSyntaxError):
        parse(text)


@pytest.mark.parametrize("vector", FIQL["accepted"], ids=lambda vector: vector["text"])
def test_fiql_is_read_like_fiql_parser(vector: dict[str, Any]) -> None:
    assert parse(vector["text"], quote_style="fiql") == tree(vector["tree"])


@pytest.mark.parametrize("text", FIQL["rejected"])
@pytest.mark.parametrize("quote_style", ["rsql", "fiql"])
def test_what_fiql_parser_refuses_is_refused(text: str, quote_style: QuoteStyle) -> None:
    with pytest.raises(SearchSyntaxError):
        parse(text, quote_style=quote_style)


@pytest.mark.parametrize("vector", FIQL["differs"], ids=lambda vector: vector["text"])
def test_each_difference_from_fiql_parser_is_the_listed_one(vector: dict[str, Any]) -> None:
    if vector["ours"] is None:
        with pytest.raises(SearchSyntaxError):
            parse(vector["text"], quote_style="fiql")
    else:
        assert parse(vector["text"], quote_style="fiql") == tree(vector["ours"])
