"""Answers that prove nothing, to launches, to questions about a draft, and to reports.

The number of the campaign that was asked about stands as `NUMBER` in them.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["NUMBER", "ODD_ANSWERS", "ODD_REPORTS", "numbered"]

NUMBER: Final = "<number>"

ODD_ANSWERS: Final[tuple[Any, ...]] = (
    {"success": False},
    {"ok": False, "id": NUMBER},
    {"result": "KO"},
    {"status": "KO"},
    {"error": "no credit"},
    {"id": NUMBER, "errors": ["no credit"]},
    {},
    [],
    None,
    {"id": NUMBER},
    {"id": 10**9, "status": "INPROGRESS"},
    {"id": 10**9, "status": "DRAFT"},
    {"id": 0, "status": "INPROGRESS"},
    {"id": -1, "status": "DRAFT"},
    {"id": 2**63, "status": "INJECTED"},
    {"status": "DRAFT"},
    {"status": "INPROGRESS"},
    {"id": NUMBER, "status": "FAILED"},
    {"id": NUMBER, "status": "ERROR"},
    {"id": NUMBER, "status": None},
    {"id": NUMBER, "status": "draft"},
    {"id": NUMBER, "status": "injected"},
    {"id": NUMBER, "status": "ENVOYEE"},
    {"id": NUMBER, "message": "the campaign is no draft"},
    {"message": "the campaign was sent"},
    {"message": "the campaign is a draft"},
    {"code": 409, "message": "the campaign is no draft"},
    {"code": 0, "message": "OK"},
    {"data": {"success": False}},
    [{"id": NUMBER, "status": "DRAFT"}, {"id": 10**9, "status": "DRAFT"}],
    "<!DOCTYPE html><html><head><title>Login</title></head></html>",
    "KO",
    "OK",
    False,
    True,
    NUMBER,
)
"""Data of answers under a status of success, of which none shows what became of a campaign."""

_COLUMNS: Final = "REF_LIST;ID_LINE;INT_MOBILE;STATUS_CODE;STATUS_TEXT"

ODD_REPORTS: Final[tuple[bytes, ...]] = (
    b"one line of any text\r\nand another\r\n",
    b"a;b\r\n1;16\r\n",
    b"sep=;\r\n" + _COLUMNS.encode() + b"\r\n",
    _COLUMNS.encode() + b"\r\n",
    b"Report of campaign 7\r\n" + _COLUMNS.encode() + b"\r\n",
    _COLUMNS.encode() + b"\r\nTOTAL;0;;0;\r\n",
    _COLUMNS.encode() + b"\r\nTOTAL;3;;3;\r\n",
    _COLUMNS.encode() + b"\r\nno rows yet\r\n",
    _COLUMNS.encode() + b"\r\nlist;1;+33600001601;;being prepared\r\n",
    b"java.lang.NullPointerException: null\r\n\tat com.mediasflow.Report.write(Report.java:42)\r\n",
    _COLUMNS.encode() + b"\r\njava.sql.SQLException: 16\r\n\tat Report.java:42\r\n",
    "one line of any text\r\nand another\r\n".encode("utf-16"),
    (_COLUMNS + "\r\n").encode("utf-16"),
    b"",
    b"{}",
    b"null",
    b'{"message": "no report"}',
    b"<html><title>Login</title></html>",
)
"""Bodies of reports under a status of success, of which none has a row that can be read."""


def numbered(answer: Any, campaign_id: int) -> Any:
    """Return an answer with the number of the campaign that was asked about."""
    if isinstance(answer, dict):
        return {name: numbered(value, campaign_id) for name, value in answer.items()}
    if isinstance(answer, list):
        return [numbered(value, campaign_id) for value in answer]
    return campaign_id if answer == NUMBER else answer
