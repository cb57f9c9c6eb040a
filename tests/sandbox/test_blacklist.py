"""The blacklist."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mediasflow_async.sandbox import DeliveryPlan
from tests.support.sandboxes import with_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from mediasflow_async.sandbox import Sandbox

GUIDE_ENTRY = {
    "item": "+33685812475",
    "typeItem": "MOBILE",
    "createdDescription": " plainte en magasin le 22 juin 2021",
}


def test_an_entry_is_answered_and_listed(http: httpx.Client) -> None:
    added = http.post("blacklist", json=GUIDE_ENTRY).json()
    assert added.items() >= GUIDE_ENTRY.items()
    assert http.get("blacklist").json() == [added]


def test_numbers_are_kept_in_the_international_form(http: httpx.Client) -> None:
    for written in ("0685812475", "33685812475", "06 85 81 24 75"):
        http.post("blacklist", json={"item": written, "typeItem": "MOBILE"})
    assert [entry["item"] for entry in http.get("blacklist").json()] == ["+33685812475"]


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({}, "typeItem"),
        ({"item": "0685812475"}, "typeItem"),
        ({"item": "0685812475", "typeItem": "EMAIL"}, "typeItem"),
        ({"typeItem": "MOBILE"}, "item"),
        ({"item": "abc", "typeItem": "MOBILE"}, "item"),
        ({"item": ["0685812475"], "typeItem": "MOBILE"}, "item"),
    ],
)
def test_a_wrong_entry_names_its_field(
    http: httpx.Client, entry: dict[str, Any], field: str
) -> None:
    response = http.post("blacklist", json=entry)
    assert (response.status_code, response.json()["field"]) == (400, field)
    assert http.get("blacklist").json() == []


@with_rules(blacklist_shape="items")
def test_entries_may_be_wrapped(http: httpx.Client) -> None:
    http.post("blacklist", json=GUIDE_ENTRY)
    assert http.get("blacklist").json()["items"][0]["item"] == "+33685812475"


@with_rules(blacklist_shape="strings")
def test_entries_may_be_numbers_alone(http: httpx.Client) -> None:
    http.post("blacklist", json=GUIDE_ENTRY)
    assert http.get("blacklist").json() == ["+33685812475"]


@with_rules(blacklist_path="blacklistjson")
def test_the_list_may_have_another_path(http: httpx.Client) -> None:
    assert http.get("blacklistjson").json() == []
    assert http.get("blacklist").headers["Allow"] == "OPTIONS, POST"


def test_the_blacklists_of_others_are_not_shown(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.block("0612345601", scope="MEDIASFLOW")
    sandbox.block("0612345602", scope="CUSTOMER")
    assert http.get("blacklist").json() == []
    assert [entry.scope for entry in sandbox.blacklist] == ["MEDIASFLOW", "CUSTOMER"]


def test_only_phone_numbers_can_be_blocked(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="needs a phone number"):
        sandbox.block("nobody")
    with pytest.raises(ValueError, match="scope BRAND"):
        sandbox.block("0612345678", brand="Shoes")


@pytest.mark.sandbox(delivery=DeliveryPlan(duration=timedelta(seconds=8)))
def test_a_stop_reply_blocks_the_number_once_it_has_come(
    sandbox: Sandbox,
    http: httpx.Client,
    inject: Callable[..., dict[str, Any]],
    report: Callable[..., list[dict[str, Any]]],
) -> None:
    inject(listRecipient=[{"mobile": "0600001701"}, {"mobile": "0600001601"}])
    assert http.get("blacklist").json() == []
    sandbox.clock.advance(timedelta(seconds=8))
    assert [entry["item"] for entry in http.get("blacklist").json()] == ["+33600001701"]
    assert [(row["status"], row["reply"]) for row in report(943)] == [(17, "STOP"), (16, "")]
    again = inject(listRecipient=[{"mobile": "0600001701"}])
    assert (again["countInBlackListRecipient"], again["countValid"]) == (1, 0)


@pytest.mark.parametrize(("brand", "status"), [("Shoes", 14), ("Hats", 17)])
def test_a_stop_reply_is_attached_to_the_brand(
    inject: Callable[..., dict[str, Any]],
    report: Callable[..., list[dict[str, Any]]],
    brand: str,
    status: int,
) -> None:
    stop = [{"mobile": "0600001701"}]
    inject(listRecipient=stop, brand="Shoes")
    assert report(inject(listRecipient=stop, brand=brand)["id"])[0]["status"] == status
