"""The event loops and the transports that tests run on.

An async test is marked `anyio` and runs on asyncio. One that is also marked `every_backend`
runs three times: on asyncio, on asyncio with uvloop, and on trio, where httpx's transport is
underneath. One that is marked `every_transport` instead runs on asyncio with ours and with
httpx's.
"""

from __future__ import annotations

import sys

import pytest
from hypothesis import HealthCheck, settings

from mediasflow_async._core import routes

# How long an example takes says more of the machine than of the code.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

Backend = tuple[str, dict[str, object]]

ASYNCIO: Backend = ("asyncio", {"use_uvloop": False})
UVLOOP: Backend = ("asyncio", {"use_uvloop": True})
TRIO: Backend = ("trio", {})

not_on_windows = pytest.mark.skipif(sys.platform == "win32", reason="uvloop has no Windows build")
EVERY_BACKEND = [
    pytest.param(ASYNCIO, id="asyncio"),
    pytest.param(UVLOOP, id="asyncio+uvloop", marks=not_on_windows),
    pytest.param(TRIO, id="trio"),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat the tests that ask for every backend or every transport."""
    if metafunc.definition.get_closest_marker("every_backend"):
        metafunc.parametrize("anyio_backend", EVERY_BACKEND, indirect=True)
    elif metafunc.definition.get_closest_marker("every_transport"):
        metafunc.parametrize("transport_of_sessions", ["ours", "httpx's"], indirect=True)


@pytest.fixture(autouse=True)
def transport_of_sessions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What sessions send with: ours, or httpx's as if the environment named a proxy."""
    if getattr(request, "param", "ours") == "httpx's":
        monkeypatch.setattr(routes, "_needs_httpx", lambda _: True)


@pytest.fixture(scope="module")
def anyio_backend(request: pytest.FixtureRequest) -> Backend:
    """The backend of anyio's plugin: asyncio, unless the test's marker says otherwise."""
    backend: Backend = getattr(request, "param", ASYNCIO)
    return backend
