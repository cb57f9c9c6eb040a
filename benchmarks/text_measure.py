"""What `measure` costs per message, beside the package smsutil in the same run.

CPU time of this process; the two take turns over the same texts, and the medians of the rounds
are compared. Run: `pip install smsutil`, then `python benchmarks/text_measure.py`.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from importlib import import_module
from time import process_time

from mediasflow_async.text import measure, to_e164, to_gsm7

ROUNDS = 21
CALLS = 500
FRENCH = "Bonjour Hélène, votre colis est arrivé à l'agence. Retrait dès demain 9h. STOP 36184. "
TEXTS = {
    "GSM-7, 160 characters": (FRENCH * 2)[:160],
    "GSM-7 with € and [], 150": ("Offre [17 €] " * 12)[:150],
    "GSM-7, 918, 6 segments": (FRENCH * 11)[:918],
    "GSM-7 with €, 900, 6 segments": (FRENCH * 11)[:890] + "€" * 10,
    "UCS-2, 70 characters": ("Garçon, cœur, naïve, été. " * 3)[:70],
    "UCS-2 with emoji, 6 segments": ("Garçon 😀 " * 50)[:350],
}

Work = Callable[[str], object]


def microseconds(work: Work, text: str) -> float:
    """Return the CPU time of one call."""
    start = process_time()
    for _ in range(CALLS):
        work(text)
    return (process_time() - start) / CALLS * 1e6


def medians(text: str, *works: Work) -> list[float]:
    """Return the median time of each work over interleaved rounds."""
    rounds = [[microseconds(work, text) for work in works] for _ in range(ROUNDS)]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def main() -> None:
    """Print the table."""
    smsutil_split = import_module("smsutil").split
    print(f"{'µs a call, median of ' + str(ROUNDS):<32}{'measure':>9}{'smsutil':>10}{'ratio':>8}")
    for name, text in TEXTS.items():
        ours, theirs = medians(text, measure, smsutil_split)
        print(f"{name:<32}{ours:9.2f}{theirs:10.2f}{ours / theirs:8.3f}")
    print()
    for name, work, text in (
        ("to_gsm7, nothing to replace", to_gsm7, TEXTS["GSM-7, 160 characters"]),
        ("to_gsm7, 70 characters", to_gsm7, TEXTS["UCS-2, 70 characters"]),
        ("to_e164, 0685812475", to_e164, "0685812475"),
        ("to_e164, +33 6 85 81 24 75", to_e164, "+33 6 85 81 24 75"),
    ):
        print(f"{name:<32}{medians(text, work)[0]:9.2f}")


if __name__ == "__main__":
    main()
