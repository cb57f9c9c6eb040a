"""The API's rules, checked before anything leaves, all problems of a call at once.

Each function returns or yields a `Problem` for each rule that is broken, and the sub-clients
raise them together with `refuse`. Arguments are taken as they come, since callers without a type
checker pass anything. No problem repeats a phone number or a text of a message: problems end up
in logs.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import chain
from typing import Any, Final

from mediasflow_async.converter import is_twelve_oclock
from mediasflow_async.converter.names import is_number_column
from mediasflow_async.dates import start_of
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import InvalidRequest, Problem
from mediasflow_async.models import (
    BlacklistEntry,
    BlacklistKind,
    Campaign,
    CampaignRequest,
    CampaignType,
    Recipient,
    Renderer,
    TinyUrl,
    TinyUrlType,
)
from mediasflow_async.models.values import ENCODABLE_RULE, is_encodable, is_nothing
from mediasflow_async.text.templates import placeholders

__all__ = [
    "MAX_INLINE_RECIPIENTS",
    "blacklist_problems",
    "campaign_id_problems",
    "campaign_problems",
    "listed",
    "number_problems",
    "period_bounds",
    "period_problems",
    "placeholder_problems",
    "refuse",
    "request_problems",
    "sender_problems",
]

MAX_INLINE_RECIPIENTS: Final = 50
"""The most recipients that fit in a request; more go into an uploaded list (Guide: 2.1)."""

_EARLIEST_SCHEDULE: Final = timedelta(minutes=5)
_LATEST_SCHEDULE: Final = timedelta(days=3653)
_LONGEST_LABEL: Final = 20
_LONGEST_DESCRIPTION: Final = 40
_LIFE_DAYS: Final = range(1, 3651)
_IMAGE_ENDINGS: Final = (".jpg", ".png")
_SENDER_LENGTHS: Final = range(3, 12)
_PHONE: Final = re.compile(r"(?:tel:)?\+?[\d\s().-]+", re.IGNORECASE | re.ASCII)
_PLAIN_PHONE: Final = re.compile(r"\+?[0-9]{6,17}")
_SHORTEST_PHONE: Final = 6
_LONGEST_PHONE: Final = 17
_INT64_END: Final = 2**63
# A tuple: `isinstance` takes three times as long with a union.
_CELLS: Final = (str, int, float, type(None))
# Windows are asked for one by one: a mistyped year would ask for thousands of them.
_YEARS: Final = range(2000, 2101)

# Attributes that hold a value of one type, or None.
_CAMPAIGN_TYPES: Final[dict[str, type[Any]]] = {
    **dict.fromkeys(("msg", "campaign_name", "user_owner_id", "brand", "billing_code"), str),
    **dict.fromkeys(("allow_ucs2", "replace_emoji", "replace_to_gsm7", "check_duplicate"), bool),
    "type": CampaignType,
    "renderer": Renderer,
}
_RECIPIENT_TYPES: Final[dict[str, type[Any]]] = {
    **dict.fromkeys(("title", "last_name", "first_name", "email", "phone", "user_owner_id"), str),
    "group_id": int,
}
_LINK_TYPES: Final[dict[str, type[Any]]] = {
    **dict.fromkeys(("url", "local_html", "label", "description", "image_name"), str),
    **dict.fromkeys(("host", "domain"), str),
    "is_open_graph": bool,
    "renderer": Renderer,
}
_BLACKLIST_TYPES: Final[dict[str, type[Any]]] = {"description": str, "brand": str}
_TYPE_RULES: Final[dict[type[Any], str]] = {
    str: "is text",
    bool: "is True, False or None",
    int: "is a whole number",
}

# Attributes of a recipient that a message may name, in any letter case: the guide shows
# ${FIRSTNAME} beside firstName.
_STANDARD_FIELDS: Final = frozenset({"title", "lastname", "firstname", "email", "mobile", "phone"})


def refuse(problems: Iterable[Problem], campaign_id: int | None = None) -> None:
    """Raise `InvalidRequest` with the problems, if there are any."""
    if found := tuple(problems):
        raise InvalidRequest(problems=found, campaign_id=campaign_id)


def request_problems(request: object) -> Iterator[Problem]:
    """Yield what is wrong with a campaign request that is none, such as a dict."""
    if not isinstance(request, CampaignRequest):
        kind = type(request).__name__
        yield Problem("request", f"is CampaignRequest(msg=..., recipients=[...]), not a {kind}")


def campaign_problems(
    request: CampaignRequest,
    dialect: Dialect,
    now: datetime | None = None,
    *,
    start_now: bool | None = None,
    any_number: bool = False,
) -> tuple[Problem, ...]:
    """Return what the server would refuse in a campaign request (Guide: 2.1).

    Args:
        request: the request.
        dialect: how it will be written.
        now: the time, aware; the present by default, read only for a rule that needs it.
        start_now: what will be written instead of the request's own; None for the request's.
        any_number: allow more than 50 recipients, which will go into a list.
    """
    intent = request.start_now if start_now is None else start_now
    problems = (
        *_destination_problems(request, dialect),
        *_recipients_problems(request.recipients, any_number=any_number),
        *_option_problems(request, intent),
        *_time_problems(request, dialect, now),
    )
    if dialect.strict_placeholders and not problems:
        return tuple(placeholder_problems(request))
    return problems


def _destination_problems(request: CampaignRequest, dialect: Dialect) -> Iterator[Problem]:
    if request.campaign_id is not None:
        yield from campaign_id_problems(request.campaign_id)
    else:
        if request.msg is None or request.msg == "":
            yield Problem("msg", "is mandatory, unless campaign_id names a prepared campaign")
        if not request.recipients and not request.list_ids:
            yield Problem("recipients", "give recipients, list_ids, or a prepared campaign_id")
    if not isinstance(request.list_ids, tuple) or not all(map(_is_id, request.list_ids)):
        yield Problem("list_ids", "the positive numbers that the server gave to uploaded lists")
    elif dialect.lists_id_as_scalar and len(request.list_ids) > 1:
        yield Problem("list_ids", "one list only, with Dialect(lists_id_as_scalar=True)")


def _recipients_problems(recipients: object, *, any_number: bool) -> Iterator[Problem]:
    if not isinstance(recipients, tuple):
        yield Problem("recipients", "a list of Recipient or of numbers, not a single value")
        return
    if len(recipients) > MAX_INLINE_RECIPIENTS and not any_number:
        rule = f"at most {MAX_INLINE_RECIPIENTS}, not {len(recipients)}: upload a list of them"
        yield Problem("recipients", f"{rule}, or allow it with auto_list=True")
    for index, recipient in enumerate(recipients):
        where = f"recipients[{index}]"
        if not isinstance(recipient, Recipient):
            yield Problem(where, "a Recipient, or a number as text")
            continue
        if not _is_plain(recipient.mobile):
            yield from number_problems(f"{where}.mobile", recipient.mobile)
        yield from _type_problems(where, recipient, _RECIPIENT_TYPES)
        yield from _fields_problems(f"{where}.fields", recipient.fields)


def _fields_problems(where: str, fields: object) -> Iterator[Problem]:
    # `isinstance` with an abstract class takes longer than all the other checks.
    if type(fields) is not dict and not isinstance(fields, Mapping):
        yield Problem(where, "a mapping of column names to values")
        return
    for name, value in fields.items():
        if not isinstance(name, str) or not (isinstance(value, _CELLS) or is_nothing(value)):
            yield Problem(where, "names are text; values are text or numbers")
            return
        if not is_encodable(name) or (isinstance(value, str) and not is_encodable(value)):
            yield Problem(where, ENCODABLE_RULE)
            return
    taken = list(filter(is_number_column, fields))
    if taken:
        rule = f"{', '.join(taken)} would be a second column of numbers: use another name"
        yield Problem(where, rule)


def _option_problems(request: CampaignRequest, start_now: object) -> Iterator[Problem]:
    yield from _type_problems("", request, _CAMPAIGN_TYPES)
    if not isinstance(start_now, bool):
        yield Problem("start_now", "is True or False")
    if request.replace_emoji is True and request.allow_ucs2 is not True:
        yield Problem("replace_emoji", "needs allow_ucs2=True: an emoji is outside of GSM-7")
    if request.sender is not None:
        yield from sender_problems(request.sender)
    texts = _texts_of(request.defaults)
    if texts is None:
        yield Problem("defaults", "a mapping of field names to text")
    elif not is_encodable(texts):
        yield Problem("defaults", ENCODABLE_RULE)
    image, pages = request.image_preview, request.zip_local
    for name, attachment in (("image_preview", image), ("zip_local", pages)):
        if attachment is not None and not _is_attachment(attachment):
            yield Problem(name, "bytes, or text in base64")


def _texts_of(value: object) -> str | None:
    """Return all names and values of a mapping of texts, or None for what is none."""
    if type(value) is not dict and not isinstance(value, Mapping):
        return None
    try:
        return "".join(chain.from_iterable(value.items()))
    except TypeError:
        return None


def _is_attachment(value: object) -> bool:
    if isinstance(value, bytes):
        return len(value) > 0
    try:
        return isinstance(value, str) and bool(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        return False


def _time_problems(
    request: CampaignRequest, dialect: Dialect, now: datetime | None
) -> Iterator[Problem]:
    """Yield the problems of what depends on the present: the schedule, and the life of links."""
    if request.schedule_on is not None:
        yield from _schedule_problems(request.schedule_on, dialect, now or datetime.now(UTC))
    if request.tiny_urls != ():
        yield from _link_problems(request, now or datetime.now(UTC), dialect.server_tz)


def _schedule_problems(moment: object, dialect: Dialect, now: datetime) -> Iterator[Problem]:
    where = "schedule_on"
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        yield Problem(where, "a datetime with a time zone, such as datetime.now(UTC)")
    elif moment - now < _EARLIEST_SCHEDULE:
        yield Problem(where, "at least 5 minutes ahead when the server receives it")
    elif moment - now > _LATEST_SCHEDULE:
        yield Problem(where, "at most 10 years ahead")
    elif dialect.twelve_oclock == "raise" and is_twelve_oclock(moment, dialect):
        yield Problem(where, "the server may read an hour of 12 as half a day earlier")


def _link_problems(request: CampaignRequest, now: datetime, zone: tzinfo) -> Iterator[Problem]:
    links = request.tiny_urls
    if not isinstance(links, tuple) or not all(isinstance(link, TinyUrl) for link in links):
        yield Problem("tiny_urls", "a list of TinyUrl")
        return
    for position, link in enumerate(links):
        where = f"tiny_urls[{position}]"
        yield from _type_problems(where, link, _LINK_TYPES)
        yield from _target_problems(where, link, request)
        yield from _preview_problems(where, link, request)
        if link.end_of_life is not None and _days(link.end_of_life, now, zone) not in _LIFE_DAYS:
            yield Problem(f"{where}.end_of_life", "1 to 3650 days, as a number or as the last day")
    yield from _index_problems(links)


def _target_problems(where: str, link: TinyUrl, request: CampaignRequest) -> Iterator[Problem]:
    if not isinstance(link.type, TinyUrlType):
        yield Problem(f"{where}.type", "is REDIRECT or LOCAL")
    if not _is_text_tuple(link.parameters):
        yield Problem(f"{where}.parameters", "a list of texts such as 'name=${Name}'")
    elif not all(map(is_encodable, link.parameters)):
        yield Problem(f"{where}.parameters", ENCODABLE_RULE)
    if link.type is TinyUrlType.REDIRECT and not link.url:
        yield Problem(f"{where}.url", "is mandatory for a REDIRECT")
    elif isinstance(link.url, str) and not link.url.startswith(("http://", "https://", "${")):
        yield Problem(f"{where}.url", "starts with https:// or http://")
    if link.type is TinyUrlType.LOCAL:
        if not link.local_html:
            yield Problem(f"{where}.local_html", "is mandatory for a LOCAL link")
        if request.zip_local is None:
            yield Problem("zip_local", f"is mandatory: {where} is a LOCAL link")


def _is_text_tuple(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(part, str) for part in value)


def _preview_problems(where: str, link: TinyUrl, request: CampaignRequest) -> Iterator[Problem]:
    for name, longest in (("label", _LONGEST_LABEL), ("description", _LONGEST_DESCRIPTION)):
        text = getattr(link, name)
        if not isinstance(text, str):
            continue
        if len(text) > longest:
            yield Problem(f"{where}.{name}", f"at most {longest} characters, not {len(text)}")
        if link.index != 0:
            yield Problem(f"{where}.{name}", "belongs to the link with index 0 only")
    if isinstance(link.image_name, str) and not link.image_name.lower().endswith(_IMAGE_ENDINGS):
        yield Problem(f"{where}.image_name", "ends in .jpg or .png")
    if link.index == 0 and request.image_preview is not None and not link.image_name:
        yield Problem(f"{where}.image_name", "is mandatory with an image_preview")


def _days(life: object, now: datetime, zone: tzinfo) -> object:
    """Return the days that a link lives, where the server counts them; -1 for what is no life."""
    day = life.astimezone(zone).date() if isinstance(life, datetime) else life
    if isinstance(day, date):
        return (day - now.astimezone(zone).date()).days
    return day if isinstance(day, int) and not isinstance(day, bool) else -1


def _index_problems(links: tuple[TinyUrl, ...]) -> Iterator[Problem]:
    indexes = [link.index for link in links]
    if not all(type(index) is int and index >= 0 for index in indexes):
        yield Problem("tiny_urls", "index is 0 for ${track_1}, 1 for ${track_2}, and so on")
        return
    for index, count in Counter(indexes).items():
        if count > 1:
            yield Problem("tiny_urls", f"index {index} is given {count} times")


def placeholder_problems(request: CampaignRequest) -> Iterator[Problem]:
    """Yield the fields of a message that no recipient of a well-formed request can fill.

    The columns of an uploaded list are not known here: with one, nothing is reported.
    """
    if request.msg is None or request.list_ids:
        return
    filled = {name for recipient in request.recipients for name in recipient.fields}
    filled |= set(request.defaults)
    for name in placeholders(request.msg, request.renderer or Renderer.BASIC):
        if name not in filled and name.lower() not in _STANDARD_FIELDS:
            yield Problem("msg", f"no recipient has the field {name!r}, and it has no default")


def campaign_id_problems(campaign_id: object) -> Iterator[Problem]:
    """Yield what is wrong with the number of a campaign."""
    if isinstance(campaign_id, Campaign):
        yield Problem("campaign_id", "the number of the campaign, campaign.id, not all of it")
    elif isinstance(campaign_id, CampaignRequest):
        yield Problem("campaign_id", "the id that prepare(request) answers, not the request")
    elif not _is_id(campaign_id):
        yield Problem("campaign_id", "the positive number that the server gave to the campaign")


def sender_problems(sender: object) -> Iterator[Problem]:
    """Yield what is wrong with a sender; None is the account's short code (Guide: 2.1)."""
    if sender is None or (isinstance(sender, str) and _is_sender(sender)):
        return
    yield Problem("sender", "3 to 11 letters A-Z and digits, not digits only")


def _is_sender(text: str) -> bool:
    is_of_letters_and_digits = text.isascii() and text.isalnum()
    return is_of_letters_and_digits and len(text) in _SENDER_LENGTHS and not text.isdigit()


def number_problems(where: str, number: object) -> Iterator[Problem]:
    """Yield what is wrong with the form of a phone number.

    Args:
        where: the field that holds it.
        number: the number, in any of the forms that the guide shows.
    """
    if not isinstance(number, str):
        yield Problem(where, "a phone number is text: as a number it would lose its 0 or +")
    elif _is_plain(number):
        return
    elif not _PHONE.fullmatch(number.strip()):
        yield Problem(where, _reason_of(number))
    elif not _SHORTEST_PHONE <= sum(map(str.isdigit, number)) <= _LONGEST_PHONE:
        rule = f"a phone number has {_SHORTEST_PHONE} to {_LONGEST_PHONE} digits"
        yield Problem(where, rule)


def _reason_of(number: str) -> str:
    # Imported here, since it is needed for what is wrong only.
    from mediasflow_async.text.phones import SPOILED, clean_number, is_spoiled

    if is_spoiled(clean_number(number)):
        return SPOILED
    if clean_number(number) != number and _PHONE.fullmatch(clean_number(number)):
        return "holds marks that nobody sees, or other digits: give it as text.to_e164 returns it"
    return "a phone number holds digits, spaces, dots and hyphens only"


def _is_plain(number: object) -> bool:
    """Whether a number has the usual form: to count its digits takes longer."""
    return type(number) is str and _PLAIN_PHONE.fullmatch(number) is not None


def blacklist_problems(entry: BlacklistEntry) -> Iterator[Problem]:
    """Yield what the server would refuse in a number to blacklist (Guide: 2.9)."""
    yield from number_problems("number", entry.number)
    if not isinstance(entry.kind, BlacklistKind) or not entry.kind.is_known:
        yield Problem("kind", "is MOBILE or VMS")
    yield from _type_problems("", entry, _BLACKLIST_TYPES)


def period_problems(since: object, until: object, zone: tzinfo) -> Iterator[Problem]:
    """Yield what is wrong with the bounds of a period (Guide: 2.6).

    Args:
        since: its first moment or day.
        until: its end, or its last day.
        zone: the zone in which days are counted.
    """
    wrong = [*_bound_problems("since", since), *_bound_problems("until", until)]
    yield from wrong
    if not wrong and isinstance(since, date) and isinstance(until, date):
        first, last = period_bounds(since, until, zone)
        if first >= last:
            yield Problem("until", "is later than since")


def _bound_problems(where: str, bound: object) -> Iterator[Problem]:
    is_naive = isinstance(bound, datetime) and bound.utcoffset() is None
    if not isinstance(bound, date) or is_naive:
        yield Problem(where, "a datetime with a time zone, or a date")
    elif bound.year not in _YEARS:
        yield Problem(where, f"a year from {_YEARS[0]} to {_YEARS[-1]}")


def period_bounds(since: date, until: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the bounds of a period as datetimes: a date stands for its whole day in `zone`."""
    first = since if isinstance(since, datetime) else start_of(since, zone)
    last = until if isinstance(until, datetime) else start_of(until + timedelta(days=1), zone)
    return first, last


def listed(values: object) -> tuple[Any, ...] | None:
    """Return the items of a list, or None for what is none: one value, text, or a mapping."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        return None
    return tuple(values)


def _type_problems(where: str, owner: object, types: Mapping[str, type[Any]]) -> Iterator[Problem]:
    for name, wanted in types.items():
        value = getattr(owner, name)
        if value is None:
            continue
        if not isinstance(value, wanted):
            rule = _TYPE_RULES.get(wanted) or _member_rule(wanted)
            yield Problem(f"{where}.{name}" if where else name, rule)
        elif wanted is str and not (value.isascii() or is_encodable(value)):
            yield Problem(f"{where}.{name}" if where else name, ENCODABLE_RULE)


def _member_rule(enum: type[StrEnum]) -> str:
    return f"is one of {', '.join(enum)}"


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < _INT64_END
