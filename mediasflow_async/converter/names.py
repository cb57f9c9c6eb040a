"""Wire names: how the server spells the attributes of the models.

`WIRE_NAMES` has the spelling that is written, which is that of the guide's tables; `SPELLINGS`
has the others that are read, misprints of the guide included. The columns and keys of a report
have tables of their own, since nobody knows how its JSON is spelled.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from mediasflow_async.models import (
    BlacklistEntry,
    Campaign,
    CampaignRequest,
    Recipient,
    RecipientList,
    TinyUrl,
)

__all__ = [
    "CAMPAIGN_IDS",
    "NUMBER_COLUMNS",
    "NUMBER_NAMES",
    "REPORT_COLUMNS",
    "ROW_KEYS",
    "SPELLINGS",
    "WIRE_NAMES",
    "folded",
    "folded_names",
    "is_number_column",
    "spellings_of",
]

_CAMPAIGN_REQUEST: Final = {
    "msg": "msg",
    "recipients": "listRecipient",
    "list_ids": "listsId",
    "campaign_id": "campaignId",
    "campaign_name": "campaignName",
    "user_owner_id": "userOwnerID",
    "brand": "brand",
    "sender": "sender",
    "type": "typeSelect",
    "schedule_on": "scheduleOn",
    "renderer": "renderer",
    "defaults": "defaultForHeader",
    "allow_ucs2": "allowUCS2",
    "replace_emoji": "autoREPLACEEMOJI",
    "replace_to_gsm7": "autoREPLACETOGSM7",
    "check_duplicate": "checkDuplicate",
    "billing_code": "billingCode",
    "tiny_urls": "tinyList",
    "image_preview": "b64ImagePreview",
    "zip_local": "b64ZipLocal",
    "start_now": "startNow",
}

_RECIPIENT: Final = {
    "mobile": "mobile",
    "title": "title",
    "last_name": "lastName",
    "first_name": "firstName",
    "email": "email",
    "phone": "phone",
    "group_id": "groupID",
    "user_owner_id": "userOwnerID",
    "fields": "extendedKeys",
    "id": "id",
}

_TINY_URL: Final = {
    "index": "index",
    "type": "type",
    "url": "urlToRedirect",
    "local_html": "nameToLocalHTML",
    "parameters": "listParameter",
    "label": "label",
    "description": "description",
    "image_name": "imageName",
    "renderer": "renderer",
    "end_of_life": "endOfLife",
    "host": "host",
    "domain": "associateToDomain",
    "is_open_graph": "isOG",
}

_CAMPAIGN: Final = {
    "id": "id",
    "status": "status",
    "message": "message",
    "sender": "sender",
    "short_code": "shortCode",
    "type": "typeSelect",
    "send_to": "sendToSelect",
    "campaign_name": "campaignName",
    "user_owner_id": "userOwnerID",
    "customer_id": "customerID",
    "recipient_list": "listInCampaign",
    "renderer": "renderer",
    "creation_date": "creationDate",
    "update_date": "updateDate",
    "path_to_campaign": "pathToCampaign",
    "check_duplicate": "checkDuplicate",
    "allow_ucs2": "allowUCS2",
    "replace_emoji": "autoREPLACEEMOJI",
    "replace_to_gsm7": "autoREPLACETOGSM7",
    "defaults": "defaultForHeader",
    "credit_count": "creditCount",
    "credit_after_injection": "creditAfterInjection",
    "scheduled": "scheduled",
    "is_in_scheduler": "isInScheduler",
    "tiny_urls": "tinyList",
    "count_recipient": "countRecipient",
    "count_invalid_recipient": "countInvalidRecipient",
    "count_in_black_list_recipient": "countInBlackListRecipient",
    "count_duplicate_recipient": "countDuplicateRecipient",
    "global_counter": "globalCounter",
    "count_valid": "countValid",
    "count_posted": "countPosted",
    "count_duplicate": "countDuplicate",
    "count_not_allow": "countNotAllow",
    "count_not_valid": "countNotValid",
    "count_error_rendering": "countErrorRendering",
    "count_max_credit_over": "countMaxCrediteOver",
    "count_max_credit_found": "countMaxCreditFound",
    "count_black_list": "countBlackList",
    "count_black_list_mediasflow": "countBlackListMEDIASFLOW",
    "count_black_list_customer": "countBlackListCUSTOMER",
    "count_black_list_brand": "countBlackListBRAND",
}

_RECIPIENT_LIST: Final = {
    "id": "id",
    "list_name": "listName",
    "description": "description",
    "type": "type",
    "size": "size",
    "valid_number_mobile": "validNumberMOBILE",
    "invalid_number_mobile": "invalidNumberMOBILE",
    "count_duplicate_mobile": "countDuplicateMobile",
    "line_duplicate_mobile": "lineDuplicateMobile",
    "invalid_line_list": "invalidLineList",
    "global_invalid_line": "globalInvalidLine",
    "valid_number_email": "validNumberEMAIL",
    "invalid_number_email": "invalidNumberEMAIL",
    "count_duplicate_email": "countDuplicateEmail",
    "line_duplicate_email": "lineDuplicateEmail",
    "valid_country_counter": "validCountryCounter",
    "invalid_country_counter": "invalidCountryCounter",
    "header": "header",
    "empty_keys": "emptyKeys",
    "computed_header_size": "computedHeaderSize",
    "max_datas_map": "maxDatasMap",
    "max_size_data_line": "maxSizeDataLine",
    "charset_detected": "charsetDetected",
    "creation_date": "creationDate",
    "campaign_id": "campainId",
    "brand": "brand",
    "user_owner_id": "userOwnerID",
    "customer_id": "customerID",
    "file_path": "filePath",
    "recipients": "recipients",
    "lists_items": "listsItems",
}

_BLACKLIST_ENTRY: Final = {
    "number": "item",
    "kind": "typeItem",
    "description": "createdDescription",
    "brand": "brand",
    "created_at": "creationDate",
}

WIRE_NAMES: Final[dict[type[Any], dict[str, str]]] = {
    BlacklistEntry: _BLACKLIST_ENTRY,
    Campaign: _CAMPAIGN,
    CampaignRequest: _CAMPAIGN_REQUEST,
    Recipient: _RECIPIENT,
    RecipientList: _RECIPIENT_LIST,
    TinyUrl: _TINY_URL,
}
"""For each model, its attributes and the name of each on the wire."""

SPELLINGS: Final[dict[type[Any], dict[str, str]]] = {
    BlacklistEntry: {
        "mobile": "item",
        "number": "item",
        "phone": "item",
        "phoneNumber": "item",
        "INT_MOBILE": "item",
        "type": "typeItem",
        "typeltem": "typeItem",
        "description": "createdDescription",
        "createdDate": "creationDate",
    },
    Campaign: {
        "campaignId": "id",
        "campaignID": "id",
        "campaignid": "id",
        "campainId": "id",
        "_id": "id",
        "state": "status",
        "campaignStatus": "status",
        "msg": "message",
        "type": "typeSelect",
        "countMaxCreditOver": "countMaxCrediteOver",
    },
    CampaignRequest: {},
    Recipient: {"sms": "mobile", "portable": "mobile", "gsm": "mobile"},
    RecipientList: {
        "_id": "id",
        "idlistItems": "id",
        "idListItems": "id",
        "listId": "id",
        "listID": "id",
        "campaignId": "campainId",
        "campaignID": "campainId",
        "campaignid": "campainId",
    },
    TinyUrl: {},
}
"""For each model, other spellings that are read, and the wire name that each stands for.

Where an object has none of them, a name with the same letters and digits is read as well.
"""

REPORT_COLUMNS: Final = {
    "REF_LIST": "list_name",
    "ID_LINE": "line",
    "INT_MOBILE": "mobile",
    "STATUS_CODE": "status_code",
    "STATUS_TEXT": "status_text",
    "DELIVERYDATE": "delivered_at",
    "REPLY": "reply",
    "PREVIEW": "previewed_at",
    "PREVIEW_COUNTER": "preview_count",
}
"""The columns of a CSV report and the attributes of `ReportRow`; any letter case (Guide: 4)."""

ROW_KEYS: Final = {
    "campaignId": "campaign_id",
    "campainId": "campaign_id",
    "refList": "list_name",
    "idLine": "line",
    "item": "mobile",
    "type": "type",
    "msg": "message",
    "message": "message",
    "status": "status_code",
    "statusText": "status_text",
    "sendDate": "sent_at",
    "deliveryDate": "delivered_at",
    "reply": "reply",
    "preview": "previewed_at",
    "previewCounter": "preview_count",
    "tracks": "tracks",
    "fields": "fields",
}
"""Likely keys of a row of a JSON report, of which the guide has no example.

They follow the selectors of the search language (Guide: 2.6) and the names of a campaign; the
columns of a CSV report are understood as well.
"""

NUMBER_COLUMNS: Final = ("mobile", "sms", "portable", "gsm")
"""Columns of a list that hold the number, in any letter case (Guide: 2.11)."""


NUMBER_NAMES: Final = frozenset(
    {"intmobile", "item", "number", "phone", "phonenumber", *NUMBER_COLUMNS}
)
"""Names of a member or column of an answer that holds a phone number, by letters and digits."""


@lru_cache(maxsize=1024)
def is_number_column(name: str) -> bool:
    """Whether a column of a list holds the number, by its name in any letter case."""
    return name.strip().lower() in NUMBER_COLUMNS


@lru_cache(maxsize=1024)
def folded(name: str) -> str:
    """Return a name by its letters and digits: STATUS_CODE and "status code" are statuscode."""
    return "".join(filter(str.isalnum, name)).lower()


def spellings_of(model: type[Any], wire: str) -> tuple[str, ...]:
    """Return the names of a member of a model, the one that the guide gives first."""
    return (wire, *(name for name, meant in SPELLINGS[model].items() if meant == wire))


CAMPAIGN_IDS: Final = tuple(
    sorted(set(map(folded, spellings_of(Campaign, "id"))), key=lambda name: (name == "id", name))
)
"""Names of a campaign's id by letters and digits; last the one that may be an id of a row's own."""


def folded_names(spellings: tuple[str, ...], data: Mapping[str, Any]) -> list[str]:
    """Return the names in an object with the letters and digits of one of the spellings."""
    # An object with more members is a map of something.
    return _folded_among(spellings, tuple(data)) if len(data) <= _MOST_NAMES else []


_MOST_NAMES: Final = 256


@lru_cache(maxsize=64)
def _folded_among(spellings: tuple[str, ...], names: tuple[str, ...]) -> list[str]:
    wanted = set(map(folded, spellings))
    return [name for name in names if name not in spellings and folded(name) in wanted]
