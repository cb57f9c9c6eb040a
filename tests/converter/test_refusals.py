from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async.converter import ModelReader, Unreadable, reader_for, reading
from mediasflow_async.converter.names import SPELLINGS, WIRE_NAMES
from mediasflow_async.models import BlacklistEntry, Campaign, Recipient, RecipientList, TinyUrl

PARIS = ZoneInfo("Europe/Paris")
ANSWERS = (BlacklistEntry, Campaign, Recipient, RecipientList, TinyUrl)
# What each answer cannot be without.
LEAST: dict[type[Any], dict[str, Any]] = {
    BlacklistEntry: {"item": "+33685812475"},
    Campaign: {"id": 943},
    Recipient: {"mobile": "0612345678"},
    RecipientList: {},
    TinyUrl: {"index": 0},
}

Refused = Callable[[object, type[Any]], Unreadable]


@pytest.mark.parametrize(
    ("answer", "model", "path"),
    [
        (None, Campaign, "$"),
        ([], Campaign, "$"),
        ("text", Campaign, "$"),
        (True, Campaign, "$"),
        (5, Campaign, "$"),
        ({}, Campaign, "$.id"),
        ({"id": "x"}, Campaign, "$.id"),
        ({"id": "1e"}, Campaign, "$.id"),
        ({"id": 1.5}, Campaign, "$.id"),
        ({"id": True}, Campaign, "$.id"),
        ({"id": float("inf")}, Campaign, "$.id"),
        ({"id": float("nan")}, Campaign, "$.id"),
        ({"id": "x", "scheduled": "perhaps", "tinyList": 5}, Campaign, "$.id"),
        ({"id": 1, "status": []}, Campaign, "$.status"),
        ({"id": 1, "status": {}, "tinyList": 5}, Campaign, "$.status"),
        ({"id": {}}, RecipientList, "$.id"),
        ({"extendedKeys": ["REF"]}, Recipient, "$.mobile"),
        ({"typeItem": "MOBILE"}, BlacklistEntry, "$.item"),
    ],
)
def test_what_cannot_be_understood_is_named_by_its_wire_path(
    answer: object, model: type[Any], path: str, refused: Refused
) -> None:
    problem = refused(answer, model)
    assert problem.path == path
    assert path in problem.message
    # A sentence of ours: not Python's, and not the server's value.
    assert problem.reason.startswith(("expected ", "it is missing"))


@pytest.mark.parametrize(
    ("member", "value", "model"),
    [
        ("scheduled", "perhaps", Campaign),
        ("message", {}, Campaign),
        ("typeSelect", [], Campaign),
        ("countMaxCrediteOver", "many", Campaign),
        ("creditCount", "1,0", Campaign),
        ("creditCount", "NaN", Campaign),
        ("creditCount", float("nan"), Campaign),
        ("creditAfterInjection", float("-inf"), Campaign),
        ("countRecipient", "1,0", Campaign),
        ("tinyList", {}, Campaign),
        ("tinyList", [{"index": 0}, {}], Campaign),
        ("tinyList", [{"index": [0]}], Campaign),
        ("defaultForHeader", [], Campaign),
        ("defaultForHeader", {"REF": None}, Campaign),
        ("listInCampaign", 5, Campaign),
        ("listInCampaign", {"_id": []}, Campaign),
        ("extendedKeys", ["REF"], Recipient),
        ("lineDuplicateMobile", ["11", "x"], RecipientList),
        ("header", "SMS", RecipientList),
        ("computedHeaderSize", {"SMS": 5}, RecipientList),
        ("computedHeaderSize", {"SMS": {"x": 5}}, RecipientList),
        ("validCountryCounter", {"FR": None}, RecipientList),
        ("label", 5j, TinyUrl),
        ("createdDescription", [], BlacklistEntry),
    ],
)
def test_a_secondary_member_that_cannot_be_read_is_kept_beside_the_others(
    member: str, value: object, model: type[Any], read: Callable[[object, type[Any]], Any]
) -> None:
    answer = LEAST[model] | {member: value, "unknown": 1}
    found = read(answer, model)
    assert found.extra == {member: value, "unknown": 1}
    assert evolve(found, raw={}, extra={}) == evolve(read(LEAST[model], model), raw={}, extra={})
    assert found.raw == answer


def test_what_is_unreadable_within_a_member_is_kept_there(
    read: Callable[[object, type[Any]], Any],
) -> None:
    held = {"size": [], "recipients": [{"mobile": "06"}, {}], "validNumberMOBILE": 2}
    campaign = read({"id": 1, "status": "DRAFT", "listInCampaign": held}, Campaign)
    assert campaign.extra == {}
    assert campaign.recipient_list.valid_number_mobile == 2
    assert campaign.recipient_list.extra == {k: held[k] for k in ("size", "recipients")}


def test_what_cannot_be_read_is_logged_once_and_without_its_value(
    read: Callable[[object, type[Any]], Any], caplog: pytest.LogCaptureFixture
) -> None:
    reading.warn_once.cache_clear()
    for number in range(5):
        read({"id": number, "scheduled": "+33612345678", "updateDate": "x"}, Campaign)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "'scheduled' of a Campaign" in record.getMessage()
    assert "612345" not in record.getMessage()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.data())
def test_no_answer_makes_the_reader_raise(data: st.DataObject) -> None:
    model = data.draw(st.sampled_from(ANSWERS))
    names = [*WIRE_NAMES[model].values(), *SPELLINGS[model]]
    answer = data.draw(st.dictionaries(st.sampled_from(names), json_values, max_size=6))
    found = reader_for(PARIS).read(LEAST[model] | answer, model)
    if isinstance(found, Unreadable):
        assert found.path in {"$.id", "$.status", "$.item", "$.mobile", "$.index"}
    else:
        assert found.raw == LEAST[model] | answer


def test_an_array_of_answers_is_told_apart_by_its_path(reader: ModelReader) -> None:
    problem = reader.read({"id": "x"}, Campaign, path="$[3]")
    assert isinstance(problem, Unreadable)
    assert problem.path == "$[3].id"
