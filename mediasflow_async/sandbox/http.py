"""A request and its answer, as plain data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping


@frozen
class Call:
    """A request as it came in.

    Attributes:
        method: in capitals.
        path: below the base URL, decoded, without slashes at its ends.
        query: parameters of the URL.
        headers: names in lower case; the last one of a name counts.
        body: whole, undecoded.
        client_ip: who calls.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(factory=dict)
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    client_ip: str = "127.0.0.1"

    @property
    def content_type(self) -> str:
        """The media type in lower case, without parameters; empty when there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def form(self) -> dict[str, str]:
        """Return the body's form fields; empty when the body is no form."""
        text = self.body.decode("utf-8", errors="replace")
        return dict(parse_qsl(text, keep_blank_values=True))


@frozen
class Answer:
    """A response.

    Attributes:
        status: HTTP status code.
        body: whole, encoded.
        content_type: media type with its parameters.
        headers: further headers.
    """

    status: int = 200
    body: bytes = field(default=b"", repr=False)
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(factory=dict)


def json_answer(data: object, status: int = 200) -> Answer:
    """Return an answer with `data` as JSON."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return Answer(status, text.encode())
