"""When marketing SMS may be sent in France."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, tzinfo
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from attrs import field, frozen

from mediasflow_async.text.preflighting.codes import WarningCode
from mediasflow_async.text.preflighting.holidays import french_public_holidays
from mediasflow_async.text.preflighting.notices import Notice

__all__ = ["LegalHours"]

_SUNDAY: Final = 6
_WEEKDAYS: Final = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


def _days(days: Iterable[int]) -> frozenset[int]:
    return frozenset(days)


@frozen(kw_only=True)
class LegalHours:
    """The hours and days that suit French marketing SMS. Notifications go at any time.

    No law names hours for SMS; the operators' charter does. Its edition of 2026 allows 8:00 to
    21:30, recommends Monday to Saturday, and tolerates Sundays and public holidays
    (https://af2m.org/charte-business-messaging-2026-laf2m-renforce-les-regles-du-jeu); that of
    2024 said 8:00 to 22:00 on working days only. Many platforms still stop at 20:00, for which
    `LegalHours(closes=time(20))` is the choice.

    Attributes:
        opens: first moment of the day.
        closes: the moment after the last one.
        quiet_weekdays: days to avoid, Monday being 0.
        on_public_holidays: whether public holidays count as any other day.
        zone: where the recipients are.
    """

    opens: time = time(8)
    closes: time = time(21, 30)
    quiet_weekdays: frozenset[int] = field(default=frozenset({_SUNDAY}), converter=_days)
    on_public_holidays: bool = False
    zone: tzinfo = field(factory=partial(ZoneInfo, "Europe/Paris"))

    def objections(self, moment: datetime) -> Iterator[Notice]:
        """Yield what speaks against sending marketing at an aware `moment`."""
        local = moment.astimezone(self.zone)
        if not self.opens <= local.time() < self.closes:
            yield Notice(
                WarningCode.OUTSIDE_LEGAL_HOURS,
                f"marketing at {local:%H:%M}: operators want it from {self.opens:%H:%M} "
                f"to {self.closes:%H:%M}",
            )
        if day := self._quiet_day(local.date()):
            yield Notice(
                WarningCode.QUIET_DAY,
                f"marketing on {day}: operators advise against it, and it may be held back",
                about=day,
            )

    def _quiet_day(self, day: date) -> str | None:
        holiday = french_public_holidays(day.year).get(day)
        if holiday and not self.on_public_holidays:
            return f"a public holiday ({holiday})"
        return f"a {_WEEKDAYS[day.weekday()]}" if day.weekday() in self.quiet_weekdays else None
