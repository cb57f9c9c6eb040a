"""Requests of which one look shows that the rules have nothing to say. No I/O.

The rules tell what is wrong, one by one, and nearly always that is nothing. What is not usual is
not wrong: it is for the rules to say.
"""

from __future__ import annotations

from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

from mediasflow_async.converter.names import NUMBER_COLUMNS
from mediasflow_async.models import CampaignRequest, CampaignType, Recipient, Renderer
from mediasflow_async.validation.rules import is_plain_number, sender_problems

__all__ = ["is_number_column", "is_usual", "is_usual_recipient"]

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
    "start_now": frozenset({bool}),
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
