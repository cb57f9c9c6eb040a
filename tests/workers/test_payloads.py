"""What goes into the queue comes out of it the same, and is shown nowhere."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest

from mediasflow_async import CampaignRequest, Recipient
from mediasflow_async.delivery.records import Order, digest_of
from mediasflow_async.models import TinyUrl
from mediasflow_async.workers import QueueError
from mediasflow_async.workers.jobs import (
    arguments_from_json,
    job_of,
    json_of_arguments,
    order_of,
    payload_of,
)

SALT = b"salt"
REQUESTS: dict[str, dict[str, Any]] = {
    "least": {"msg": "Bonjour", "recipients": ["0612345678"]},
    "odd characters": {"msg": 'é "\\" \x00 \ud800 😀', "recipients": ["0612345678"]},
    "personal": {
        "msg": "${A}",
        "recipients": [
            Recipient("0612345678", fields={"A": "Zoé", "n": 1.0, "x": None, "b": True})
        ],
        "defaults": {"A": "vous"},
    },
    "false is not nothing": {
        "msg": "x",
        "list_ids": [1, 2],
        "allow_ucs2": False,
        "replace_to_gsm7": True,
    },
    "zero is not nothing": {"campaign_id": 0},
    "scheduled": {
        "msg": "x",
        "list_ids": [3],
        "schedule_on": datetime(2031, 5, 6, 7, 8, tzinfo=timezone(timedelta(hours=2))),
        "type": "NOTIFICATION",
        "renderer": "HANDLEBARS",
    },
    "links": {
        "msg": "${track_1} ${track_2} ${track_3}",
        "tiny_urls": [
            TinyUrl(index=0, url="https://example.org", parameters=("a=1",), end_of_life=7),
            TinyUrl(index=1, type="LOCAL", local_html="a.html", end_of_life=date(2031, 1, 2)),
            TinyUrl(index=2, end_of_life=datetime(2031, 1, 2, 3, tzinfo=UTC)),
        ],
        "image_preview": b"\x00\xff",
        "zip_local": "UEs=",
    },
    "launched again": {"campaign_id": 17, "sender": "ACME", "start_now": True},
    "as the server gave it": {
        "msg": "x",
        "recipients": [Recipient("0612345678", id=3, raw={"a": [1, {"b": None}]}, extra={"c": 2})],
    },
}


@pytest.mark.parametrize("given", REQUESTS.values(), ids=REQUESTS.keys())
@pytest.mark.parametrize("options", [{}, {"sender": "Shop", "auto_list": True}], ids=["", "more"])
def test_an_order_comes_back_the_same(given: dict[str, Any], options: dict[str, Any]) -> None:
    order = Order(request=CampaignRequest(**given), **options)
    job = job_of("order-1", order)
    read = arguments_from_json(json_of_arguments(job.task_kwargs))
    back = order_of(read["payload"].reveal())
    assert back == order
    assert digest_of(back, SALT) == digest_of(order, SALT)
    assert payload_of(back) == payload_of(order)


def test_a_value_is_what_it_is_on_the_wire() -> None:
    fields = {"day": date(2031, 1, 2), "number": 10**30}
    request = CampaignRequest(msg="x", recipients=[Recipient("0612345678", fields=fields)])
    (back,) = order_of(payload_of(Order(request=request))).request.recipients
    assert back.fields == {"day": "2031-01-02", "number": 10**30}


def test_any_mapping_will_do() -> None:
    fields = MappingProxyType({"A": "Zoé"})
    request = CampaignRequest(
        msg="x", recipients=[Recipient("0612345678", fields=fields)], defaults=fields
    )
    back = order_of(payload_of(Order(request=request))).request
    assert back.recipients[0].fields == back.defaults == {"A": "Zoé"}


def test_no_repr_and_no_log_context_of_a_job_shows_its_payload() -> None:
    request = CampaignRequest(msg="Bonjour Zoé", recipients=["0612345678"])
    job = job_of("order-1", Order(request=request))
    shown = f"{job!r} {job.call_string} {job.log_context()!r}"
    assert "order-1" in shown
    assert "612345678" not in shown
    assert "Bonjour" not in shown


def test_the_payload_of_a_later_version_is_left_to_it() -> None:
    held = json.loads(payload_of(Order(request=CampaignRequest(msg="x"))))
    held["request"]["hologram"] = "12345"
    with pytest.raises(QueueError, match="hologram") as caught:
        order_of(json.dumps(held))
    assert "12345" not in str(caught.value)


def test_only_a_payload_is_kept_out_of_sight() -> None:
    assert arguments_from_json(b'{"payload": 3, "key": "x"}') == {"payload": 3, "key": "x"}
    with pytest.raises(TypeError, match="object"):
        json_of_arguments({"key": object()})
