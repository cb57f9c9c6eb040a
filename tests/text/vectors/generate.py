# ruff: noqa: RUF001  typographic quotes are what people type
"""Write segments.jsonl: texts, and what three packages that are not ours say of their size.

In any empty folder, with Node.js 18 or later:

    pip install smsutil==1.1.3
    npm install split-sms@0.1.7 sms-segments-calculator@1.3.0
    python path/to/tests/text/vectors/generate.py

The same versions write the same file. Its first line names the columns and the versions; each
other line holds a text, as pieces and how often each is repeated, and for each package the
encoding, the units and the segments.
"""

from __future__ import annotations

import json
import random
import subprocess
from importlib import import_module, metadata
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

if TYPE_CHECKING:
    from collections.abc import Iterator

Runs = list[tuple[str, int]]

HERE = Path(__file__).parent
SEED = 20250430
EXTENSION = "\f^{}\\[~]|€"
GSM7_ENDS = (160, *(153 * segments for segments in range(1, 7)))
UCS2_ENDS = (70, *(67 * segments for segments in range(1, 7)))
SINGLE_CHARACTERS = (
    *range(0x0180),  # ASCII, Latin-1, Latin Extended-A
    *range(0x0370, 0x0400),  # Greek
    *range(0x2000, 0x2070),  # spaces, dashes, quotes, joiners
    *range(0x20A0, 0x20C1),  # currencies
    *(0x2126, 0x212A, 0x212B, 0x1E9E, 0xFB01, 0xFEFF, 0xFF01, 0xFFFD, 0x10000, 0x1F600, 0x10FFFF),
)
GRAPHEMES = (
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # a family: three faces and their joiners
    "\U0001f1eb\U0001f1f7",  # a flag: two letters
    "\U0001f44d\U0001f3fd",  # a thumb and its skin tone
    "\u2764\ufe0f",  # a heart and its style
    "x\u0302\u0323",  # a letter under accents that no single character has
)
DECOMPOSED = ("e\u0301", "a\u0300", "c\u0327", "A\u030a", "n\u0303", "\u2126", "\u212b", "\u037e")
CLUSTERS = (*GRAPHEMES, *DECOMPOSED, *(normalize("NFC", each) for each in DECOMPOSED))
WORDS = (
    "Bonjour Mme Dupont,",
    "votre colis arrive demain à 10h30",
    "été, où, Noël, cœur, garçon",
    "votre code est 482913",
    "-20 % sur {tout} le [magasin] ~ 17 €",
    "l’offre « spéciale »…",
    "RDV le 30/04\r\nà 9h",
    "STOP 36184",
    "https://1mf.eu/aB3_x",
    "Ελλάδα",
    "привет",
    "😀",
    "日本語",
)
POOLS = (
    "abcdefghij ÉèàùØß\n",
    "abc" + EXTENSION,
    "abcçêœ" + EXTENSION,
    "abж😀",
    "ab😀🎉€",
)


def around_a_boundary(ends: tuple[int, ...], filler: str, wide: str) -> Iterator[Runs]:
    """Every length and every place of a wide character within two units of a boundary."""
    for end, more in product(ends, range(-2, 4)):
        length = end + more
        yield [(filler, length)]
        for place in range(end - 3, length):
            yield [(filler, place), (wide, 1), (filler, max(0, length - place - 2))]
            yield [(filler, place), (wide, 2), (filler, max(0, length - place - 4))]


def all_wide(ends: tuple[int, ...], wide: str) -> Iterator[Runs]:
    """Nothing but wide characters, after a start that shifts them by zero to two units."""
    for end, more, start in product(ends, range(-1, 2), range(3)):
        yield [("a", start), (wide, end // 2 + more)]


def boundaries() -> Iterator[Runs]:
    """The ends of segments in both encodings."""
    for position, wide in enumerate(EXTENSION):
        yield from around_a_boundary(GSM7_ENDS[position % 4 :: 4], "a", wide)
    yield from around_a_boundary(GSM7_ENDS, "é", "€")
    yield from around_a_boundary(UCS2_ENDS, "ж", "😀")
    yield from around_a_boundary(UCS2_ENDS, "ç", "€")
    yield from all_wide(GSM7_ENDS, "€")
    yield from all_wide(GSM7_ENDS, "a{")
    yield from all_wide(UCS2_ENDS, "😀")
    yield from all_wide(UCS2_ENDS, "ç😀")


def graphemes() -> Iterator[Runs]:
    """What people see as one character and what is several, at the ends of segments."""
    for cluster, end, before in product(CLUSTERS, (*UCS2_ENDS, 153, 160), range(6)):
        yield [("a", end - before), (cluster, 1), ("a", before)]
    for cluster, count in product(CLUSTERS, range(9, 72, 8)):
        yield [(cluster, count)]


def alphabet() -> Iterator[Runs]:
    """Single characters, whose encoding is in question."""
    yield [("", 1)]
    for code in SINGLE_CHARACTERS:
        yield [("a", 1), (chr(code), 1)]


def messages(dice: random.Random, count: int) -> Iterator[Runs]:
    """Random texts: words as people write them, then characters that fit badly together."""
    for _ in range(count):
        words = dice.choices(WORDS, k=dice.randint(1, 9))
        yield [(" ".join(words), dice.choice((1, 1, 1, 2, 3)))]
        pool = dice.choice(POOLS)
        piece = "".join(dice.choices(pool, k=dice.randint(3, 24)))
        yield [(piece, dice.randint(1, 30)), (dice.choice(pool), dice.randint(0, 3))]


def generate() -> list[Runs]:
    """Return the texts, each once."""
    every = (
        *alphabet(),
        *boundaries(),
        *graphemes(),
        *messages(random.Random(SEED), 1500),  # noqa: S311  to repeat, not to hide
    )
    return list({to_text(runs): runs for runs in every}.values())


def to_text(runs: Runs) -> str:
    """Return the text that the pieces make."""
    return "".join(piece * count for piece, count in runs)


def by_smsutil(text: str) -> tuple[str, int, int]:
    """Return the size by smsutil."""
    smsutil: Any = import_module("smsutil")  # it ships no types
    result = smsutil.split(text)
    if result.encoding == "gsm0338":
        return "GSM-7", result.total_bytes, len(result.parts)
    return "UCS-2", result.total_bytes // 2, len(result.parts)


def by_javascript(texts: list[str]) -> Any:
    """Return the versions and the sizes by the two packages of Node.js."""
    command = ["node", str(HERE / "reference.mjs")]
    done = subprocess.run(
        command, input=json.dumps(texts), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def main() -> None:
    """Write the file."""
    every = generate()
    texts = [to_text(runs) for runs in every]
    javascript = by_javascript(texts)
    header = {
        "smsutil": metadata.version("smsutil"),
        "split-sms": javascript["versions"][0],
        "sms-segments-calculator": javascript["versions"][1],
    }
    lines = [header] + [
        [[run for run in runs if run[1]], by_smsutil(text), *others]
        for runs, text, others in zip(every, texts, javascript["sizes"], strict=True)
    ]
    with (HERE / "segments.jsonl").open("w", encoding="ascii") as file:
        file.writelines(f"{json.dumps(line, separators=(',', ':'))}\n" for line in lines)


if __name__ == "__main__":
    main()
