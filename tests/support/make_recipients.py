"""Writes the 2,000 fictitious recipients of the demo to its standard output.

    python tests/support/make_recipients.py > mediasflow_async/cli/recipients.csv

Every run writes the same bytes, on every version of Python: only `Random.random` is used, the
one method whose results are promised to stay.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from random import Random
from typing import Final, NamedTuple, TypeVar

from mediasflow_async.cli.demo_message import BLACKLISTED

LINES: Final = 2000
DUPLICATES: Final = 40
HEADER: Final = ("Civilité", "Prénom", "Nom", "Ville", "CP", "Magasin", "Points", "SMS")

WOMEN: Final = """
Adèle Agnès Aïcha Alice Amélie Anaïs Andréa Apolline Aurélie Béatrice Camille Capucine Cécile
Céline Chloé Clémence Clémentine Élise Élodie Emma Eugénie Fanny Fatou Françoise Gaëlle Héloïse
Inès Jade Joëlle Julie Léa Léonie Lina Louise Maëlle Maëlys Manon Margaux Marie-Noëlle Mélanie
Nadège Noémie Océane Ophélie Rachida Raphaëlle Sarah Solène Thérèse Valérie Yaëlle Zoé
""".split()
MEN: Final = """
Adrien Aurélien Baptiste Benoît Cédric Clément Côme Cyril Damien Étienne Fabrice Félix François
Frédéric Gaël Gérard Grégory Guénolé Hervé Hugo Ismaël Jean-François Jérémie Jérôme Joël Jules
Karim Léo Loïc Lucas Mamadou Mathéo Mathis Mickaël Moussa Noé Noël Olivier Raphaël Rémi René
Sébastien Stéphane Théo Timothée Tristan Valentin Youssef Yves Zinedine
""".split()
SURNAMES: Final = """
André Aubépin Barthélemy Benoît Bérard Besançon Boulanger Brébion Carré Castañer Chêne Choisné
Clément Coëffé Crépin Dubœuf Dumaître Dupré Fèvre Forêt Garçon Gautier Gérard Giraud Guérin
Haddad Hébert Hervé Joffre Kaboré Lacaze Lefèvre Legrand Lemaître Léger Lœuillet Maçon Maréchal
Mérieux Moreau N'Diaye Noël Nuñez Ollivier Pâris Perrin Pétillon Prévost Quéré Rémond Renaud
Rivière Roché Sauvée Schaëffer Sébire Séguin Tessier Thévenet Traoré Vallée Védrine Yilmaz Zéphir
""".split()
SHOPS: Final = (
    ("Aix-en-Provence", "13100", "Cours Mirabeau"),
    ("Angoulême", "16000", "Champ de Mars"),
    ("Besançon", "25000", "Pasteur ; rue piétonne"),
    ("Béziers", "34500", "Polygone"),
    ("Bordeaux", "33000", "Sainte-Catherine"),
    ("Bourg-en-Bresse", "01000", "Le Marché"),
    ("Châlons", "51000", "Hôtel de Ville"),
    ("Évreux", "27000", "L'Horloge"),
    ("Lyon", "69003", "Part-Dieu ; niveau 2"),
    ("Mâcon", "71000", 'Le "Quai"'),
    ("Nice", "06000", "Jean-Médecin"),
    ("Nîmes", "30000", "Les Arènes"),
    ("Orléans", "45000", "Châtelet"),
    ("Paris", "75018", "Sacré-Cœur"),
    ("Saint-Étienne", "42000", "Bellevue"),
    ("Valence", "26000", "Les Récollets"),
)
MALFORMED: Final = (
    "",
    "",
    "0639981",
    "06 39 98 1",
    "063998123",
    "06399812345",
    "O6 39 98 12 34",
    "063998l234",
    "06 39 98 12 3A",
    "6,39981E+08",
    "06 39 98 12 34 / 06 39 98 43 21",
    "inconnu",
    "néant",
    "voir fiche",
    "?",
)
# How people write a number, and what its zero becomes in a spreadsheet; the first is the most
# frequent. `{0}` is the number without its zero, `{1}` to `{5}` are its pairs.
FORMS: Final = (
    *("0{0}",) * 10,
    *("{0}",) * 3,
    *("{1} {2} {3} {4} {5}",) * 3,
    *("+33{0}",) * 2,
    "0033{0}",
    "33{0}",
    "{1}.{2}.{3}.{4}.{5}",
    "+33 6 {2} {3} {4} {5}",
    "tel:0{0}",
)

Item = TypeVar("Item")


class Person(NamedTuple):
    """One line of the list, with the number as nine digits or as it is written."""

    cells: tuple[str, ...]
    number: str


def pick(dice: Random, items: Sequence[Item]) -> Item:
    return items[int(dice.random() * len(items))]


def shuffled(dice: Random, items: Sequence[Item]) -> list[Item]:
    return sorted(items, key=lambda _: dice.random())


def written(dice: Random, number: str) -> str:
    pairs = [f"0{number}"[at : at + 2] for at in range(0, 10, 2)]
    return pick(dice, FORMS).format(number, *pairs)


def described(dice: Random) -> tuple[str, ...]:
    is_woman = dice.random() < 0.5
    city, postcode, shop = pick(dice, SHOPS)
    return (
        pick(dice, ("Mme", "Mme", "Mme", "")) if is_woman else pick(dice, ("M.", "M.", "Mr")),
        "" if dice.random() < 0.02 else pick(dice, WOMEN if is_woman else MEN),
        pick(dice, SURNAMES).upper() if dice.random() < 0.15 else pick(dice, SURNAMES),
        city,
        postcode.removeprefix("0") if dice.random() < 0.5 else postcode,
        shop,
        "" if dice.random() < 0.03 else str(int(dice.random() * dice.random() * 4000)),
    )


def people(dice: Random) -> list[Person]:
    others = shuffled(dice, [f"63998{suffix:04}" for suffix in range(100, 10_000)])
    count = LINES - DUPLICATES - len(MALFORMED) - len(BLACKLISTED)
    numbers = [*others[:count], *(number.removeprefix("+33") for number in BLACKLISTED)]
    reachable = [Person(described(dice), number) for number in numbers]
    twice = reachable[:DUPLICATES]
    return reachable + twice + [Person(described(dice), number) for number in MALFORMED]


def lines(dice: Random) -> list[list[str]]:
    return [
        [
            *person.cells,
            person.number if person.number in MALFORMED else written(dice, person.number),
        ]
        for person in shuffled(dice, people(dice))
    ]


def recipients() -> bytes:
    """Return the file, as a French spreadsheet saves it."""
    dice = Random(2024)  # noqa: S311  fiction, no secret
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";").writerows([HEADER, *lines(dice)])
    return text.getvalue().encode("cp1252")


if __name__ == "__main__":
    sys.stdout.buffer.write(recipients())
