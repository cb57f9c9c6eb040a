"""What a request to /campaigns/inject asks for, checked (Guide: 2.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mediasflow_async.sandbox import reading
from mediasflow_async.sandbox.dates import schedule
from mediasflow_async.sandbox.errors import invalid, missing
from mediasflow_async.sandbox.links import checked_links

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mediasflow_async.sandbox.reading import Object
    from mediasflow_async.sandbox.rules import ServerRules

MAX_RECIPIENTS = 50
NUMBER_NAMES = ("mobile", "sms", "portable", "gsm")
RENDERERS = ("BASIC", "MEDIASFLOW", "MEDIASFLOW_B", "HANDLEBARS", "EJS", "VELOCITY")
# The guide promises 36XXX and 38XXX; 36184 is the one in its examples.
SHORT_CODES = {"MKG": "36184", "NOTIFICATION": "38184"}

_SENDER = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]{3,11}")
_PERSONAL = ("title", "lastName", "firstName", "email", "phone")


@frozen
class Guest:
    """An inline recipient.

    Attributes:
        number: as it was sent.
        group: `groupID`.
        fields: what the message may be personalised with.
    """

    number: str
    group: int
    fields: Mapping[str, str]


def _stored_guests(guests: Iterable[Guest | Mapping[str, Any]]) -> tuple[Guest, ...]:
    return tuple(guest if isinstance(guest, Guest) else Guest(**guest) for guest in guests)


@frozen(kw_only=True)
class Order:
    """A campaign as it was ordered; kept as JSON in the store."""

    name: str
    text: str
    type: str
    renderer: str
    brand: str
    billing_code: str
    defaults: Mapping[str, str]
    guests: tuple[Guest, ...] = field(converter=_stored_guests)
    list_ids: tuple[int, ...]
    links: tuple[Mapping[str, Any], ...]
    check_duplicate: bool
    allow_ucs2: bool
    replace_emoji: bool
    replace_to_gsm7: bool

    @property
    def short_code(self) -> str:
        """The number that the campaign is sent from when it has no sender."""
        return SHORT_CODES[self.type]

    @property
    def route(self) -> str:
        """What reports call the type. Guide: 2.6."""
        return "BCAST_MKG" if self.type == "MKG" else "P2P"


def read_order(data: Object, rules: ServerRules, default_name: str) -> Order:
    """Return the campaign that the JSON body `data` orders.

    Raises:
        Refusal: 400 about the first field that breaks a rule.
    """
    order = Order(
        name=reading.text(data, "campaignName") or default_name,
        text=reading.required(reading.text(data, "msg"), "msg"),
        type=_one_of(data, "typeSelect", tuple(SHORT_CODES), "MKG"),
        renderer=_one_of(data, "renderer", RENDERERS, "BASIC"),
        brand=reading.text(data, "brand") or "",
        billing_code=reading.text(data, "billingCode") or "",
        defaults=_defaults(data.get("defaultForHeader")),
        guests=_guests(data, rules),
        list_ids=_list_ids(data.get("listsId"), rules),
        links=checked_links(data, rules, RENDERERS),
        check_duplicate=_flag(data, "checkDuplicate", default=True),
        allow_ucs2=_flag(data, "allowUCS2", default=False),
        replace_emoji=_flag(data, "autoREPLACEEMOJI", default=False),
        replace_to_gsm7=_flag(data, "autoREPLACETOGSM7", default=True),
    )
    _check_together(order)
    return order


def _check_together(order: Order) -> None:
    if not order.guests and not order.list_ids:
        raise missing("listRecipient or listsId")
    if order.replace_emoji and not order.allow_ucs2:
        raise invalid("autoREPLACEEMOJI", "autoREPLACEEMOJI needs allowUCS2")


def read_sender(data: Object) -> str | None:
    """Return the sender in `data`, None without one.

    Raises:
        Refusal: 400, not 3 to 11 letters and digits, or digits only.
    """
    sender = reading.text(data, "sender")
    if not sender:
        return None
    if not _SENDER.fullmatch(sender):
        raise invalid("sender", "a sender is 3 to 11 of A-Z a-z 0-9, with at least one letter")
    return sender


def read_schedule(data: Object, rules: ServerRules) -> float | None:
    """Return when the campaign is to start, in epoch seconds, None for now."""
    written = reading.text(data, "scheduleOn")
    return schedule(written, rules).timestamp() if written else None


def _flag(data: Object, name: str, *, default: bool) -> bool:
    value = reading.boolean(data, name)
    return default if value is None else value


def _one_of(data: Object, name: str, values: tuple[str, ...], default: str) -> str:
    value = reading.text(data, name) or default
    if value not in values:
        raise invalid(name, f"{name} is one of {', '.join(values)}")
    return value


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


def _guests(data: Object, rules: ServerRules) -> tuple[Guest, ...]:
    guests = reading.items(data, "listRecipient")
    if len(guests) > MAX_RECIPIENTS:
        raise invalid(
            "listRecipient",
            f"at most {MAX_RECIPIENTS} recipients; upload a list for more",
            "TOO_MANY_RECIPIENTS",
        )
    return tuple(
        _guest(reading.mapping(guest, f"listRecipient[{index}]"), f"listRecipient[{index}].", rules)
        for index, guest in enumerate(guests)
    )


def _guest(data: Object, where: str, rules: ServerRules) -> Guest:
    numbers = [reading.text(data, name, where) for name in NUMBER_NAMES]
    number = next((number for number in numbers if number), None)
    if number is None:
        raise missing(f"{where}mobile")
    return Guest(number, reading.integer(data, "groupID", where) or 0, _fields(data, where, rules))


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
