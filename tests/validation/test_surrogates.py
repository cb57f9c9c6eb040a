"""Half of a surrogate pair is refused by itself wherever a text comes in, before anything leaves.

A Python text may hold it: from `json.loads`, from a name of a file, from the environment.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediasflow_async import search
from mediasflow_async._core.token_stores import FileTokenStore
from mediasflow_async.delivery import Journal, KeyUnknown, Sender
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import ConfigurationError, InvalidRequest, MediasflowError, Problem
from mediasflow_async.models import CampaignRequest, Recipient, TinyUrl
from mediasflow_async.sandbox import Sandbox
from mediasflow_async.session import Session
from tests.support.journals import sqlite_url
from tests.support.senders import memory_journal

Refused = Callable[[Coroutine[Any, Any, object]], tuple[Problem, ...]]
Call = Callable[[Session, str], Coroutine[Any, Any, object]]

NUMBER: Final = "0612345678"
SINCE: Final = datetime(2026, 6, 1, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
FIQL: Final = Dialect(quote_style="fiql")

anything = st.text(st.characters(exclude_categories=()), max_size=6)
surrogate = st.characters(categories=["Cs"])
broken = st.tuples(anything, surrogate, anything).map("".join)
few = settings(max_examples=25, deadline=None)


def campaign(**fields: Any) -> CampaignRequest:
    return CampaignRequest(**{"msg": "Bonjour", "recipients": [Recipient(NUMBER)], **fields})


def link(**fields: Any) -> CampaignRequest:
    return campaign(tiny_urls=[TinyUrl(**{"index": 0, "url": "https://example.fr", **fields})])


def to(**fields: Any) -> CampaignRequest:
    return campaign(recipients=[Recipient(NUMBER, **fields)])


CAMPAIGNS: Final[Mapping[str, Callable[[str], CampaignRequest]]] = {
    "msg": lambda text: campaign(msg=text),
    "campaign_name": lambda text: campaign(campaign_name=text),
    "brand": lambda text: campaign(brand=text),
    "billing_code": lambda text: campaign(billing_code=text),
    "user_owner_id": lambda text: campaign(user_owner_id=text),
    "sender": lambda text: campaign(sender=text),
    "defaults": lambda text: campaign(defaults={text: "x"}),
    "default": lambda text: campaign(defaults={"x": text}),
    "image_preview": lambda text: campaign(image_preview=text),
    "zip_local": lambda text: campaign(zip_local=text),
    "mobile": lambda text: campaign(recipients=[Recipient(text)]),
    "title": lambda text: to(title=text),
    "last_name": lambda text: to(last_name=text),
    "first_name": lambda text: to(first_name=text),
    "email": lambda text: to(email=text),
    "phone": lambda text: to(phone=text),
    "owner": lambda text: to(user_owner_id=text),
    "column": lambda text: to(fields={text: "x"}),
    "column like mobile": lambda text: to(fields={f"mobile{text}": "x"}),
    "cell": lambda text: to(fields={"x": text}),
    "url": lambda text: link(url=f"https://example.fr/{text}"),
    "parameter": lambda text: link(parameters=[text]),
    "label": lambda text: link(label=text),
    "description": lambda text: link(description=text),
    "image_name": lambda text: link(image_name=f"{text}.jpg"),
    "local_html": lambda text: link(local_html=text),
    "host": lambda text: link(host=text),
    "domain": lambda text: link(domain=text),
}


async def period(session: Session, **options: Any) -> object:
    return session.reports.period_csv(SINCE, SINCE + HOUR, **options)


async def fiql(session: Session, text: str) -> object:
    session = session.with_options(dialect=FIQL)
    return await period(session, search=search.field("REF") == text)


async def details(session: Session, text: str) -> object:
    return session.reports.campaign_csv(7, details=[text])


CALLS: Final[Mapping[str, Call]] = {
    "set_sender": lambda session, text: session.campaigns.set_sender(7, text),
    "launch": lambda session, text: session.campaigns.launch(7, sender=text),
    "test": lambda session, text: session.campaigns.test(7, text),
    "test, sender": lambda session, text: session.campaigns.test(7, NUMBER, sender=text),
    "blacklist": lambda session, text: session.blacklist.add(text),
    "blacklist, brand": lambda session, text: session.blacklist.add(NUMBER, brand=text),
    "blacklist, description": lambda session, text: session.blacklist.add(NUMBER, description=text),
    "contains": lambda session, text: session.blacklist.contains(text),
    "search": lambda session, text: period(session, search=text),
    "search for a value": lambda session, text: period(session, search=search.field("REF") == text),
    # What is part of a name at all is decided by the search itself.
    "search for a field": lambda session, _: period(session, search=search.field("\ud800") == "x"),
    "search, fiql": fiql,
    "user_id": lambda session, text: period(session, user_id=text),
    "types": lambda session, text: period(session, types=[text]),
    "key_fields": lambda session, text: period(session, key_fields=[text]),
    "details": details,
    "filename": lambda session, text: session.lists.upload(b"x", filename=text),
    "upload, description": lambda session, text: session.lists.upload(
        b"x", filename="x", description=text
    ),
    "upload, owner": lambda session, text: session.lists.upload(
        b"x", filename="x", user_owner_id=text
    ),
    "path": lambda session, text: session.request("GET", f"blacklist/{text}"),
    "method": lambda session, text: session.request(text, "blacklist"),
    "kind": lambda session, text: session.request("GET", "blacklist", kind=text),
    "parameter": lambda session, text: session.request("GET", "x", params={"x": text}),
    "parameters": lambda session, text: session.request("GET", "x", params=[(text, "x")]),
    "list of a parameter": lambda session, text: session.request("GET", "x", params={"x": [text]}),
    "json": lambda session, text: session.request("POST", "x", json={"x": [text]}),
    "json, name": lambda session, text: session.request("POST", "x", json={text: 1}),
    "form": lambda session, text: session.request("POST", "x", form={"x": text}),
    "form, name": lambda session, text: session.request("POST", "x", form={text: "x"}),
    "header": lambda session, text: session.request("GET", "x", headers={"x": text}),
    "header, name": lambda session, text: session.request("GET", "x", headers={text: "x"}),
}


@few
@given(text=broken)
@pytest.mark.parametrize("where", CAMPAIGNS)
def test_a_campaign_with_half_of_a_pair_is_refused(
    where: str, text: str, session: Session, refused: Refused
) -> None:
    problems = refused(session.campaigns.send(CAMPAIGNS[where](text)))
    assert not [problem for problem in problems if problem.field == "json"]
    for problem in problems:
        str(problem).encode()


@few
@given(text=broken)
@pytest.mark.parametrize("where", CALLS)
def test_a_call_with_half_of_a_pair_is_refused(
    where: str, text: str, session: Session, refused: Refused
) -> None:
    for problem in refused(CALLS[where](session, text)):
        str(problem).encode()


def test_all_fields_are_told_at_once(session: Session, refused: Refused) -> None:
    half = "\udc00"
    request = CampaignRequest(
        msg=half,
        campaign_name=half,
        defaults={"x": half},
        recipients=[Recipient(NUMBER, first_name=half, fields={half: half}), Recipient("x")],
        tiny_urls=[TinyUrl(index=0, url="https://example.fr", parameters=[half], label=half)],
    )
    problems = refused(session.campaigns.send(request))
    assert [problem.field for problem in problems] == [
        "recipients[0].first_name",
        "recipients[0].fields",
        "recipients[1].mobile",
        "msg",
        "campaign_name",
        "defaults",
        "tiny_urls[0].label",
        "tiny_urls[0].parameters",
    ]


OPTIONS: Final[Mapping[str, Callable[[str], object]]] = {
    "username": lambda text: Session(text, "x"),
    "password": lambda text: Session("demo", text),
    "token": lambda text: Session(token=text),
    "base_url": lambda text: Session("demo", "x", base_url=f"https://example.fr/{text}"),
    "host": lambda text: Session("demo", "x", base_url=f"https://{text}/"),
    "environment": lambda text: Session.from_env(username=text, password="x"),
    "json_content_type": lambda text: Dialect(json_content_type=text),
    "login_path": lambda text: Dialect(login_path=text),
    "login_fields": lambda text: Dialect(login_fields=("login", text)),
    "upload_field": lambda text: Dialect(upload_field=text),
    "blacklist_path": lambda text: Dialect(blacklist_path=text),
    "campaign_status_separator": lambda text: Dialect(campaign_status_separator=text),
    "period_status_separator": lambda text: Dialect(period_status_separator=text),
}


@few
@given(text=broken)
@pytest.mark.parametrize("where", OPTIONS)
def test_an_option_with_half_of_a_pair_is_refused(where: str, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        OPTIONS[where](text)
    str(caught.value).encode()


@given(text=st.text(st.characters(exclude_categories=()), min_size=1))
def test_a_media_type_is_ascii(text: str) -> None:
    try:
        Dialect(json_content_type=text)
    except ConfigurationError:
        return
    text.encode("ascii")


PATHS: Final[Mapping[str, Callable[[str], object]]] = {
    "token store": FileTokenStore,
    "journal": lambda name: Journal.open(f"sqlite:///{name}"),
    "postgres": lambda name: anyio.run(Journal.open(f"postgresql://{name}").__aenter__),
}


@pytest.mark.parametrize("where", PATHS)
def test_a_place_that_no_system_can_have_is_refused(where: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        PATHS[where](f"{tmp_path}/\ud800")


def test_a_file_whose_name_is_no_utf_8_is_a_file(tmp_path: Path) -> None:
    name = b"caf\xe9".decode(errors="surrogateescape")
    FileTokenStore(tmp_path / name)

    async def write() -> None:
        async with Journal.open(f"{sqlite_url(tmp_path)}{name}") as journal:
            assert await journal.get("key") is None

    anyio.run(write)


@pytest.mark.parametrize("name", ["\ud800.csv", "nothing\0.csv"])
def test_a_report_is_not_asked_for_that_cannot_be_saved(
    name: str, session: Session, refused: Refused, tmp_path: Path
) -> None:
    report = session.reports.period_csv(SINCE, SINCE + HOUR)
    assert [each.field for each in refused(report.save(tmp_path / name))] == ["path"]


def error_of(call: Callable[[], Awaitable[object]]) -> MediasflowError:
    async def made() -> MediasflowError:
        with pytest.raises(MediasflowError) as caught:
            await call()
        return caught.value

    return anyio.run(made)


@few
@given(text=broken)
def test_rows_and_files_with_half_of_a_pair_are_refused(text: str, session: Session) -> None:
    row = {"mobile": NUMBER, "x": "y"}
    for source in ([row | {text: "z"}], [row | {"x": text}], [row, row | {text: "z"}], text):
        error = error_of(lambda source=source: session.lists.upload(source, filename="x"))  # type: ignore[misc]
        assert isinstance(error, InvalidRequest)
        str(error).encode()


@few
@given(text=broken)
def test_no_key_has_half_of_a_pair(text: str, session: Session, tmp_path_factory: Any) -> None:
    url = sqlite_url(tmp_path_factory.mktemp("journal"))

    async def with_key() -> None:
        async with Journal.open(url) as journal, Sender(session, journal) as sender:
            assert await sender.status(text) is None
            for call in (sender.resolve(text, launched=True), sender.cancel(text)):
                with pytest.raises(KeyUnknown) as unknown:
                    await call
                str(unknown.value).encode()
            with pytest.raises(InvalidRequest):
                await sender.send(text, campaign())

    anyio.run(with_key)


@few
@given(text=broken)
@pytest.mark.parametrize("where", CAMPAIGNS)
def test_a_sender_records_no_such_campaign(where: str, text: str, session: Session) -> None:
    journal = memory_journal()

    async def send() -> object:
        async with Sender(session, journal) as sender:
            return await sender.send("key", CAMPAIGNS[where](text))

    assert isinstance(error_of(send), InvalidRequest)
    assert anyio.run(journal.get, "key") is None


def test_a_checksum_that_is_no_header_is_told(sandbox: Sandbox) -> None:
    def wrong(_: object) -> dict[str, str]:
        return {"X-Sum": "é"}

    async def call() -> object:
        async with Session(
            token="abc", base_url=sandbox.base_url, dialect=Dialect(checksum=wrong)
        ) as session:
            return await session.request("POST", "blacklist", json={})

    assert "Dialect.checksum" in str(error_of(call))
