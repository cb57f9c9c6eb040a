"""French public holidays of any year (code du travail, article L3133-1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

__all__ = ["easter", "french_public_holidays"]

_FIXED: Final = {
    (1, 1): "Jour de l'An",
    (5, 1): "Fête du Travail",
    (5, 8): "Victoire 1945",
    (7, 14): "Fête nationale",
    (8, 15): "Assomption",
    (11, 1): "Toussaint",
    (11, 11): "Armistice 1918",
    (12, 25): "Noël",
}
_DAYS_AFTER_EASTER: Final = {1: "Lundi de Pâques", 39: "Ascension", 50: "Lundi de Pentecôte"}


def easter(year: int) -> date:
    """Return Easter Sunday in the Gregorian calendar: the computus of Meeus, Jones and Butcher."""
    century, year_of_century = divmod(year, 100)
    moon_shift = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * (year % 19) + century - century // 4 - moon_shift + 15) % 30
    leaps = 2 * (century % 4) + 2 * (year_of_century // 4) - year_of_century % 4
    to_sunday = (32 + leaps - epact) % 7
    correction = (year % 19 + 11 * epact + 22 * to_sunday) // 451
    month, day = divmod(epact + to_sunday - 7 * correction + 114, 31)
    return date(year, month, day + 1)


@lru_cache(maxsize=16)
def french_public_holidays(year: int) -> Mapping[date, str]:
    """Return the eleven public holidays of a year, day to French name.

    Those of Alsace, Moselle and the overseas departments alone are not among them.
    """
    fixed = {date(year, month, day): name for (month, day), name in _FIXED.items()}
    sunday = easter(year)
    moving = {sunday + timedelta(days): name for days, name in _DAYS_AFTER_EASTER.items()}
    return fixed | moving
