from __future__ import annotations

import itertools
from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve

from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import Problem
from mediasflow_async.models import CampaignRequest, Recipient, TinyUrl
from mediasflow_async.session import Session
from mediasflow_async.validation import campaign_problems

Refused = Callable[[Coroutine[Any, Any, object]], tuple[Problem, ...]]

NOW = datetime(2030, 6, 1, 10, 0, tzinfo=UTC)
PNG = b"\x89PNG"


class Offsetless(tzinfo):
    """A zone that does not say how far it is from UTC."""

    def utcoffset(self, _: datetime | None) -> None:
        return None

    def tzname(self, _: datetime | None) -> str:
        return "?"

    def dst(self, _: datetime | None) -> None:
        return None


def request(**changes: Any) -> CampaignRequest:
    plain: dict[str, Any] = {"msg": "Bonjour", "recipients": ["0612345678"]}
    return CampaignRequest(**plain | changes)


def with_recipient(**changes: Any) -> CampaignRequest:
    return request(recipients=[Recipient(changes.pop("mobile", "0612345678"), **changes)])


def with_link(*links: dict[str, Any], **changes: Any) -> CampaignRequest:
    plain: dict[str, Any] = {"index": 0, "url": "https://example.org"}
    return request(tiny_urls=[TinyUrl(**plain | link) for link in links], **changes)


def blamed(found: CampaignRequest, dialect: Dialect | None = None, now: datetime = NOW) -> set[str]:
    """The fields that are blamed for something."""
    return {problem.field for problem in campaign_problems(found, dialect or Dialect(), now)}


def at(**ahead: float) -> datetime:
    return NOW + timedelta(**ahead)


GOOD: dict[str, CampaignRequest] = {
    "the least there is": request(),
    "lists instead of recipients": request(recipients=[], list_ids=[392]),
    "a launch": CampaignRequest(campaign_id=943, start_now=True),
    "50 recipients": request(recipients=["0612345678"] * 50),
    "a short sender": request(sender="abc"),
    "a long sender": request(sender="Abcdefgh123"),
    "a sender with one letter": request(sender="123a456"),
    "in 5 minutes": request(schedule_on=at(minutes=5)),
    "next year": request(schedule_on=at(days=365)),
    "emoji in UCS-2": request(replace_emoji=True, allow_ucs2=True),
    "no emoji": request(replace_emoji=False),
    "a type as text": request(type="MKG", renderer="EJS"),
    "an image": with_link({"image_name": "a.PNG"}, image_preview=PNG),
    "an image in base64": with_link({"image_name": "a.jpg"}, image_preview="iVBORw=="),
    "a page": with_link({"type": "LOCAL", "url": None, "local_html": "a.html"}, zip_local=PNG),
    "a full label": with_link({"label": "x" * 20, "description": "x" * 40}),
    "two links": with_link({"index": 0}, {"index": 1}),
    "an address from a field": with_link({"url": "${ADDRESS}"}),
    "a life in days": with_link({"end_of_life": 1}),
    "a life to a day": with_link({"end_of_life": date(2030, 6, 30)}),
    "a life to a moment": with_link({"end_of_life": at(days=3)}),
    "own values": with_recipient(fields={"a": "x", "b": 1, "c": 1.5, "d": None}),
    "defaults": request(defaults={"Ville": "Paris"}),
    **{
        f"the number {number}": with_recipient(mobile=number)
        for number in (
            "0612345678",
            "612345678",
            "+33612345678",
            "33612345678",
            "0033612345678",
            "06 12 34 56 78",
            "06.12.34.56.78",
            "06-12-34-56-78",
            "+33 (0)6 12 34 56 78",
            "tel:0612345678",
            " 0612345678 ",
        )
    },
}


@pytest.mark.parametrize("name", GOOD)
def test_what_the_guide_allows_is_not_refused(name: str) -> None:
    assert blamed(GOOD[name]) == set()


BAD: list[tuple[str, CampaignRequest]] = [
    ("msg", request(msg=None)),
    ("msg", request(msg="")),
    ("msg", request(msg=5)),
    ("msg", request(msg=b"Bonjour")),
    ("recipients", request(recipients=[])),
    ("recipients", request(recipients=["0612345678"] * 51)),
    ("recipients", request(recipients="0612345678")),
    ("recipients", request(recipients=b"0612345678")),
    ("recipients", request(recipients={"mobile": "0612345678"})),
    ("recipients", request(recipients=5)),
    ("recipients[1]", request(recipients=["0612345678", None])),
    ("recipients[0]", request(recipients=[612345678])),
    ("recipients[0]", request(recipients=[{"mobile": "0612345678"}])),
    ("recipients[0].mobile", with_recipient(mobile="06AB345678")),
    ("recipients[0].mobile", with_recipient(mobile="")),
    ("recipients[0].mobile", with_recipient(mobile="+")),
    ("recipients[0].mobile", with_recipient(mobile="12345")),
    ("recipients[0].mobile", with_recipient(mobile="1" * 18)),
    ("recipients[0].mobile", with_recipient(mobile="0612345678;0612345679")),
    ("recipients[0].mobile", with_recipient(mobile="٠٦١٢٣٤٥٦٧٨")),
    ("recipients[0].mobile", with_recipient(mobile=612345678)),
    ("recipients[0].mobile", with_recipient(mobile=None)),
    ("recipients[0].title", with_recipient(title=5)),
    ("recipients[0].last_name", with_recipient(last_name=b"x")),
    ("recipients[0].first_name", with_recipient(first_name=["x"])),
    ("recipients[0].email", with_recipient(email=object())),
    ("recipients[0].phone", with_recipient(phone=145678901)),
    ("recipients[0].user_owner_id", with_recipient(user_owner_id=5)),
    ("recipients[0].group_id", with_recipient(group_id="4")),
    ("recipients[0].fields", with_recipient(fields=None)),
    ("recipients[0].fields", with_recipient(fields=["REF"])),
    ("recipients[0].fields", with_recipient(fields={1: "x"})),
    ("recipients[0].fields", with_recipient(fields={"REF": b"x"})),
    ("recipients[0].fields", with_recipient(fields={"mobile": "x"})),
    ("recipients[0].fields", with_recipient(fields={"REF": "x", " Portable ": "y"})),
    ("recipients[0].fields", with_recipient(fields={"GSM": 1})),
    ("list_ids", request(list_ids=[0])),
    ("list_ids", request(list_ids=[-1])),
    ("list_ids", request(list_ids=["392"])),
    ("list_ids", request(list_ids=[True])),
    ("list_ids", request(list_ids=392)),
    ("list_ids", request(list_ids="392")),
    ("list_ids", request(list_ids=[2**63])),
    ("campaign_id", CampaignRequest(campaign_id=0)),
    ("campaign_id", CampaignRequest(campaign_id=-943)),
    ("campaign_id", CampaignRequest(campaign_id=2**63)),
    ("campaign_id", CampaignRequest(campaign_id="../admin")),  # type: ignore[arg-type]
    ("campaign_id", CampaignRequest(campaign_id=True)),
    ("campaign_name", request(campaign_name=5)),
    ("user_owner_id", request(user_owner_id=5)),
    ("brand", request(brand=["ACME"])),
    ("billing_code", request(billing_code=1.5)),
    *(("sender", request(sender=sender)) for sender in ("", "ab", "abcdefghijkl", "12345", "a-b")),
    *(
        ("sender", request(sender=sender))
        for sender in ("SMS_sender", "société", "abc\n", 36184, b"abc")
    ),
    ("type", request(type="P2P")),
    ("type", request(type=5)),
    ("renderer", request(renderer="JINJA")),
    ("renderer", request(renderer=["BASIC"])),
    ("schedule_on", request(schedule_on=at(minutes=4, seconds=59))),
    ("schedule_on", request(schedule_on=at(days=-1))),
    ("schedule_on", request(schedule_on=at(days=1).replace(tzinfo=None))),
    ("schedule_on", request(schedule_on=at(days=1).replace(tzinfo=Offsetless()))),
    ("schedule_on", request(schedule_on=date(2030, 7, 1))),
    ("schedule_on", request(schedule_on="2030-07-01T10:00:00Z")),
    ("schedule_on", request(schedule_on=datetime.max.replace(tzinfo=UTC))),
    ("defaults", request(defaults=None)),
    ("defaults", request(defaults=["Ville"])),
    ("defaults", request(defaults={"Ville": 5})),
    ("defaults", request(defaults={5: "Paris"})),
    *(
        (name, request(**{name: value}))
        for name in ("allow_ucs2", "replace_to_gsm7", "check_duplicate")
        for value in ("TRUE", 1, 0)
    ),
    ("replace_emoji", request(replace_emoji="yes", allow_ucs2=True)),
    ("replace_emoji", request(replace_emoji=True)),
    ("replace_emoji", request(replace_emoji=True, allow_ucs2=False)),
    ("start_now", request(start_now="TRUE")),
    ("start_now", request(start_now=None)),
    ("image_preview", request(image_preview="not base64!")),
    ("image_preview", request(image_preview="é")),
    ("image_preview", request(image_preview="")),
    ("image_preview", request(image_preview=b"")),
    ("image_preview", request(image_preview=5)),
    ("zip_local", request(zip_local=["x"])),
    ("tiny_urls", request(tiny_urls="https://example.org")),
    ("tiny_urls", request(tiny_urls=["https://example.org"])),
    ("tiny_urls", request(tiny_urls=5)),
    ("tiny_urls", with_link({"index": -1})),
    ("tiny_urls", with_link({"index": "0"})),
    ("tiny_urls", with_link({"index": True})),
    ("tiny_urls", with_link({"index": None})),
    ("tiny_urls", with_link({"index": 1}, {"index": 1})),
    ("tiny_urls[0].url", with_link({"url": None})),
    ("tiny_urls[0].url", with_link({"url": ""})),
    ("tiny_urls[0].url", with_link({"url": "example.org"})),
    ("tiny_urls[0].url", with_link({"url": "javascript:alert(1)"})),
    ("tiny_urls[0].url", with_link({"url": 5})),
    ("tiny_urls[1].url", with_link({}, {"index": 1, "url": None})),
    ("tiny_urls[0].type", with_link({"type": "LINK"})),
    ("tiny_urls[0].local_html", with_link({"type": "LOCAL"}, zip_local=PNG)),
    ("zip_local", with_link({"type": "LOCAL", "local_html": "a.html"})),
    ("tiny_urls[0].label", with_link({"label": "x" * 21})),
    ("tiny_urls[0].label", with_link({"label": 5})),
    ("tiny_urls[1].label", with_link({}, {"index": 1, "label": "x"})),
    ("tiny_urls[0].description", with_link({"description": "x" * 41})),
    ("tiny_urls[1].description", with_link({}, {"index": 1, "description": "x"})),
    ("tiny_urls[0].image_name", with_link({"image_name": "a.gif"})),
    ("tiny_urls[0].image_name", with_link({"image_name": 5})),
    ("tiny_urls[0].image_name", with_link({}, image_preview=PNG)),
    ("tiny_urls[0].renderer", with_link({"renderer": "JINJA"})),
    ("tiny_urls[0].parameters", with_link({"parameters": "name=${Name}"})),
    ("tiny_urls[0].parameters", with_link({"parameters": [5]})),
    ("tiny_urls[0].host", with_link({"host": 5})),
    ("tiny_urls[0].domain", with_link({"domain": 5})),
    ("tiny_urls[0].is_open_graph", with_link({"is_open_graph": "yes"})),
    *(
        ("tiny_urls[0].end_of_life", with_link({"end_of_life": life}))
        for life in (0, -1, True, 1.5, "45", 10**10, date(2030, 6, 1), date(2029, 1, 1), date.max)
    ),
]
CASES = [pytest.param(*case, id=f"{number}-{case[0]}") for number, case in enumerate(BAD)]


@pytest.mark.parametrize(("where", "bad"), CASES)
def test_what_breaks_a_rule_is_refused_by_the_name_of_its_field(
    where: str, bad: CampaignRequest
) -> None:
    assert blamed(bad) == {where}


@pytest.mark.parametrize(("where", "bad"), CASES)
def test_a_refusal_repeats_no_number_and_no_text(where: str, bad: CampaignRequest) -> None:
    for problem in campaign_problems(bad, Dialect(), NOW):
        assert problem.field == where
        for private in ("0612345678", "06AB345678", "Bonjour", "612345678", "٠٦"):
            assert private not in str(problem)


def test_the_day_of_a_links_end_is_a_day_where_the_server_is() -> None:
    late = datetime(2030, 6, 1, 22, 30, tzinfo=UTC)  # In Paris it is June the 2nd.
    assert blamed(with_link({"end_of_life": date(2030, 6, 2)}), now=late)
    assert not blamed(with_link({"end_of_life": date(2030, 6, 2)}), Dialect(server_tz="UTC"), late)
    assert not blamed(with_link({"end_of_life": date(2030, 6, 3)}), now=late)
    midnight = datetime(2030, 6, 2, 23, 30, tzinfo=ZoneInfo("America/Cayenne"))
    assert not blamed(with_link({"end_of_life": midnight}), now=late)


def test_rules_that_the_dialect_adds() -> None:
    noon = request(schedule_on=datetime(2030, 6, 2, 12, 30, tzinfo=UTC))
    assert blamed(noon) == set()
    assert blamed(noon, Dialect(twelve_oclock="raise")) == {"schedule_on"}
    assert blamed(noon, Dialect(twelve_oclock="raise", schedule_tz="Europe/Paris")) == set()
    lists = request(list_ids=[1, 2])
    assert blamed(lists) == set()
    assert blamed(lists, Dialect(lists_id_as_scalar=True)) == {"list_ids"}


def test_every_problem_is_told_at_once(session: Session, refused: Refused) -> None:
    bad = request(
        msg=5,
        recipients=["06AB"] * 51,
        sender="12345",
        type="P2P",
        schedule_on=datetime(2020, 1, 1, tzinfo=UTC),
        defaults=None,
        replace_emoji=True,
        tiny_urls=[TinyUrl(index=1, label="x" * 21, image_name="a.gif")],
        zip_local="!",
    )
    problems = refused(session.campaigns.prepare(bad))
    assert {problem.field for problem in problems} >= {
        "msg",
        "recipients",
        "recipients[0].mobile",
        "recipients[50].mobile",
        "sender",
        "type",
        "schedule_on",
        "defaults",
        "replace_emoji",
        "tiny_urls[0].url",
        "tiny_urls[0].label",
        "tiny_urls[0].image_name",
        "zip_local",
    }
    assert len([p for p in problems if p.field == "tiny_urls[0].label"]) == 2


@pytest.mark.parametrize(
    ("where", "bad"),
    [case for case in BAD if not case[0].endswith(("schedule_on", "end_of_life"))][::6],
    ids=itertools.count(),
)
def test_every_way_to_send_refuses_what_breaks_a_rule(
    session: Session, refused: Refused, where: str, bad: CampaignRequest
) -> None:
    for call in (session.campaigns.prepare, session.campaigns.inject):
        changed = evolve(bad, start_now=False) if where != "start_now" else bad
        assert where in {problem.field for problem in refused(call(changed))}


def test_a_launch_is_not_a_send(session: Session, refused: Refused) -> None:
    problems = refused(session.campaigns.send(CampaignRequest(campaign_id=943)))
    assert [problem.field for problem in problems] == ["campaign_id"]


def test_too_many_recipients_name_the_way_out(session: Session, refused: Refused) -> None:
    many = request(recipients=["0612345678"] * 51)
    (problem,) = refused(session.campaigns.send(many))
    assert "51" in problem.rule
    assert "auto_list=True" in problem.rule


def test_a_wrong_number_among_many_is_found_before_they_are_uploaded(
    session: Session, refused: Refused
) -> None:
    many = request(recipients=[*["0612345678"] * 60, "06AB345678", None])
    fields = [problem.field for problem in refused(session.campaigns.send(many, auto_list=True))]
    assert fields == ["recipients[60].mobile", "recipients[61]"]
