from __future__ import annotations

import pickle
from unicodedata import combining, normalize

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mediasflow_async.text import Encoding, measure, split
from mediasflow_async.text.encoding import GSM7_PART, GSM7_SINGLE, UCS2_PART, UCS2_SINGLE
from mediasflow_async.text.gsm7 import BASIC, EXTENSION, escaped, is_gsm7

# Long texts out of few pieces, so that every way of crossing the end of a segment is met.
pieces = st.sampled_from(["a", "é", "€", "[", "\n", "ç", "ж", "😀", "e\u0301", "a€", "ç😀"])
runs = st.tuples(pieces, st.integers(1, 170)).map(lambda run: run[0] * run[1])
long_texts = st.lists(runs, max_size=6).map("".join)
texts = st.one_of(st.text(), long_texts)


def utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize(
    ("character", "septet"),
    [("@", 0x00), ("Ç", 0x09), ("Δ", 0x10), ("\x1b", 0x1B), ("É", 0x1F), ("¤", 0x24), ("à", 0x7F)],
)
def test_characters_stand_at_their_place_in_the_standard(character: str, septet: int) -> None:
    assert BASIC.index(character) == septet


def test_the_alphabet_has_127_characters_and_10_extended_ones() -> None:
    alphabet = set(map(chr, range(0x110000)))
    carried = {character for character in alphabet if is_gsm7(character)}
    assert carried == set(BASIC) - {"\x1b"} | set(EXTENSION)
    assert len(carried) == 127 + 10


@pytest.mark.parametrize("text", ["ç", "\x1b", "\x1be", "`"])
def test_small_c_cedilla_and_a_bare_escape_are_not_in_gsm7(text: str) -> None:
    assert measure(text).encoding is Encoding.UCS2


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments", "remaining"),
    [
        ("", Encoding.GSM7, 0, 1, 160),
        ("a" * 160, Encoding.GSM7, 160, 1, 0),
        ("a" * 161, Encoding.GSM7, 161, 2, 145),
        ("a" * 306, Encoding.GSM7, 306, 2, 0),
        ("a" * 307, Encoding.GSM7, 307, 3, 152),
        ("€" * 80, Encoding.GSM7, 160, 1, 0),
        ("a" * 152 + "€" + "a" * 152, Encoding.GSM7, 306, 3, 152),
        ("ç" * 70, Encoding.UCS2, 70, 1, 0),
        ("ç" * 71, Encoding.UCS2, 71, 2, 63),
        ("ç" * 134, Encoding.UCS2, 134, 2, 0),
        ("😀" * 35, Encoding.UCS2, 70, 1, 0),
        ("ç" * 66 + "😀" + "ç" * 66, Encoding.UCS2, 134, 3, 66),
        ("ç" + "€" * 69, Encoding.UCS2, 70, 1, 0),
    ],
)
def test_sizes_at_the_ends_of_segments(
    text: str, encoding: Encoding, units: int, segments: int, remaining: int
) -> None:
    size = measure(text)
    assert (size.encoding, size.units, size.segments) == (encoding, units, segments)
    assert size.remaining == remaining


def test_an_accent_after_its_letter_counts_as_one_character() -> None:
    assert measure("e\u0301te\u0301") == measure("été")
    assert measure("e\u0301te\u0301").units == 3


def test_a_pair_that_would_straddle_two_segments_moves_whole() -> None:
    assert split("a" * 152 + "€" + "b" * 10) == ("a" * 152, "€" + "b" * 10)
    assert split("ж" * 66 + "😀" + "ж" * 10) == ("ж" * 66, "😀" + "ж" * 10)


def test_the_culprits_are_the_characters_that_force_ucs2() -> None:
    first, second = measure("Ça va, garçon\x1b?").culprits
    assert (first.character, first.index, first.replacement) == ("ç", 10, "c")
    assert first.name == "LATIN SMALL LETTER C WITH CEDILLA"
    assert (second.character, second.index, second.name) == ("\x1b", 13, "U+001B")


@given(texts)
def test_a_text_has_culprits_when_it_is_ucs2_and_only_then(text: str) -> None:
    size = measure(text)
    assert (size.encoding is Encoding.UCS2) == bool(size.culprits)


@pytest.mark.parametrize(
    ("text", "smallest_allowance"),
    [("a" * 160, 1), ("a" * 161, 2), ("a" * 918, 6), ("ç" * 402, 6)],
)
def test_a_text_fits_from_its_number_of_segments(text: str, smallest_allowance: int) -> None:
    assert measure(text).fits(smallest_allowance)
    assert not measure(text).fits(smallest_allowance - 1)


def test_no_allowance_goes_beyond_six_segments() -> None:
    assert not measure("a" * 919).fits(7)


@given(texts)
@example("a" * 152 + "€" * 77)
@example("ж" * 66 + "😀" * 34)
def test_segments_join_to_the_text_and_are_as_many_as_measured(text: str) -> None:
    parts = split(text)
    assert "".join(parts) == normalize("NFC", text)
    assert len(parts) == measure(text).segments


@given(long_texts)
def test_every_segment_of_a_long_text_keeps_within_its_room(text: str) -> None:
    size = measure(text)
    assume(size.segments > 1)
    gsm7 = size.encoding is Encoding.GSM7
    units = [len(escaped(part)) if gsm7 else utf16_units(part) for part in split(text)]
    room = GSM7_PART if gsm7 else UCS2_PART
    assert all(room - 1 <= each <= room for each in units[:-1])
    assert units[-1] == room - size.remaining
    assert sum(units) == size.units


@given(texts)
def test_the_remaining_units_can_be_filled_and_not_one_more(text: str) -> None:
    size = measure(text)
    full = text + "a" * size.remaining
    assert measure(full).segments == size.segments
    assert measure(full + "a").segments > size.segments


@given(texts, texts)
def test_more_text_never_takes_fewer_segments(text: str, more: str) -> None:
    assume(not (more and combining(more[0])))
    assert measure(text + more).segments >= measure(text).segments


def test_an_accent_that_joins_two_characters_into_one_may_save_a_segment() -> None:
    text = "ж" * 69 + "r\u0304"  # a macron, which waits for the dot below to make one letter
    assert measure(text).segments == 2
    assert measure(text + "\u0323").segments == 1


@given(st.text(st.characters(categories=["Cs", "Ll"]), min_size=1))
def test_halves_of_surrogate_pairs_have_a_size_too(text: str) -> None:
    assert measure(text * 80).segments == len(split(text * 80))


def test_a_size_shows_no_text() -> None:
    assert "secret" not in repr(measure("a secret, garçon"))


def test_a_size_pickles_with_its_culprits() -> None:
    size = measure("garçon")
    copy = pickle.loads(pickle.dumps(size))  # noqa: S301  our own bytes
    assert copy == size
    assert copy.culprits == size.culprits


def test_the_limits_are_those_of_the_guide() -> None:
    assert (GSM7_SINGLE, GSM7_PART, UCS2_SINGLE, UCS2_PART) == (160, 153, 70, 67)
