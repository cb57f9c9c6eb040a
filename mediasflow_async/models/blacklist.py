"""Numbers that must not be sent to (Guide: 2.9, 2.10)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field, frozen

from mediasflow_async.models.values import OpenEnum
from mediasflow_async.secrecy import mask_phone

__all__ = ["BlacklistEntry", "BlacklistKind"]


class BlacklistKind(OpenEnum):
    """What a blacklisted number is protected from (Guide: 2.9)."""

    MOBILE = "MOBILE"
    """SMS."""
    VMS = "VMS"
    """Voice messages."""


def _kind(value: BlacklistKind | str) -> Any:
    """Return the kind of a text, or any other value as it is, for the validation to report."""
    return BlacklistKind(value) if isinstance(value, str) else value


@frozen
class BlacklistEntry:
    """A number in the account's blacklist.

    Guide: 2.9, 2.10. The guide has no example of the listing: what it holds beyond these fields
    is in `extra`.

    Attributes:
        number: the number, as the server or you write it; ``+33612345678`` is best.
        kind: what it is protected from.
        description: why it was added.
        brand: brand that it is blacklisted for; None for the whole account.
        created_at: when it was added, where the server says so.
        raw: the whole answer; empty when you made it, or when the server gave bare numbers.
        extra: what the answer holds beyond the fields above.
    """

    number: str = field(repr=mask_phone)
    kind: BlacklistKind = field(default=BlacklistKind.MOBILE, converter=_kind, kw_only=True)
    description: str | None = field(default=None, kw_only=True, repr=False)
    brand: str | None = field(default=None, kw_only=True)
    created_at: datetime | None = field(default=None, kw_only=True)
    raw: Mapping[str, Any] = field(factory=dict, kw_only=True, repr=False, eq=False)
    extra: Mapping[str, Any] = field(factory=dict, kw_only=True, repr=False)
