"""The contenders that are other clients, each as a careful user would write it.

One client for all requests, a pool as large as the requests in flight, the status checked, the
answer read as a dict. They import their library when they start, in a process of their own.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from parts.servers import trusting
from parts.worker import AsyncWork, Settings
from parts.workload import PATH, TOKEN, body, in_flight

__all__ = ["aiohttp", "aiohttp_orjson", "httpx", "httpx2", "httpx_aiohttp", "pyreqwest"]


def _headers() -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}"}


@asynccontextmanager
async def httpx(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Use httpx with its own pool."""
    import httpx

    async with _httpx_client(httpx, settings) as client:
        yield _posting(client, settings)


@asynccontextmanager
async def httpx2(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Use httpx2 with its own pool."""
    import httpx2

    async with _httpx_client(httpx2, settings) as client:
        yield _posting(client, settings)


@asynccontextmanager
async def httpx_aiohttp(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Use httpx over aiohttp's connections."""
    import httpx
    from httpx_aiohttp import HttpxAiohttpClient

    limits = httpx.Limits(max_connections=settings["in_flight"])
    verify = trusting(settings["ca"])
    async with HttpxAiohttpClient(verify=verify, limits=limits, headers=_headers()) as client:
        yield _posting(client, settings)


def _httpx_client(library: Any, settings: Settings) -> Any:
    most = settings["in_flight"]
    limits = library.Limits(max_connections=most, max_keepalive_connections=most)
    return library.AsyncClient(verify=trusting(settings["ca"]), limits=limits, headers=_headers())


def _posting(client: Any, settings: Settings) -> AsyncWork:
    url = settings["url"] + PATH

    async def one(number: int) -> Any:
        response = await client.post(url, json=body(number))
        return response.raise_for_status().json()

    return in_flight(one, settings["in_flight"])


@asynccontextmanager
async def aiohttp(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Use aiohttp with the json of the standard library, its default."""
    import aiohttp

    url, most = settings["url"] + PATH, settings["in_flight"]
    connector = aiohttp.TCPConnector(limit=most, ssl=trusting(settings["ca"]))
    async with aiohttp.ClientSession(connector=connector, headers=_headers()) as session:

        async def one(number: int) -> Any:
            async with session.post(url, json=body(number), raise_for_status=True) as response:
                return await response.json()

        yield in_flight(one, most)


@asynccontextmanager
async def aiohttp_orjson(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Use aiohttp with orjson both ways."""
    import aiohttp
    import orjson

    url, most = settings["url"] + PATH, settings["in_flight"]
    connector = aiohttp.TCPConnector(limit=most, ssl=trusting(settings["ca"]))
    headers = _headers() | {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def one(number: int) -> Any:
            data = orjson.dumps(body(number))
            async with session.post(url, data=data, raise_for_status=True) as response:
                return orjson.loads(await response.read())

        yield in_flight(one, most)


@asynccontextmanager
async def pyreqwest(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Use pyreqwest, whose connections are written in Rust, with orjson both ways."""
    import orjson
    from pyreqwest.client import ClientBuilder

    url, most = settings["url"] + PATH, settings["in_flight"]
    builder = ClientBuilder().max_connections(most).error_for_status(enable=True)
    builder = builder.default_headers(_headers() | {"Content-Type": "application/json"})
    for certificate in trusting(settings["ca"]).get_ca_certs(binary_form=True):
        builder = builder.add_root_certificate_der(certificate)
    async with builder.build() as client:

        async def one(number: int) -> Any:
            sent = client.post(url).body_bytes(orjson.dumps(body(number))).build()
            response = await sent.send()
            return orjson.loads(memoryview(await response.bytes()))

        yield in_flight(one, most)
