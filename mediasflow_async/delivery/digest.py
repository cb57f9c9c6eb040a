"""What tells one payload from another, without holding any of it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import Any

import attrs

from mediasflow_async.delivery.orders import Order

__all__ = ["digest_of"]

_SIZE_BYTES = 32


def digest_of(order: Order, salt: bytes) -> str:
    """Return the keyed digest of a payload, in hexadecimal.

    Of everything that decides what is sent to whom: the request, but for `start_now`, and the
    sender at launch. Neither the day nor the dialect changes it, nor a field that has its
    default.

    The key is the journal's salt, so that a digest alone says nothing. Who has the whole
    journal has the salt too, and can find out whether a payload that they already know in every
    other part went to a certain number, by trying numbers: keep the journal as private as a
    list of recipients.
    """
    payload = {"request": attrs.evolve(order.request, start_now=False), "sender": order.sender}
    text = json.dumps(payload, default=_plain, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), key=salt, digest_size=_SIZE_BYTES).hexdigest()


def _plain(value: Any) -> Any:
    """Return what JSON has no form for as something that it has one for."""
    if attrs.has(type(value)):
        return _given(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _given(value: Any) -> dict[str, Any]:
    """Return the fields that hold something, so that a field of a later version changes nothing."""
    values = ((name.name, getattr(value, name.name)) for name in attrs.fields(type(value)))
    return {name: value for name, value in values if value is not None and value not in ((), {})}
