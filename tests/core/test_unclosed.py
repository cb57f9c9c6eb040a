"""A session that nobody closes says so, and where it was made."""

from __future__ import annotations

import gc
import tracemalloc
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import httpx
import pytest

from mediasflow_async import ConfigurationError, Session
from tests.support.raw_server import RawServer, http_json
from tests.support.sessions import TOKEN, WITHOUT_TLS

pytestmark = pytest.mark.anyio

PASSWORD = "s3cret-pass-word"


@contextmanager
def warned() -> Generator[list[str]]:
    """Give what the sessions that end within the block warn of."""
    said: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield said
        gc.collect()
    said += [str(each.message) for each in caught if each.category is ResourceWarning]


@pytest.fixture
def url() -> Iterator[str]:
    with RawServer([http_json(data=[])]).running() as server:
        yield server.url


async def use(session: Session) -> None:
    assert (await session.request("GET", "blacklist")).data == []


async def test_it_says_where_it_was_made(url: str) -> None:
    with warned() as said:
        session = Session("me", PASSWORD, token=TOKEN, base_url=url, ssl_context=WITHOUT_TLS)
        await use(session)
        del session
    (warning,) = (each for each in said if "Session" in each)
    assert f"unclosed <Session {url} open>, made at {__file__}:" in warning
    assert "async with" in warning
    assert PASSWORD not in warning
    assert TOKEN not in warning
    assert ", from " not in warning


async def test_with_tracemalloc_it_says_what_led_there(url: str) -> None:
    def made() -> Session:
        return Session.from_env(token=TOKEN, base_url=url, ssl_context=WITHOUT_TLS)

    tracemalloc.start()
    try:
        with warned() as said:
            await use(made())
    finally:
        tracemalloc.stop()
    (warning,) = (each for each in said if "unclosed <Session" in each)
    assert warning.partition(", made at ")[2].count(f"{__file__}:") == 2
    assert TOKEN not in warning


async def test_what_needs_no_closing_says_nothing(url: str) -> None:
    answers = httpx.MockTransport(lambda _: httpx.Response(200, json=[]))
    with warned() as said:
        async with Session(token=TOKEN, base_url=url, ssl_context=WITHOUT_TLS) as session:
            await use(session)
            await use(session.with_options(timeout=5))
        Session(token=TOKEN)
        await use(Session(token=TOKEN, transport=answers))
        async with httpx.AsyncClient(transport=answers) as client:
            await use(Session(token=TOKEN, client=client))
        with pytest.raises(ConfigurationError):
            Session()
        del session
    assert not [each for each in said if "Session" in each]
