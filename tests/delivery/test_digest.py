"""The digest of a payload: the same for the same, another for any other, and no way back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async import CampaignRequest, Recipient, TinyUrl
from mediasflow_async.delivery.records import Order, digest_of

SALT = b"x" * 32
WHEN = datetime(2030, 1, 9, 9, tzinfo=UTC)
PLAIN: dict[str, Any] = {"msg": "hello", "recipients": ["+33600000000"]}


def digest(sender: str | None = None, *, salt: bytes = SALT, **fields: Any) -> str:
    """Return the digest of a request."""
    return digest_of(Order(request=CampaignRequest(**(PLAIN | fields)), sender=sender), salt)


OTHERS: list[dict[str, Any]] = [
    {"msg": "Hello"},
    {"recipients": ["+33600000001"]},
    {"recipients": ["+33600000000"] * 2},
    {"recipients": [Recipient("+33600000000", fields={"REF": 1})]},
    {"recipients": [Recipient("+33600000000", fields={"REF": 2})]},
    {"list_ids": [1]},
    {"sender": "ACME"},
    {"type": "NOTIFICATION"},
    {"schedule_on": WHEN},
    {"schedule_on": WHEN + timedelta(minutes=1)},
    {"allow_ucs2": False},
    {"allow_ucs2": True},
    {"defaults": {"a": "b"}},
    {"defaults": {"a": "c"}},
    {"image_preview": b"image"},
    {"tiny_urls": [TinyUrl(index=0, url="https://example.org")]},
    {"tiny_urls": [TinyUrl(index=0, url="https://example.org", end_of_life=3)]},
    {"tiny_urls": [TinyUrl(index=0, url="https://example.org", end_of_life=date(2030, 1, 9))]},
]


def test_any_difference_makes_another_digest() -> None:
    digests = [digest(), digest("OTHER"), *(digest(**other) for other in OTHERS)]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"start_now": True}),
        ({}, {"sender": None}),
        ({"recipients": ["+336"]}, {"recipients": (Recipient("+336"),)}),
        (
            {"schedule_on": WHEN},
            {"schedule_on": WHEN.astimezone(timezone(timedelta(hours=2)))},
        ),
        (
            {"defaults": {"a": "1", "b": "2"}},
            {"defaults": MappingProxyType({"b": "2", "a": "1"})},
        ),
    ],
)
def test_what_is_sent_alike_has_one_digest(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert digest(**one) == digest(**other)


def test_a_digest_is_that_of_one_journal() -> None:
    assert digest(salt=b"y" * 32) != digest()


def test_a_digest_does_not_change_from_one_release_to_the_next() -> None:
    known = digest(sender="ACME", defaults={"a": "b"}, schedule_on=WHEN)
    assert known.startswith("7fd6076cbe5a1007")


@given(st.text(), st.text())
def test_texts_of_any_kind_have_digests(one: str, other: str) -> None:
    assert (digest(msg=one) == digest(msg=other)) is (one == other)
