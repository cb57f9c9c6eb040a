from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import pytest

from mediasflow_async import (
    CampaignRequest,
    ConfigurationError,
    DeliveryCategory,
    DeliveryStatus,
    InvalidRequest,
    NotFound,
    Recipient,
    ReportRow,
    ReportSummary,
    ResponseInvalid,
    Session,
    TinyUrl,
)
from mediasflow_async.sandbox import DeliveryPlan, Fault, Sandbox, ServerRules

pytestmark = pytest.mark.anyio

# Numbers that end in the status that stands in them: 16 delivered, 20 not delivered, 2 malformed.
MAGIC = ["+33600001601", "+33600002001", "+33600000201"]


@pytest.fixture
async def campaign_id(session: Session) -> int:
    """A campaign whose messages are delivered, not delivered and not sent."""
    recipients = [Recipient(number, fields={"REF": f"R{number[-4:]}"}) for number in MAGIC]
    campaign = await session.campaigns.send(
        CampaignRequest(msg="Bonjour ${REF}", recipients=recipients)
    )
    return campaign.id


@pytest.mark.every_backend
async def test_the_rows_of_a_campaign_can_be_awaited_and_iterated_over(
    session: Session, campaign_id: int
) -> None:
    rows = session.reports.campaign(campaign_id)

    awaited = await rows

    assert [row.status_code for row in awaited] == [16, 20, 2]
    assert [row async for row in rows] == awaited
    assert await rows == awaited


async def test_a_row_says_what_became_of_a_message(
    session: Session, sandbox: Sandbox, campaign_id: int
) -> None:
    row = (await session.reports.campaign(campaign_id))[0]
    message = sandbox.messages[0]

    assert row.campaign_id == campaign_id == message.campaign_id
    assert row.mobile == message.mobile
    assert row.line == message.line == 1
    assert row.status == DeliveryStatus(16)
    assert row.status_text == "Delivered"
    assert row.message == message.text == "Bonjour R1601"
    assert row.type == message.type
    assert row.sent_at == message.sent_at.replace(microsecond=0)
    assert row.delivered_at is not None
    assert row.fields == {"REF": "R1601"}
    assert row.raw["idLine"] == 1


async def test_only_the_wanted_statuses_are_reported(
    session: Session, sandbox: Sandbox, campaign_id: int
) -> None:
    rows = await session.reports.campaign(campaign_id, status=[16, DeliveryStatus(2)])

    assert [row.status_code for row in rows] == [16, 2]
    assert sandbox.requests[-1].query == {"status": "16,2"}


@pytest.mark.parametrize("status", [["16"], [None], [True], "16", 21, [DeliveryStatus(None)]])
async def test_what_is_no_status_never_leaves(
    session: Session, sandbox: Sandbox, status: Any
) -> None:
    with pytest.raises(InvalidRequest, match="status"):
        session.reports.campaign(943, status=status)
    with pytest.raises(InvalidRequest, match="status"):
        session.reports.campaign_csv(943, status=status)

    assert sandbox.requests == ()


@pytest.mark.parametrize("campaign_id", [0, "943", None, True])
async def test_what_is_no_campaign_has_no_report(session: Session, campaign_id: Any) -> None:
    with pytest.raises(InvalidRequest, match="campaign_id"):
        session.reports.campaign(campaign_id)
    with pytest.raises(InvalidRequest, match="campaign_id"):
        session.reports.campaign_csv(campaign_id)
    with pytest.raises(InvalidRequest, match="campaign_id"):
        session.reports.watch(campaign_id)


async def test_a_summary_counts_by_status_and_category(session: Session, campaign_id: int) -> None:
    summary = await session.reports.campaign(campaign_id).summary()

    assert summary.total == summary.final_count == 3
    assert summary.by_status == {
        DeliveryStatus(16): 1,
        DeliveryStatus(20): 1,
        DeliveryStatus(2): 1,
    }
    assert summary.by_category == {
        DeliveryCategory.DELIVERED: 1,
        DeliveryCategory.FAILED: 1,
        DeliveryCategory.NOT_SENT: 1,
    }
    assert summary.is_final


async def test_the_report_of_a_draft_is_not_found(session: Session, hello: CampaignRequest) -> None:
    draft = await session.campaigns.prepare(hello)
    rows = session.reports.campaign(draft.id)

    with pytest.raises(NotFound) as caught:
        await rows

    assert caught.value.campaign_id == draft.id


@pytest.mark.sandbox(rules=ServerRules(draft_report="empty"))
async def test_a_report_without_rows_is_empty_and_not_final(
    session: Session, hello: CampaignRequest
) -> None:
    draft = await session.campaigns.prepare(hello)

    assert await session.reports.campaign(draft.id) == []
    summary = await session.reports.campaign(draft.id).summary()
    assert (summary.total, summary.is_final) == (0, False)


async def rows_under(rules: ServerRules) -> tuple[list[ReportRow], list[ReportRow], Sandbox]:
    plan = DeliveryPlan(duration=timedelta(), click_rate=1, reply_rate=1)
    with Sandbox(rules=rules, delivery=plan).serve_in_thread() as sandbox:
        address = sandbox.base_url
        async with Session(sandbox.username, sandbox.password, base_url=address) as session:
            recipients = [
                Recipient(number, fields={"REF": f"é{number[-4:]}", "Note": 'a;b,c "d"'})
                for number in [*MAGIC, "+33612345678"]
            ]
            links = [TinyUrl(index=index, url="https://example.org/") for index in (0, 1)]
            campaign = await session.campaigns.send(
                CampaignRequest(
                    msg="${REF} ${track_1} ${track_2}", recipients=recipients, tiny_urls=links
                )
            )
            json_rows = await session.reports.campaign(campaign.id)
            csv_rows = [row async for row in session.reports.campaign_csv(campaign.id)]
        return json_rows, csv_rows, sandbox


SHAPES = [
    ServerRules(),
    ServerRules(report_shape="wrapped"),
    ServerRules(report_shape="columns"),
    ServerRules(values_as_strings=True),
    ServerRules(campaign_dates="jdk20"),
    ServerRules(csv_encoding="cp1252"),
    ServerRules(csv_bom=True),
    ServerRules(csv_delimiter=","),
    ServerRules(csv_delimiter="\t", csv_header_case="lower"),
    ServerRules(csv_delimiter="|", csv_bom=True, csv_header_case="lower"),
]


@pytest.mark.parametrize("rules", SHAPES, ids=map(str, range(len(SHAPES))))
async def test_both_reports_of_a_campaign_agree_whatever_their_shape(rules: ServerRules) -> None:
    json_rows, csv_rows, _ = await rows_under(rules)

    assert [in_both(row) for row in json_rows] == [in_both(row) for row in csv_rows]
    assert [row.status_code for row in csv_rows][:3] == [16, 20, 2]
    assert csv_rows[0].mobile == "+33600001601"
    assert csv_rows[0].fields == {"REF": "é1601", "Note": 'a;b,c "d"'}
    clicked = [row for row in csv_rows if row.tracks[0].clicked_at]
    assert clicked
    assert [track.index for track in clicked[0].tracks] == [1, 2]
    assert clicked[0].tracks[0].count > 0
    assert clicked[0].preview_count > 0
    assert any(row.reply for row in csv_rows)


def in_both(row: ReportRow) -> tuple[Any, ...]:
    return (
        row.campaign_id,
        row.list_name,
        row.line,
        row.mobile,
        row.status_code,
        row.status_text,
        row.delivered_at,
        row.reply,
        row.previewed_at,
        row.preview_count,
        row.tracks,
        dict(row.fields),
    )


@pytest.mark.parametrize(
    "body",
    [
        b'{"total": 0}',
        b'{"message": "not today"}',
        b'{"a": [], "b": []}',
        b'"nothing"',
        b"<html><title>Login</title></html>",
        b"[17]",
    ],
)
async def test_what_is_no_report_is_told(session: Session, sandbox: Sandbox, body: bytes) -> None:
    sandbox.faults.add(Fault(operation="report_json", body=body))

    with pytest.raises(ResponseInvalid) as caught:
        await session.reports.campaign(943)

    assert (caught.value.campaign_id, caught.value.status) == (943, 200)


async def test_reading_a_report_is_repeated_until_it_works(
    session: Session, sandbox: Sandbox, campaign_id: int
) -> None:
    sandbox.faults.add(Fault(operation="report_json", drop=True))
    sandbox.faults.add(Fault(operation="report_json", status=503))

    assert len(await session.reports.campaign(campaign_id)) == 3


async def test_leaving_a_report_early_leaves_the_session_usable(
    connect: Any, campaign_id: int
) -> None:
    async with connect(max_in_flight=1) as narrow:
        for _ in range(3):
            async with aclosing(narrow.reports.campaign(campaign_id).__aiter__()) as rows:
                async for _row in rows:
                    break
            async with aclosing(narrow.reports.campaign_csv(campaign_id).dicts()) as records:
                async for _record in records:
                    break
        assert len(await narrow.reports.campaign(campaign_id)) == 3


@pytest.mark.every_backend
@pytest.mark.sandbox(delivery=DeliveryPlan(mix={16: 1}))
async def test_a_campaign_is_followed_until_every_status_is_final(
    session: Session, sandbox: Sandbox
) -> None:
    numbers = [f"06123{number:05}" for number in range(20)]
    campaign = await session.campaigns.send(CampaignRequest(msg="Bonjour", recipients=numbers))
    summaries = []

    async for summary in session.reports.watch(campaign.id, every=0.001):
        summaries.append(summary)
        sandbox.clock.advance(timedelta(seconds=1))

    assert not summaries[0].is_final
    assert DeliveryCategory.DELIVERED not in summaries[0].by_category
    assert [summary.is_final for summary in summaries].count(True) == 1
    assert summaries[-1].by_category == {DeliveryCategory.DELIVERED: 20}
    counts = [summary.final_count for summary in summaries]
    assert counts == sorted(counts)


async def test_a_campaign_that_is_over_is_looked_at_once(
    session: Session, campaign_id: int, operations: Callable[[], list[str]]
) -> None:
    summaries = [summary async for summary in session.reports.watch(campaign_id)]

    assert [summary.is_final for summary in summaries] == [True]
    assert operations().count("report_json") == 1


async def test_following_a_draft_says_that_there_is_no_report(
    session: Session, hello: CampaignRequest
) -> None:
    draft = await session.campaigns.prepare(hello)

    with pytest.raises(NotFound):
        await anext(session.reports.watch(draft.id))


@pytest.mark.parametrize("every", [0, -1, None, "5", timedelta(0)])
async def test_the_wait_between_two_looks_is_positive(session: Session, every: Any) -> None:
    with pytest.raises(ConfigurationError, match="every"):
        session.reports.watch(943, every=every)


async def test_a_code_that_the_guide_does_not_list_is_not_waited_for_for_ever(
    session: Session, sandbox: Sandbox
) -> None:
    sandbox.block("0612345678", scope="CUSTOMER")
    people = ["0612345678", MAGIC[0]]
    campaign = await session.campaigns.send(CampaignRequest(msg="Bonjour", recipients=people))

    watched = session.reports.watch(campaign.id, every=0.001, settled_after=0.01)
    summaries = [summary async for summary in watched]

    assert summaries[-1].by_category == {
        DeliveryCategory.UNKNOWN: 1,
        DeliveryCategory.DELIVERED: 1,
    }
    assert not summaries[-1].is_final
    assert len(summaries) > 1


@pytest.mark.sandbox(delivery=DeliveryPlan(mix={16: 1}))
async def test_a_message_on_its_way_is_waited_for_however_long_nothing_changes(
    session: Session, sandbox: Sandbox
) -> None:
    sandbox.block("0612345678", scope="CUSTOMER")
    people = ["0612345678", "0612345679"]
    campaign = await session.campaigns.send(CampaignRequest(msg="Bonjour", recipients=people))
    summaries: list[ReportSummary] = []

    async for summary in session.reports.watch(campaign.id, every=0.001, settled_after=0.0001):
        summaries.append(summary)
        if len(summaries) == 10:
            sandbox.clock.advance(timedelta(days=2))

    assert DeliveryCategory.DELIVERED not in summaries[9].by_category
    assert summaries[-1].by_category[DeliveryCategory.DELIVERED] == 1


@pytest.mark.parametrize("settled_after", [0, -1, "5"])
async def test_the_time_after_which_codes_count_as_settled_is_positive(
    session: Session, settled_after: Any
) -> None:
    with pytest.raises(ConfigurationError, match="settled_after"):
        session.reports.watch(943, settled_after=settled_after)
