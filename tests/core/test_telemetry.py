"""What the log says of a call."""

from __future__ import annotations

import logging

import pytest

from mediasflow_async import CampaignRequest, MediasflowError
from mediasflow_async._core.calls import Operation, OperationKind
from mediasflow_async.sandbox import Sandbox
from mediasflow_async.secrecy import LOGGER, mask_http_loggers
from tests.support.raw_server import RESET, RawServer, http, http_json
from tests.support.sessions import ONCE, Connect, session_with

pytest_plugins = ["tests.support.session_fixtures"]
pytestmark = [pytest.mark.anyio, pytest.mark.every_transport]


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == LOGGER.name]


async def test_each_attempt_is_a_line_of_names_and_numbers(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger=LOGGER.name)
    async with connect() as session:
        draft = await session.campaigns.prepare(
            CampaignRequest(msg="Bonjour", recipients=["0612345678"])
        )
        await session.campaigns.set_sender(draft.id, "ACME")
    beginnings = [line.rpartition(" ms")[0].rpartition(", ")[0] for line in lines(caplog)]
    assert beginnings == [
        "POST users/login: 200, attempt 1",
        "POST campaigns/inject: 200, attempt 1",
        "PUT campaigns/{campaign_id}/sender: 200, attempt 1",
    ]


async def test_a_stream_is_a_line_when_it_is_opened(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger=LOGGER.name)
    with RawServer([http(body=b"a;b")]).running() as server:
        async with (
            session_with(server.url) as session,
            session.stream(Operation(OperationKind.READ, "GET", "reports/csv")) as stream,
        ):
            assert [piece async for piece in stream.aiter_bytes()] == [b"a;b"]
    (line,) = lines(caplog)
    assert line.startswith("GET reports/csv: 200, attempt 1, ")


async def test_a_line_names_the_servers_request_id(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger=LOGGER.name)
    answer = http_json(400, {"message": "no"}, X_Request_Id="abc-123")
    with RawServer([answer]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(MediasflowError, match="request id abc-123") as caught:
                await session.request("GET", "blacklist")
    assert caught.value.request_id == "abc-123"
    assert "abc-123" in lines(caplog)[0]


async def test_an_attempt_without_an_answer_is_logged_by_its_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger=LOGGER.name)
    with RawServer([RESET]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(MediasflowError):
                await session.request("GET", "blacklist")
    assert [line.partition(",")[0] for line in lines(caplog)] == [
        "GET blacklist: ConnectionFailed"
    ] * 4
    assert [f"attempt {number}" in line for number, line in enumerate(lines(caplog), 1)] == [
        True
    ] * 4


async def test_nothing_is_logged_above_debug(
    sandbox: Sandbox, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger=LOGGER.name)
    sandbox.revoke_tokens()
    async with connect(password="wrong", retry=ONCE) as session:
        with pytest.raises(MediasflowError):
            await session.request("GET", "blacklist")
    assert lines(caplog) == []


def test_the_masks_are_put_on_once() -> None:
    mask_http_loggers()
    before = list(logging.getLogger("httpx").filters)
    mask_http_loggers()
    assert logging.getLogger("httpx").filters == before


def test_the_package_adds_no_handler_of_its_own() -> None:
    assert not any(isinstance(h, logging.StreamHandler) for h in LOGGER.handlers)
    assert LOGGER.level == logging.NOTSET
