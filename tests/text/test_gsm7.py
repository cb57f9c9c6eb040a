# ruff: noqa: RUF001  look-alikes are what is replaced

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mediasflow_async.text
from mediasflow_async.text import Encoding, gsm7, measure, replace_emoji, replace_to_gsm7, to_gsm7
from mediasflow_async.text.gsm7 import BASIC, EXTENSION, equivalent, is_gsm7

GSM7 = "".join(set(BASIC) - {"\x1b"}) + "".join(EXTENSION)


def fresh_to_gsm7(modules: dict[str, None]) -> Callable[[str], str]:
    """A `to_gsm7` that has looked for anyascii, and found it or not, in these `sys.modules`."""
    with pytest.MonkeyPatch.context() as patch:
        for name, module in modules.items():
            patch.setitem(sys.modules, name, module)
        patch.setattr(mediasflow_async.text, "gsm7", gsm7)
        patch.delitem(sys.modules, gsm7.__name__)
        fresh = import_module(gsm7.__name__)
        fresh.to_gsm7("ж")
    function: Callable[[str], str] = fresh.to_gsm7
    return function


without_anyascii = fresh_to_gsm7({"anyascii": None})
with_anyascii = fresh_to_gsm7({})
needs_anyascii = pytest.mark.skipif(find_spec("anyascii") is None, reason="anyascii is optional")
both_ways = pytest.mark.parametrize(
    "convert",
    [
        pytest.param(without_anyascii, id="without anyascii"),
        pytest.param(with_anyascii, id="with anyascii", marks=needs_anyascii),
    ],
)


def test_the_guides_example() -> None:
    assert to_gsm7("ç,â,ê,ë") == "c,a,e,e"


def test_every_character_of_gsm7_stays() -> None:
    assert to_gsm7(GSM7) == GSM7
    assert to_gsm7("é è à ù € £ ñ Ç") == "é è à ù € £ ñ Ç"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("À Âme Ê Î Ô Û ÿ î ï ô û", "A Ame E I O U y i i o u"),
        ("œuvre, ŒUVRE, ex æquo, Æ", "oeuvre, OEUVRE, ex æquo, Æ"),
        ("l’été ‘x’ “y” «\u00a0z\u00a0»", 'l\'été \'x\' "y" " z "'),
        ("2020–2025 — fin…", "2020-2025 - fin..."),
        ("17\u202f€, 1\u2009000, n°\u00a05", "17 €, 1 000, no 5"),
        ("a\tb\u2028c", "a b\nc"),
        ("½ x² ﬁn № ™", "1/2 x2 fin No TM"),
        ("a\u200bb\u00adc\ufeff", "abc"),
        ("r\u0304\x1b", "r"),
        ("Łódź, İstanbul, STRAẞE", "Lodz, Istanbul, STRAßE"),
    ],
)
def test_what_resembles_a_character_of_gsm7_becomes_it(text: str, expected: str) -> None:
    assert to_gsm7(text) == expected


def test_an_accent_after_its_letter_is_the_letter_with_the_accent() -> None:
    assert to_gsm7("e\u0301te\u0301, c\u0327a") == "été, ca"


@both_ways
@given(text=st.text())
def test_the_result_fits_gsm7_and_a_second_call_changes_nothing(
    convert: Callable[[str], str], text: str
) -> None:
    once = convert(text)
    assert measure(once).encoding is Encoding.GSM7
    assert convert(once) == once


@both_ways
@pytest.mark.parametrize("first", range(0, 0x20000, 0x4000))
def test_every_character_of_unicode_has_a_replacement_in_gsm7(
    convert: Callable[[str], str], first: int
) -> None:
    characters = map(chr, range(first, first + 0x4000))
    assert [each for each in characters if not is_gsm7(convert(each))] == []


def test_without_anyascii_other_scripts_become_question_marks() -> None:
    assert without_anyascii("Привет 😀") == "?????? ?"


@needs_anyascii
def test_with_anyascii_other_scripts_are_transliterated() -> None:
    assert with_anyascii("Привет") == "Privet"
    assert with_anyascii("Hawaiʻi") == "Hawai'i"


def test_the_report_names_each_replacement_and_its_place() -> None:
    replaced = replace_to_gsm7("cœur de garçon")
    assert replaced.text == "coeur de garcon"
    assert [(each.character, each.index, each.replacement) for each in replaced.replacements] == [
        ("œ", 1, "oe"),
        ("ç", 11, "c"),
    ]
    assert replaced.replacements[0].name == "LATIN SMALL LIGATURE OE"


@given(st.text())
def test_the_report_is_enough_to_redo_the_replacement(text: str) -> None:
    replaced = replace_to_gsm7(text)
    characters = list(normalize("NFC", text))
    for each in replaced.replacements:
        characters[each.index] = each.replacement
    assert "".join(characters) == replaced.text


@pytest.mark.parametrize(
    ("text", "longer"),
    [("garçon", False), ("cœur", True), ("fin…", True), ("\uff3b", True), ("é €", False)],
)
def test_a_longer_replacement_is_told(text: str, longer: bool) -> None:  # noqa: FBT001  a case
    assert replace_to_gsm7(text).longer is longer


@given(st.text())
def test_a_text_grows_only_where_the_report_says_so(text: str) -> None:
    replaced = replace_to_gsm7(text)
    if not replaced.longer:
        assert len(replaced.text) <= len(normalize("NFC", text))


def test_emoticons_become_emoji_and_the_message_ucs2() -> None:
    assert replace_emoji("Merci :-) et <3") == "Merci 🙂 et ❤"
    assert measure(replace_emoji("Merci :-)")).encoding is Encoding.UCS2


@pytest.mark.parametrize("text", ["https://1mf.eu/x", "10:30 (RDV)", "a: b) c", "Merci"])
def test_what_is_no_emoticon_stays(text: str) -> None:
    assert replace_emoji(text) == text


@pytest.mark.parametrize(
    ("character", "expected"),
    [("ç", "c"), ("…", "..."), ("½", "1/2"), ("\u200b", ""), ("ª", "a")],
)
def test_what_resembles_a_character_is_its_equivalent(character: str, expected: str) -> None:
    assert equivalent(character) == expected


@pytest.mark.parametrize("character", ["★", "✓", "😀", "ж", "日", "⌘"])
def test_a_picture_or_a_letter_of_another_script_has_no_equivalent_whatever_is_installed(
    character: str,
) -> None:
    assert equivalent(character) is None


def test_an_equivalent_takes_at_most_four_septets() -> None:
    found = filter(None, map(equivalent, map(chr, range(sys.maxunicode + 1))))
    assert max(measure(each).units for each in found) == 4
