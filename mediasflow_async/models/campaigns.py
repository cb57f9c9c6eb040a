"""A campaign as the server describes it (Guide: 2.1.3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field, fields, frozen

from mediasflow_async.models.as_given import size_only
from mediasflow_async.models.campaign_values import CampaignStatus, CampaignType, Renderer
from mediasflow_async.models.links import TinyUrl
from mediasflow_async.models.lists import RecipientList

__all__ = ["Campaign"]


@frozen(kw_only=True)
class Campaign:
    """A campaign as the server describes it.

    Guide: 2.1.3.1. A field that the answer does not hold is None.

    Attributes:
        id: the campaign's number, for every later call.
        status: where it stands.
        message: the message, before personalisation.
        sender: sender shown on the phone.
        short_code: number that STOP is answered to.
        type: marketing or notification.
        send_to: medium, "SMS".
        campaign_name: its name.
        user_owner_id: account that it is sent for.
        customer_id: customer that the account belongs to.
        recipient_list: the recipients, as the platform sees them.
        renderer: syntax of the fields in the message.
        creation_date: when it was made.
        update_date: when it last changed.
        path_to_campaign: path on the platform.
        check_duplicate: whether a number gets the message once.
        allow_ucs2: whether characters outside GSM-7 are allowed.
        replace_emoji: whether ``:-)`` becomes an emoji.
        replace_to_gsm7: whether other characters become GSM-7 ones.
        defaults: what stands for empty fields.
        credit_count: credits that it costs.
        credit_after_injection: credits left once it is sent.
        scheduled: whether it has a date.
        is_in_scheduler: whether it waits for that date.
        tiny_urls: its short links.
        count_recipient: recipients in all.
        count_invalid_recipient: recipients with a bad number.
        count_in_black_list_recipient: recipients in a blacklist.
        count_duplicate_recipient: recipients given twice.
        global_counter: messages in all.
        count_valid: messages that can be sent.
        count_posted: messages handed to operators.
        count_duplicate: messages left out as duplicates.
        count_not_allow: messages to destinations that the account may not reach.
        count_not_valid: messages to bad numbers.
        count_error_rendering: messages whose personalisation failed.
        count_max_credit_over: messages beyond the account's length limit.
        count_max_credit_found: segments of the longest message.
        count_black_list: messages left out for a blacklist, in all.
        count_black_list_mediasflow: ... for the platform's own.
        count_black_list_customer: ... for the customer's.
        count_black_list_brand: ... for the brand's.
        raw: the whole answer.
        extra: what the answer holds beyond the fields above.
    """

    id: int
    status: CampaignStatus | None = None
    message: str | None = field(default=None, repr=size_only)
    sender: str | None = None
    short_code: str | None = None
    type: CampaignType | str | None = None
    send_to: str | None = None
    campaign_name: str | None = None
    user_owner_id: str | None = None
    customer_id: str | None = None
    recipient_list: RecipientList | None = None
    renderer: Renderer | str | None = None
    creation_date: datetime | None = None
    update_date: datetime | None = None
    path_to_campaign: str | None = None
    check_duplicate: bool | None = None
    allow_ucs2: bool | None = None
    replace_emoji: bool | None = None
    replace_to_gsm7: bool | None = None
    defaults: Mapping[str, str] = field(factory=dict, repr=False)
    credit_count: float | None = None
    credit_after_injection: float | None = None
    scheduled: bool | None = None
    is_in_scheduler: bool | None = None
    tiny_urls: tuple[TinyUrl, ...] = ()
    count_recipient: int | None = None
    count_invalid_recipient: int | None = None
    count_in_black_list_recipient: int | None = None
    count_duplicate_recipient: int | None = None
    global_counter: int | None = None
    count_valid: int | None = None
    count_posted: int | None = None
    count_duplicate: int | None = None
    count_not_allow: int | None = None
    count_not_valid: int | None = None
    count_error_rendering: int | None = None
    count_max_credit_over: int | None = None
    count_max_credit_found: int | None = None
    count_black_list: int | None = None
    count_black_list_mediasflow: int | None = None
    count_black_list_customer: int | None = None
    count_black_list_brand: int | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)
    extra: Mapping[str, Any] = field(factory=dict, repr=False)

    @property
    def counts(self) -> dict[str, int]:
        """The counters that the answer holds, by field name without ``count_``."""
        return {
            name.removeprefix("count_"): value
            for name in _COUNTERS
            if (value := getattr(self, name)) is not None
        }


_COUNTERS = tuple(
    attribute.name
    for attribute in fields(Campaign)
    if attribute.name.startswith("count_") or attribute.name == "global_counter"
)
