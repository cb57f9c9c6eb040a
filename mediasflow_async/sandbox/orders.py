"""What a request to /campaigns/inject asks for: read, checked field by field (Guide: 2.1).

The first field that breaks a rule is answered with status 400 and its wire name.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mediasflow_async.sandbox import reading
from mediasflow_async.sandbox.dates import schedule
from mediasflow_async.sandbox.http import invalid, missing

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from mediasflow_async.sandbox.reading import Object
    from mediasflow_async.sandbox.rules import ServerRules

__all__ = [
    "NUMBER_NAMES",
    "InlineRecipient",
    "Order",
    "read_order",
    "read_schedule",
    "read_sender",
    "track_fields",
]

NUMBER_NAMES = ("mobile", "sms", "portable", "gsm")
# The guide promises 36XXX and 38XXX; 36184 is the one in its examples.
_SHORT_CODES = {"MKG": "36184", "NOTIFICATION": "38184"}
_RENDERERS = ("BASIC", "MEDIASFLOW", "MEDIASFLOW_B", "HANDLEBARS", "EJS", "VELOCITY")
_MAX_RECIPIENTS = 50


@frozen
class InlineRecipient:
    """An inline recipient.

    Attributes:
        number: as it was sent.
        group: `groupID`.
        fields: what the message may be personalised with.
    """

    number: str
    group: int
    fields: Mapping[str, str]


def _from_store(
    recipients: Iterable[InlineRecipient | Mapping[str, Any]],
) -> tuple[InlineRecipient, ...]:
    """Return inline recipients, also from the dicts that an order in the store has instead."""
    return tuple(
        recipient if isinstance(recipient, InlineRecipient) else InlineRecipient(**recipient)
        for recipient in recipients
    )


@frozen(kw_only=True)
class Order:
    """A campaign as it was ordered; the store keeps it as JSON.

    Attributes:
        name: `campaignName`.
        text: `msg`, before personalisation.
        type: `MKG` or `NOTIFICATION`.
        renderer: one of the guide's six.
        brand: empty for none.
        billing_code: empty for none.
        defaults: `defaultForHeader`: values of fields that are empty.
        inline_recipients: `listRecipient`.
        list_ids: `listsId`.
        links: `tinyList`, by rising index.
        check_duplicate: whether a number gets one message only.
        allow_ucs2: whether messages may be UCS-2.
        replace_emoji: whether emoticons become emoji.
        replace_to_gsm7: whether characters outside GSM-7 become GSM-7 equivalents.
    """

    name: str
    text: str
    type: str
    renderer: str
    brand: str
    billing_code: str
    defaults: Mapping[str, str]
    inline_recipients: tuple[InlineRecipient, ...] = field(converter=_from_store)
    list_ids: tuple[int, ...]
    links: tuple[Mapping[str, Any], ...]
    check_duplicate: bool
    allow_ucs2: bool
    replace_emoji: bool
    replace_to_gsm7: bool

    @property
    def short_code(self) -> str:
        """The number that the campaign is sent from when it has no sender."""
        return _SHORT_CODES[self.type]

    @property
    def route(self) -> str:
        """What reports call the type. Guide: 2.6."""
        return "BCAST_MKG" if self.type == "MKG" else "P2P"


def read_order(data: Object, rules: ServerRules, default_name: str) -> Order:
    """Return the campaign that the JSON body `data` orders.

    Raises:
        HttpError: 400 about the first field that breaks a rule.
    """
    order = Order(
        name=reading.text(data, "campaignName") or default_name,
        text=reading.required(reading.text(data, "msg"), "msg"),
        type=_one_of(data, "typeSelect", tuple(_SHORT_CODES), "MKG"),
        renderer=_one_of(data, "renderer", _RENDERERS, "BASIC"),
        brand=reading.text(data, "brand") or "",
        billing_code=reading.text(data, "billingCode") or "",
        defaults=_defaults(data.get("defaultForHeader")),
        inline_recipients=_inline_recipients(data, rules),
        list_ids=_list_ids(data.get("listsId"), rules),
        links=_links(data, rules),
        check_duplicate=_check_duplicate(data, rules),
        allow_ucs2=_flag(data, "allowUCS2", default=False),
        replace_emoji=_flag(data, "autoREPLACEEMOJI", default=False),
        replace_to_gsm7=_flag(data, "autoREPLACETOGSM7", default=True),
    )
    _check_together(order)
    return order


def _check_together(order: Order) -> None:
    if not order.inline_recipients and not order.list_ids:
        raise missing("listRecipient or listsId")
    if order.replace_emoji and not order.allow_ucs2:
        raise invalid("autoREPLACEEMOJI", "autoREPLACEEMOJI needs allowUCS2")


def _one_of(data: Object, name: str, values: tuple[str, ...], default: str) -> str:
    value = reading.text(data, name) or default
    if value not in values:
        raise invalid(name, f"{name} is one of {', '.join(values)}")
    return value


def _flag(data: Object, name: str, *, default: bool) -> bool:
    value = reading.boolean(data, name)
    return default if value is None else value


def _check_duplicate(data: Object, rules: ServerRules) -> bool:
    value = data.get("checkDuplicate")
    shape = "boolean" if value is None or isinstance(value, bool) else "text"
    if isinstance(value, str) and value.isupper():
        shape = "capitals"
    if value is not None and shape not in rules.check_duplicate:
        raise invalid("checkDuplicate", f"checkDuplicate as {shape} is not accepted", "WRONG_TYPE")
    return _flag(data, "checkDuplicate", default=True)


def _defaults(value: object) -> dict[str, str]:
    return {} if value is None else reading.texts(value, "defaultForHeader")


def _list_ids(value: object, rules: ServerRules) -> tuple[int, ...]:
    if value is None:
        return ()
    is_array = isinstance(value, list)
    if rules.lists_id == ("scalar" if is_array else "array"):
        raise invalid("listsId", f"listsId must be {rules.lists_id}", "WRONG_TYPE")
    numbers = value if isinstance(value, list) else [value]
    return tuple(reading.to_integer(number, "listsId") for number in numbers)


def _inline_recipients(data: Object, rules: ServerRules) -> tuple[InlineRecipient, ...]:
    written = reading.items(data, "listRecipient")
    if len(written) > _MAX_RECIPIENTS:
        raise invalid(
            "listRecipient",
            f"at most {_MAX_RECIPIENTS} recipients; upload a list for more",
            "TOO_MANY_RECIPIENTS",
        )
    places = [f"listRecipient[{index}]" for index in range(len(written))]
    return tuple(
        _inline_recipient(reading.mapping(value, place), f"{place}.", rules)
        for value, place in zip(written, places, strict=True)
    )


def _inline_recipient(data: Object, where: str, rules: ServerRules) -> InlineRecipient:
    numbers = [reading.text(data, name, where) for name in NUMBER_NAMES]
    number = next((number for number in numbers if number), None)
    if number is None:
        raise missing(f"{where}mobile")
    return InlineRecipient(
        number, reading.integer(data, "groupID", where) or 0, _fields(data, where, rules)
    )


_PERSONAL = ("title", "lastName", "firstName", "email", "phone")


def _fields(data: Object, where: str, rules: ServerRules) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name in _PERSONAL:
        if value := reading.text(data, name, where):
            fields[name] = value
    for index, entry in enumerate(reading.items(data, "extendedKeys", where)):
        fields |= _extended(entry, f"{where}extendedKeys[{index}]", rules)
    return fields


def _extended(entry: object, where: str, rules: ServerRules) -> dict[str, str]:
    values = reading.texts(entry, where)
    shape = "pairs" if set(values) == {"keyName", "keyValue"} else "map"
    if shape not in rules.extended_keys:
        raise invalid(where, f"extendedKeys as {shape} are not accepted", "WRONG_TYPE")
    return {values["keyName"]: values["keyValue"]} if shape == "pairs" else values


_SENDER = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]{3,11}")


def read_sender(data: Object) -> str | None:
    """Return the sender in `data`, None without one.

    Raises:
        HttpError: 400, not 3 to 11 letters and digits, or digits only.
    """
    sender = reading.text(data, "sender")
    if not sender:
        return None
    if not _SENDER.fullmatch(sender):
        raise invalid("sender", "a sender is 3 to 11 of A-Z a-z 0-9, with at least one letter")
    return sender


def read_schedule(data: Object, rules: ServerRules) -> float | None:
    """Return when the campaign is to start, in epoch seconds, None for now.

    Raises:
        HttpError: 400, `scheduleOn` cannot be read.
    """
    written = reading.text(data, "scheduleOn")
    return schedule(written, rules).timestamp() if written else None


_MAX_LABEL = 20
_MAX_DESCRIPTION = 40
_TARGETS = {"REDIRECT": "urlToRedirect", "LOCAL": "nameToLocalHTML"}
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z?)?", re.ASCII)


def _links(data: Object, rules: ServerRules) -> tuple[dict[str, Any], ...]:
    """Return the short links of the JSON body `data`, in the order of their indexes."""
    links = [
        _link(reading.mapping(link, f"tinyList[{place}]"), f"tinyList[{place}].", rules)
        for place, link in enumerate(reading.items(data, "tinyList"))
    ]
    indexes = [link["index"] for link in links]
    if len(set(indexes)) < len(indexes):
        raise invalid("tinyList", "two links have the same index")
    _check_files(data, links, rules)
    return tuple(sorted(links, key=lambda link: link["index"]))


def _link(data: Object, where: str, rules: ServerRules) -> dict[str, Any]:
    kind = reading.required(reading.text(data, "type", where), f"{where}type")
    if kind not in _TARGETS:
        raise invalid(f"{where}type", "type is REDIRECT or LOCAL")
    reading.required(reading.text(data, _TARGETS[kind], where), f"{where}{_TARGETS[kind]}")
    renderer = reading.text(data, "renderer", where)
    if renderer and renderer not in _RENDERERS:
        raise invalid(f"{where}renderer", "no such renderer")
    index = _index(data, where)
    _check_preview(data, where, index)
    _check_life(data.get("endOfLife"), f"{where}endOfLife", rules)
    kept = {name: value for name, value in data.items() if name not in (_IMAGE, *_ZIPS)}
    return {**kept, "index": index, "type": kind}


def _index(data: Object, where: str) -> int:
    index = reading.integer(data, "index", where)
    if index is None or index < 0:
        raise invalid(f"{where}index", "index is mandatory: 0 for track_1, 1 for track_2, ...")
    return index


def _check_preview(data: Object, where: str, index: int) -> None:
    for name, limit in (("label", _MAX_LABEL), ("description", _MAX_DESCRIPTION)):
        value = reading.text(data, name, where)
        if value and len(value) > limit:
            raise invalid(f"{where}{name}", f"{name} has at most {limit} characters")
        if value and index > 0:
            raise invalid(f"{where}{name}", f"{name} belongs to the link of index 0 alone")
    image = reading.text(data, "imageName", where)
    if image and not image.lower().endswith((".jpg", ".png")):
        raise invalid(f"{where}imageName", "imageName ends in .jpg or .png")


def _check_life(value: object, name: str, rules: ServerRules) -> None:
    if value is None:
        return
    if isinstance(value, str) and _ISO_DATE.fullmatch(value):
        form = "date"
    else:
        form = "days"
        if reading.to_integer(value, name) <= 0:
            raise invalid(name, "endOfLife is at least one day")
    if form not in rules.end_of_life:
        raise invalid(name, f"endOfLife as {form} is not accepted", "WRONG_TYPE")


_IMAGE = "b64ImagePreview"
_ZIPS = ("b64ZipLocal", "b64ZipLoccal")


def _check_files(data: Object, links: list[dict[str, Any]], rules: ServerRules) -> None:
    has_zip = _has_file(data, _ZIPS, rules.zip_places, rules.zip_names)
    has_image = _has_file(data, (_IMAGE,), rules.image_places, {_IMAGE})
    if not has_zip and any(link["type"] == "LOCAL" for link in links):
        raise invalid("b64ZipLocal", "b64ZipLocal is mandatory with a LOCAL link", "MISSING_FIELD")
    if has_image and not any(link.get("imageName") for link in links):
        raise invalid("tinyList[0].imageName", "an image preview needs imageName", "MISSING_FIELD")


def _has_file(
    data: Object, names: tuple[str, ...], places: Container[str], read_names: Container[str]
) -> bool:
    """Tell whether a file is there, where it is read and under a name that is.

    Raises:
        HttpError: 400, it is somewhere else, or is no BASE64.
    """
    holders = [("campaign", "", data)] + [
        ("link", f"tinyList[{place}].", link)
        for place, link in enumerate(reading.items(data, "tinyList"))
    ]
    found = False
    for place, where, holder in holders:
        for name in names:
            if value := reading.text(holder, name, where):
                if place not in places or name not in read_names:
                    raise invalid(f"{where}{name}", f"{where}{name} is no such field", "NO_FIELD")
                _check_base64(value, f"{where}{name}")
                found = True
    return found


def _check_base64(value: str | None, name: str) -> None:
    try:
        base64.b64decode(value or "", validate=True)
    except (binascii.Error, ValueError):
        raise invalid(name, f"{name} is not BASE64") from None


_DEFAULT_HOST = "1mf.eu"
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
_CODE_LENGTH = 6


def track_fields(links: Iterable[Mapping[str, Any]], key: str) -> dict[str, str]:
    """Return the text of each short link of a message, under its field `track_n`.

    Args:
        links: of the campaign.
        key: identifies the message; each has links of its own.
    """
    return {
        f"track_{link['index'] + 1}": f"{_host(link)}/{_code(key, link['index'])}" for link in links
    }


def _host(link: Mapping[str, Any]) -> str:
    return str(link.get("host") or link.get("associateToDomain") or _DEFAULT_HOST)


def _code(key: str, index: int) -> str:
    digest = hashlib.sha256(f"{key}/{index}".encode()).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:_CODE_LENGTH])
