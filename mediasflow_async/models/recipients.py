"""One person a campaign goes to (Guide: 2.1, listRecipient)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from mediasflow_async.masking import mask_phone

__all__ = ["Recipient"]


def _names_only(fields: object) -> str:
    return f"<{', '.join(map(str, fields))}>" if isinstance(fields, Mapping) else _type_only(fields)


def _type_only(value: object) -> str:
    return f"<{type(value).__name__}>"


@frozen
class Recipient:
    """A recipient given in the request itself; at most 50 of them in one campaign.

    Guide: 2.1 (`listRecipient`).

    Attributes:
        mobile: the mobile number, in any of the forms that the platform reads:
            ``0612345678``, ``33612345678``, ``+33612345678``, ``0033612345678``.
        title: form of address.
        last_name: family name.
        first_name: given name.
        email: e-mail address.
        phone: landline number.
        group_id: group of the recipient on the platform.
        user_owner_id: account that owns the recipient (24 hexadecimal digits).
        fields: your own columns for the personalisation of the message, name to value.
        id: the platform's number of the recipient; in answers only.
        raw: the answer that it was read from; empty when you made it.
        extra: what the answer holds beyond the fields above.
    """

    mobile: str = field(repr=mask_phone)
    title: str | None = field(default=None, kw_only=True, repr=False)
    last_name: str | None = field(default=None, kw_only=True, repr=False)
    first_name: str | None = field(default=None, kw_only=True, repr=False)
    email: str | None = field(default=None, kw_only=True, repr=False)
    phone: str | None = field(default=None, kw_only=True, repr=False)
    group_id: int | None = field(default=None, kw_only=True)
    user_owner_id: str | None = field(default=None, kw_only=True)
    fields: Mapping[str, Any] = field(factory=dict, kw_only=True, repr=_names_only)
    id: int | None = field(default=None, kw_only=True)
    raw: Mapping[str, Any] = field(factory=dict, kw_only=True, repr=False, eq=False)
    extra: Mapping[str, Any] = field(factory=dict, kw_only=True, repr=False)
