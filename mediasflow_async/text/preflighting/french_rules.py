"""French rules on a campaign's date and text: legal hours, public holidays, the STOP.

Marketing SMS must offer a way to unsubscribe (CPCE, article L34-5; guide 2.1, `sender`), and
operators want it at certain hours (`LegalHours`). Public holidays are those of the code du travail,
article L3133-1. A date is also checked for what a server could misread. Guide: 2.1, `scheduleOn`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache, partial
from typing import Final
from zoneinfo import ZoneInfo

from attrs import field, frozen

from mediasflow_async.dates import to_whole_second
from mediasflow_async.models import CampaignRequest, CampaignType
from mediasflow_async.text.preflighting.notices import Notice, ProblemCode, WarningCode, notice

__all__ = [
    "STOP_LENGTH",
    "Conditions",
    "LegalHours",
    "easter",
    "french_public_holidays",
    "lacks_stop",
    "schedule_notices",
    "stop_notices",
]

_SUNDAY: Final = 6
_WEEKDAYS: Final = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


def _days(days: Iterable[int]) -> frozenset[int]:
    return frozenset(days)


@frozen(kw_only=True)
class LegalHours:
    """The hours and days on which French marketing SMS may be sent; notifications go at any time.

    No law names hours for SMS; the operators' charter does. Its edition of 2026 allows 8:00 to
    21:30, recommends Monday to Saturday, and tolerates Sundays and public holidays
    (https://af2m.org/charte-business-messaging-2026-laf2m-renforce-les-regles-du-jeu); that of
    2024 said 8:00 to 22:00 on working days only. Many platforms still stop at 20:00, for which
    `LegalHours(closes=time(20))` is the choice.

    Attributes:
        opens: the first moment of the day at which marketing may be sent.
        closes: the moment from which it may not be sent any more.
        quiet_weekdays: days to avoid, Monday being 0.
        on_public_holidays: whether public holidays count as any other day.
        zone: the time zone of the recipients.
    """

    opens: time = time(8)
    closes: time = time(21, 30)
    quiet_weekdays: frozenset[int] = field(default=frozenset({_SUNDAY}), converter=_days)
    on_public_holidays: bool = False
    zone: tzinfo = field(factory=partial(ZoneInfo, "Europe/Paris"))

    def objections(self, moment: datetime) -> Iterator[Notice]:
        """Yield a warning for each rule against marketing at `moment`, an aware datetime."""
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


@frozen(kw_only=True)
class Conditions:
    """What a preflight assumes beyond the request and its rows. Guide: 2.1.

    Attributes:
        legal_hours: when marketing may be sent.
        short_url_length: characters of a shortened link; None for its host, a slash and six
            more, as in `1mf.eu/xxxxxx`. The guide does not say.
        schedule_zone: time zone in which the schedule is written to the server
            (`Dialect.schedule_tz`).
        now: the present, an aware datetime; None for the time on the clock.
    """

    legal_hours: LegalHours = field(factory=LegalHours)
    short_url_length: int | None = None
    schedule_zone: tzinfo = UTC
    now: datetime | None = None


def schedule_notices(request: CampaignRequest, conditions: Conditions) -> Iterator[Notice]:
    """Yield what is wrong or doubtful about the time at which a campaign is sent.

    A draft without a date is sent when it is launched, at a time that is not known yet.
    """
    now = conditions.now or datetime.now(UTC)
    moment = request.schedule_on
    if moment is None:
        sent_at = now if request.start_now else None
    elif moment.utcoffset() is None:
        yield notice(ProblemCode.SCHEDULE_WITHOUT_ZONE)
        return
    else:
        yield from _lead_time_notices(moment, now)
        yield from _clock_notices(moment, conditions.schedule_zone)
        sent_at = moment
    if sent_at and _is_marketing(request):
        yield from conditions.legal_hours.objections(sent_at)


_SHORTEST_LEAD_TIME: Final = timedelta(minutes=5)


def _lead_time_notices(moment: datetime, now: datetime) -> Iterator[Notice]:
    if moment <= now:
        yield notice(ProblemCode.SCHEDULE_IN_PAST)
    elif moment - now < _SHORTEST_LEAD_TIME:
        yield notice(ProblemCode.SCHEDULE_TOO_SOON)


_NOON: Final = 12


def _clock_notices(moment: datetime, written_in: tzinfo) -> Iterator[Notice]:
    written = to_whole_second(moment).astimezone(written_in)
    if _is_nonexistent(moment):
        yield notice(WarningCode.NONEXISTENT_TIME)
    elif _is_ambiguous(moment) or _is_ambiguous(written):
        yield notice(WarningCode.AMBIGUOUS_TIME)
    if written.hour == _NOON:
        yield notice(WarningCode.TWELVE_OCLOCK)


def _is_nonexistent(moment: datetime) -> bool:
    there_and_back = moment.astimezone(UTC).astimezone(moment.tzinfo)
    return there_and_back.replace(tzinfo=None) != moment.replace(tzinfo=None)


def _is_ambiguous(moment: datetime) -> bool:
    return moment.replace(fold=0).utcoffset() != moment.replace(fold=1).utcoffset()


def stop_notices(request: CampaignRequest) -> Iterator[Notice]:
    """Yield what is wrong with the STOP that a marketing message has to offer."""
    if lacks_stop(request):
        yield notice(WarningCode.STOP_MISSING)
    if not request.msg or not request.sender or not _is_marketing(request):
        return
    if not _STOP_NUMBER.search(request.msg):
        yield notice(WarningCode.SENDER_WITHOUT_STOP_NUMBER)


STOP_LENGTH: Final = len(" STOP 36184")
"""Characters that the platform may add to a message without STOP. Guide: 2.1, `tinyList`."""

_STOP: Final = re.compile(r"(?<![\w-])stop(?![a-z])", re.IGNORECASE)
_STOP_NUMBER: Final = re.compile(_STOP.pattern + r"\D{0,20}[0-9]{5}(?![0-9])", re.IGNORECASE)


def lacks_stop(request: CampaignRequest) -> bool:
    """Tell whether a campaign is marketing and its message does not say STOP."""
    return bool(request.msg) and _is_marketing(request) and not _STOP.search(request.msg or "")


def _is_marketing(request: CampaignRequest) -> bool:
    """Tell whether a campaign is marketing, which is also what the server assumes by default."""
    return request.type in {None, CampaignType.MKG}


_FIXED_HOLIDAYS: Final = {
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


@lru_cache(maxsize=16)
def french_public_holidays(year: int) -> Mapping[date, str]:
    """Return the eleven public holidays of a year: day to French name.

    Holidays of Alsace and Moselle or of the overseas departments alone are not among them.
    """
    fixed = {date(year, month, day): name for (month, day), name in _FIXED_HOLIDAYS.items()}
    sunday = easter(year)
    moving = {sunday + timedelta(days): name for days, name in _DAYS_AFTER_EASTER.items()}
    return fixed | moving


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
