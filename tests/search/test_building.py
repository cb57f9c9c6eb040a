"""Searches built with selectors and operators."""

from __future__ import annotations

import pytest
from attrs.exceptions import FrozenInstanceError

from mediasflow_async.search import (
    And,
    Comparison,
    Expression,
    Operator,
    Or,
    field,
    item,
    msg,
    parse,
    raw,
    to_text,
    type_,
)
from mediasflow_async.text import InvalidPhone

REF = field("REF") == "x"
DRAFT = field("REF") == "DRAFT"
P2P = type_ == "P2P"


@pytest.mark.parametrize(
    ("search", "text"),
    [
        (REF, "fields.REF==x"),
        (item == "0685812475", "item==0685812475"),
        (msg.matches("Hello*"), "msg=re=Hello*"),
        (field("N") != 3, "fields.N!=3"),
        (field("N") < 1.5, "fields.N=lt=1.5"),
        (field("N") <= 3, "fields.N=le=3"),
        (field("N") > -3, "fields.N=gt=-3"),
        (field("N") >= 3, "fields.N=ge=3"),
        (field("OPT_IN") == True, "fields.OPT_IN==true"),  # noqa: E712  builds a search
        (type_.is_in(["P2P", "BCAST_MKG"]), "type=in=(P2P,BCAST_MKG)"),
        (type_.not_in(["P2P"]), "type=out=(P2P)"),
        (REF & P2P, "fields.REF==x;type==P2P"),
        (REF | P2P, "fields.REF==x,type==P2P"),
        (REF | P2P & DRAFT, "fields.REF==x,type==P2P;fields.REF==DRAFT"),
        ((REF | P2P) & DRAFT, "(fields.REF==x,type==P2P);fields.REF==DRAFT"),
        (raw("a=q=1"), "a=q=1"),
        (raw("a=q=1") & REF, "(a=q=1);fields.REF==x"),
        (REF | raw("a=q=1"), "fields.REF==x,(a=q=1)"),
    ],
)
def test_operators_write_the_search_language(search: Expression, text: str) -> None:
    assert str(search) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Hello*", "Hello*"),
        ("l'été", '"l\'été"'),
        ("two words", '"two words"'),
        ("a;b", '"a;b"'),
        ('say "yes"', r'"say \"yes\""'),
        ("back\\slash", "back\\slash"),
        ("back\\slash (1)", r'"back\\slash (1)"'),
        ("", '""'),
        ("no\u00a0break", '"no\u00a0break"'),
    ],
)
def test_a_value_is_quoted_only_when_it_needs_it(value: str, text: str) -> None:
    assert str(msg == value) == f"msg=={text}"


def test_percent_encoding_is_the_other_way_to_write_values() -> None:
    search = (field("Nom complet".replace(" ", "_")) == "l'été; +33") & item.startswith("33685")
    written = to_text(search, quote_style="fiql")
    assert written == "fields.Nom_complet==l%27%C3%A9t%C3%A9%3B%20%2B33;item=re=33685*"


def test_an_empty_value_cannot_be_percent_encoded() -> None:
    with pytest.raises(ValueError, match="quote_style='fiql'"):
        to_text(msg == "", quote_style="fiql")


def test_text_is_sent_as_it_is() -> None:
    assert to_text("item ==0685812475") == "item ==0685812475"


def test_a_prefix_is_written_in_the_form_of_the_guide_or_as_a_regular_expression() -> None:
    search = item.startswith("3368581")
    assert str(search) == "item=re=3368581*"
    assert to_text(search, regex_style="regex") == "item=re=^3368581"


def test_a_prefix_is_cut_where_the_two_readings_of_the_guide_part() -> None:
    search = msg.startswith("Prix: 3.50 (net)")
    assert str(search) == 'msg=re="Prix: 3*"'
    assert to_text(search, regex_style="regex") == r'msg=re="^Prix:\\ 3\\.50\\ \\(net\\)"'


@pytest.mark.parametrize("prefix", ["+33", "*", ""])
def test_a_prefix_that_the_guide_cannot_express_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match=r"regex_style='regex'|prefix"):
        str(item.startswith(prefix))


@pytest.mark.parametrize("number", ["+33685812475", "0685812475", "06 85 81 24 75"])
def test_a_phone_number_is_searched_in_both_forms(number: str) -> None:
    assert str(item.phone(number)) == "item==0685812475,item==33685812475"
    assert str(item(number) & P2P) == "(item==0685812475,item==33685812475);type==P2P"


def test_an_overseas_number_keeps_its_own_code() -> None:
    assert str(item.phone("+262692123456")) == "item==0692123456,item==262692123456"


def test_what_is_no_phone_number_is_refused() -> None:
    with pytest.raises(InvalidPhone):
        item.phone("STOP")


def test_nested_operators_of_one_kind_are_one_list() -> None:
    assert REF & (P2P & DRAFT) == (REF & P2P) & DRAFT
    assert And((REF, P2P & DRAFT)) == And((REF, P2P, DRAFT))
    assert Or((REF, P2P | DRAFT)) == Or((REF, P2P, DRAFT))


@pytest.mark.parametrize("key", ["MY FIELD", "a=b", "a;b", "(a)"])
def test_a_name_that_the_language_cannot_write_is_refused_at_once(key: str) -> None:
    with pytest.raises(ValueError, match="cannot name"):
        assert field(key) == "x"


def test_and_or_and_not_are_refused_because_python_would_drop_a_part() -> None:
    with pytest.raises(TypeError, match="join searches with &"):
        bool(REF)
    with pytest.raises(TypeError, match="join searches with &"):
        assert 1 < field("N") < 3


def test_a_value_that_is_no_text_and_no_number_is_refused() -> None:
    with pytest.raises(TypeError, match="not with list"):
        assert item == ["0685812475"]


def test_one_value_operators_take_one_value() -> None:
    with pytest.raises(ValueError, match="exactly one value, 2 given"):
        Comparison("type", Operator.EQUAL, ["P2P", "BCAST_MKG"])
    with pytest.raises(ValueError, match="at least one value"):
        type_.is_in([])


def test_searches_are_values() -> None:
    assert hash(REF & P2P) == hash(parse("fields.REF==x;type==P2P"))
    with pytest.raises(FrozenInstanceError):
        REF.selector = "item"  # type: ignore[misc]  # the refusal is the test


def test_a_repr_shows_no_whole_phone_number() -> None:
    searches = [item.phone("+33685812475"), item.startswith("33685812475"), raw("item==0685812475")]
    for search in searches:
        assert "685812" not in repr(search)


def test_a_selector_can_be_the_key_of_a_dictionary() -> None:
    assert {item: "number", msg: "text"}[item] == "number"
