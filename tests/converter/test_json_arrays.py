from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mediasflow_async.converter.reading import Unreadable
from mediasflow_async.converter.streams import ELSEWHERE, JsonArrayDecoder, array_in

NASTY = ["},{", '"', '\\"', "\\", "[", "]", "],", '"},{"a":', "a,b", "é😀\u2028", "\x00", ""]

names = st.sampled_from([*NASTY, "a", "id"])
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(NASTY)
    | st.text(max_size=20)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
rows = st.fixed_dictionaries({"id": st.integers(0, 9)}, optional={"x": values, "id ": values})
arrays = st.lists(values, max_size=12) | st.lists(rows, max_size=30)
styles = st.sampled_from(
    [
        {"separators": (",", ":")},
        {"indent": 1},
        {"separators": (" , ", " : ")},
        {"separators": (" ,\r\n\t", ":"), "ensure_ascii": False},
    ]
)
sizes = st.integers(1, 40)
changes = st.sampled_from([b"", b",", b"]", b"}", b'"', b"\\", b"[", b" ", b"0"]) | st.binary(
    max_size=2
)


def pieces_of(document: bytes, sizes: list[int]) -> Iterable[bytes]:
    """Cut a document in pieces of these sizes, again and again."""
    at, turn = 0, 0
    while at < len(document):
        yield document[at : at + sizes[turn % len(sizes)]]
        at += sizes[turn % len(sizes)]
        turn += 1


def decoded(pieces: Iterable[bytes], part: int = 8, longest: int = 10_000) -> list[Any] | None:
    """Return the elements of a document, or None when it is refused."""
    decoder = JsonArrayDecoder(part, longest)
    given: list[Any] = []
    for piece in pieces:
        for block in decoder.feed(piece):
            if isinstance(block, Unreadable):
                return None
            given += block
    last = decoder.finish()
    if isinstance(last, Unreadable):
        return None
    found = whole(decoder.frame)
    if decoder.has_begun:
        return [*given, *last] if found == ELSEWHERE else None
    return found


def is_utf8(document: bytes | bytearray) -> bool:
    try:
        document.decode()
    except UnicodeDecodeError:
        return False
    return True


def whole(document: bytes) -> list[Any] | None:
    """Return the elements of a document that is read at once, or None when it is refused."""
    try:
        array = array_in(orjson.loads(document))
    except orjson.JSONDecodeError:
        array = unusual(document)
    return None if array is None else list(array)


def unusual(document: bytes) -> Any:
    """Return a document with NaN, or in Windows-1252, in which such a number is a text."""
    if is_utf8(document) and not re.search(rb"NaN|Infinity|999", document):
        return None
    try:
        text = document.decode("utf-8" if is_utf8(document) else "cp1252")
        return array_in(json.loads(text, parse_constant=str, parse_float=str))
    except ValueError:
        return None


@given(arrays, styles, st.lists(sizes, min_size=1, max_size=4), sizes)
def test_any_array_is_decoded_whatever_the_pieces_it_comes_in(
    array: list[Any], style: Any, cuts: list[int], part: int
) -> None:
    document = json.dumps(array, **style).encode()

    assert decoded(pieces_of(document, cuts), part) == json.loads(document) == array


@given(
    array=arrays,
    style=styles,
    cut=sizes,
    part=sizes,
    name=names,
    before=values,
    after=values,
)
def test_any_wrapped_array_is_decoded(
    *, array: list[Any], style: Any, cut: int, part: int, name: str, before: Any, after: Any
) -> None:
    data = {f"{name}1": {"in": before}, "items": array, f"{name}2": {"in": after}}
    document = json.dumps(data, **style).encode()

    # The array of a large document begins within its first part.
    part = max(part, document.index(b'"items"') + 14)

    assert decoded(pieces_of(document, [cut]), part) == array


@given(arrays, styles, sizes, sizes, st.data())
def test_what_is_accepted_is_what_the_whole_document_says(
    array: list[Any], style: Any, cut: int, part: int, data: st.DataObject
) -> None:
    """One byte more, less or other; most of these documents are wrong, some mean another."""
    wrapped = data.draw(st.sampled_from([array, {"items": array, "n": [1]}]))
    document = bytearray(json.dumps(wrapped, **style).encode())
    at = data.draw(st.integers(0, len(document)))
    document[at : at + data.draw(st.integers(0, 2))] = data.draw(changes)
    # What is no UTF-8 is read as Windows-1252, part by part.
    assume(is_utf8(document))

    result = decoded(pieces_of(bytes(document), [cut]), part)

    if result is not None:
        assert result == whole(bytes(document))
    elif isinstance(wrapped, list):
        assert whole(bytes(document)) is None


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b" ",
        b"null",
        b"17",
        b'"[1]"',
        b"<html><title>Login</title></html>",
        b"[",
        b"]",
        b"[1",
        b"[1,",
        b"[1,]",
        b"[,1]",
        b"[1,,2]",
        b"[1 2]",
        b"[1]]",
        b"[1][2]",
        b"[1],[2]",
        b"[1]x",
        b"[1}",
        b"[{]}",
        b'["a]',
        b'["\\"]',
        b'["\\ud800"]',
        b"[\xff]",
        b"x[1]",
        b"{}",
        b'{"a": 1}',
        b'{"a": {"b": [1]}}',
        b'{"a": [1], "b": [2]}',
        b'{"a": [1]',
        b'{"a": [1}',
        b'{"a": [1]]',
        b'{"a" [1]}',
        b'{"\\x": [1]}',
        b'{"a": [1]} {"a": [1]}',
        b'{"a": [1], "a": 2}',
        b"{[1]}",
        b'[1], {"a": 2}',
    ],
)
def test_what_is_no_list_is_refused(document: bytes) -> None:
    for size in (1, 2, 3, 100):
        for part in (1, 2, 4, 6, 100):
            assert decoded(pieces_of(document, [size]), part) is None, (size, part)


@pytest.mark.parametrize(
    ("document", "array"),
    [
        (b"[]", []),
        (b" [ ] ", []),
        (b"\r\n\t[1]\r\n\t ", [1]),
        (b"[NaN, -Infinity, 1e999]", ["NaN", "-Infinity", "1e999"]),
        ('["été"]'.encode("cp1252"), ["été"]),
        (b'{"data": {"rows": [1, 2]}}', [1, 2]),
        (b'{"status": "OK", "data": {"total": 2, "report": [1, 2]}}', [1, 2]),
        (b"\xef\xbb\xbf[1]", [1]),
        (b'\xef\xbb\xbf {"items": [1]}', [1]),
        (b'[{}, {}, {"": {}}]', [{}, {}, {"": {}}]),
        (b"[[1, [2]], [], [[3, 4]]]", [[1, [2]], [], [[3, 4]]]),
        (b'["\\ud83d\\ude00", "},{", "\\\\"]', ["😀", "},{", "\\"]),
        (b'[{"a": "]"}, {"a": "},{\\"a\\":"}]', [{"a": "]"}, {"a": '},{"a":'}]),
        (b'[{"a,b": 1},{"a,b": 2}]', [{"a,b": 1}, {"a,b": 2}]),
    ],
)
def test_a_list_is_read_however_it_is_written(document: bytes, array: list[Any]) -> None:
    for size in (1, 2, 3, 100):
        for part in (14, 20, 100):
            assert decoded(pieces_of(document, [size]), part) == array, (size, part)


def test_the_rows_of_a_wrapper_are_found_by_their_name_or_by_being_the_only_list() -> None:
    rows = [{"a": number} for number in range(9)]
    for document in (
        {"columns": ["a"], "rows": rows},
        {"items": rows, "total": 9},
        {"lignes": rows},
        {"page": {"rows": [1, 2]}, "data": rows},
        {'é"[{': {"x": "[1]"}, "items": rows},
    ):
        assert decoded([json.dumps(document).encode()], 48) == rows


def test_a_list_that_a_later_one_displaces_is_refused_in_a_large_document() -> None:
    """What was given cannot be taken back."""
    document = json.dumps({"items": [1] * 20, "rows": [2]}).encode()

    assert decoded([document], 10_000) == [2]
    assert decoded([document], 12) is None


def test_elements_are_given_as_soon_as_they_are_complete() -> None:
    decoder = JsonArrayDecoder(4)

    given = [list(decoder.feed(piece)) for piece in (b"[1, ", b"2, {", b'"a": 1', b"}, 3", b"]")]

    assert given == [[[1]], [[2]], [], [[{"a": 1}]], [[3]]]
    assert decoder.finish() == []
    assert orjson.loads(decoder.frame) == ELSEWHERE


def test_where_a_list_cannot_be_read_is_told() -> None:
    decoder = JsonArrayDecoder(4)

    *blocks, problem = decoder.feed(b"[0, 1, 2, {]]")

    assert blocks == [[0], [1], [2]]
    assert problem == Unreadable("$[3:]", "it is no JSON")


def test_a_list_that_is_cut_off_is_told() -> None:
    decoder = JsonArrayDecoder(4)
    list(decoder.feed(b"[0, 1, 2"))

    assert decoder.finish() == Unreadable("$[2:]", "the answer ends here")


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (b'["' + b"x" * 200 + b'"]', "it is too long"),
        (b"[1]" + b" " * 200, "too much stands behind the list"),
        (b'{"a": "' + b"x" * 200 + b'", "items": [1]}', "it does not begin with a list"),
    ],
)
def test_what_grows_without_end_is_refused(document: bytes, problem: str) -> None:
    decoder = JsonArrayDecoder(8, 100)

    refused = next(block for block in decoder.feed(document) if isinstance(block, Unreadable))

    assert refused.reason == problem


def test_nesting_without_end_is_refused() -> None:
    for part in (8, 100_000):
        assert decoded([b"[" * 2000 + b"]" * 2000], part) is None


def test_many_wrong_guesses_end_in_a_search() -> None:
    """Each element holds many of what its neighbours begin with."""
    element = {"id": 0, "in": [{"id": number} for number in range(50)]}
    document = json.dumps([element] * 40, separators=(",", ":")).encode()

    assert decoded(pieces_of(document, [700]), 600) == [element] * 40
