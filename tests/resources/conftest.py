"""A running sandbox and a session that is logged in to it.

A test that needs another sandbox than the default one says so:
`@pytest.mark.sandbox(rules=ServerRules(...))`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mediasflow_async import CampaignRequest, Recipient, Session
from mediasflow_async.sandbox import DeliveryPlan, Sandbox
from tests.support.sessions import QUICKLY, WITHOUT_TLS

Connect = Callable[..., AbstractAsyncContextManager[Session]]


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "sandbox(**options): options of the test's sandbox.")


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A running sandbox, in which every message is final at once unless the marker says else."""
    marker = request.node.get_closest_marker("sandbox")
    options: dict[str, Any] = {"delivery": DeliveryPlan.instant()}
    if marker:
        options |= marker.kwargs
    with Sandbox(**options).serve_in_thread() as running:
        yield running


@pytest.fixture
def connect(sandbox: Sandbox) -> Connect:
    """Open a session with options of the test's own."""

    @asynccontextmanager
    async def opened(**options: Any) -> AsyncGenerator[Session]:
        given: dict[str, Any] = {
            "base_url": sandbox.base_url,
            "retry": QUICKLY,
            "ssl_context": WITHOUT_TLS,
            **options,
        }
        async with Session(sandbox.username, sandbox.password, **given) as session:
            yield session

    return opened


@pytest.fixture
async def session(connect: Connect) -> AsyncIterator[Session]:
    """A session that retries without long waits."""
    async with connect() as opened:
        yield opened


@pytest.fixture
def go_to(sandbox: Sandbox) -> Callable[[datetime], None]:
    """Move the sandbox's clock forward to a moment."""

    def move(moment: datetime) -> None:
        sandbox.clock.advance(moment - sandbox.clock.now())

    return move


@pytest.fixture
def minute(sandbox: Sandbox) -> datetime:
    """The start of the next full minute but one, by the sandbox's clock."""
    now = sandbox.clock.now()
    return now.replace(second=0, microsecond=0) + timedelta(minutes=2)


@pytest.fixture
def tomorrow_morning() -> datetime:
    """A moment that is far from noon, whose hour is ambiguous in `scheduleOn`."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    return tomorrow.replace(hour=9, minute=30, second=0, microsecond=0)


@pytest.fixture
def hello() -> CampaignRequest:
    """A campaign to one person."""
    return CampaignRequest(msg="Bonjour", recipients=["0612345678"])


@pytest.fixture
def operations(sandbox: Sandbox) -> Callable[[], list[str]]:
    """Return what was asked of the sandbox until now, logins left out."""

    def names() -> list[str]:
        asked = [request.operation for request in sandbox.requests]
        return [operation for operation in asked if operation != "login"]

    return names


@pytest.fixture
async def listed_id(session: Session) -> int:
    """A campaign whose recipients have columns of their own."""
    recipients = [
        Recipient("0612345678", fields={"REF": "é;1", "Ville": "Lyon"}),
        Recipient("0612345679", fields={"REF": 'two\n"lines"', "Ville": ""}),
    ]
    request = CampaignRequest(msg="Bonjour ${REF}", recipients=recipients)
    return (await session.campaigns.send(request)).id


@pytest.fixture
async def three_hours(
    session: Session, minute: datetime, go_to: Callable[[datetime], None]
) -> tuple[datetime, datetime]:
    """A period with a message in each of its hours; each hour has columns of its own."""
    for hour in range(3):
        go_to(minute + timedelta(hours=hour, minutes=30))
        fields = {f"Colonne {hour}": f"valeur {hour}"}
        recipient = Recipient(f"061234567{hour}", fields=fields)
        await session.campaigns.send(CampaignRequest(msg="Bonjour", recipients=[recipient]))
    return minute, minute + timedelta(hours=3)
