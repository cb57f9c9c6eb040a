"""A campaign on the command line."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from attrs import field, frozen
from cyclopts import Parameter

from mediasflow_async.errors import ConfigurationError
from mediasflow_async.models import CampaignRequest, CampaignType, Renderer

__all__ = ["CampaignOptions"]


@Parameter(name="*")
@frozen(kw_only=True)
class CampaignOptions:
    """A campaign, but for its recipients.

    Attributes:
        message: The message, with columns of the file as ${Column}.
        sender: What phones show; a short code by default.
        type: Marketing, or a notification.
        renderer: How the message writes columns.
        allow_ucs2: Allow characters outside of GSM-7: 70 of them make an SMS, not 160.
        replace: Whether ç, â, ê, ë become c, a, e, e.
        schedule: When it is sent, with its time zone: 2026-03-10T10:00+01:00.
    """

    message: str = field(repr=False)
    sender: str | None = None
    type: CampaignType = CampaignType.MKG
    renderer: Renderer = Renderer.BASIC
    allow_ucs2: Annotated[bool, Parameter(negative=())] = False
    replace: bool = True
    schedule: str | None = None

    def request(self) -> CampaignRequest:
        """Return the campaign.

        Raises:
            ConfigurationError: the schedule is no time with a zone.
        """
        return CampaignRequest(
            msg=self.message,
            sender=self.sender,
            type=self.type,
            renderer=self.renderer,
            allow_ucs2=self.allow_ucs2,
            replace_to_gsm7=self.replace,
            schedule_on=None if self.schedule is None else _moment(self.schedule),
        )


def _moment(text: str) -> datetime:
    refusal = ConfigurationError(
        "--schedule is a date and a time with its zone, such as 2026-03-10T10:00+01:00"
    )
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise refusal from None
    if moment.utcoffset() is None:
        raise refusal
    return moment
