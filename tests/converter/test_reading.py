from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from attrs import fields
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async.converter import reader_for
from mediasflow_async.converter.names import SPELLINGS, WIRE_NAMES
from mediasflow_async.models import (
    BlacklistEntry,
    BlacklistKind,
    Campaign,
    Recipient,
    RecipientList,
    TinyUrl,
)

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

Read = Callable[[object, type[Any]], Any]
Guide = Callable[[str], Any]


def shown(model: Any) -> dict[str, Any]:
    """The attributes of a model, but for what was read and what was beyond it."""
    names = [attribute.name for attribute in fields(type(model))]
    return {name: getattr(model, name) for name in names if name not in {"raw", "extra"}}


@pytest.mark.parametrize(
    "keys",
    [
        [{"keyName": "REF", "keyValue": "x"}, {"keyName": "CP", "keyValue": "92200"}],
        [{"REF": "x", "CP": "92200"}],
        [{"REF": "x"}, {"CP": "92200"}],
        {"REF": "x", "CP": "92200"},
    ],
)
def test_own_fields_are_read_in_every_shape(keys: object, read: Read) -> None:
    found = read({"mobile": "06", "extendedKeys": keys}, Recipient)
    assert found.fields == {"REF": "x", "CP": "92200"}


def test_own_fields_may_be_absent_or_null(read: Read) -> None:
    for data in ({"mobile": "06"}, {"mobile": "06", "extendedKeys": None}):
        assert read(data, Recipient).fields == {}


SPELT = [
    (model, spelling, wire)
    for model, names in SPELLINGS.items()
    for spelling, wire in names.items()
]


@pytest.mark.parametrize(
    ("model", "key", "value", "attribute"),
    [
        *((Campaign, key, 943, "id") for key in "id _id campaignId campaignID campaignid".split()),
        (Campaign, "countMaxCrediteOver", 3, "count_max_credit_over"),
        (Campaign, "countMaxCreditOver", 3, "count_max_credit_over"),
        (Campaign, "message", "Hi", "message"),
        (Campaign, "msg", "Hi", "message"),
        *((RecipientList, key, 392, "id") for key in ("id", "_id", "idlistItems")),
        *(
            (RecipientList, key, 943, "campaign_id")
            for key in ("campainId", "campaignId", "campaignID", "campaignid")
        ),
        *((Recipient, key, "0612", "mobile") for key in ("mobile", "sms", "portable", "gsm")),
        (BlacklistEntry, "item", "0612", "number"),
        (BlacklistEntry, "typeItem", BlacklistKind.VMS, "kind"),
        (BlacklistEntry, "typeltem", BlacklistKind.VMS, "kind"),
    ],
)
def test_every_spelling_becomes_one_clean_attribute(
    model: type[Any], key: str, value: object, attribute: str, read: Read
) -> None:
    wire = WIRE_NAMES[model]
    least = {name: item for name, item in LEAST[model].items() if name != wire[attribute]}
    assert getattr(read(least | {key: value}, model), attribute) == value


STYLES: tuple[Callable[[str], str], ...] = (
    str,
    str.upper,
    str.lower,
    str.title,
    lambda name: re.sub("(?<=[a-z])(?=[A-Z])", "_", name).upper(),
    lambda name: re.sub("(?=[A-Z])", " ", name),
    "-".join,
    lambda name: f" {name}.",
)


@pytest.mark.parametrize(
    ("name", "model"), [("campaign_answer", Campaign), ("list_answer", RecipientList)]
)
@given(styles=st.lists(st.sampled_from(STYLES), min_size=1, max_size=7))
def test_a_name_is_its_letters_and_digits(
    name: str, model: type[Any], styles: list[Callable[[str], str]], guide: Guide, read: Read
) -> None:
    answer = guide(name)
    written = {
        style(key): value
        for (key, value), style in zip(answer.items(), itertools.cycle(styles), strict=False)
    }

    respelled, plain = read(written, model), read(answer, model)

    assert shown(respelled) == shown(plain)
    assert list(respelled.extra.values()) == list(plain.extra.values())
    assert respelled.raw is written


@pytest.mark.parametrize("model", [Campaign, RecipientList, BlacklistEntry])
def test_an_exact_name_wins_over_one_that_is_alike(model: type[Any], read: Read) -> None:
    least = LEAST[model] | {"creationDate": "25/06/2021"}
    both = read({"CREATION_DATE": "26/06/2021", **least}, model)
    assert shown(both) == shown(read(least, model))
    assert both.extra == {"CREATION_DATE": "26/06/2021"}


@pytest.mark.parametrize(("model", "spelling", "wire"), SPELT)
def test_a_spelling_stands_in_for_a_null_and_yields_to_a_value(
    model: type[Any], spelling: str, wire: str, read: Read
) -> None:
    attribute = {name: key for key, name in WIRE_NAMES[model].items()}[wire]
    value = LEAST[model].get(wire, "VMS" if wire == "typeItem" else "25/06/2021")
    if wire.startswith(("count", "camp", "id")):
        value = 5
    stood_in = read(LEAST[model] | {wire: None, spelling: value}, model)
    alone = read(LEAST[model] | {wire: value}, model)
    assert getattr(stood_in, attribute) == getattr(alone, attribute) is not None
    beside = read(LEAST[model] | {wire: value, spelling: "7"}, model)
    assert getattr(beside, attribute) == getattr(alone, attribute)
    assert beside.extra == {spelling: "7"}


@pytest.mark.parametrize("model", WIRE_NAMES, ids=lambda model: model.__name__)
def test_every_attribute_has_a_wire_name_of_its_own(model: type[Any]) -> None:
    own = {attribute.name for attribute in fields(model)} - {"raw", "extra"}
    assert set(WIRE_NAMES[model]) == own
    assert len(set(WIRE_NAMES[model].values())) == len(own)
    assert set(SPELLINGS[model].values()) <= set(WIRE_NAMES[model].values())
    assert set(SPELLINGS[model]).isdisjoint(WIRE_NAMES[model].values())


@pytest.mark.parametrize("model", ANSWERS, ids=lambda model: model.__name__)
def test_unknown_keys_are_kept(model: type[Any], read: Read) -> None:
    answer = LEAST[model] | {"newKey": {"a": [1]}, "x": None}
    found = read(answer, model)
    assert found.extra == {"newKey": {"a": [1]}, "x": None}
    assert found.raw == answer


@pytest.mark.parametrize("model", ANSWERS, ids=lambda model: model.__name__)
def test_null_counts_as_not_given(model: type[Any], read: Read) -> None:
    nulls = dict.fromkeys(WIRE_NAMES[model].values())
    assert shown(read(nulls | LEAST[model], model)) == shown(read(LEAST[model], model))


@pytest.mark.parametrize("text", ["true", "TRUE", "True", " true ", "1", 1, True], ids=repr)
def test_a_boolean_may_come_as_text_or_number(text: object, read: Read) -> None:
    assert read({"id": 1, "checkDuplicate": text}, Campaign).check_duplicate is True


@pytest.mark.parametrize("text", ["false", "FALSE", "0", 0, False], ids=repr)
def test_a_false_may_come_as_text_or_number(text: object, read: Read) -> None:
    assert read({"id": 1, "checkDuplicate": text}, Campaign).check_duplicate is False


@pytest.mark.parametrize("text", [943, "943", " 943 ", 943.0, "943.0"], ids=repr)
def test_an_id_may_come_as_text(text: object, read: Read) -> None:
    campaign = read({"id": text}, Campaign)
    assert campaign.id == 943
    assert type(campaign.id) is int


def test_an_id_beyond_the_precision_of_a_float_is_exact(read: Read) -> None:
    big = 2**63 - 1
    assert read({"id": str(big)}, Campaign).id == big
    assert read({"id": big}, Campaign).id == big


@pytest.mark.parametrize("text", ["1.5", 1.5, " 1.5 "], ids=repr)
def test_a_number_may_come_as_text(text: object, read: Read) -> None:
    assert read({"id": 1, "creditCount": text}, Campaign).credit_count == 1.5


def test_an_empty_text_is_no_number_and_no_boolean(read: Read) -> None:
    campaign = read({"id": 1, "creditCount": "", "scheduled": "", "countValid": ""}, Campaign)
    assert campaign.credit_count is campaign.scheduled is campaign.count_valid is None


def test_a_number_where_text_is_expected_is_its_digits(read: Read) -> None:
    campaign = read({"id": 1, "sender": 36184, "message": True, "shortCode": 1.5}, Campaign)
    assert (campaign.sender, campaign.message, campaign.short_code) == ("36184", "true", "1.5")


def test_a_campaign_whose_every_value_is_text_reads_the_same(guide: Guide, read: Read) -> None:
    def as_text(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: as_text(item) for key, item in value.items()}
        if isinstance(value, list):
            return [as_text(item) for item in value]
        return str(value).lower() if isinstance(value, bool | int | float) else value

    for name, model in (("campaign_answer", Campaign), ("list_answer", RecipientList)):
        answer = guide(name)
        assert shown(read(as_text(answer), model)) == shown(read(answer, model))


def test_unknown_values_of_enumerations_are_kept(read: Read) -> None:
    campaign = read({"id": 1, "status": "PAUSED", "typeSelect": "P2P", "renderer": "NEW"}, Campaign)
    assert (campaign.status, campaign.type, campaign.renderer) == ("PAUSED", "P2P", "NEW")
    assert not campaign.status.is_known
    assert read({"type": "NEW"}, RecipientList).type == "NEW"
    assert read({"item": "06", "typeItem": "FAX"}, BlacklistEntry).kind == "FAX"


def test_a_link_of_an_unknown_type_does_not_make_a_campaign_unreadable(read: Read) -> None:
    link = {"index": 0, "type": "NEW", "renderer": "NEW", "endOfLife": "soon"}
    found = read({"id": 1, "tinyList": [link]}, Campaign).tiny_urls[0]
    assert (found.type, found.renderer, found.end_of_life) == ("NEW", "NEW", "soon")


@pytest.mark.parametrize("life", [45, "2030-01-01T00:00:00Z", None])
def test_the_life_of_a_link_is_kept_as_it_comes(life: object, read: Read) -> None:
    assert read({"index": 0, "endOfLife": life}, TinyUrl).end_of_life == life


def test_an_unreadable_date_is_none_and_stays_in_raw(read: Read) -> None:
    campaign = read({"id": 1, "creationDate": "yesterday"}, Campaign)
    assert campaign.creation_date is None
    assert campaign.raw["creationDate"] == "yesterday"


def test_dates_without_a_zone_are_the_servers() -> None:
    zone = ZoneInfo("America/Cayenne")
    campaign = reader_for(zone).read({"id": 1, "creationDate": "Jun 16, 2021 6:29:07 PM"}, Campaign)
    assert isinstance(campaign, Campaign)
    assert campaign.creation_date == datetime(2021, 6, 16, 18, 29, 7, tzinfo=zone)


def test_a_reader_is_made_once_for_each_zone() -> None:
    assert reader_for(PARIS) is reader_for(ZoneInfo("Europe/Paris"))
