"""Answers of the server as bytes, whole and broken. No I/O."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.soak.faults import Fault
from tests.support.odd_answers import ODD_ANSWERS, ODD_REPORTS, numbered

__all__ = ["FAILED", "LIMITED", "broken", "csv", "json_reply", "odd", "reply"]

_HEAD_END: Final = b"\r\n\r\n"


def reply(status: int, body: bytes = b"", **headers: str) -> bytes:
    """Return an answer; an underscore in the name of a header is a hyphen."""
    lines = [f"HTTP/1.1 {status} Anything", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + _HEAD_END + body


def json_reply(data: Any, status: int = 200, **headers: str) -> bytes:
    """Return an answer in JSON."""
    body = json.dumps(data).encode()
    return reply(status, body, Content_Type="application/json", **headers)


def csv(*lines: str) -> bytes:
    """Return an answer in CSV."""
    return reply(200, "".join(f"{line}\r\n" for line in lines).encode(), Content_Type="text/csv")


FAILED: Final = json_reply({"error": "FAILED", "message": "something broke"}, 500)
LIMITED: Final = json_reply({"error": "LIMITED", "message": "slow down"}, 429, Retry_After="1")


def odd(part: float, number: int | None, *, is_report: bool) -> bytes:
    """Return an answer under a status of success that shows nothing of a campaign."""
    if number is None:
        # No question about a campaign: whoever cannot log in or prepare tries again.
        return FAILED
    if is_report:
        return reply(200, ODD_REPORTS[int(part * len(ODD_REPORTS))], Content_Type="text/csv")
    data = numbered(ODD_ANSWERS[int(part * len(ODD_ANSWERS))], number)
    if isinstance(data, str):
        return reply(200, data.encode(), Content_Type="text/html")
    return reply(204) if data is None else json_reply(data)


def broken(fault: Fault, whole: bytes) -> bytes:
    """Return what arrives of an answer before the connection closes."""
    status_line, _, _ = whole.partition(b"\r\n")
    head, _, body = whole.partition(_HEAD_END)
    return {
        Fault.HALF_STATUS: status_line[: len(status_line) // 2],
        Fault.HALF_HEADERS: head[: (len(status_line) + len(head)) // 2],
        Fault.HALF_BODY: head + _HEAD_END + body[: len(body) // 2],
        Fault.GARBAGE: b"\x16\x03\x01 this is no HTTP\r\n\r\n",
    }[fault]
