"""One line of a file of campaigns, and the key that it is sent under."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, Final

from attrs import field, frozen

from mediasflow_async.errors import Problem
from mediasflow_async.models import CampaignRequest, Recipient

__all__ = ["Line", "derived_key", "own_key_problems"]

_KEY_BYTES: Final = 16
_PURPOSE: Final = b"mediasflow line"
_NUMBER_DIGITS: Final = 9  # that tell one phone from another, without the country


@frozen(kw_only=True)
class Line:
    """One campaign of a file.

    Attributes:
        where: its place in the file, such as ``line 17``.
        key: what it is sent under; empty where it has none.
        request: what is sent, or None for what cannot be read.
        problems: what is wrong with how it is written; the rules of the API come later.
    """

    where: str
    key: str = ""
    request: CampaignRequest | None = field(default=None, repr=False)
    problems: tuple[Problem, ...] = ()


def derived_key(kind: str, content: Any, *, batch: str, salt: bytes) -> str:
    """Return the key of a line that has none of its own: the same content, the same key.

    A digest under the journal's salt, so that a key that is shown or exported says nothing of
    the number that it stands for.

    Args:
        kind: what it is a key of, as it begins.
        content: the content, as JSON data; neither its order nor its spaces count.
        batch: the name of the batch.
        salt: the journal's.
    """
    text = json.dumps([batch, content], sort_keys=True, separators=(",", ":"))
    digest = blake2b(text.encode(), key=salt, person=_PURPOSE, digest_size=_KEY_BYTES)
    return f"{kind}-{digest.hexdigest()}"


def own_key_problems(key: object, request: CampaignRequest) -> Iterator[Problem]:
    """Yield what is wrong with a key that a line gives itself."""
    if not isinstance(key, str):
        yield Problem("key", "is text")
    elif _number_in(key) in _numbers(request):
        yield Problem("key", "is kept in the journal, so let it be no phone number")


def _numbers(request: CampaignRequest) -> Iterator[str]:
    recipients = request.recipients if isinstance(request.recipients, tuple) else ()
    for recipient in recipients:
        if isinstance(recipient, Recipient) and (number := _number_in(recipient.mobile)):
            yield number


def _number_in(text: object) -> str:
    """Return the last digits of a text, or nothing where it has too few for a phone number."""
    digits = "".join(filter(str.isdigit, str(text)))
    return digits[-_NUMBER_DIGITS:] if len(digits) >= _NUMBER_DIGITS else ""
