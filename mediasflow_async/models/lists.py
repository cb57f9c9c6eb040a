"""Lists of recipients, uploaded or attached to a campaign (Guide: 2.11)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field, frozen

from mediasflow_async.models.open_enum import OpenEnum
from mediasflow_async.models.recipients import Recipient

__all__ = ["ListType", "RecipientList"]


class ListType(OpenEnum):
    """How a list came to be (Guide: 2.11.2); an unknown kind is kept as it is."""

    CSV = "CSV"
    """Uploaded."""
    VIRTUAL = "VIRTUAL"
    """Made of other lists, or of single recipients."""


@frozen(kw_only=True)
class RecipientList:
    """A list of recipients as the server describes it.

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
