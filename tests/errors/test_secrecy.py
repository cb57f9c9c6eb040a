"""Passwords, bearers and phone numbers stay out of logs, errors, reprs, pickles and other hosts."""

from __future__ import annotations

import logging
import pickle
import traceback
from typing import Any

import httpx
import pytest

from mediasflow_async import Campaign, CampaignRequest, MediasflowError, Session
from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.raw_server import HANG, RESET, RawServer, http, http_json
from tests.support.sessions import ONCE, WITHOUT_TLS, Connect, session_with

pytest_plugins = ["tests.support.session_fixtures"]
pytestmark = [pytest.mark.anyio, pytest.mark.every_transport]

PHONE = "+33612345678"
TEXT = "Bonjour Monsieur Martin"
TOKEN = "opaque-token-of-mine"


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new process, in which no session has touched any logger yet."""
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        monkeypatch.setattr(logging.getLogger(name), "filters", [])


def check_secret(text: str, *secrets: str) -> None:
    for secret in ("612345678", TEXT, TOKEN, "eyJ", *secrets):
        before, found, after = text.partition(secret)
        assert not found, f"{secret!r} is shown: ...{before[-100:]}{found}{after[:100]}..."


def logged(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(f"{record.getMessage()} {vars(record)!r}" for record in caplog.records)


def shown(error: MediasflowError) -> str:
    assert error.__cause__ is None
    assert error.__context__ is None
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own pickle
    assert str(copied) == str(error)
    assert vars(copied) == vars(error)
    report = "".join(traceback.format_exception(error))
    return f"{report} {error} {error!r} {vars(error)!r} {copied!r} {pickle.dumps(error)!r}"


async def read_campaign(session: Session, **parts: Any) -> Campaign:
    return (await session.request("POST", "campaigns/inject", **parts)).read(Campaign)


async def send(session: Session) -> None:
    draft = await session.campaigns.prepare(CampaignRequest(msg=TEXT, recipients=[PHONE]))
    await session.campaigns.test(draft.id, [PHONE, "0612345678"])
    await session.blacklist.add("+33699999999", description=TEXT)
    await session.request("GET", "blacklist", params={"search": f"item=={PHONE}"})


@pytest.mark.parametrize("injected", [False, True], ids=["own client", "injected client"])
async def test_the_logs_show_no_secret_of_the_main_job(
    injected: bool,  # noqa: FBT001 - a parameter of the test
    sandbox: Sandbox,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    request: pytest.FixtureRequest,
) -> None:
    async with httpx.AsyncClient(verify=WITHOUT_TLS) as client:
        more = {"client": client, "ssl_context": None} if injected else {}
        async with connect(**more) as session:
            await send(session)
        assert sandbox.password not in repr(client.headers)
        assert "authorization" not in client.headers
    names = {record.name for record in caplog.records}
    assert "mediasflow_async" in names
    # Our transport logs nothing: where httpx sends, its lines are among those that are checked.
    is_of_httpx = injected or request.node.callspec.params["transport_of_sessions"] == "httpx's"
    assert ("httpx" in names) is is_of_httpx
    check_secret(logged(caplog), sandbox.password)


async def test_the_logs_of_other_traffic_stay_as_they_are(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect() as session:
        await session.request("GET", "blacklist")
        with RawServer([http_json(data=[])]).running() as server:
            async with httpx.AsyncClient(verify=WITHOUT_TLS) as client:
                await client.get(server.url, params={"order": "123456789012"})
    assert "order=123456789012" in logged(caplog)


async def test_a_path_of_the_callers_own_is_masked_wherever_it_is_shown(
    sandbox: Sandbox, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect() as session:
        with pytest.raises(MediasflowError) as caught:
            await session.request("DELETE", f"blacklist/{PHONE}")
    assert sandbox.requests[-1].path == f"blacklist/{PHONE}"
    check_secret(shown(caught.value) + logged(caplog), sandbox.password)


@pytest.mark.parametrize(
    "answer",
    [
        http(500, f"number {PHONE} for Bearer {TOKEN}".encode()),
        http_json(400, {"error": PHONE, "message": f"bad {PHONE}", "field": PHONE}),
        http_json(400, {"code": PHONE, "message": f"Authorization: {TOKEN}"}),
        http_json(400, {"errors": [{"mobile": "0612345678"}]}),
        http_json(200, {"error": f"tel\\u003d0612345678 {PHONE}"}),
        http(502, f"<html><title>{PHONE}</title></html>".encode()),
        http(200, f"<html>tel.0612345678 {PHONE}</html>".encode()),
        http(404, b"no such number", {"X-Request-Id": PHONE}),
        http(302, headers={"Location": f"http://other.example/{PHONE}?token={TOKEN}"}),
        http(302, headers={"Location": f"http://[{PHONE}"}),
        http(200, b"{", length=100),
        RESET,
        b"nonsense " + PHONE.encode() + b"\r\n\r\n",
    ],
    ids=range(13),
)
async def test_an_error_shows_no_secret_of_request_or_answer(
    answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    body = {"msg": TEXT, "listRecipient": [{"mobile": PHONE}]}
    params = {"phone": PHONE, "short": "0612345678;0612345678"}
    with RawServer([answer]).running() as server:
        async with session_with(server.url, token=TOKEN, retry=ONCE) as session:
            with pytest.raises(MediasflowError) as caught:
                await read_campaign(session, json=body, params=params)
    assert server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    check_secret(shown(caught.value) + logged(caplog))


@pytest.mark.parametrize("status", [400, 401, 500])
@pytest.mark.parametrize(
    "echo",
    [
        "login=demo&password=hunter2-and-more",
        '{"login": "demo", "password": "hunter2-and-more"}',
        "{'login': 'demo', 'password': 'hunter2-and-more'}",
        "the password hunter2-and-more of demo is wrong",
        "mot de passe : hunter2-and-more",
    ],
)
async def test_a_server_that_repeats_the_password_does_not_get_it_into_an_error(
    status: int, echo: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = {"message": echo, "error": "hunter2-and-more", "field": "hunter2-and-more"}
    with RawServer([http_json(status, answer)]).running() as server:
        credentials = {"token": None, "username": "demo", "password": "hunter2-and-more"}
        async with session_with(server.url, retry=ONCE, **credentials) as session:
            with pytest.raises(MediasflowError) as caught:
                await session.request("GET", "blacklist")
    check_secret(shown(caught.value) + logged(caplog), "hunter2-and-more")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_the_bearer_goes_to_no_other_host(
    status: int, sandbox: Sandbox, connect: Connect
) -> None:
    with RawServer([http_json(data=[])]).running() as other:
        sandbox.faults.add(Fault(operation="blacklist", redirect=other.url, status=status))
        async with connect() as session:
            with pytest.raises(MediasflowError, match="redirects elsewhere") as caught:
                await session.request("GET", "blacklist")
        assert other.connections == 0
    assert caught.value.status == status
    assert "Credentials are for that address alone" in str(caught.value)


async def test_credentials_go_to_no_other_host(sandbox: Sandbox, connect: Connect) -> None:
    with RawServer([http_json(data=[])]).running() as other:
        sandbox.faults.add(Fault(operation="login", redirect=other.url, status=307))
        async with connect() as session:
            with pytest.raises(MediasflowError, match="redirects elsewhere"):
                await session.request("GET", "blacklist")
        assert other.connections == 0


async def test_an_error_of_a_call_that_hangs_shows_no_secret() -> None:
    with RawServer([HANG]).running() as server:
        async with session_with(server.url, token=TOKEN, timeout=0.05, retry=ONCE) as session:
            with pytest.raises(MediasflowError) as caught:
                await session.request("PUT", "campaigns/1/test", params={"phoneNumbers": PHONE})
    check_secret(shown(caught.value))
