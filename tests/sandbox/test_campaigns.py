"""Campaigns from draft to injected, and the way back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from mediasflow_async.sandbox import DeliveryPlan
from tests.support.sandboxes import recipient, with_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from mediasflow_async.sandbox import Sandbox

    Json = dict[str, Any]

# The answer that the guide prints for a prepared campaign, without ids and dates. Guide: 2.1.3.1.
GUIDE_DRAFT = {
    "id": 943,
    "sendToSelect": "SMS",
    "typeSelect": "MKG",
    "listInCampaign": {
        "_id": 0,
        "type": "VIRTUAL",
        "globalInvalidLine": 0,
        "validNumberMOBILE": 0,
        "validNumberEMAIL": 0,
        "invalidNumberEMAIL": 0,
        "invalidNumberMOBILE": 0,
        "size": 0,
        "maxSizeDataLine": 0,
        "recipients": [{"mobile": "0632545311", "groupID": 0, "id": 0}],
        "listsItems": [],
        "lineDuplicateMobile": [],
        "countDuplicateMobile": 0,
        "lineDuplicateEmail": [],
        "countDuplicateEmail": 0,
        "charsetDetected": "",
        "campainId": 0,
    },
    "countRecipient": 1,
    "countInvalidRecipient": 0,
    "countInBlackListRecipient": 0,
    "countDuplicateRecipient": 0,
    "renderer": "BASIC",
    "sender": "36184",
    "status": "DRAFT",
    "shortCode": "36184",
    "message": "Ceci est un test d'envoi SMS pour ${PRENOM}",
    "pathToCampaign": "af/03/",
    "checkDuplicate": True,
    "allowUCS2": False,
    "autoREPLACEEMOJI": False,
    "autoREPLACETOGSM7": True,
    "defaultForHeader": {},
    "creditCount": 1.0,
    "creditAfterInjection": 0.0,
    "globalCounter": 0,
    "countValid": 1,
    "countPosted": 0,
    "countDuplicate": 0,
    "countNotAllow": 0,
    "countNotValid": 0,
    "countErrorRendering": 0,
    "countMaxCrediteOver": 0,
    "countMaxCreditFound": 1,
    "scheduled": False,
    "isInScheduler": False,
    "tinyList": [],
    "countBlackList": 0,
    "countBlackListMEDIASFLOW": 0,
    "countBlackListCUSTOMER": 0,
    "countBlackListBRAND": 0,
}
CHANGING = {"userOwnerID", "customerID", "campaignName", "creationDate", "updateDate"}


def in_minutes(sandbox: Sandbox, minutes: float) -> str:
    return f"{sandbox.clock.now() + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.sandbox(credit=1)
def test_a_prepared_campaign_is_answered_as_the_guide_prints_it(
    inject: Callable[..., Json],
) -> None:
    draft = inject(
        msg="Ceci est un test d'envoi SMS pour ${PRENOM}",
        listRecipient=[{"mobile": "0632545311"}],
        startNow=False,
    )
    assert {name: value for name, value in draft.items() if name not in CHANGING} == GUIDE_DRAFT
    assert draft.keys() == GUIDE_DRAFT.keys() | CHANGING
    assert draft["campaignName"].endswith(" campaign API")
    assert len(draft["userOwnerID"]) == len(draft["customerID"]) == 24


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("%b %d, %Y %I:%M:%S %p", marks=with_rules(campaign_dates="jdk8")),
        pytest.param("%b %d, %Y, %I:%M:%S %p", marks=with_rules(campaign_dates="jdk17")),
        pytest.param("%b %d, %Y, %I:%M:%S\u202f%p", marks=with_rules(campaign_dates="jdk20")),
    ],
)
def test_dates_of_campaigns_are_written_as_gson_does(
    sandbox: Sandbox, inject: Callable[..., Json], pattern: str
) -> None:
    paris = ZoneInfo("Europe/Paris")
    created = datetime.strptime(inject()["creationDate"], pattern).replace(tzinfo=paris)
    assert abs(created - sandbox.clock.now()) < timedelta(minutes=1)


def test_nothing_is_sent_before_the_launch(
    sandbox: Sandbox, inject: Callable[..., Json], launch: Callable[..., Json]
) -> None:
    draft = inject(startNow=False)
    assert list(sandbox.messages) == []
    assert launch(draft["id"])["status"] == "INJECTED"
    assert [message.mobile for message in sandbox.messages] == ["+33612345678"]


def test_start_now_sends_at_once(sandbox: Sandbox, inject: Callable[..., Json]) -> None:
    campaign = inject(msg="Bonjour ${NOM}", listRecipient=[recipient("0612345678", NOM="Léa")])
    assert campaign["status"] == "INJECTED"
    (message,) = sandbox.messages
    assert (message.text, message.sender, message.campaign_id) == ("Bonjour Léa", "36184", 943)
    assert (message.status_code, message.segments, message.encoding) == (16, 1, "GSM-7")
    assert message.fields == {"NOM": "Léa"}


@pytest.mark.parametrize(
    ("fields", "sender"),
    [
        ({}, "36184"),
        ({"typeSelect": "NOTIFICATION"}, "38184"),
        ({"typeSelect": "NOTIFICATION", "sender": "MyShop"}, "MyShop"),
    ],
)
def test_the_short_code_stands_in_for_a_sender(
    sandbox: Sandbox, inject: Callable[..., Json], fields: Json, sender: str
) -> None:
    assert inject(**fields)["sender"] == sender
    assert sandbox.messages[0].sender == sender


def test_a_campaign_can_be_launched_with_another_sender(
    sandbox: Sandbox, inject: Callable[..., Json], launch: Callable[..., Json]
) -> None:
    draft = inject(sender="SENDER1", startNow=False)
    assert launch(draft["id"], sender="SENDER2")["sender"] == "SENDER2"
    assert sandbox.messages[0].sender == "SENDER2"


def test_a_second_launch_is_a_conflict(
    sandbox: Sandbox, inject: Callable[..., Json], http: httpx.Client
) -> None:
    again = {"campaignId": inject()["id"], "startNow": True}
    response = http.post("campaigns/inject", json=again)
    assert (response.status_code, response.json()["error"]) == (409, "NOT_DRAFT")
    assert [campaign.launches for campaign in sandbox.campaigns] == [1]


@with_rules(second_launch="resend")
def test_a_lenient_server_sends_a_second_launch_again(
    sandbox: Sandbox, inject: Callable[..., Json], launch: Callable[..., Json]
) -> None:
    launch(inject()["id"])
    assert len(sandbox.messages) == 2
    assert [campaign.launches for campaign in sandbox.campaigns] == [2]


@with_rules(second_launch="resend")
def test_a_lenient_server_leaves_a_launched_campaign_launched(
    inject: Callable[..., Json], http: httpx.Client
) -> None:
    again = {"campaignId": inject()["id"], "startNow": False}
    status = http.post("campaigns/inject", json=again).json()["status"]
    assert status in {"INPROGRESS", "INJECTING", "INJECTED"}


@pytest.mark.sandbox(delivery=DeliveryPlan(duration=timedelta(seconds=100)))
def test_a_launched_campaign_passes_through_its_states(
    sandbox: Sandbox, inject: Callable[..., Json]
) -> None:
    states = [inject()["status"]]
    for seconds in (6, 6):
        sandbox.clock.advance(timedelta(seconds=seconds))
        states.append(sandbox.campaigns[0].status)
    assert states == ["INPROGRESS", "INJECTING", "INJECTED"]


def test_a_scheduled_campaign_starts_when_its_time_comes(
    sandbox: Sandbox, inject: Callable[..., Json]
) -> None:
    campaign = inject(scheduleOn=in_minutes(sandbox, 6))
    assert (campaign["status"], campaign["scheduled"]) == ("SCHEDULED", True)
    assert campaign["creditAfterInjection"] == sandbox.credit - 1
    sandbox.clock.advance(timedelta(minutes=5, seconds=50))
    assert list(sandbox.messages) == []
    sandbox.clock.advance(timedelta(seconds=11))
    (message,) = sandbox.messages
    assert message.sent_at == sandbox.campaigns[0].starts_at
    assert sandbox.campaigns[0].status == "INJECTED"


def test_a_draft_remembers_its_schedule(
    sandbox: Sandbox, inject: Callable[..., Json], launch: Callable[..., Json]
) -> None:
    draft = inject(scheduleOn=in_minutes(sandbox, 6), startNow=False)
    assert (draft["status"], draft["isInScheduler"]) == ("DRAFT", False)
    assert launch(draft["id"])["status"] == "SCHEDULED"
    late = inject(scheduleOn=in_minutes(sandbox, 6), startNow=False)
    sandbox.clock.advance(timedelta(minutes=7))
    assert launch(late["id"])["status"] == "INJECTED"


def test_a_launch_can_bring_its_own_schedule(
    sandbox: Sandbox, inject: Callable[..., Json], launch: Callable[..., Json]
) -> None:
    draft = inject(startNow=False)
    assert launch(draft["id"], scheduleOn=in_minutes(sandbox, 6))["status"] == "SCHEDULED"


@pytest.mark.parametrize("minutes", [-60, 0, 4.9])
def test_a_schedule_is_at_least_five_minutes_ahead(
    sandbox: Sandbox, order: Callable[..., httpx.Response], minutes: float
) -> None:
    response = order(scheduleOn=in_minutes(sandbox, minutes))
    assert (response.status_code, response.json()["error"]) == (400, "SCHEDULE_TOO_SOON")
    assert list(sandbox.campaigns) == []


@with_rules(late_schedule="start")
def test_a_lenient_server_starts_late_schedules_at_once(
    sandbox: Sandbox, inject: Callable[..., Json]
) -> None:
    assert inject(scheduleOn=in_minutes(sandbox, -60))["status"] == "INJECTED"


@pytest.mark.parametrize(
    "written",
    [
        "tomorrow",
        "2026-13-01T00:00:00Z",
        "2030-01-01 10:00",
        12,
        "9999-12-31T23:59:59Z",
        pytest.param(
            "9999-12-31T23:59:59Z",
            marks=with_rules(schedule_tz="America/New_York"),
            id="the last second, west of UTC",
        ),
        pytest.param(
            "0001-01-01T00:00:00Z",
            marks=with_rules(schedule_tz="Europe/Paris"),
            id="the first second, east of UTC",
        ),
    ],
)
def test_a_schedule_that_cannot_be_read_is_refused(
    order: Callable[..., httpx.Response], written: object
) -> None:
    response = order(scheduleOn=written)
    assert (response.status_code, response.json()["field"]) == (400, "scheduleOn")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        pytest.param(
            "2099-06-24T09:30:58Z",
            "2099-06-24T09:30:58+00:00",
            marks=with_rules(schedule_format="hh12"),
            id="other hours",
        ),
        pytest.param(
            "2099-06-24T12:30:00Z",
            "2099-06-24T00:30:00+00:00",
            marks=with_rules(schedule_format="hh12"),
            id="noon",
        ),
        pytest.param(
            "2099-06-24T09:30:58Z",
            "2099-06-24T07:30:58+00:00",
            marks=with_rules(schedule_tz="Europe/Paris"),
            id="Paris",
        ),
    ],
)
def test_a_java_server_reads_schedules_in_its_own_way(
    sandbox: Sandbox, inject: Callable[..., Json], written: str, meant: str
) -> None:
    inject(scheduleOn=written)
    assert sandbox.campaigns[0].starts_at == datetime.fromisoformat(meant)


def test_a_cancelled_campaign_is_a_draft_again(
    sandbox: Sandbox,
    inject: Callable[..., Json],
    launch: Callable[..., Json],
    http: httpx.Client,
) -> None:
    campaign = inject(scheduleOn=in_minutes(sandbox, 6))
    cancelled = http.put(f"campaigns/{campaign['id']}/cancel").json()
    assert (cancelled["status"], cancelled["scheduled"]) == ("DRAFT", False)
    sandbox.clock.advance(timedelta(minutes=10))
    assert list(sandbox.messages) == []
    assert launch(campaign["id"])["status"] == "INJECTED"


def test_the_last_ten_seconds_are_too_late_to_cancel(
    sandbox: Sandbox, inject: Callable[..., Json], http: httpx.Client
) -> None:
    campaign = inject(scheduleOn=in_minutes(sandbox, 6))
    sandbox.clock.advance(timedelta(minutes=5, seconds=51))
    response = http.put(f"campaigns/{campaign['id']}/cancel")
    assert (response.status_code, response.json()["error"]) == (409, "TOO_LATE")


@pytest.mark.parametrize("start_now", [True, False])
def test_only_scheduled_campaigns_can_be_cancelled(
    inject: Callable[..., Json], http: httpx.Client, *, start_now: bool
) -> None:
    response = http.put(f"campaigns/{inject(startNow=start_now)['id']}/cancel")
    assert (response.status_code, response.json()["error"]) == (409, "NOT_SCHEDULED")


def test_another_cancel_method_is_named_in_allow(
    sandbox: Sandbox, inject: Callable[..., Json], http: httpx.Client
) -> None:
    campaign = inject(scheduleOn=in_minutes(sandbox, 6))
    response = http.post(f"campaigns/{campaign['id']}/cancel")
    assert (response.status_code, response.headers["Allow"]) == (405, "OPTIONS, PUT")
    assert sandbox.campaigns[0].status == "SCHEDULED"


@with_rules(cancel_methods={"POST", "DELETE"})
def test_the_cancel_method_is_a_choice(
    sandbox: Sandbox, inject: Callable[..., Json], http: httpx.Client
) -> None:
    path = f"campaigns/{inject(scheduleOn=in_minutes(sandbox, 6))['id']}/cancel"
    assert http.put(path).headers["Allow"] == "DELETE, OPTIONS, POST"
    assert http.delete(path).json()["status"] == "DRAFT"


@pytest.mark.parametrize(
    "arguments",
    [{"params": {"sender": "NEW1"}}, {"data": {"sender": "NEW1"}}, {"json": {"sender": "NEW1"}}],
    ids=["query", "form", "json"],
)
def test_the_sender_of_a_draft_can_be_changed(
    sandbox: Sandbox, inject: Callable[..., Json], http: httpx.Client, arguments: Any
) -> None:
    path = f"campaigns/{inject(startNow=False)['id']}/sender"
    assert http.put(path, **arguments).json()["sender"] == "NEW1"
    assert sandbox.campaigns[0].sender == "NEW1"


def test_the_sender_of_a_launched_campaign_stays(
    inject: Callable[..., Json], http: httpx.Client
) -> None:
    response = http.put(f"campaigns/{inject()['id']}/sender", params={"sender": "NEW1"})
    assert response.status_code == 409


@with_rules(put_params={"query"})
def test_parameters_in_a_place_that_is_not_accepted_are_refused(
    inject: Callable[..., Json], http: httpx.Client
) -> None:
    path = f"campaigns/{inject(startNow=False)['id']}/sender"
    assert http.put(path, data={"sender": "NEW1"}).status_code == 415
    assert http.put(path).json()["field"] == "sender"


def test_a_test_is_sent_to_its_numbers_alone(
    sandbox: Sandbox, inject: Callable[..., Json], http: httpx.Client
) -> None:
    draft = inject(
        msg="Bonjour ${NOM}", listRecipient=[recipient("0612345678", NOM="Léa")], startNow=False
    )
    numbers = "33685812475; 33685812476,0685812477"
    response = http.put(
        f"campaigns/{draft['id']}/test", params={"phoneNumbers": numbers, "sender": "TRIAL"}
    )
    found = ["+33685812475", "+33685812476", "+33685812477"]
    assert response.json() == {"campaignId": draft["id"], "phoneNumbers": found}
    assert [message.mobile for message in sandbox.messages] == found
    assert {message.text for message in sandbox.messages} == {"Bonjour Léa"}
    assert all(message.is_test and message.sender == "TRIAL" for message in sandbox.messages)
    assert (sandbox.campaigns[0].status, sandbox.campaigns[0].sender) == ("DRAFT", "36184")
    assert sandbox.credit == 1_000_000 - 3


@pytest.mark.parametrize("numbers", ["", " ;", "0685812475;abc"])
def test_a_test_needs_numbers(
    sandbox: Sandbox, inject: Callable[..., Json], http: httpx.Client, numbers: str
) -> None:
    path = f"campaigns/{inject(startNow=False)['id']}/test"
    response = http.put(path, params={"phoneNumbers": numbers})
    assert (response.status_code, response.json()["field"]) == (400, "phoneNumbers")
    assert list(sandbox.messages) == []


@pytest.mark.parametrize(
    "campaign_id", ["1", "abc", "%2e%2e%2fadmin", "9" * 40, "-943", "943.0", "\u0661"]
)
def test_an_unknown_campaign_is_not_found(http: httpx.Client, campaign_id: str) -> None:
    for method, path in (
        ("PUT", f"campaigns/{campaign_id}/cancel"),
        ("PUT", f"campaigns/{campaign_id}/sender?sender=ABC"),
        ("PUT", f"campaigns/{campaign_id}/test?phoneNumbers=0612345678"),
        ("GET", f"campaigns/report/{campaign_id}"),
        ("GET", f"campaigns/reportjson/{campaign_id}"),
    ):
        assert http.request(method, path).status_code == 404, path


def test_launching_an_unknown_campaign_names_the_field(http: httpx.Client) -> None:
    response = http.post("campaigns/inject", json={"campaignId": 7, "startNow": True})
    assert (response.status_code, response.json()["field"]) == (404, "campaignId")
