"""What an answer tells about each operation: the table of the rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async._core.judgement import (
    STATES_AFTER_DRAFT,
    Expected,
    Tells,
    campaign_id_in,
    judge,
    state_in,
)
from mediasflow_async.converter import reader_for
from mediasflow_async.models import Campaign, RecipientList
from mediasflow_async.models.values import readable_id

DONE, REFUSED, IN_PROGRESS, UNREADABLE = Tells
DRAFT, LAUNCHED, CHANGE, CANCELLED, LIST, ROWS, ANYTHING = Expected
PAGE = "<!DOCTYPE html><html><title>Log in</title><form></form></html>"
CAMPAIGN: dict[str, Any] = {"id": 943, "status": "DRAFT", "message": "Bonjour", "countValid": 1}


def told(
    expected: Expected,
    data: object,
    *,
    status: int = 200,
    media_type: str = "application/json",
    campaign_id: int | None = 943,
) -> Tells:
    return judge(expected, status, media_type, data, campaign_id=campaign_id).tells


# What says no, whatever was asked.
REFUSALS: list[object] = [
    {"success": False},
    {"success": "false"},
    {"ok": 0},
    {"Success": False, "data": {**CAMPAIGN, "status": "INJECTED"}},
    {"error": "NOT_ALLOWED"},
    {"errors": [{"field": "sender"}]},
    {"errorMessage": "no credit"},
    {"error_message": "no credit"},
    {"errorCode": 12},
    {"errorCode": "E12", "id": 943, "status": "INJECTED"},
    {"violations": [{"message": "must not be null", "path": "inject.msg"}]},
    {"parameterViolations": [{"message": "must not be null"}]},
    {"exception": "java.lang.NullPointerException"},
    {"erreur": "trop tard"},
    {"fault": {"faultstring": "no route"}},
    {"success": "N"},
    {"success": "non"},
]
# What says no in words that a caller's own request may use for something else.
REFUSALS_IN_WORDS: list[object] = [
    {"result": "KO"},
    {"status": "KO"},
    {"status": "ERROR"},
    {"status": "FAILED", "id": 943},
    {"Status": "error", "message": "no"},
    {"code": 409, "message": "the campaign is no draft"},
    {"code": "E_STATE", "message": "the campaign is no draft"},
    {"type": "about:blank", "title": "Conflict", "status": 409, "detail": "no draft"},
    False,
    "KO",
    "error",
    {"data": {"result": "KO"}},
    {"response": "REFUSED"},
    {"resultat": "Échec"},
    [{"success": False}],
]
OPERATIONS = [DRAFT, LAUNCHED, CHANGE, CANCELLED, LIST]


@pytest.mark.parametrize("expected", OPERATIONS)
@pytest.mark.parametrize("data", REFUSALS + REFUSALS_IN_WORDS, ids=str)
def test_a_refusal_under_a_status_of_success(expected: Expected, data: object) -> None:
    assert told(expected, data) is REFUSED


@pytest.mark.parametrize("data", REFUSALS, ids=str)
def test_a_refusal_of_a_request_of_the_callers_own(data: object) -> None:
    assert told(ANYTHING, data) is REFUSED


@pytest.mark.parametrize(
    "data", [{"result": "KO"}, {"status": "FAILED"}, "KO", False, PAGE, [1, 2], None], ids=str
)
def test_what_only_the_caller_can_read(data: object) -> None:
    assert told(ANYTHING, data) is DONE


@pytest.mark.parametrize("expected", list(Expected))
@pytest.mark.parametrize("status", [301, 302, 400, 401, 403, 404, 405, 409, 415, 422, 429])
def test_a_status_that_refuses_needs_no_body(expected: Expected, status: int) -> None:
    assert told(expected, {**CAMPAIGN, "status": "INJECTED"}, status=status) is REFUSED


@pytest.mark.parametrize("expected", list(Expected))
@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 599])
def test_a_server_that_fails_tells_nothing(expected: Expected, status: int) -> None:
    assert told(expected, {**CAMPAIGN, "status": "INJECTED"}, status=status) is UNREADABLE


def test_problem_json_refuses_under_any_status() -> None:
    media_type = "application/problem+json; charset=utf-8"
    assert told(CHANGE, {"title": "No"}, media_type=media_type) is REFUSED


@pytest.mark.parametrize("expected", [DRAFT, LAUNCHED])
def test_words_instead_of_a_campaign_refuse(expected: Expected) -> None:
    for name in ("message", "Message", "MESSAGE"):
        judgement = judge(expected, 200, "", {name: "no credit"}, campaign_id=943)
        assert (judgement.tells, judgement.message) == (REFUSED, "no credit")


# What shows neither success nor refusal of a launch, nor that a campaign was made.
UNCLEAR: list[object] = [
    None,
    {},
    [],
    "",
    "OK",
    "true",
    True,
    12,
    PAGE,
    "Bonjour",
    {"success": True},
    {"status": "OK"},
    {"status": "INJECTED"},
    {"id": 0, "status": "INJECTED"},
    {"id": -943, "status": "INJECTED"},
    {"id": 2**63, "status": "INJECTED"},
    {"id": True, "status": "INJECTED"},
    {"id": "943a", "status": "INJECTED"},
    {"id": None, "status": "INJECTED"},
    {"id": 943.5, "status": "INJECTED"},
    {"id": 944, "status": "INJECTED"},
    {"id": 943, "campaignId": 944, "status": "INJECTED"},
    [CAMPAIGN, CAMPAIGN],
    {"data": [{**CAMPAIGN, "status": "INJECTED"}, {**CAMPAIGN, "status": "INJECTED"}]},
]


@pytest.mark.parametrize("data", UNCLEAR, ids=str)
@pytest.mark.parametrize("expected", [DRAFT, LAUNCHED])
def test_what_names_no_campaign_proves_nothing(expected: Expected, data: object) -> None:
    assert told(expected, data) is UNREADABLE


@pytest.mark.parametrize(
    "status", [None, "DRAFT", "draft", "injected", "SENT", "", "UNKNOWN", 3, {}, ["INJECTED"]]
)
def test_a_launch_is_shown_by_a_known_state_after_draft_alone(status: object) -> None:
    assert told(LAUNCHED, {"id": 943, "status": status}) is UNREADABLE
    assert told(LAUNCHED, {"id": 943}) is UNREADABLE


WRAPPED: dict[str, Callable[[object], object]] = {
    "bare": lambda campaign: campaign,
    "list of one": lambda campaign: [campaign],
    "data": lambda campaign: {"data": campaign},
    "campaign": lambda campaign: {"campaign": campaign},
    "status and data": lambda campaign: {"status": "OK", "data": campaign},
    "code and data": lambda campaign: {"code": 200, "message": "OK", "data": [campaign]},
    "no error": lambda campaign: {"success": True, "error": None, "errors": [], "result": campaign},
    "twice": lambda campaign: {"data": {"campaign": campaign}},
}


@pytest.mark.parametrize("state", sorted(STATES_AFTER_DRAFT))
@pytest.mark.parametrize("envelope", WRAPPED)
def test_a_launched_campaign_in_every_envelope(state: str, envelope: str) -> None:
    for number in (943, "943", 943.0):
        campaign = {**CAMPAIGN, "status": state, "id": number}
        wrapped = WRAPPED[envelope](campaign)
        judgement = judge(LAUNCHED, 200, "application/json", wrapped, campaign_id=943)
        assert judgement.tells is DONE
        assert judgement.data == campaign


@pytest.mark.parametrize("status", ["DRAFT", "INJECTED", None, "SOMETHING_NEW"])
def test_a_draft_needs_its_number_alone(status: object) -> None:
    assert told(DRAFT, {"id": 943, "status": status}, campaign_id=None) is DONE
    assert told(DRAFT, {"campaignId": 943, "status": status}, campaign_id=943) is DONE


CONFIRMATIONS: list[object] = [
    # The guide shows no answer to a change of the sender, a test, a cancel and a number of the
    # blacklist (2.2, 2.3, 2.8, 2.9). Nothing is what a JAX-RS method answers that returns nothing,
    # and a server that refuses says something: so it counts as done, for a test as well.
    None,
    {},
    [],
    True,
    "OK",
    "Success.",
    "done",
    CAMPAIGN,
    [CAMPAIGN],
    {"data": CAMPAIGN},
    {"success": True},
    {"ok": 1, "message": "done"},
    {"status": "OK"},
    {"status": "DRAFT"},
    {"status": 200},
    {"code": 0, "msg": "success"},
    {"code": "200"},
    {"message": "OK"},
    {"response": "OK"},
    {"result": "Success", "requestId": "abc"},
    {"success": "oui"},
    {"sender": "ACME"},
    {"phoneNumbers": ["0612345678"]},
    {"campaignId": 943, "phoneNumbers": []},
    {"item": "+33612345678"},
    {"number": "+33612345678", "status": "ACTIVE"},
]
NO_CONFIRMATIONS: list[object] = [
    PAGE,
    "Bonjour",
    7,
    0,
    [1, 2],
    {"message": "Expéditeur modifié"},
    {"message": "x", "path": "/campaigns", "timestamp": 1},
    {"msg": "Campagne déjà envoyée"},
    {"Message": "An error has occurred."},
    {"messages": ["trop tard"]},
    {"reason": "too late"},
    {"detail": "too late"},
    {"code": 409},
    {"code": 409, "msg": "too late"},
    {"returnCode": "12", "returnLabel": "refusé"},
    {"result": -1},
    {"result": 0},
    {"result": "TOO_LATE"},
    {"status": "REJETE"},
    {"cause": "java.lang.IllegalStateException", "stackTrace": []},
    {"warnings": ["not cancelled"]},
    {"loginUrl": "/login"},
    {"data": {"msg": "trop tard"}},
    {"id": None, "status": None, "sender": None, "message": "Campagne introuvable"},
    {"requestId": "abc"},
    {"id": 944},
    {"id": 0},
]


@pytest.mark.parametrize("expected", [CHANGE, CANCELLED])
@pytest.mark.parametrize(
    "data",
    CONFIRMATIONS,
    ids=str,
)
def test_what_confirms_a_change(expected: Expected, data: object) -> None:
    assert told(expected, data) is DONE


@pytest.mark.parametrize("expected", [CHANGE, CANCELLED])
@pytest.mark.parametrize(
    "data",
    NO_CONFIRMATIONS,
    ids=str,
)
def test_what_confirms_no_change(expected: Expected, data: object) -> None:
    assert told(expected, data) is UNREADABLE


@pytest.mark.parametrize("state", sorted(STATES_AFTER_DRAFT))
def test_a_campaign_that_goes_on_was_not_cancelled(state: str) -> None:
    assert told(CANCELLED, {"id": 943, "status": state}) is UNREADABLE
    assert told(CHANGE, {"id": 943, "status": state}) is DONE


@pytest.mark.parametrize(
    "data",
    [{"campaignId": 943, "cancelled": False, "why": "too late"}, {"id": 943, "canceled": "false"}],
    ids=str,
)
def test_a_campaign_that_is_said_not_to_be_cancelled_was_not(data: object) -> None:
    assert told(CANCELLED, data) is UNREADABLE


@pytest.mark.parametrize("data", [{"id": 12}, {"_id": "12"}, {"data": {"idlistItems": 12}}])
def test_a_list_is_there_with_its_number(data: object) -> None:
    assert told(LIST, data, campaign_id=None) is DONE


@pytest.mark.parametrize("data", [{"id": 0}, {"id": None}, {"size": 3}, None, PAGE, [12]], ids=str)
def test_a_list_is_not_there_without_its_number(data: object) -> None:
    assert told(LIST, data, campaign_id=None) is UNREADABLE


@pytest.mark.parametrize("data", [None, [], {}, [{"status": 16}], {"reports": None}], ids=str)
def test_rows_are_json(data: object) -> None:
    assert told(ROWS, data) is DONE


@pytest.mark.parametrize("data", [PAGE, "REF_LIST;STATUS_CODE", 12], ids=str)
def test_rows_are_nothing_else(data: object) -> None:
    assert told(ROWS, data) is UNREADABLE


@pytest.mark.parametrize(
    "data", [None, {"message": "in progress"}, {"id": 943, "status": "QUEUED"}], ids=str
)
def test_what_was_accepted_and_says_no_more_is_in_progress(data: object) -> None:
    assert told(LAUNCHED, data, status=202) is IN_PROGRESS


def test_a_campaign_that_was_accepted_and_says_where_it_stands_is_launched() -> None:
    assert told(LAUNCHED, {"id": 943, "status": "INPROGRESS"}, status=202) is DONE


@pytest.mark.parametrize(
    ("data", "message", "code"),
    [
        ({"error": "NO_CREDIT", "message": "not enough"}, "not enough", "NO_CREDIT"),
        ({"code": 409, "message": "no draft"}, "no draft", "409"),
        ({"errorCode": "E7", "errorMessage": "no"}, "no", "E7"),
        ({"title": "Conflict", "detail": "no draft", "status": 409}, "no draft", None),
        ({"success": False, "data": {"message": "no draft"}}, "no draft", None),
        ({"Error": "NO_CREDIT", "Message": "not enough"}, "not enough", "NO_CREDIT"),
        ({"ERROR_CODE": "E7", "ERROR_MESSAGE": "no"}, "no", "E7"),
        ({"error": {"code": "E7", "message": "no draft"}}, "no draft", "E7"),
        ({"errors": [{"field": "sender", "message": "too long"}]}, "too long", None),
        ({"errors": ["too late", {"detail": "no draft"}]}, "too late; no draft", None),
        ({"error": {"id": 943, "message": "Bonjour"}}, "", None),
        ("KO", "KO", None),
    ],
)
def test_a_refusal_says_what_the_server_says(data: object, message: str, code: str | None) -> None:
    judgement = judge(CHANGE, 200, "", data, campaign_id=943)
    assert (judgement.tells, judgement.message, judgement.code) == (REFUSED, message, code)


def test_the_text_of_an_sms_is_no_message_of_the_server() -> None:
    campaign = {**CAMPAIGN, "success": False}
    assert judge(LAUNCHED, 200, "", campaign, campaign_id=943).message == ""
    for number in (0, "65f0c1", 2**63, "943a"):
        odd = {**CAMPAIGN, "id": number, "status": "QUEUED"}
        assert judge(LAUNCHED, 409, "", odd, campaign_id=943).message == ""
        assert judge(LAUNCHED, 200, "", {**odd, "ok": False}, campaign_id=943).message == ""
    assert judge(LAUNCHED, 200, "", {**CAMPAIGN, "id": 944}, campaign_id=943).message == (
        "it is about campaign 944"
    )


def test_a_login_page_shows_its_title() -> None:
    assert judge(CHANGE, 302, "text/html", PAGE, campaign_id=943).message == "Log in"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "status", "data", "campaign", "message", "success", "error", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from(list(Expected)), st.integers(100, 599))
def test_every_answer_is_judged(data: object, expected: Expected, status: int) -> None:
    judgement = judge(expected, status, "application/json", data, campaign_id=943)
    if judgement.tells is DONE and expected is LAUNCHED:
        assert 200 <= status < 300
        assert campaign_id_in(judgement.data) == 943
        assert isinstance(judgement.data, dict)
        assert judgement.data["status"] in STATES_AFTER_DRAFT


@given(st.integers(1, 2**63 - 1))
def test_a_number_of_the_server(number: int) -> None:
    assert readable_id(number) == readable_id(str(number)) == number


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        2**63,
        1.5,
        2.0**53 + 2,
        True,
        False,
        None,
        "",
        "x",
        "-3",
        "0",
        " 3",
        "9" * 30,
        [],
        {},
        1e400,
    ],
    ids=repr,
)
def test_what_is_no_number_of_the_server(value: object) -> None:
    assert readable_id(value) is None


ROW = {"item": "+33612345678", "status": 999, "code": "75001", "message": "Bonjour", "error": "x"}


@pytest.mark.parametrize("data", [[ROW], {"data": [ROW]}, {"status": "OK", "data": [ROW]}], ids=str)
def test_a_report_of_one_row_is_no_refusal_whatever_its_columns_are_called(data: object) -> None:
    assert told(ROWS, data) is DONE


@pytest.mark.parametrize("data", [{"data": {"success": False}}, [{"error": "x"}]], ids=str)
def test_a_refusal_instead_of_rows(data: object) -> None:
    assert told(ROWS, data) is REFUSED


RECASED = [
    {"ID": 943, "Status": "INJECTED"},
    {"CAMPAIGN_ID": 943, "STATE": "INJECTED"},
    {"campaign id": "943", "state": "INJECTED"},
    {"Campain-Id": 943, "campaign_status": "INJECTED"},
    {"data": {"CampaignId": 943, "STATUS": "INJECTED"}},
    {"Data": {"CampaignId": 943, "Status": "INJECTED"}},
    {"STATUS": "OK", "CAMPAIGN": [{"CAMPAIGN_ID": 943, "STATUS": "INJECTED"}]},
    {"id": 943, "status": None, "state": "INJECTED"},
    {"id": None, "CAMPAIGN_ID": 943, "status": "INJECTED"},
]


@pytest.mark.parametrize("data", RECASED, ids=str)
def test_names_are_read_by_their_letters_and_digits(data: Any) -> None:
    judgement = judge(LAUNCHED, 200, "", data, campaign_id=943)
    campaign = reader_for(UTC).read(judgement.data, Campaign)

    assert judgement.tells is DONE
    assert campaign_id_in(judgement.data) == 943
    assert state_in(judgement.data) == "INJECTED"
    assert isinstance(campaign, Campaign)
    assert (campaign.id, campaign.status, campaign.extra) == (943, "INJECTED", {})
    assert campaign.raw == judgement.data


@pytest.mark.parametrize(
    "data",
    [
        {"CAMPAIGN_ID": 944, "STATUS": "INJECTED"},
        {"ID": 943, "Id": 944, "status": "INJECTED"},
        {"id": 943, "ID": 944, "status": "DRAFT", "STATE": "INJECTED"},
        {"id": 943, "Status": "INJECTED", "STATE": "DRAFT"},
        {"ID": 943, "STATUS": "injected"},
        {"ID": float("nan"), "STATUS": "INJECTED"},
        {"id": 943, "status": float("nan")},
        {"id": 943, "status": "NaN"},
    ],
    ids=str,
)
def test_an_exact_name_wins_and_two_that_differ_show_nothing(data: object) -> None:
    assert told(LAUNCHED, data) is UNREADABLE


@pytest.mark.parametrize("name", ["ID", "listId", "LIST_ID", "idListItems", "id_list_items"])
def test_a_list_is_known_by_its_number_in_any_spelling(name: str) -> None:
    judgement = judge(LIST, 200, "", {name: 7, "SIZE": "2"}, campaign_id=None)
    recipients = reader_for(UTC).read(judgement.data, RecipientList)

    assert judgement.tells is DONE
    assert isinstance(recipients, RecipientList)
    assert (recipients.id, recipients.size) == (7, 2)


def test_an_object_with_very_many_members_is_no_campaign_in_another_spelling() -> None:
    data = {f"k{number}": number for number in range(300)} | {"ID": 943}
    assert campaign_id_in(data) is None
