"""Answers that are damaged or odd end in a result or in an error of ours.

Every answer below is given to every operation.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import httpx
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async import CampaignRequest, MediasflowError, Session
from tests.support.sessions import ONCE, session_with

URL = "http://localhost/MediasflowApi/v1/"
REQUEST = CampaignRequest(msg="Bonjour", recipients=["0612345678"])


async def csv_rows(session: Session) -> list[Any]:
    return [row async for row in session.reports.campaign_csv(943)]


async def entries(session: Session) -> list[Any]:
    return await session.blacklist.entries()


OPERATIONS: tuple[Callable[[Session], Awaitable[Any]], ...] = (
    lambda session: session.campaigns.prepare(REQUEST),
    lambda session: session.campaigns.send(REQUEST),
    lambda session: session.campaigns.launch(943),
    lambda session: session.campaigns.cancel(943),
    lambda session: session.campaigns.set_sender(943, "MARQUE"),
    lambda session: session.campaigns.test(943, ["0612345678"]),
    lambda session: session.lists.upload(b"mobile\n0612345678\n", filename="list"),
    lambda session: session.blacklist.add("+33612345678"),
    lambda session: session.blacklist.contains("+33612345678"),
    entries,
    lambda session: session.reports.campaign(943).summary(),
    csv_rows,
)


class Canned(httpx.AsyncBaseTransport):
    """A server with one answer to everything."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._answer
        return httpx.Response(
            answer.status_code, headers=answer.headers, content=answer.content, request=request
        )


def results(answer: httpx.Response) -> list[Any]:
    """Return what each operation makes of an answer: a result, or an error of ours."""

    async def asked() -> list[Any]:
        found = []
        transport = Canned(answer)
        async with session_with(URL, ssl_context=None, transport=transport, retry=ONCE) as session:
            for operation in OPERATIONS:
                try:
                    found.append(await operation(session))
                except MediasflowError as error:
                    found.append(error)
        return found

    return anyio.run(asked)


NAMES = (
    "id campaignId ID status STATUS state data rows reports content result success message code "
    "error errors total last next number size item INT_MOBILE STATUS_CODE ID_LINE tracks fields "
    "listInCampaign tinyList defaultForHeader creationDate creditCount +33612345678 _id \ud800 "
).split(" ")
NUMBERS = (0, 1, -1, 943, 943.0, 16, 2**63, 10**30, 1e300, float("nan"), float("inf"))
TEXTS = ("", "943", "16", "DRAFT", "INJECTED", "OK", "KO", "nan", "1e400", "\0", "\ud800", "é")
DATES = ("16/06/2021 18:29:07", "31/02/2021 00:00:00", "Jun 16, 0000 6:29:07 PM")
LEAVES = st.sampled_from((None, True, False, *NUMBERS, *TEXTS, *DATES, "https://x.example/"))
TREES = st.recursive(
    LEAVES,
    lambda parts: (
        st.lists(parts, max_size=3) | st.dictionaries(st.sampled_from(NAMES), parts, max_size=6)
    ),
    max_leaves=20,
)
STATUSES = st.sampled_from([200, 200, 200, 201, 202, 204, 207, 302, 400, 404, 409, 429, 500])
TYPES = st.sampled_from(
    [
        "application/json",
        "application/json; charset=ISO-8859-1",
        "application/json; charset=utf-16",
        "application/json; charset=base64",
        "application/problem+json",
        "text/html",
        "text/csv; charset=idna",
        "text/csv; charset=utf-7",
        "text/plain; charset=punycode",
        "",
    ]
)


@st.composite
def answers(draw: st.DrawFn) -> httpx.Response:
    kind = draw(st.integers(0, 3))
    body = json.dumps(draw(TREES)).encode() if kind else draw(st.binary(max_size=200))
    if kind > 1:
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.binary(max_size=3)) + body[at + draw(st.integers(0, 3)) :]
    media_type = draw(TYPES)
    headers = {"Content-Type": media_type} if media_type else {}
    return httpx.Response(draw(STATUSES), headers=headers, content=body)


@given(answers())
def test_no_answer_raises_another_error_than_ours(answer: httpx.Response) -> None:
    for found in results(answer):
        repr(found)
        str(found)


HARD: tuple[bytes, ...] = (
    b"[" * 100_000,
    b'{"data":' * 100_000,
    b'{"data":' * 900 + b"{}" + b"}" * 900,
    b'{"data":' * 900 + b'[{"id": 943}]' + b"}" * 900,
    b'[{"id": 943, "rows": ' * 300 + b"[]" + b"}]" * 300,
    b"[" * 900 + b"]" * 900,
    b"9" * 5000,
    b'{"id": ' + b"9" * 5000 + b"}",
    b'[{"STATUS_CODE": ' + b"9" * 5000 + b', "INT_MOBILE": 1}]',
    b"STATUS_CODE;INT_MOBILE\n" + b"9" * 5000 + b";33612345678\n",
    b"STATUS_CODE;INT_MOBILE;TRACK_" + b"9" * 5000 + b"\n16;33612345678;\n",
    b"STATUS_CODE;ID_LINE\n16;" + b"9" * 5000 + b"\n",
    b"STATUS_CODE\n" + b"16" * 1_000_000,
    b'STATUS_CODE\n"' + b"16\n" * 1_000_000,
    b"\0" * 1000,
    b"\xff\xfe" + b"\0\xd8" * 100,
    b"\xef\xbb\xbf" * 3 + b"{}",
    b'{"\\ud800": 1, "id": 943, "status": "\\udfff"}',
    b'[{"INT_MOBILE": "\\ud800", "STATUS_CODE": 16, "\\ud800": "\\udc00"}]',
    b'{"creationDate": 1e308, "id": 943, "status": "DRAFT"}',
    b'{"creationDate": -62135596800001, "id": 943, "status": "DRAFT"}',
    b'{"creationDate": {}, "id": 943, "status": ["DRAFT"]}',
    b'{"' + b"k" * 100_000 + b'": 1, "id": 943, "status": "DRAFT"}',
    b"{" + b",".join(b'"k%d": %d' % (n, n) for n in range(5000)) + b"}",
)


def test_no_hard_answer_raises_another_error_than_ours() -> None:
    for body in HARD:
        for media_type in ("application/json", "text/csv"):
            headers = {"Content-Type": media_type}
            try:
                found = results(httpx.Response(200, headers=headers, content=body))
            except Exception as error:
                raise AssertionError(body[:60]) from error
            for one in found:
                repr(one)
