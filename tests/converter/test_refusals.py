from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async.converter import ModelReader, Unreadable, reader_for
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


LIST_PATH = "$.listInCampaign.recipients[1]"


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
        ({"id": 1, "scheduled": "perhaps"}, Campaign, "$.scheduled"),
        ({"id": 1, "message": {}}, Campaign, "$.message"),
        ({"id": 1, "status": []}, Campaign, "$.status"),
        ({"id": 1, "typeSelect": []}, Campaign, "$.typeSelect"),
        ({"id": 1, "countMaxCrediteOver": "many"}, Campaign, "$.countMaxCrediteOver"),
        ({"id": 1, "creditCount": "much"}, Campaign, "$.creditCount"),
        ({"id": 1, "tinyList": {}}, Campaign, "$.tinyList"),
        ({"id": 1, "tinyList": [{"index": 0}, {}]}, Campaign, "$.tinyList[1].index"),
        ({"id": 1, "defaultForHeader": []}, Campaign, "$.defaultForHeader"),
        ({"id": 1, "listInCampaign": 5}, Campaign, "$.listInCampaign"),
        ({"id": 1, "listInCampaign": {"size": []}}, Campaign, "$.listInCampaign.size"),
        (
            {"id": 1, "listInCampaign": {"recipients": [{"mobile": "06"}, {}]}},
            Campaign,
            f"{LIST_PATH}.mobile",
        ),
        ({"id": 1, "listInCampaign": {"recipients": [{"mobile": "06"}, 5]}}, Campaign, LIST_PATH),
        (
            {"mobile": "06", "extendedKeys": ["REF"]},
            Recipient,
            "$.extendedKeys",
        ),
        ({"lineDuplicateMobile": ["11", "x"]}, RecipientList, "$.lineDuplicateMobile[1]"),
        ({"header": "SMS"}, RecipientList, "$.header"),
        ({"computedHeaderSize": {"SMS": 5}}, RecipientList, "$.computedHeaderSize[SMS]"),
        ({"computedHeaderSize": {"SMS": {"x": 5}}}, RecipientList, "$.computedHeaderSize[SMS][x]"),
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
        assert found.path.startswith("$.")
    else:
        assert found.raw == LEAST[model] | answer


def test_an_array_of_answers_is_told_apart_by_its_path(reader: ModelReader) -> None:
    problem = reader.read({"id": "x"}, Campaign, path="$[3]")
    assert isinstance(problem, Unreadable)
    assert problem.path == "$[3].id"
