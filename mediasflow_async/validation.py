"""The API's rules, all problems at once."""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, Final

from mediasflow_async.converter import is_twelve_oclock
from mediasflow_async.converter.names import NUMBER_COLUMNS
from mediasflow_async.dates import start_of
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import InvalidRequest, Problem
from mediasflow_async.models import (
    BlacklistEntry,
    BlacklistKind,
    CampaignRequest,
    CampaignType,
    Recipient,
    Renderer,
    TinyUrl,
    TinyUrlType,
)
from mediasflow_async.text.templates import placeholders

__all__ = [
    "MAX_INLINE_RECIPIENTS",
    "blacklist_problems",
    "campaign_id_problems",
    "campaign_problems",
    "enum_problems",
    "flag_problems",
    "is_id",
    "is_number_column",
    "is_plain_number",
    "is_usual",
    "is_usual_recipient",
    "listed",
    "number_problems",
    "period_bounds",
    "period_problems",
    "placeholder_problems",
    "refuse",
    "sender_problems",
    "text_problems",
]


_SENDER: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]{3,11}")
_PHONE: Final = re.compile(r"(?:tel:)?\+?[\d\s().-]+", re.IGNORECASE | re.ASCII)
_PLAIN_PHONE: Final = re.compile(r"\+?[0-9]{6,17}")
_SHORTEST_PHONE: Final = 6
_LONGEST_PHONE: Final = 17
_INT64_END: Final = 2**63


def refuse(problems: Iterable[Problem], campaign_id: int | None = None) -> None:
    """Raise `InvalidRequest` with the problems, if there are any."""
    if found := tuple(problems):
        raise InvalidRequest(problems=found, campaign_id=campaign_id)


def is_id(value: object) -> bool:
    """Whether a value can be the number of a campaign or a list."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < _INT64_END


def campaign_id_problems(campaign_id: object) -> Iterator[Problem]:
    """Yield what is wrong with the number of a campaign."""
    if not is_id(campaign_id):
        yield Problem("campaign_id", "the positive number that the server gave to the campaign")


def listed(values: object) -> tuple[Any, ...] | None:
    """Return what a list of values holds, or None for what is none: one value, text, a mapping."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        return None
    return tuple(values)


def is_plain_number(number: object) -> bool:
    """Whether a phone number is made of digits alone, as many as one can have."""
    return type(number) is str and _PLAIN_PHONE.fullmatch(number) is not None


def number_problems(where: str, number: object) -> Iterator[Problem]:
    """Yield what is wrong with a phone number on its face; what it says is not repeated."""
    if not isinstance(number, str):
        yield Problem(where, "a phone number is text: as a number it would lose its 0 or +")
    elif not _PHONE.fullmatch(number.strip()):
        yield Problem(where, "a phone number holds digits, spaces, dots and hyphens only")
    elif not _SHORTEST_PHONE <= sum(map(str.isdigit, number)) <= _LONGEST_PHONE:
        rule = f"a phone number has {_SHORTEST_PHONE} to {_LONGEST_PHONE} digits"
        yield Problem(where, rule)


def sender_problems(sender: object) -> Iterator[Problem]:
    """Yield what is wrong with a sender; None is the account's short code (Guide: 2.1)."""
    if sender is None or (isinstance(sender, str) and _SENDER.fullmatch(sender)):
        return
    yield Problem("sender", "3 to 11 letters A-Z and digits, not digits only")


def text_problems(where: str, owner: object, names: tuple[str, ...]) -> Iterator[Problem]:
    """Yield a problem for each of several attributes that is neither text nor None."""
    yield from _kind_problems(where, owner, names, str, "is text")


def flag_problems(where: str, owner: object, names: tuple[str, ...]) -> Iterator[Problem]:
    """Yield a problem for each of several attributes that is neither a boolean nor None."""
    yield from _kind_problems(where, owner, names, bool, "is True, False or None")


def _kind_problems(
    where: str, owner: object, names: tuple[str, ...], kind: type[object], rule: str
) -> Iterator[Problem]:
    values = _getter(names)(owner)
    if {kind, type(None)}.issuperset(map(type, values)):
        return
    for name, value in zip(names, values, strict=True):
        if not isinstance(value, kind | None):
            yield Problem(f"{where}{name}", rule)


@cache
def _getter(names: tuple[str, ...]) -> attrgetter[tuple[object, ...]]:
    return attrgetter(*names)


def enum_problems(where: str, value: object, enum: type[StrEnum]) -> Iterator[Problem]:
    """Yield a problem for a value that is neither None nor a member."""
    if value is not None and not isinstance(value, enum):
        yield Problem(where, f"is one of {', '.join(enum)}")


_LONGEST_LABEL: Final = 20
_LONGEST_DESCRIPTION: Final = 40
_LIFE_DAYS: Final = range(1, 3651)
_IMAGE_ENDINGS: Final = (".jpg", ".png")
_LINK_TEXTS: Final = ("url", "local_html", "label", "description", "image_name", "host", "domain")


def _link_problems(
    request: CampaignRequest, dialect: Dialect, now: datetime | None
) -> Iterator[Problem]:
    links = request.tiny_urls
    if links == ():
        return
    if not isinstance(links, tuple) or not all(isinstance(link, TinyUrl) for link in links):
        yield Problem("tiny_urls", "a list of TinyUrl")
        return
    here = (now or datetime.now(UTC)).astimezone(dialect.server_tz)
    for position, link in enumerate(links):
        where = f"tiny_urls[{position}]"
        yield from _type_problems(where, link)
        yield from _target_problems(where, link, request)
        yield from _preview_problems(where, link, request)
        yield from _life_problems(where, link.end_of_life, here)
    yield from _index_problems(links)


def _type_problems(where: str, link: TinyUrl) -> Iterator[Problem]:
    yield from text_problems(f"{where}.", link, _LINK_TEXTS)
    if not isinstance(link.is_open_graph, bool | None):
        yield Problem(f"{where}.is_open_graph", "is True, False or None")
    if not isinstance(link.type, TinyUrlType):
        yield Problem(f"{where}.type", "is REDIRECT or LOCAL")
    if not isinstance(link.renderer, Renderer | None):
        yield Problem(f"{where}.renderer", f"is one of {', '.join(Renderer)}")
    if not isinstance(link.parameters, tuple) or not all(
        isinstance(parameter, str) for parameter in link.parameters
    ):
        yield Problem(f"{where}.parameters", "a list of texts such as 'name=${Name}'")


def _target_problems(where: str, link: TinyUrl, request: CampaignRequest) -> Iterator[Problem]:
    if link.type is TinyUrlType.REDIRECT and not link.url:
        yield Problem(f"{where}.url", "is mandatory for a REDIRECT")
    elif isinstance(link.url, str) and not link.url.startswith(("http://", "https://", "${")):
        yield Problem(f"{where}.url", "starts with https:// or http://")
    if link.type is TinyUrlType.LOCAL:
        if not link.local_html:
            yield Problem(f"{where}.local_html", "is mandatory for a LOCAL link")
        if request.zip_local is None:
            yield Problem("zip_local", f"is mandatory: {where} is a LOCAL link")


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


def _life_problems(where: str, life: object, here: datetime) -> Iterator[Problem]:
    day = life.astimezone(here.tzinfo).date() if isinstance(life, datetime) else life
    days = (day - here.date()).days if isinstance(day, date) else day
    is_count = isinstance(days, int) and not isinstance(days, bool)
    if life is not None and not (is_count and days in _LIFE_DAYS):
        yield Problem(f"{where}.end_of_life", "1 to 3650 days, as a number or as the last day")


def _index_problems(links: tuple[TinyUrl, ...]) -> Iterator[Problem]:
    indexes = [link.index for link in links]
    if not all(type(index) is int and index >= 0 for index in indexes):
        yield Problem("tiny_urls", "index is 0 for ${track_1}, 1 for ${track_2}, and so on")
        return
    for index, count in Counter(indexes).items():
        if count > 1:
            yield Problem("tiny_urls", f"index {index} is given {count} times")


# The guide shows ${FIRSTNAME} beside firstName: letter case is not held against a message.
_STANDARD: Final = frozenset({"title", "lastname", "firstname", "email", "mobile", "phone"})


def placeholder_problems(request: CampaignRequest) -> Iterator[Problem]:
    """Yield the fields of a message that no recipient of a well-formed request can fill.

    The columns of an uploaded list are not known here: with one, nothing is said.
    """
    renderer = request.renderer or Renderer.BASIC
    if request.msg is None or request.list_ids:
        return
    filled = {name for recipient in request.recipients for name in recipient.fields}
    filled |= set(request.defaults)
    for name in placeholders(request.msg, renderer):
        if name not in filled and name.lower() not in _STANDARD:
            yield Problem("msg", f"no recipient has the field {name!r}, and it has no default")


_NONE: Final = type(None)
_TEXT: Final = frozenset({str})
_TEXT_OR_NONE: Final = frozenset({str, _NONE})
_scalar_types: Final[dict[str, frozenset[Any]]] = {
    **dict.fromkeys(
        ("campaign_name", "user_owner_id", "brand", "sender", "billing_code"), _TEXT_OR_NONE
    ),
    **dict.fromkeys(("allow_ucs2", "replace_to_gsm7", "check_duplicate"), frozenset({bool, _NONE})),
    # Those that have rules of their own beyond their type are usual without a value.
    **dict.fromkeys(
        ("campaign_id", "schedule_on", "image_preview", "zip_local", "replace_emoji"),
        frozenset({_NONE}),
    ),
    "msg": _TEXT,
    "type": frozenset({CampaignType, _NONE}),
    "renderer": frozenset({Renderer, _NONE}),
    "recipients": frozenset({tuple}),
    "list_ids": frozenset({tuple}),
    "tiny_urls": frozenset({tuple}),
    "defaults": frozenset({dict}),
}
_scalars: Final = attrgetter(*_scalar_types)
_texts: Final = attrgetter("title", "last_name", "first_name", "email", "phone", "user_owner_id")


def is_usual(request: CampaignRequest, most_recipients: int) -> bool:
    """Whether a request is a message to a few recipients, with nothing that could be wrong."""
    # Whether it starts now is up to who asks.
    return (
        _are_usual(tuple(map(type, _scalars(request))))
        and request.msg != ""
        and 0 < len(request.recipients) <= most_recipients
        and not (request.list_ids or request.tiny_urls)
        and (request.sender is None or not any(sender_problems(request.sender)))
        and _TEXT.issuperset(map(type, (*request.defaults, *request.defaults.values())))
        and all(map(is_usual_recipient, request.recipients))
    )


def is_usual_recipient(recipient: Any) -> bool:
    """Whether a recipient has a plain number, and texts for all else."""
    return (
        type(recipient) is Recipient
        and is_plain_number(recipient.mobile)
        and recipient.group_id is None
        and type(recipient.fields) is dict
        and _TEXT_OR_NONE.issuperset(map(type, _texts(recipient)))
        and _TEXT_OR_NONE.issuperset(map(type, recipient.fields.values()))
        and not any(map(_is_odd_name, recipient.fields))
    )


@lru_cache(maxsize=1024)
def _are_usual(types: tuple[type, ...]) -> bool:
    return all(map(frozenset.__contains__, _scalar_types.values(), types))


def _is_odd_name(name: object) -> bool:
    return type(name) is not str or is_number_column(name)


@lru_cache(maxsize=1024)
def is_number_column(name: str) -> bool:
    """Whether a column of this name is one of numbers."""
    return name.strip().lower() in NUMBER_COLUMNS


MAX_INLINE_RECIPIENTS: Final = 50
"""The most recipients that fit in a request; more go into an uploaded list (Guide: 2.1)."""

_EARLIEST_SCHEDULE: Final = timedelta(minutes=5)
_LATEST_SCHEDULE: Final = timedelta(days=3653)
_TEXTS: Final = ("msg", "campaign_name", "user_owner_id", "brand", "billing_code")
_RECIPIENT_TEXTS: Final = (
    "title",
    "last_name",
    "first_name",
    "email",
    "phone",
    "user_owner_id",
)
_FLAGS: Final = ("allow_ucs2", "replace_emoji", "replace_to_gsm7", "check_duplicate")


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
        now: the time, aware; the present by default, asked for where a rule needs it.
        start_now: what will be written instead of the request's own; None for the request's.
        any_number: allow more than 50 recipients, which will go into a list.
    """
    intent = request.start_now if start_now is None else start_now
    if (
        isinstance(intent, bool)
        and is_usual(request, MAX_INLINE_RECIPIENTS)
        and not dialect.strict_placeholders
    ):
        return ()
    problems = [*_rule_problems(request, dialect, now, any_number=any_number)]
    if not isinstance(intent, bool):
        problems.append(Problem("start_now", "is True or False"))
    if dialect.strict_placeholders and not problems:
        return tuple(placeholder_problems(request))
    return tuple(problems)


def _rule_problems(
    request: CampaignRequest, dialect: Dialect, now: datetime | None, *, any_number: bool
) -> Iterator[Problem]:
    yield from _destination_problems(request, dialect)
    yield from _recipients_problems(request.recipients, any_number=any_number)
    yield from _scalar_problems(request)
    yield from sender_problems(request.sender)
    yield from _schedule_problems(request.schedule_on, dialect, now)
    yield from _defaults_problems(request.defaults)
    yield from _attachment_problems(request)
    yield from _link_problems(request, dialect, now)


def _destination_problems(request: CampaignRequest, dialect: Dialect) -> Iterator[Problem]:
    if request.campaign_id is None:
        if request.msg is None or request.msg == "":
            yield Problem("msg", "is mandatory, unless campaign_id names a prepared campaign")
        if not request.recipients and not request.list_ids:
            yield Problem("recipients", "give recipients, list_ids, or a prepared campaign_id")
    else:
        yield from campaign_id_problems(request.campaign_id)
    if not isinstance(request.list_ids, tuple) or not all(map(is_id, request.list_ids)):
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
        if not is_usual_recipient(recipient):
            yield from _recipient_problems(f"recipients[{index}]", recipient)


def _recipient_problems(where: str, recipient: object) -> Iterator[Problem]:
    if not isinstance(recipient, Recipient):
        yield Problem(where, "a Recipient, or a number as text")
        return
    yield from number_problems(f"{where}.mobile", recipient.mobile)
    yield from text_problems(f"{where}.", recipient, _RECIPIENT_TEXTS)
    if not isinstance(recipient.group_id, int | None):
        yield Problem(f"{where}.group_id", "is a whole number")
    yield from _fields_problems(f"{where}.fields", recipient.fields)


def _fields_problems(where: str, fields: object) -> Iterator[Problem]:
    # A check against the abstract class costs more than all the others.
    if type(fields) is not dict and not isinstance(fields, Mapping):
        yield Problem(where, "a mapping of column names to values")
        return
    for name, value in fields.items():
        if not isinstance(name, str) or not isinstance(value, str | int | float | None):
            yield Problem(where, "names are text; values are text or numbers")
            return
    taken = list(filter(is_number_column, fields))
    if taken:
        rule = f"{', '.join(taken)} would be a second column of numbers: use another name"
        yield Problem(where, rule)


def _scalar_problems(request: CampaignRequest) -> Iterator[Problem]:
    yield from text_problems("", request, _TEXTS)
    yield from flag_problems("", request, _FLAGS)
    yield from enum_problems("type", request.type, CampaignType)
    yield from enum_problems("renderer", request.renderer, Renderer)
    if request.replace_emoji is True and request.allow_ucs2 is not True:
        yield Problem("replace_emoji", "needs allow_ucs2=True: an emoji is outside of GSM-7")


def _schedule_problems(moment: object, dialect: Dialect, now: datetime | None) -> Iterator[Problem]:
    if moment is None:
        return
    where, now = "schedule_on", now or datetime.now(UTC)
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        yield Problem(where, "a datetime with a time zone, such as datetime.now(UTC)")
    elif moment - now < _EARLIEST_SCHEDULE:
        yield Problem(where, "at least 5 minutes ahead when the server receives it")
    elif moment - now > _LATEST_SCHEDULE:
        yield Problem(where, "at most 10 years ahead")
    elif dialect.twelve_oclock == "raise" and is_twelve_oclock(moment, dialect):
        yield Problem(where, "the server may read an hour of 12 as half a day earlier")


def _defaults_problems(defaults: object) -> Iterator[Problem]:
    if defaults == {}:
        return
    pairs = defaults.items() if isinstance(defaults, Mapping) else [(None, None)]
    if not all(isinstance(part, str) for pair in pairs for part in pair):
        yield Problem("defaults", "a mapping of field names to text")


def _attachment_problems(request: CampaignRequest) -> Iterator[Problem]:
    for name in ("image_preview", "zip_local"):
        value: Any = getattr(request, name)
        if value is not None and not _is_attachment(value):
            yield Problem(name, "bytes, or text in base64")


def _is_attachment(value: object) -> bool:
    if isinstance(value, bytes):
        return len(value) > 0
    try:
        return isinstance(value, str) and bool(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        return False


# A slip of the pen beyond these would be asked for in thousands of windows.
_YEARS: Final = range(2000, 2101)


def blacklist_problems(entry: BlacklistEntry) -> Iterator[Problem]:
    """Yield what the server would refuse in a number to blacklist (Guide: 2.9)."""
    yield from number_problems("number", entry.number)
    if not isinstance(entry.kind, BlacklistKind) or not entry.kind.is_known:
        yield Problem("kind", "is MOBILE or VMS")
    for name in ("description", "brand"):
        if not isinstance(getattr(entry, name), str | None):
            yield Problem(name, "is text")


def period_problems(since: object, until: object, zone: tzinfo) -> Iterator[Problem]:
    """Yield what is wrong with the bounds of a period (Guide: 2.6)."""
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
    """Return the bounds as datetimes: a date stands for its whole day in `zone`."""
    first = since if isinstance(since, datetime) else start_of(since, zone)
    last = until if isinstance(until, datetime) else start_of(until + timedelta(days=1), zone)
    return first, last
