"""A server of campaigns in a process of its own: `servers` starts it, people do not.

What names no campaign gets a draft with the next number; what names one gets it as launched.
All else of the answer is always the same, and nothing is kept.
"""

from __future__ import annotations

import asyncio
import itertools
import ssl
import sys
from asyncio import StreamReader, StreamWriter
from pathlib import Path
from typing import Final

import orjson

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"


class CampaignServer:
    """Answers requests.

    Args:
        answer: a campaign, of which the number and the state are replaced.
    """

    def __init__(self, answer: bytes) -> None:
        self._campaign = orjson.loads(answer)
        self._numbers = itertools.count(1)

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Answer the requests of one connection until the other side closes it."""
        try:
            while True:
                head = (await reader.readuntil(_HEAD_END)).lower()
                length = int(head.partition(_LENGTH)[2].split(b"\r\n", 1)[0])
                writer.write(self._answer(orjson.loads(await reader.readexactly(length))))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, request: dict[str, object]) -> bytes:
        number = request.get("campaignId") or next(self._numbers)
        status = "INPROGRESS" if "campaignId" in request else "DRAFT"
        body = orjson.dumps({**self._campaign, "id": number, "status": status})
        lines = "HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}"
        return "\r\n".join(lines).encode() + _HEAD_END + body


async def _run(server: CampaignServer, port: int, chain: str) -> None:
    context = None
    if chain:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
    listening = await asyncio.start_server(
        server.serve, "127.0.0.1", port, ssl=context, backlog=1024
    )
    await listening.serve_forever()


def main(answer: str, chain: str, port: str) -> None:
    """Serve until the process is ended."""
    asyncio.run(_run(CampaignServer(Path(answer).read_bytes()), int(port), chain))


if __name__ == "__main__":
    main(*sys.argv[1:])
