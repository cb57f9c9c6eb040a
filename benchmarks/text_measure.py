"""What `measure` costs per message, beside the package smsutil in the same run.

The two take turns over the same texts. A second table has other functions of
`mediasflow_async.text`. Run: `python benchmarks/text_measure.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

from mediasflow_async import text
from parts.measuring import Contender, measure
from parts.options import Options
from parts.tables import Table, cpu, publish, ratio
from parts.worker import Settings, Work

FRENCH: Final = (
    "Bonjour Hélène, votre colis est arrivé à l'agence. Retrait dès demain 9h. STOP 36184. "
)
TEXTS: Final = {
    "GSM-7, 160 characters": (FRENCH * 2)[:160],
    "GSM-7 with € and [], 150": ("Offre [17 €] " * 12)[:150],
    "GSM-7, 918, 6 segments": (FRENCH * 11)[:918],
    "GSM-7 with €, 900, 6 segments": (FRENCH * 11)[:890] + "€" * 10,
    "UCS-2, 70 characters": ("Garçon, cœur, naïve, été. " * 3)[:70],
    "UCS-2 with emoji, 6 segments": ("Garçon 😀 " * 50)[:350],
}
OTHERS: Final = {
    "to_gsm7, nothing to replace": ("to_gsm7", TEXTS["GSM-7, 160 characters"]),
    "to_gsm7, 70 characters": ("to_gsm7", TEXTS["UCS-2, 70 characters"]),
    "to_e164, 0685812475": ("to_e164", "0685812475"),
    "to_e164, +33 6 85 81 24 75": ("to_e164", "+33 6 85 81 24 75"),
}


def _repeated(function: Callable[[str], Any], given: str) -> Work:
    def work(count: int) -> None:
        for _ in range(count):
            function(given)

    return work


@contextmanager
def ours(settings: Settings) -> Generator[Work]:
    """Call a function of ours."""
    yield _repeated(getattr(text, settings["function"]), settings["text"])


@contextmanager
def smsutil(settings: Settings) -> Generator[Work]:
    """Split with smsutil."""
    yield _repeated(import_module("smsutil").split, settings["text"])


def _contender(name: str, function: str, given: str) -> Contender:
    return Contender(name, ours, settings={"function": function, "text": given})


def main() -> None:
    """Measure and print."""
    options = Options.read(__doc__, rounds=7, calls=10_000)
    tables = [_against_smsutil(options, name, given) for name, given in TEXTS.items()]
    publish(options.program, [*tables, _others(options)], options.json)


def _against_smsutil(options: Options, name: str, given: str) -> Table:
    peer = Contender("smsutil.split", smsutil, ("smsutil",), settings={"text": given})
    contenders = (_contender("measure", "measure", given), peer)
    return _table(options, contenders, name, reference=peer.name)


def _others(options: Options) -> Table:
    return _table(options, [_contender(name, *what) for name, what in OTHERS.items()], "others")


def _table(
    options: Options, contenders: Sequence[Contender], title: str, *, reference: str | None = None
) -> Table:
    calls = options.sized(options.others.calls, 100)
    results = measure(
        options.chosen(contenders), {}, count=calls, warm_up=calls // 10, rounds=options.rounds
    )
    columns = [cpu("µs CPU/call", digits=2)]
    if reference:
        columns.append(ratio(digits=3))
    return Table(
        title=title, columns=columns, results=results, reference=reference, facts={"calls": calls}
    )


if __name__ == "__main__":
    main()
