"""Sandboxes to talk to with plain httpx, which shares no code with our client.

A test that needs another sandbox than the default one says so:
`@pytest.mark.sandbox(rules=ServerRules(...))`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from mediasflow_async.sandbox import DeliveryPlan, Sandbox
from tests.support.sandboxes import WITHOUT_TLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Json = dict[str, Any]


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "sandbox(**options): options of the test's sandbox.")


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A running sandbox, in which every message is final at once unless the marker says else."""
    marker = request.node.get_closest_marker("sandbox")
    options: Json = {"delivery": DeliveryPlan.instant(), **(marker.kwargs if marker else {})}
    with Sandbox(**options).serve_in_thread() as running:
        yield running


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """A client that is logged in, and patient with a machine that is busy."""
    with httpx.Client(base_url=sandbox.base_url, verify=WITHOUT_TLS, timeout=30) as client:
        form = {"login": sandbox.username, "password": sandbox.password}
        response = client.post("users/login", data=form)
        client.headers["Authorization"] = response.headers.get("Authorization", "")
        yield client


@pytest.fixture
def order(http: httpx.Client) -> Callable[..., httpx.Response]:
    """Order a campaign; fields given replace those of a simple one, None removes them."""

    def post(**fields: Any) -> httpx.Response:
        simple = {"msg": "Bonjour", "listRecipient": [{"mobile": "0612345678"}], "startNow": True}
        body = {name: value for name, value in {**simple, **fields}.items() if value is not None}
        return http.post("campaigns/inject", json=body)

    return post


@pytest.fixture
def inject(order: Callable[..., httpx.Response]) -> Callable[..., Json]:
    """Order a campaign that is accepted, and return it."""

    def post(**fields: Any) -> Json:
        response = order(**fields)
        assert response.status_code == 200, response.text
        campaign: Json = response.json()
        return campaign

    return post


@pytest.fixture
def launch(http: httpx.Client) -> Callable[..., Json]:
    """Start a prepared campaign, and return it."""

    def post(campaign_id: int, **fields: Any) -> Json:
        body = {"campaignId": campaign_id, "startNow": True, **fields}
        response = http.post("campaigns/inject", json=body)
        assert response.status_code == 200, response.text
        campaign: Json = response.json()
        return campaign

    return post


@pytest.fixture
def report(http: httpx.Client) -> Callable[..., list[Json]]:
    """Return the rows of a campaign's JSON report."""

    def get(campaign_id: int, **params: str) -> list[Json]:
        response = http.get(f"campaigns/reportjson/{campaign_id}", params=params)
        assert response.status_code == 200, response.text
        rows: list[Json] = response.json()
        return rows

    return get


@pytest.fixture
def upload(http: httpx.Client) -> Callable[..., Json]:
    """Upload a list, and return what the sandbox says of it."""

    def post(content: bytes | str, **fields: str) -> Json:
        data = content.encode() if isinstance(content, str) else content
        form = {"filename": "clients", **fields}
        response = http.post("lists/upload", data=form, files={"file": ("clients.csv", data)})
        assert response.status_code == 200, response.text
        found: Json = response.json()
        return found

    return post
