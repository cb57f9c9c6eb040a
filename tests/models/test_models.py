from __future__ import annotations

import copy
import pickle
from inspect import Parameter, signature
from typing import Any

import pytest
from attrs import evolve, fields
from attrs.exceptions import FrozenInstanceError

from mediasflow_async.models import (
    BlacklistEntry,
    BlacklistKind,
    Campaign,
    CampaignRequest,
    CampaignStatus,
    CampaignType,
    ListType,
    Recipient,
    RecipientList,
    Renderer,
    ReportRow,
    TinyUrl,
    TinyUrlType,
)

# The clean names that the API's fields have here, model by model.
ATTRIBUTES = {
    CampaignRequest: """
        msg recipients list_ids campaign_id campaign_name user_owner_id brand sender type
        schedule_on renderer defaults allow_ucs2 replace_emoji replace_to_gsm7 check_duplicate
        billing_code tiny_urls image_preview zip_local start_now
    """,
    Recipient: """
        mobile title last_name first_name email phone group_id user_owner_id fields id
    """,
    TinyUrl: """
        index type url local_html parameters label description image_name renderer end_of_life
        host domain is_open_graph
    """,
    Campaign: """
        id status message sender short_code type send_to campaign_name user_owner_id customer_id
        recipient_list renderer creation_date update_date path_to_campaign check_duplicate
        allow_ucs2 replace_emoji replace_to_gsm7 defaults credit_count credit_after_injection
        scheduled is_in_scheduler tiny_urls count_recipient count_invalid_recipient
        count_in_black_list_recipient count_duplicate_recipient global_counter count_valid
        count_posted count_duplicate count_not_allow count_not_valid count_error_rendering
        count_max_credit_over count_max_credit_found count_black_list
        count_black_list_mediasflow count_black_list_customer count_black_list_brand
    """,
    RecipientList: """
        id list_name description type size valid_number_mobile invalid_number_mobile
        count_duplicate_mobile line_duplicate_mobile invalid_line_list global_invalid_line
        valid_number_email invalid_number_email count_duplicate_email line_duplicate_email
        valid_country_counter invalid_country_counter header empty_keys computed_header_size
        max_datas_map max_size_data_line charset_detected creation_date campaign_id brand
        user_owner_id customer_id file_path recipients lists_items
    """,
    BlacklistEntry: "number kind description brand",
    ReportRow: """
        campaign_id line mobile status_code status_text delivered_at reply list_name
        previewed_at preview_count tracks fields type message
    """,
}
ANSWERS = (BlacklistEntry, Campaign, Recipient, RecipientList, TinyUrl)


@pytest.mark.parametrize("model", ATTRIBUTES, ids=lambda model: model.__name__)
def test_every_field_of_the_api_has_a_clean_name(model: type[Any]) -> None:
    assert {attribute.name for attribute in fields(model)} >= set(ATTRIBUTES[model].split())


@pytest.mark.parametrize("model", ANSWERS, ids=lambda model: model.__name__)
def test_what_comes_from_the_server_keeps_what_is_not_modelled(model: type[Any]) -> None:
    assert {attribute.name for attribute in fields(model)} >= {"raw", "extra"}


@pytest.mark.parametrize("model", ATTRIBUTES, ids=lambda model: model.__name__)
def test_only_the_number_may_be_given_by_position(model: type[Any]) -> None:
    positional = [
        name
        for name, parameter in signature(model).parameters.items()
        if parameter.kind is not Parameter.KEYWORD_ONLY
    ]
    assert positional == {Recipient: ["mobile"], BlacklistEntry: ["number"]}.get(model, [])


def test_a_model_cannot_be_changed(sample: Any) -> None:
    attribute = fields(type(sample))[0].name
    with pytest.raises(FrozenInstanceError):
        setattr(sample, attribute, None)
    with pytest.raises((AttributeError, TypeError)):
        sample.misspelt = 1


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, evolve], ids=lambda f: f.__name__)
def test_a_copy_is_equal(sample: Any, again: Any) -> None:
    assert again(sample) == sample


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_model_survives_pickling(sample: Any, protocol: int) -> None:
    again = pickle.loads(pickle.dumps(sample, protocol))  # noqa: S301  of our own making
    assert again == sample
    assert repr(again) == repr(sample)


def test_what_was_read_does_not_decide_equality() -> None:
    assert Campaign(id=1, raw={"a": 1}) == Campaign(id=1, raw={"a": 2})
    assert Campaign(id=1, extra={"a": 1}) != Campaign(id=1)


@pytest.mark.parametrize("enum", [CampaignStatus, BlacklistKind, ListType])
def test_an_open_enumeration_keeps_what_nobody_has_seen(enum: Any) -> None:
    new: Any = enum("NEW")
    assert (new.value, new.name, str(new)) == ("NEW", "NEW", "NEW")
    assert not new.is_known
    assert new == "NEW"
    assert new == enum("NEW")
    assert {new: 1}["NEW"] == 1
    assert new not in list(enum)
    for again in (copy.copy(new), copy.deepcopy(new), pickle.loads(pickle.dumps(new))):  # noqa: S301
        assert again == new
        assert type(again) is enum


@pytest.mark.parametrize("enum", [CampaignStatus, BlacklistKind, ListType])
def test_the_members_of_an_open_enumeration_are_known(enum: Any) -> None:
    assert all(member.is_known for member in enum)
    assert all(enum(member.value) is member for member in enum)


@pytest.mark.parametrize("value", [None, 5, b"DRAFT", ["DRAFT"]])
def test_an_open_enumeration_is_of_text(value: Any) -> None:
    with pytest.raises(ValueError, match="not a valid CampaignStatus"):
        CampaignStatus(value)


def test_the_enumerations_hold_the_values_of_the_guide() -> None:
    assert set(CampaignStatus) == {"DRAFT", "INPROGRESS", "INJECTING", "INJECTED", "SCHEDULED"}
    assert set(CampaignType) == {"MKG", "NOTIFICATION"}
    assert set(BlacklistKind) == {"MOBILE", "VMS"}
    assert set(TinyUrlType) == {"REDIRECT", "LOCAL"}
    assert set(ListType) == {"CSV", "VIRTUAL"}
    names = "BASIC MEDIASFLOW MEDIASFLOW_B HANDLEBARS EJS VELOCITY"
    assert set(Renderer) == set(names.split())


def test_a_text_stands_for_a_recipient_and_for_a_member() -> None:
    request = CampaignRequest(
        recipients=["0612345678"],
        type="NOTIFICATION",
        renderer="EJS",
    )
    assert request.recipients == (Recipient("0612345678"),)
    assert request.type is CampaignType.NOTIFICATION
    assert request.renderer is Renderer.EJS


def test_any_collection_becomes_a_tuple() -> None:
    request = CampaignRequest(list_ids=iter([1, 2]), recipients=None, tiny_urls=None)
    assert request.list_ids == (1, 2)
    assert request.recipients == ()
    assert request.tiny_urls == ()


@pytest.mark.parametrize("wrong", ["0612345678", b"06", {"mobile": "06"}, 5])
def test_what_is_no_collection_stays_for_the_validation_to_see(wrong: Any) -> None:
    assert CampaignRequest(recipients=wrong).recipients == wrong


def test_a_wrong_member_stays_for_the_validation_to_see() -> None:
    wrong: Any = ["MKG"]
    assert CampaignRequest(type=wrong).type == wrong


def test_counts_holds_the_counters_that_were_answered() -> None:
    campaign = Campaign(id=1, count_valid=3, count_black_list=0, global_counter=4)
    assert campaign.counts == {"valid": 3, "black_list": 0, "global_counter": 4}
