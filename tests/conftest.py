"""The event loops that tests run on.

An async test is marked `anyio` and runs on asyncio. One that is also marked `every_backend`
runs three times: on asyncio, on asyncio with uvloop, and on trio.
"""

from __future__ import annotations

import sys

import pytest

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
    """Repeat the tests that ask for every backend."""
    if metafunc.definition.get_closest_marker("every_backend"):
        metafunc.parametrize("anyio_backend", EVERY_BACKEND, indirect=True)


@pytest.fixture(scope="module")
def anyio_backend(request: pytest.FixtureRequest) -> Backend:
    """The backend of anyio's plugin: asyncio, unless the test's marker says otherwise."""
    backend: Backend = getattr(request, "param", ASYNCIO)
    return backend
