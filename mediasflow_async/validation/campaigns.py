"""The rules of a campaign request (Guide: 2.1)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from mediasflow_async.converter import is_twelve_oclock
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import Problem
from mediasflow_async.models import CampaignRequest, CampaignType, Recipient, Renderer
from mediasflow_async.validation.links import link_problems
from mediasflow_async.validation.placeholders import placeholder_problems
from mediasflow_async.validation.rules import (
    campaign_id_problems,
    enum_problems,
    flag_problems,
    is_id,
    number_problems,
    sender_problems,
    text_problems,
)
from mediasflow_async.validation.usual import is_number_column, is_usual, is_usual_recipient

__all__ = ["MAX_INLINE_RECIPIENTS", "campaign_problems"]

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
    request: CampaignRequest, dialect: Dialect, now: datetime, *, any_number: bool = False
) -> tuple[Problem, ...]:
    """Return what the server would refuse in a campaign request (Guide: 2.1).

    Args:
        request: the request.
        dialect: how it will be written.
        now: the time, aware.
        any_number: allow more than 50 recipients, which will go into a list.
    """
    if is_usual(request, MAX_INLINE_RECIPIENTS) and not dialect.strict_placeholders:
        return ()
    problems = tuple(_rule_problems(request, dialect, now, any_number=any_number))
    if dialect.strict_placeholders and not problems:
        return tuple(placeholder_problems(request))
    return problems


def _rule_problems(
    request: CampaignRequest, dialect: Dialect, now: datetime, *, any_number: bool
) -> Iterator[Problem]:
    yield from _destination_problems(request, dialect)
    yield from _recipients_problems(request.recipients, any_number=any_number)
    yield from _scalar_problems(request)
    yield from sender_problems(request.sender)
    yield from _schedule_problems(request.schedule_on, dialect, now)
    yield from _defaults_problems(request.defaults)
    yield from _attachment_problems(request)
    yield from link_problems(request, now.astimezone(dialect.server_tz))


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
    if not isinstance(request.start_now, bool):
        yield Problem("start_now", "is True or False")
    yield from enum_problems("type", request.type, CampaignType)
    yield from enum_problems("renderer", request.renderer, Renderer)
    if request.replace_emoji is True and request.allow_ucs2 is not True:
        yield Problem("replace_emoji", "needs allow_ucs2=True: an emoji is outside of GSM-7")


def _schedule_problems(moment: object, dialect: Dialect, now: datetime) -> Iterator[Problem]:
    where = "schedule_on"
    if moment is None:
        return
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
