"""What to send, to whom, and how (Guide: 2.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from attrs import field, frozen

from mediasflow_async.masking import mask_text
from mediasflow_async.models.as_given import member, size_only, tuple_of
from mediasflow_async.models.campaign_values import CampaignType, Renderer
from mediasflow_async.models.links import TinyUrl
from mediasflow_async.models.recipients import Recipient

__all__ = ["CampaignRequest"]


def _campaign_type(value: CampaignType | str | None) -> Any:
    return member(CampaignType, value)


def _renderer(value: Renderer | str | None) -> Any:
    return member(Renderer, value)


def _numbers(value: Iterable[int] | None) -> tuple[int, ...]:
    return tuple_of(value)


def _links(value: Iterable[TinyUrl] | None) -> tuple[TinyUrl, ...]:
    return tuple_of(value)


def _recipients(value: Iterable[Recipient | str] | None) -> tuple[Recipient, ...]:
    items = tuple_of(value)
    if not isinstance(items, tuple):
        return items
    return tuple(Recipient(item) if isinstance(item, str) else item for item in items)


def _masked_recipients(value: object) -> str:
    is_sound = isinstance(value, tuple) and all(isinstance(item, Recipient) for item in value)
    return repr(value) if is_sound else f"<{type(value).__name__}>"


def _masked(value: object) -> str:
    return mask_text(repr(value))


@frozen(kw_only=True)
class CampaignRequest:
    """What to send, to whom, and how. Checked when it is sent, all problems at once.

    Guide: 2.1. What is None is not sent, so that the account's own default holds.

    Attributes:
        msg: the message, with personalisation fields in the syntax of `renderer`.
        recipients: at most 50 recipients; a text stands for a recipient with that number.
        list_ids: numbers of lists uploaded before (`session.lists.upload`).
        campaign_id: number of a campaign prepared before, to launch it.
        campaign_name: name on the platform; "<date> campaign API" by default.
        user_owner_id: account to send for (24 hexadecimal digits); needs ADMIN rights.
        brand: brand that STOP answers are attached to: always the same spelling.
        sender: 3 to 11 letters and digits, not digits only; a short code by default.
        type: marketing or notification; marketing by default.
        schedule_on: when to send: an aware datetime, at least 5 minutes ahead.
        renderer: syntax of the fields in `msg`; BASIC or the account's by default.
        defaults: what stands for a field that is empty, by field name.
        allow_ucs2: allow characters outside GSM-7, which shortens a segment to 70.
        replace_emoji: turn ``:-)`` into an emoji; needs `allow_ucs2`.
        replace_to_gsm7: turn ç, â, ê, ë into c, a, e, e and so on.
        check_duplicate: send once to a number that stands in the lists twice.
        billing_code: code that comes back on the invoice.
        tiny_urls: links to shorten.
        image_preview: image of the link preview: its bytes, or base64 text.
        zip_local: zip of the pages for LOCAL links: its bytes, or base64 text.
        start_now: True sends now or at `schedule_on`; False prepares a draft.
    """

    msg: str | None = field(default=None, repr=size_only)
    recipients: tuple[Recipient, ...] = field(
        default=(), converter=_recipients, repr=_masked_recipients
    )
    list_ids: tuple[int, ...] = field(default=(), converter=_numbers)
    campaign_id: int | None = None
    campaign_name: str | None = None
    user_owner_id: str | None = None
    brand: str | None = None
    sender: str | None = field(default=None, repr=_masked)
    type: CampaignType | None = field(default=None, converter=_campaign_type)
    schedule_on: datetime | None = None
    renderer: Renderer | None = field(default=None, converter=_renderer)
    defaults: Mapping[str, str] = field(factory=dict, repr=False)
    allow_ucs2: bool | None = None
    replace_emoji: bool | None = None
    replace_to_gsm7: bool | None = None
    check_duplicate: bool | None = None
    billing_code: str | None = None
    tiny_urls: tuple[TinyUrl, ...] = field(default=(), converter=_links)
    image_preview: bytes | str | None = field(default=None, repr=size_only)
    zip_local: bytes | str | None = field(default=None, repr=size_only)
    start_now: bool = False
