"""A campaign as a job of the queue: what is queued under its key, as JSON.

A payload is a `Secret` inside this process, so that no log or error of procrastinate can show it.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final

import attrs
from procrastinate.jobs import Job

from mediasflow_async.delivery.records import Order
from mediasflow_async.errors import MediasflowError
from mediasflow_async.models import CampaignRequest, Recipient, TinyUrl
from mediasflow_async.secrecy import Secret

__all__ = [
    "QUEUE",
    "TASK",
    "QueueError",
    "arguments_from_json",
    "job_of",
    "json_of_arguments",
    "order_of",
    "payload_of",
]


class QueueError(MediasflowError):
    """The queue failed; what it holds is kept."""

    next_step = "Check the database, then do the same again: nothing is queued or sent twice."


QUEUE: Final = "mediasflow"
TASK: Final = "mediasflow:send"


def job_of(key: str, order: Order) -> Job:
    """Return the job that sends an order under a key."""
    arguments: dict[str, Any] = {"key": key, "payload": Secret(payload_of(order))}
    return Job(
        queue=QUEUE,
        task_name=TASK,
        lock=None,
        queueing_lock=key,
        task_kwargs=arguments,
    )


def payload_of(order: Order) -> str:
    """Return an order as JSON; equal orders give equal texts."""
    values = {
        "request": _given(order.request),
        "sender": order.sender,
        "auto_list": order.auto_list,
    }
    return json.dumps(values, default=_written, sort_keys=True, separators=(",", ":"))


def _given(model: Any) -> dict[str, Any]:
    """Return the fields that do not have their default, so that later fields change nothing."""
    return {
        field.name: value
        for field in attrs.fields(type(model))
        if not _is_default(field.default, value := getattr(model, field.name))
    }


def _is_default(default: Any, value: object) -> bool:
    factory = getattr(default, "factory", None)
    default = default if factory is None else factory()
    # A flag that is False is not a number that is 0.
    return type(value) is type(default) and value == default


def _written(value: object) -> Any:
    """Return a value that JSON has no form for; a pair names its type."""
    if isinstance(value, Recipient):
        return _given(attrs.evolve(value, fields=_as_on_the_wire(value.fields)))
    if isinstance(value, TinyUrl):
        return _given(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, datetime):
        return ["datetime", value.isoformat()]
    if isinstance(value, date):
        return ["date", value.isoformat()]
    return ["bytes", b64encode(value).decode()] if isinstance(value, bytes) else str(value)


def _as_on_the_wire(fields: Mapping[str, Any]) -> dict[str, Any]:
    plain = str | int | float | None
    return {
        name: value if isinstance(value, plain) else str(value) for name, value in fields.items()
    }


def order_of(payload: str) -> Order:
    """Return the order that a payload holds.

    Raises:
        QueueError: it has a field that this version of the package does not know.
    """
    held: dict[str, Any] = json.loads(payload)
    try:
        request: Any = _request(held.pop("request"))
        return Order(request=request, **held)
    except TypeError as error:
        problem = str(error)
    raise QueueError(f"a campaign in the queue was written by another version: {problem}")


def _request(held: dict[str, Any]) -> CampaignRequest:
    values: dict[str, Any] = dict(held)
    values |= {name: _typed(held[name]) for name in _TYPED & held.keys()}
    values["recipients"] = [Recipient(**each) for each in held.get("recipients", ())]
    values["tiny_urls"] = [_link(each) for each in held.get("tiny_urls", ())]
    return CampaignRequest(**values)


def _link(held: dict[str, Any]) -> TinyUrl:
    return TinyUrl(**{**held, "end_of_life": _typed(held.get("end_of_life"))})


_TYPED: Final = frozenset({"schedule_on", "image_preview", "zip_local"})
_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "bytes": b64decode,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
}


def _typed(value: Any) -> Any:
    return _READERS[value[0]](value[1]) if isinstance(value, list) else value


_PAYLOAD: Final = "payload"


def json_of_arguments(arguments: object) -> str:
    """Return the arguments of a job as JSON, with the payload in plain text."""
    return json.dumps(arguments, default=_revealed)


def arguments_from_json(text: str | bytes) -> Any:
    """Return the arguments of a job, with the payload as a secret."""
    return json.loads(text, object_hook=_sealed)


def _revealed(value: object) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    raise TypeError(f"no argument of a job: {type(value).__name__}")


def _sealed(found: dict[str, Any]) -> dict[str, Any]:
    payload = found.get(_PAYLOAD)
    return {**found, _PAYLOAD: Secret(payload)} if isinstance(payload, str) else found
