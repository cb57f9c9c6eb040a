"""A made-up CSV report: 20 columns, half of them the user's, as a shop in France would have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

__all__ = ["csv_lines", "write_csv"]

_COLUMNS: Final = (
    "CIVILITE;NOM;PRENOM;EMAIL;VILLE;CODE_POSTAL;MAGASIN;POINTS;DERNIER_ACHAT;MOBILE;"
    "REF_LIST;ID_LINE;INT_MOBILE;STATUS_CODE;STATUS_TEXT;DELIVERYDATE;REPLY;PREVIEW;"
    "TRACK_1;TRACK_1_COUNTER\r\n"
)
_FIRST_NAMES: Final = "Zoé Léa Chloé Inès Hélène Noël Théo Anaïs Loïc Paul Jean-François".split()
_LAST_NAMES: Final = "Gaillard Lefèvre Bénard Dupont-Moretti Martin Nguyen Rousseau Girard".split()
_TOWNS: Final = "Besançon Nîmes Paris Évreux Orléans Mâcon Bordeaux Lyon Saint-Étienne".split()
_STATUSES: Final = (
    *[(16, "Remis")] * 86,
    *[(20, "Non remis")] * 7,
    *[(31, "Mobile indisponible")] * 4,
    *[(29, "Numéro non attribué")] * 2,
    (17, "Remis + STOP demandé"),
)
_STOP: Final = 17
_CLICKED: Final = 0.06
_QUOTED: Final = 0.01
_START: Final = datetime(2027, 3, 8, 9)  # noqa: DTZ001 - as on the clock of the server
_PER_SECOND: Final = 92
_DELAY_SECONDS: Final = 20


def csv_lines(count: int) -> Iterator[str]:
    """Yield the header and so many records, the same in every run.

    Messages go out at 92 a second and arrive within a minute or so; one in 17 is clicked on, and
    one record in a hundred has a quoted line break.
    """
    yield _COLUMNS
    random = Random(count)  # noqa: S311 - made-up people
    for number in range(count):
        yield ";".join((*_person(random, number), *_message(random, number))) + "\r\n"


def _person(random: Random, number: int) -> tuple[str, ...]:
    first, last = random.choice(_FIRST_NAMES), random.choice(_LAST_NAMES)
    town = random.choice(_TOWNS)
    return (
        random.choice(("M.", "Mme")),
        last.upper(),
        first,
        f"{first}.{last}.{number}@example.org".lower(),
        f'"{town}\r\n""Les Halles"""' if random.random() < _QUOTED else town,
        f"{random.randrange(1000, 96000):05}",
        f"Magasin {random.randrange(400)}",
        str(random.randrange(5000)),
        f"{random.randrange(1, 29):02}/{random.randrange(1, 13):02}/2026",
        f"06{number:08}",
    )


def _message(random: Random, number: int) -> tuple[str, ...]:
    status, label = random.choice(_STATUSES)
    delivered = _START + timedelta(
        seconds=number // _PER_SECOND + random.expovariate(1 / _DELAY_SECONDS)
    )
    clicked = random.random() < _CLICKED
    return (
        "clients_mars_2027",
        str(number + 2),
        f"+336{number:08}",
        str(status),
        label,
        _moment(delivered),
        "STOP" if status == _STOP else "",
        "",
        _moment(delivered + timedelta(seconds=random.randrange(3600))) if clicked else "",
        str(random.randrange(1, 4)) if clicked else "0",
    )


def _moment(moment: datetime) -> str:
    return f"{moment:%d/%m/%Y %H:%M:%S}"


def write_csv(path: Path, count: int) -> None:
    """Write a report of so many records."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(csv_lines(count))
