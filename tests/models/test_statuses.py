from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async.models import DeliveryCategory, DeliveryStatus, ReportRow, ReportSummary

PENDING, DELIVERED, FAILED, NOT_SENT, BLOCKED, UNKNOWN = DeliveryCategory

# The guide's table (Guide: 3), row by row, but for the three rows whose code is lost.
ROWS = [
    ((10, 28), "Posted", PENDING),
    ((24,), "Sent", PENDING),
    ((16, 21), "Delivered", DELIVERED),
    ((17,), "Delivered + STOP requested", DELIVERED),
    ((20, 25), "Not delivered", FAILED),
    ((29, 30), "Unassigned number", FAILED),
    ((31,), "Mobile unavailable", FAILED),
    ((32,), "SMS rejected", FAILED),
    ((13,), "Operator refused", FAILED),
    ((27,), "Operator rejected", FAILED),
    ((2,), "Malformed number", NOT_SENT),
    ((22,), "Message expired", FAILED),
    ((23,), "Message deleted", NOT_SENT),
    ((26,), "Unknown error", FAILED),
    ((3,), "Destination not authorized", NOT_SENT),
    ((5,), "Personalization error", NOT_SENT),
    ((6,), "UCS2 character not authorized", NOT_SENT),
    ((7,), "Message too long", NOT_SENT),
    ((8,), "Insufficient credit", NOT_SENT),
    ((12,), "Processing error", NOT_SENT),
    ((4,), "Duplicate", NOT_SENT),
    ((19,), "Missing rate", NOT_SENT),
    ((14,), "Present in your blacklist", BLOCKED),
    ((15,), "Present in our global blacklist", BLOCKED),
]
TABLE = [(code, label, category) for codes, label, category in ROWS for code in codes]
UNLISTED = [18, 33, 110, 111, 112, 113, -1, 10**30]


@pytest.mark.parametrize(("code", "label", "category"), TABLE)
def test_a_code_means_what_the_table_says(
    code: int, label: str, category: DeliveryCategory
) -> None:
    status = DeliveryStatus(code)
    assert (status.code, status.label, status.category) == (code, label, category)
    assert status.is_known
    assert status.is_final == (category is not PENDING and code != 31)
    assert status.is_delivered == (code in {16, 17, 21})
    assert status.is_opt_out == (code == 17)
    assert str(status) == f"{code} {label}"
    assert int(status) == code


@pytest.mark.parametrize("code", [0, 1, 9, 11])
def test_a_code_that_may_be_one_of_the_lost_ones_is_taken_for_pending(code: int) -> None:
    status = DeliveryStatus(code)
    assert status.category is PENDING
    assert str(status) == status.label == "In process"
    assert not any([status.is_known, status.is_final])


@pytest.mark.parametrize("code", UNLISTED)
def test_a_code_that_no_table_lists_is_unknown_and_not_final(code: int) -> None:
    status = DeliveryStatus(code)
    assert status.category is UNKNOWN
    assert status.code == code
    assert str(code) in str(status)
    flags = [status.is_known, status.is_final, status.is_delivered, status.is_opt_out]
    assert not any(flags)


def test_an_unassigned_number_is_bad_for_good_and_a_phone_that_is_off_is_not() -> None:
    permanent = {code for code, _, _ in TABLE if DeliveryStatus(code).is_permanent}
    assert {29, 30} <= permanent
    assert permanent.isdisjoint({16, 17, 21, 31, 22, 20, 25, 8})


@pytest.mark.parametrize("text", ["16", " 16 "])
def test_a_code_may_come_as_text(text: Any) -> None:
    assert DeliveryStatus(text) == DeliveryStatus(16)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(anything)
def test_no_value_makes_a_status_raise(value: Any) -> None:
    status = DeliveryStatus(value)
    assert isinstance(status.category, DeliveryCategory)
    assert status.label
    assert str(status)
    assert isinstance(int(status), int)
    assert {status: 1}[DeliveryStatus(value)] == 1
    assert pickle.loads(pickle.dumps(status)) == status  # noqa: S301  of our own making


def test_statuses_sort_by_number_and_a_missing_one_comes_first() -> None:
    summary = ReportSummary.of([16, None, 4])
    assert sorted(summary.by_status, key=int) == [
        DeliveryStatus(None),
        DeliveryStatus(4),
        DeliveryStatus(16),
    ]


def test_the_status_of_a_row_is_that_of_its_code() -> None:
    assert ReportRow(status_code=17).status.is_opt_out
    assert ReportRow().status.category is UNKNOWN


def test_a_summary_counts_by_status_and_by_category() -> None:
    summary = ReportSummary.of([16, 21, 16, 4, 31, 24, None])
    assert summary.total == 7
    assert summary.by_status[DeliveryStatus(16)] == 2
    assert next(iter(summary.by_status)) == DeliveryStatus(16)
    assert summary.by_category == {
        DELIVERED: 3,
        NOT_SENT: 1,
        FAILED: 1,
        PENDING: 1,
        UNKNOWN: 1,
    }
    assert summary.final_count == 4
    assert not summary.is_final


def test_a_summary_is_final_when_every_row_is() -> None:
    assert ReportSummary.of([16, 4, 14]).is_final
    assert not ReportSummary.of([16, 31]).is_final
    assert not ReportSummary.of([]).is_final


@given(st.lists(st.none() | st.integers(-1, 40)))
def test_a_summary_loses_no_row(codes: list[int | None]) -> None:
    summary = ReportSummary.of(codes)
    assert sum(summary.by_status.values()) == len(codes)
    assert sum(summary.by_category.values()) == len(codes)
    assert summary.total == len(codes)
    assert summary.final_count <= summary.total
