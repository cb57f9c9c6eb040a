"""Campaigns: what is asked for, and what the server answers (Guide: 2.1, 2.2, 2.11).

A model never refuses to be made: a value that is wrong is kept as it is, and all problems of a
request are told at once when it is sent. What an answer holds beyond the fields of its model is
in `extra`, and all of it in `raw`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from attrs import field, fields, frozen

from mediasflow_async.models.values import OpenEnum, member, size_only, tuple_of
from mediasflow_async.secrecy import mask_phone, mask_text

__all__ = [
    "Campaign",
    "CampaignRequest",
    "CampaignStatus",
    "CampaignType",
    "ListType",
    "Recipient",
    "RecipientList",
    "Renderer",
    "TinyUrl",
    "TinyUrlType",
]


def _recipients(value: Iterable[Recipient | str] | None) -> tuple[Recipient, ...]:
    items = tuple_of(value)
    if not isinstance(items, tuple):
        return items
    return tuple(Recipient(item) if isinstance(item, str) else item for item in items)


def _numbers(value: Iterable[int] | None) -> tuple[int, ...]:
    return tuple_of(value)


def _links(value: Iterable[TinyUrl] | None) -> tuple[TinyUrl, ...]:
    return tuple_of(value)


def _campaign_type(value: CampaignType | str | None) -> Any:
    return member(CampaignType, value)


def _renderer(value: Renderer | str | None) -> Any:
    return member(Renderer, value)


def _masked_recipients(value: object) -> str:
    is_sound = isinstance(value, tuple) and all(isinstance(item, Recipient) for item in value)
    return repr(value) if is_sound else f"<{type(value).__name__}>"


def _masked(value: object) -> str:
    return mask_text(repr(value))


@frozen(kw_only=True)
class CampaignRequest:
    """What to send, to whom, and how.

    Guide: 2.1. It is checked when it is sent. What is None is not written, so that the account's
    own default holds.

    Attributes:
        msg: the message, with personalisation fields in the syntax of `renderer`.
        recipients: at most 50 recipients; a text becomes a recipient with that number.
        list_ids: numbers of lists uploaded before (`session.lists.upload`).
        campaign_id: number of a campaign prepared before, to launch it.
        campaign_name: name on the platform; "<date> campaign API" by default.
        user_owner_id: account to send for (24 hexadecimal digits); needs ADMIN rights.
        brand: brand that STOP answers are attached to: always the same spelling.
        sender: 3 to 11 letters and digits, not digits only; a short code by default.
        type: marketing or notification; marketing by default.
        schedule_on: when to send: an aware datetime, at least 5 minutes ahead.
        renderer: syntax of the fields in `msg`; BASIC or the account's by default.
        defaults: value of a field that is empty, by field name.
        allow_ucs2: allow characters outside GSM-7, which shortens a segment to 70.
        replace_emoji: turn ``:-)`` into an emoji; needs `allow_ucs2`.
        replace_to_gsm7: turn ç, â, ê, ë into c, a, e, e and so on.
        check_duplicate: send once to a number that is in the lists twice.
        billing_code: code that comes back on the invoice.
        tiny_urls: links to shorten.
        image_preview: image of the link preview: its bytes, or base64 text.
        zip_local: zip of the pages for LOCAL links: its bytes, or base64 text.
        start_now: True sends now or at `schedule_on`; False prepares a draft. The calls
            `send`, `prepare` and `launch` decide it themselves.
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


class CampaignType(StrEnum):
    """The purpose of a campaign, which decides its short code and the legal rules (Guide: 2.1)."""

    MKG = "MKG"
    """Marketing, the server's default: sent from 36XXX."""
    NOTIFICATION = "NOTIFICATION"
    """Alerts, password reminders and confirmations only: sent from 38XXX."""


class Renderer(StrEnum):
    """The syntax of the personalisation fields in a message (Guide: 2.1)."""

    BASIC = "BASIC"
    """``${FIELD}``, the default."""
    MEDIASFLOW = "MEDIASFLOW"
    """``$$[FIELD]``"""
    MEDIASFLOW_B = "MEDIASFLOW_B"
    """``$$[record]FIELD$$``"""
    HANDLEBARS = "HANDLEBARS"
    """``{{FIELD}}``"""
    EJS = "EJS"
    """``<%= FIELD %>``"""
    VELOCITY = "VELOCITY"
    """``$FIELD``"""


def _names_only(fields: object) -> str:
    return f"<{', '.join(map(str, fields))}>" if isinstance(fields, Mapping) else _type_only(fields)


def _type_only(value: object) -> str:
    return f"<{type(value).__name__}>"


@frozen
class Recipient:
    """A recipient that is part of a request, which may have at most 50 of them.

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
        fields: your own columns for the personalisation of the message, by name.
        id: the platform's number of the recipient; in answers only.
        raw: the object of the answer that it was read from; empty when you made it.
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


class TinyUrlType(StrEnum):
    """Where a short link leads (Guide: 2.1)."""

    REDIRECT = "REDIRECT"
    """To a web site."""
    LOCAL = "LOCAL"
    """To a page in the zip sent with the campaign."""


def _tiny_url_type(value: TinyUrlType | str) -> Any:
    return member(TinyUrlType, value)


def _texts(value: Iterable[str] | None) -> tuple[str, ...]:
    return tuple_of(value)


@frozen(kw_only=True)
class TinyUrl:
    """A link in the message that the platform shortens and counts clicks on.

    Guide: 2.1 (`tinyList`).

    Attributes:
        index: 0 for ``${track_1}`` in the message, 1 for ``${track_2}``, and so on.
        type: where the link leads.
        url: the address, for REDIRECT.
        local_html: the name of the HTML file in `CampaignRequest.zip_local`, for LOCAL.
        parameters: what is added to the address, such as ``name=${Name}``.
        label: title of the preview, at most 20 characters, on index 0 only.
        description: text of the preview, at most 40 characters, on index 0 only.
        image_name: name of the preview image, ``.jpg`` or ``.png``.
        renderer: syntax of the fields in the address; the campaign's by default.
        end_of_life: how long the link lives: a number of days, or its last day.
            45 days by default.
        host: host of the short address.
        domain: domain that the short address is associated with.
        is_open_graph: whether a preview is shown.
        raw: the object of the answer that it was read from; empty when you made it.
        extra: what the answer holds beyond the fields above.
    """

    index: int = field()
    type: TinyUrlType = field(default=TinyUrlType.REDIRECT, converter=_tiny_url_type)
    url: str | None = None
    local_html: str | None = None
    parameters: tuple[str, ...] = field(default=(), converter=_texts)
    label: str | None = None
    description: str | None = None
    image_name: str | None = None
    renderer: Renderer | None = field(default=None, converter=_renderer)
    end_of_life: int | date | None = None
    host: str | None = None
    domain: str | None = None
    is_open_graph: bool | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)
    extra: Mapping[str, Any] = field(factory=dict, repr=False)


@frozen(kw_only=True)
class Campaign:
    """A campaign, as the server describes it.

    Guide: 2.1.3.1. A field that the answer does not hold is None.

    Attributes:
        id: the campaign's number, for every later call.
        status: its state.
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
        defaults: values of empty fields.
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


class CampaignStatus(OpenEnum):
    """The state of a campaign (Guide: 2.1.3.1); an unknown one is kept as it is."""

    DRAFT = "DRAFT"
    """Created, and nothing is sent; a cancelled campaign is a draft again."""
    INPROGRESS = "INPROGRESS"
    """Being processed."""
    INJECTING = "INJECTING"
    """Being handed to the operators: for a short time, unless an error keeps it there."""
    INJECTED = "INJECTED"
    """Sent."""
    SCHEDULED = "SCHEDULED"
    """Waiting for its date."""


@frozen(kw_only=True)
class RecipientList:
    """A list of recipients, as the server describes it.

    Guide: 2.11.1 and 2.11.2. A field that the answer does not hold is None or empty.

    Attributes:
        id: the list's number, for `CampaignRequest.list_ids`; 0 for one without a number.
        list_name: its name.
        description: the name shown in a campaign.
        type: uploaded or virtual.
        size: lines detected.
        valid_number_mobile: valid mobile numbers.
        invalid_number_mobile: invalid mobile numbers.
        count_duplicate_mobile: mobile numbers that came before in the list.
        line_duplicate_mobile: lines of those.
        invalid_line_list: lines with a bad recipient.
        global_invalid_line: lines that could not be read.
        valid_number_email: valid e-mail addresses.
        invalid_number_email: invalid e-mail addresses.
        count_duplicate_email: e-mail addresses that came before in the list.
        line_duplicate_email: lines of those.
        valid_country_counter: recipients that may be sent to, by country code.
        invalid_country_counter: recipients that may not be sent to, by country code.
        header: the columns.
        empty_keys: columns with at least one empty cell.
        computed_header_size: for each column, how many cells have which length in characters.
        max_datas_map: for each column, the longest cell.
        max_size_data_line: length of the longest line in characters.
        charset_detected: encoding of the file, as detected.
        creation_date: when it was uploaded.
        campaign_id: campaign that it belongs to, 0 or None for none.
        brand: brand that it belongs to.
        user_owner_id: account that owns it.
        customer_id: customer that the account belongs to.
        file_path: path on the platform.
        recipients: single recipients of a virtual list.
        lists_items: lists of a virtual list, as the server gives them.
        raw: the whole answer.
        extra: what the answer holds beyond the fields above.
    """

    id: int = 0
    list_name: str | None = None
    description: str | None = None
    type: ListType | None = None
    size: int | None = None
    valid_number_mobile: int | None = None
    invalid_number_mobile: int | None = None
    count_duplicate_mobile: int | None = None
    line_duplicate_mobile: tuple[int, ...] = ()
    invalid_line_list: tuple[int, ...] = ()
    global_invalid_line: int | None = None
    valid_number_email: int | None = None
    invalid_number_email: int | None = None
    count_duplicate_email: int | None = None
    line_duplicate_email: tuple[int, ...] = ()
    valid_country_counter: Mapping[str, int] = field(factory=dict)
    invalid_country_counter: Mapping[str, int] = field(factory=dict)
    header: tuple[str, ...] = ()
    empty_keys: tuple[str, ...] = ()
    computed_header_size: Mapping[str, Mapping[int, int]] = field(factory=dict, repr=False)
    max_datas_map: Mapping[str, str] = field(factory=dict, repr=False)
    max_size_data_line: int | None = None
    charset_detected: str | None = None
    creation_date: datetime | None = None
    campaign_id: int | None = None
    brand: str | None = None
    user_owner_id: str | None = None
    customer_id: str | None = None
    file_path: str | None = field(default=None, repr=False)
    recipients: tuple[Recipient, ...] = field(default=(), repr=False)
    lists_items: tuple[Any, ...] = field(default=(), repr=False)
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)
    extra: Mapping[str, Any] = field(factory=dict, repr=False)


class ListType(OpenEnum):
    """How a list was made (Guide: 2.11.2); an unknown way is kept as it is."""

    CSV = "CSV"
    """Uploaded."""
    VIRTUAL = "VIRTUAL"
    """Made of other lists, or of single recipients."""
