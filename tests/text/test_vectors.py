"""Sizes against three packages that are not ours: vectors/generate.py tells how they were made."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from unicodedata import normalize

import pytest
from attrs import frozen

from mediasflow_async.text import measure

Size = tuple[str, int, int]

FILE = Path(__file__).parent / "vectors" / "segments.jsonl"
PACKAGES = ("smsutil", "split-sms", "sms-segments-calculator")
# A zero-width joiner, the letters of flags, skin tones.
JOINED = re.compile("[\u200d\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff]")


@frozen
class Difference:
    """A disagreement that we want.

    `explains` is given the text, the size by the package and the size by us.
    """

    packages: tuple[str, ...]
    reason: str
    explains: Callable[[str, Size, Size], bool]


def utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


ALLOWED = (
    Difference(
        PACKAGES,
        "they measure letters and accents apart, we compose them first (NFC)",
        lambda text, theirs, _: (
            normalize("NFC", text) != text and theirs[:2] == ("UCS-2", utf16_units(text))
        ),
    ),
    Difference(
        ("smsutil",),
        "it calls the empty text UCS-2, although nothing in it asks for that",
        lambda text, theirs, ours: not text and theirs[1:] == ours[1:],
    ),
    Difference(
        ("smsutil",),
        "it sends a bare escape, which a phone reads together with the next character",
        lambda text, theirs, _: "\x1b" in text and theirs[0] == "GSM-7",
    ),
    Difference(
        ("sms-segments-calculator",),
        "it keeps the parts of an emoji in one segment, where a segment may end between them",
        lambda text, theirs, ours: (
            JOINED.search(text) is not None and theirs[:2] == ours[:2] and theirs[2] > ours[2]
        ),
    ),
)


@cache
def vectors() -> list[tuple[str, tuple[Size, ...]]]:
    with FILE.open(encoding="ascii") as lines:
        assert tuple(json.loads(next(lines))) == PACKAGES
        return [to_vector(*json.loads(line)) for line in lines]


def to_vector(runs: list[tuple[str, int]], *sizes: Size) -> tuple[str, tuple[Size, ...]]:
    text = "".join(piece * count for piece, count in runs)
    return text, tuple((encoding, units, segments) for encoding, units, segments in sizes)


def size(text: str) -> Size:
    measured = measure(text)
    return measured.encoding.value, measured.units, measured.segments


def disagreements() -> Iterator[tuple[str, str, Size, Size]]:
    for text, sizes in vectors():
        ours = size(text)
        for package, theirs in zip(PACKAGES, sizes, strict=True):
            if theirs != ours:
                yield package, text, theirs, ours


def explanation(package: str, text: str, theirs: Size, ours: Size) -> str | None:
    reasons = (
        each.reason
        for each in ALLOWED
        if package in each.packages and each.explains(text, theirs, ours)
    )
    return next(reasons, None)


def test_there_are_five_thousand_texts_and_more() -> None:
    texts = {text for text, _ in vectors()}
    assert len(texts) == len(vectors()) >= 5_000


def test_every_disagreement_is_one_that_we_want() -> None:
    assert [each for each in disagreements() if explanation(*each) is None] == []


@pytest.mark.parametrize("difference", ALLOWED, ids=lambda difference: difference.reason)
def test_every_allowed_difference_still_occurs(difference: Difference) -> None:
    assert difference.reason in {explanation(*each) for each in disagreements()}
