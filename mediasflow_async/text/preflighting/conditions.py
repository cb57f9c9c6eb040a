"""What a preflight has to assume beyond the request and its rows."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from attrs import field, frozen

from mediasflow_async.text.preflighting.hours import LegalHours

__all__ = ["Conditions"]


@frozen(kw_only=True)
class Conditions:
    """The circumstances of a campaign. Guide: 2.1.

    Attributes:
        legal_hours: when marketing may be sent.
        short_url_length: characters of a shortened link; None for its host, a slash and six
            more, as in `1mf.eu/xxxxxx`. The guide does not say.
        schedule_zone: zone in which the schedule is written to the server
            (`Dialect.schedule_tz`).
        now: the present; None for the clock's.
    """

    legal_hours: LegalHours = field(factory=LegalHours)
    short_url_length: int | None = None
    schedule_zone: tzinfo = UTC
    now: datetime | None = None
