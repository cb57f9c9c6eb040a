"""What the other functions refuse before anything leaves."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from mediasflow_async.errors import InvalidRequest, Problem
from mediasflow_async.session import Session

Refused = Callable[[Coroutine[Any, Any, object]], tuple[Problem, ...]]

NO_IDS: list[Any] = [0, -1, True, None, "943", "../admin", 1.5, 2**63, b"1"]
NOW = datetime(2030, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize("wrong", NO_IDS, ids=repr)
def test_a_campaign_is_named_by_its_number(session: Session, refused: Refused, wrong: Any) -> None:
    campaigns = session.campaigns
    for call in (
        campaigns.launch(wrong),
        campaigns.cancel(wrong),
        campaigns.set_sender(wrong, "ACME"),
        campaigns.test(wrong, "0612345678"),
    ):
        assert [problem.field for problem in refused(call)] == ["campaign_id"]
    for read in (session.reports.campaign, session.reports.campaign_csv):
        with pytest.raises(InvalidRequest, match="campaign_id"):
            read(wrong)


@pytest.mark.parametrize("wrong", ["", "ab", "12345", "a b c", "x" * 12, 5, b"ACME"], ids=repr)
def test_a_sender_is_checked_wherever_it_is_given(
    session: Session, refused: Refused, wrong: Any
) -> None:
    campaigns = session.campaigns
    for call in (
        campaigns.launch(943, sender=wrong),
        campaigns.set_sender(943, wrong),
        campaigns.test(943, "0612345678", sender=wrong),
    ):
        assert [problem.field for problem in refused(call)] == ["sender"]


def test_a_change_of_sender_needs_one(session: Session, refused: Refused) -> None:
    wrong: Any = None
    assert [p.field for p in refused(session.campaigns.set_sender(943, wrong))] == ["sender"]


@pytest.mark.parametrize(
    ("numbers", "fields"),
    [
        ([], ["phone_numbers"]),
        ("06AB", ["phone_numbers[0]"]),
        (["0612345678", "x", None], ["phone_numbers[1]", "phone_numbers[2]"]),
        ([612345678], ["phone_numbers[0]"]),
        ("0612345678; x", ["phone_numbers[1]"]),
        (5, ["phone_numbers"]),
        (None, ["phone_numbers"]),
        ({"0612345678": 1}, ["phone_numbers"]),
    ],
    ids=repr,
)
def test_the_numbers_of_a_test_are_checked(
    session: Session, refused: Refused, numbers: Any, fields: list[str]
) -> None:
    assert [p.field for p in refused(session.campaigns.test(943, numbers))] == fields


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"number": "06AB"}, ["number"]),
        ({"number": 612345678}, ["number"]),
        ({"number": None}, ["number"]),
        ({"kind": "FAX"}, ["kind"]),
        ({"kind": "mobile"}, ["kind"]),
        ({"kind": None}, ["kind"]),
        ({"kind": 5}, ["kind"]),
        ({"description": 5}, ["description"]),
        ({"brand": b"ACME"}, ["brand"]),
        ({"number": "", "kind": "FAX", "brand": 5}, ["number", "kind", "brand"]),
    ],
    ids=repr,
)
def test_a_number_to_blacklist_is_checked(
    session: Session, refused: Refused, changes: dict[str, Any], fields: list[str]
) -> None:
    plain: dict[str, Any] = {"number": "0612345678"}
    call = session.blacklist.add(**plain | changes)
    assert [problem.field for problem in refused(call)] == fields


@pytest.mark.parametrize("wrong", ["06AB", "", None, 5], ids=repr)
def test_a_number_to_look_up_is_checked(session: Session, refused: Refused, wrong: Any) -> None:
    assert [p.field for p in refused(session.blacklist.contains(wrong))] == ["number"]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"filename": ""}, ["filename"]),
        ({"filename": None}, ["filename"]),
        ({"filename": "a\r\nb"}, ["filename"]),
        ({"description": "a\nb"}, ["description"]),
        ({"description": 5}, ["description"]),
        ({"user_owner_id": 5, "filename": 5}, ["filename", "user_owner_id"]),
    ],
    ids=repr,
)
def test_the_texts_of_an_upload_are_checked(
    session: Session, refused: Refused, changes: dict[str, Any], fields: list[str]
) -> None:
    plain: dict[str, Any] = {"filename": "clients.csv"}
    call = session.lists.upload(b"mobile\n", **plain | changes)
    assert [problem.field for problem in refused(call)] == fields


NAIVE = datetime(2030, 6, 1)  # noqa: DTZ001  that is the mistake
LATER = NOW + timedelta(days=1)
PERIODS: list[tuple[dict[str, Any], list[str]]] = [
    ({"since": NAIVE, "until": LATER}, ["since"]),
    ({"since": "2030-06-01", "until": 5}, ["since", "until"]),
    ({"since": None, "until": LATER}, ["since"]),
    ({"since": LATER, "until": NOW}, ["until"]),
    ({"since": NOW, "until": NOW}, ["until"]),
    ({"since": date(2030, 6, 2), "until": date(2030, 6, 1)}, ["until"]),
    ({"since": date(2030, 6, 1), "until": date.max}, ["until"]),
    ({"since": datetime.min.replace(tzinfo=UTC), "until": LATER}, ["since"]),
    ({"status": ["16"]}, ["status"]),
    ({"status": "16"}, ["status"]),
    ({"status": 16}, ["status"]),
    ({"status": [True]}, ["status"]),
    ({"types": ["FAX"]}, ["types"]),
    ({"types": "SMS"}, ["types"]),
    ({"types": 5}, ["types"]),
    ({"types": [["SMS"]]}, ["types"]),
    ({"user_id": 5}, ["user_id"]),
    ({"search": 5}, ["search"]),
    ({"since": NAIVE, "status": ["x"], "types": ["FAX"]}, ["since", "status", "types"]),
]


@pytest.mark.parametrize(("changes", "fields"), PERIODS, ids=str)
def test_every_argument_of_a_period_is_checked_at_once(
    session: Session, changes: dict[str, Any], fields: list[str]
) -> None:
    arguments: dict[str, Any] = {"since": NOW, "until": LATER, **changes}
    for read in (session.reports.period, session.reports.period_csv):
        with pytest.raises(InvalidRequest) as caught:
            read(**arguments)
        assert [problem.field for problem in caught.value.problems] == fields


@pytest.mark.parametrize("wrong", ["NAME", 5, ["A;B"], [5], [""], [None]], ids=repr)
def test_the_columns_of_a_csv_report_are_checked(session: Session, wrong: Any) -> None:
    with pytest.raises(InvalidRequest, match="key_fields"):
        session.reports.period_csv(NOW, LATER, key_fields=wrong)
    with pytest.raises(InvalidRequest, match="details"):
        session.reports.campaign_csv(943, details=wrong)


@pytest.mark.parametrize("wrong", ["16", 16, ["16"], [True], [None]], ids=repr)
def test_the_statuses_of_a_campaigns_report_are_checked(session: Session, wrong: Any) -> None:
    for read in (session.reports.campaign, session.reports.campaign_csv):
        with pytest.raises(InvalidRequest, match="status"):
            read(943, status=wrong)
