"""What the sandbox says of a draft before it is launched."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import httpx
import pytest

from mediasflow_async.sandbox import Sandbox, ServerRules
from mediasflow_async.text import Encoding, ProblemCode, WarningCode

Json = dict[str, Any]

HOSTS = ("127.0.0.1", "192.0.2.7", "testclient")
TWO_PEOPLE = [
    {"mobile": "0612345678", "extendedKeys": [{"keyName": "NOM", "keyValue": "François"}]},
    {"mobile": "0712345678", "firstName": "Zoé"},
]


@pytest.fixture
def draft(inject: Callable[..., Json]) -> Callable[..., int]:
    """Prepare a campaign, and return its number."""

    def prepared(**fields: Any) -> int:
        return int(inject(**{"startNow": False, **fields})["id"])

    return prepared


@pytest.fixture
def page(sandbox: Sandbox) -> Callable[..., httpx.Response]:
    """Ask for the page of a campaign, without a login."""

    def get(campaign_id: int | str, **headers: str) -> httpx.Response:
        url = httpx.URL(sandbox.base_url).join(f"/preflight/{campaign_id}")
        return httpx.get(url, headers=headers)

    return get


def test_a_draft_is_measured_for_each_of_its_recipients(
    sandbox: Sandbox, draft: Callable[..., int]
) -> None:
    campaign_id = draft(msg="Bonjour ${NOM} ${firstName}", listRecipient=TWO_PEOPLE)
    report = sandbox.preflight(campaign_id)
    assert (report.recipients, report.sendable, report.credits) == (2, 2, 2)
    assert report.histogram == {(Encoding.GSM7, 1): 2}
    assert [each.about for each in report.find(WarningCode.REPLACED)] == ["NOM"]
    assert report.find(WarningCode.STOP_MISSING)


def test_it_counts_as_the_draft_does(
    sandbox: Sandbox, inject: Callable[..., Json], upload: Callable[..., Json]
) -> None:
    listed = upload("sms;NOM\n0612345678;x\n0612345678;y\n12;z\n0712345678;日\n")
    drafted = inject(msg="Bonjour ${NOM}", listsId=[listed["id"]], startNow=False)
    report = sandbox.preflight(drafted["id"])
    # The recipient of `inject` has the number of the list's first line.
    assert report.recipients == 5
    assert (report.sendable, report.credits) == (drafted["countValid"], drafted["creditCount"])
    assert report.find(ProblemCode.SHORT_NUMBER)[0].rows == (4,)
    assert report.find(ProblemCode.UCS2_IN_FIELD)[0].rows == (5,)
    assert report.find(WarningCode.DUPLICATE_SKIPPED)[0].count == 2


def test_it_goes_by_the_accounts_credit(draft: Callable[..., int], sandbox: Sandbox) -> None:
    assert sandbox.preflight(draft()).credit == sandbox.credit


@pytest.mark.sandbox(rules=ServerRules(max_segments=2), credit=1)
def test_it_goes_by_the_accounts_rules(draft: Callable[..., int], sandbox: Sandbox) -> None:
    report = sandbox.preflight(draft(msg="x" * 200))
    assert report.histogram == {(Encoding.GSM7, 2): 1}
    assert [each.code for each in report.problems] == [ProblemCode.NOT_ENOUGH_CREDIT]


def test_it_goes_by_the_sandboxs_clock(draft: Callable[..., int], sandbox: Sandbox) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    campaign_id = draft(scheduleOn=f"{tomorrow:%Y-%m-%dT%H:%M:%SZ}")
    assert not sandbox.preflight(campaign_id).problems
    sandbox.clock.advance(timedelta(days=2))
    problems = sandbox.preflight(campaign_id).problems
    assert [each.code for each in problems] == [ProblemCode.SCHEDULE_IN_PAST]


def test_it_measures_with_the_draft_s_links_sender_and_replacements(
    sandbox: Sandbox, draft: Callable[..., int]
) -> None:
    link = {
        "index": 0,
        "type": "REDIRECT",
        "urlToRedirect": "https://example.fr",
        "host": "exemple-long.fr",
        "listParameter": ["nom=${NOM}"],
    }
    options = {"sender": "Boutique", "autoREPLACETOGSM7": False, "allowUCS2": True}
    report = sandbox.preflight(draft(msg="Ç ê ${track_1}", tinyList=[link], **options))
    assert report.histogram == {(Encoding.UCS2, 1): 1}
    assert report.longest[0].units == len("Ç ê exemple-long.fr/xxxxxx")
    codes = {each.code for each in report.warnings}
    assert {WarningCode.LINK_PARAMETER_CASE, WarningCode.SENDER_WITHOUT_STOP_NUMBER} < codes


def test_the_page_is_the_same_report_as_data(
    sandbox: Sandbox, draft: Callable[..., int], page: Callable[..., httpx.Response]
) -> None:
    campaign_id = draft(listRecipient=TWO_PEOPLE)
    answer = page(campaign_id)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == json.loads(json.dumps(sandbox.preflight(campaign_id).to_dict()))
    assert "0612345678" not in answer.text
    assert "Bonjour" not in answer.text


def test_the_page_is_text_for_whoever_wants_to_read_it(
    sandbox: Sandbox, draft: Callable[..., int], page: Callable[..., httpx.Response]
) -> None:
    campaign_id = draft()
    answer = page(campaign_id, accept="text/plain")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text == f"{sandbox.preflight(campaign_id)}\n"


def test_a_campaign_that_left_or_never_was_has_no_preflight(
    sandbox: Sandbox, inject: Callable[..., Json], page: Callable[..., httpx.Response]
) -> None:
    launched = inject()["id"]
    assert (page(launched).status_code, page(1).status_code) == (409, 404)
    assert {page(strange).status_code for strange in ("9" * 19, "9" * 5000, "x", "-1")} == {404}
    for campaign_id in (launched, 1, 2**70):
        with pytest.raises(LookupError):
            sandbox.preflight(campaign_id)


def test_only_callers_on_the_same_machine_see_the_page(sandbox: Sandbox) -> None:
    async def status(address: str) -> int:
        transport = httpx.ASGITransport(sandbox.app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            return (await client.get("/preflight/1")).status_code

    assert [anyio.run(status, address) for address in HOSTS] == [404, 403, 403]


def test_looking_is_no_request_of_the_api(
    sandbox: Sandbox, draft: Callable[..., int], page: Callable[..., httpx.Response]
) -> None:
    campaign_id = draft()
    before = len(sandbox.requests), sandbox.credit
    assert page(campaign_id).status_code == 200
    assert (len(sandbox.requests), sandbox.credit) == before
