"""The STOP that French marketing SMS must offer (CPCE, article L34-5; guide 2.1, `sender`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mediasflow_async.models import CampaignRequest, CampaignType
from mediasflow_async.text.preflighting.codes import WarningCode
from mediasflow_async.text.preflighting.notices import Notice, notice

__all__ = ["STOP_LENGTH", "is_marketing", "lacks_stop", "stop_notices"]

STOP_LENGTH: Final = len(" STOP 36184")
"""What the platform may add to a message without STOP. Guide: 2.1, examples of `tinyList`."""

_STOP: Final = re.compile(r"(?<![\w-])stop(?![a-z])", re.IGNORECASE)
_STOP_NUMBER: Final = re.compile(_STOP.pattern + r"\D{0,20}[0-9]{5}(?![0-9])", re.IGNORECASE)


def is_marketing(request: CampaignRequest) -> bool:
    """Tell whether a campaign is marketing, as the server takes it when nothing is said."""
    return request.type in {None, CampaignType.MKG}


def lacks_stop(request: CampaignRequest) -> bool:
    """Tell whether this is a marketing message that does not say STOP."""
    return bool(request.msg) and is_marketing(request) and not _STOP.search(request.msg or "")


def stop_notices(request: CampaignRequest) -> Iterator[Notice]:
    """Yield what is wrong with the way out that a marketing message offers."""
    if lacks_stop(request):
        yield notice(WarningCode.STOP_MISSING)
    if not request.msg or not request.sender or not is_marketing(request):
        return
    if not _STOP_NUMBER.search(request.msg):
        yield notice(WarningCode.SENDER_WITHOUT_STOP_NUMBER)
