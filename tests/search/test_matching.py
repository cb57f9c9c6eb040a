"""Searches evaluated on rows."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async.search import (
    SearchSyntaxError,
    field,
    item,
    matches,
    may_match,
    msg,
    parse,
    raw,
    to_text,
    type_,
)

ROW: dict[str, object] = {
    "item": "33685812475",
    "type": "P2P",
    "msg": "Hello Léa, votre colis est là",
    "status": 16,
    "fields": {"REF": "DRAFT", "AMOUNT": "17.50", "DATE": "2022-03-25", "VIP": True, "NOTE": None},
}


@pytest.mark.parametrize(
    "text",
    [
        "item==33685812475",
        "item =re= 3368581*",
        "item=re=^336858",
        "item=re=12475$",
        "type==P2P;msg=re=Hello*",
        "type==BCAST_MKG,fields.REF==DRAFT",
        "msg=re=colis",
        "msg=re='Hell[a-o] L.a'",
        'msg=re="^Hello (Léa|Léo),"',
        "fields.AMOUNT=gt=9",
        "fields.AMOUNT<=17.5",
        "fields.AMOUNT>=017.5",
        "fields.DATE=ge=2022-03-01;fields.DATE<2022-04",
        "fields.VIP==true",
        "status==16",
        "status=in=(16,21)",
        "status=out=(14)",
        "type!=BCAST_MKG",
        "fields.MISSING!=x",
        "fields.NOTE=out=(x,y)",
        "(item==0685812475,item==33685812475)",
    ],
)
def test_a_row_is_found(text: str) -> None:
    assert matches(parse(text), ROW)


@pytest.mark.parametrize(
    "text",
    [
        "item==0685812475",
        "item=re=^9",
        "type==p2p",
        "type==P2P;fields.REF==SENT",
        "fields.REF==DRAFT;fields.REF==value",
        "fields.ref==DRAFT",
        "fields.AMOUNT<17.5",
        "fields.AMOUNT>17.5",
        "fields.MISSING==x",
        "fields.MISSING=re=.*",
        "fields.MISSING<5",
        "fields.NOTE=in=(None)",
        "unknown==x",
        "item.REF==x",
    ],
)
def test_a_row_is_not_found(text: str) -> None:
    assert not matches(parse(text), ROW)


def test_the_guides_prefix_also_finds_what_does_not_begin_with_it() -> None:
    assert matches(parse("item=re=3368581*"), {"item": "33685899999"})
    assert not matches(item.startswith("3368581"), {"item": "33685899999"})


def test_flat_names_are_found_too() -> None:
    assert matches(field("REF") == "x", {"fields.REF": "x"})


def test_raw_text_is_evaluated_when_it_can_be_read() -> None:
    assert matches(raw("type ==P2P"), ROW)
    with pytest.raises(SearchSyntaxError):
        matches(raw("type=q=P2P"), ROW)


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "[",
        "a**",
        r"\p{L}",
        "(?P<a>x)(?P<a>y)",
        "a{99999999999}",
        "(" * 190,
        "x" * 201,
        "(a+)+$",
        "(a|a)*b",
        "((a?)b)*",
        "a*a*a*b",
        "a?" * 11,
    ],
)
def test_a_pattern_that_is_wrong_or_could_run_for_long_is_refused(pattern: str) -> None:
    with pytest.raises(SearchSyntaxError):
        matches(msg.matches(pattern), ROW)


@pytest.mark.parametrize("pattern", ["[*+]*", r"\(\+33\)", "(ab)+c", "[[a]", "(?:a|b) ?c", "[]*+]"])
def test_a_harmless_pattern_is_accepted(pattern: str) -> None:
    assert not matches(msg.matches(pattern), {"msg": None})


@pytest.mark.filterwarnings("ignore::FutureWarning")  # from re, on sets such as [[a]
@given(st.text(alphabet="ab*+?|(){},1[]\\.^$", max_size=30), st.text("ab", max_size=30))
def test_any_pattern_is_searched_or_refused_with_one_error(pattern: str, text: str) -> None:
    with suppress(SearchSyntaxError):
        assert matches(msg.matches(pattern), {"msg": text}) == bool(re.search(pattern, text))


@given(st.text(alphabet="0123456789", min_size=1, max_size=12), st.text("0123456789", max_size=4))
def test_a_prefix_in_either_style_finds_all_that_begins_with_it(start: str, rest: str) -> None:
    search = item.startswith(start)
    row = {"item": start + rest}
    assert matches(search, row)
    assert matches(parse(str(search)), row)
    assert matches(parse(to_text(search, regex_style="regex")), row)
    assert may_match(search, row)


@given(st.text("a.+*?([\\ é", min_size=1), st.text())
def test_a_prefix_of_any_text_finds_all_that_begins_with_it(start: str, rest: str) -> None:
    search = msg.startswith(f"x{start}")
    row = {"msg": f"x{start}{rest}"}
    assert matches(parse(str(search)), row)
    assert matches(parse(to_text(search, regex_style="regex")), row)


@pytest.mark.parametrize("shown", ["33685812475", "+33685812475", "0685812475", "06 85 81 24 75"])
@pytest.mark.parametrize("prefix", ["3368581", "068581"])
def test_the_client_keeps_a_row_whatever_form_its_number_has(shown: str, prefix: str) -> None:
    assert may_match(item.startswith(prefix), {"item": shown})


def test_the_client_drops_only_what_a_prefix_rules_out() -> None:
    search = item.startswith("3368581") & (type_ == "BCAST_MKG")
    assert not may_match(search, ROW | {"item": "33685899999"})
    assert may_match(search, ROW), "how the server compares a type is not ours to judge"
    assert may_match(search, {}), "a row that shows no number may still be right"
    assert may_match(search | (type_ == "x"), ROW | {"item": "33685899999"})
    assert may_match(item.startswith("lea@"), {"item": "lea@example.com"})


def test_only_searches_are_evaluated() -> None:
    with pytest.raises(TypeError, match="not a search: str"):
        matches("item==1", ROW)  # type: ignore[arg-type]  # the refusal is the test
