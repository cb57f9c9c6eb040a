"""The campaigns of a run, and what the server makes of each, as its name tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mediasflow_async import CampaignRequest

__all__ = ["Pair", "is_mute", "is_refused", "pairs"]

Pair = tuple[str, CampaignRequest]

_EVERY: Final = 100
_REFUSED: Final = "refused"
_MUTE: Final = "mute"
_PLACES: Final = {0: _REFUSED, 50: _MUTE}


def pairs(count: int) -> Sequence[Pair]:
    """Return that many keys with their campaigns; every other one names its sender."""
    return [(key, _request(key, number)) for number, key in enumerate(map(_key, range(count)))]


def is_refused(key: str) -> bool:
    """Whether the server refuses this campaign for good."""
    return key.endswith(_REFUSED)


def is_mute(key: str) -> bool:
    """Whether the server never shows whether this campaign was launched."""
    return key.endswith(_MUTE)


def _key(number: int) -> str:
    kind = _PLACES.get(number % _EVERY, "plain")
    return f"order-{number}-{kind}"


def _request(key: str, number: int) -> CampaignRequest:
    return CampaignRequest(
        campaign_name=key,
        msg="Your parcel is here",
        recipients=["+33600001601"],
        sender="ACME" if number % 2 else None,
    )
