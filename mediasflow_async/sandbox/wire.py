"""What responses look like."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from mediasflow_async.sandbox.http import Answer, json_answer

if TYPE_CHECKING:
    from mediasflow_async.sandbox.errors import Refusal
    from mediasflow_async.sandbox.rules import ServerRules

_ERROR_PAGE = """<!DOCTYPE html><html><head><title>{status} - {code}</title></head>
<body><h1>HTTP Status {status} - {code}</h1><p>{message}</p><hr/></body></html>"""


def answer(rules: ServerRules, data: object) -> Answer:
    """Return a successful JSON answer."""
    return json_answer(_as_strings(data) if rules.values_as_strings else data)


def _as_strings(data: object) -> object:
    match data:
        case dict():
            return {key: _as_strings(value) for key, value in data.items()}
        case list():
            return [_as_strings(value) for value in data]
        case bool():
            return str(data).lower()
        case int() | float():
            return str(data)
        case _:
            return data


def refusal_answer(rules: ServerRules, refusal: Refusal) -> Answer:
    """Return an error answer in the style that the rules choose."""
    if rules.error_style == "text":
        return _plain(refusal)
    if rules.error_style == "html":
        return _page(refusal)
    status = 200 if rules.error_style == "ok" else refusal.status
    body: dict[str, Any] = {"error": refusal.code, "message": refusal.message}
    if refusal.field is not None:
        body["field"] = refusal.field
    found = json_answer(body, status)
    return Answer(found.status, found.body, found.content_type, refusal.headers)


def _plain(refusal: Refusal) -> Answer:
    body = f"{refusal.code}: {refusal.message}".encode()
    return Answer(refusal.status, body, "text/plain; charset=utf-8", refusal.headers)


def _page(refusal: Refusal) -> Answer:
    message = html.escape(refusal.message)
    page = _ERROR_PAGE.format(status=refusal.status, code=refusal.code, message=message)
    return Answer(refusal.status, page.encode(), "text/html; charset=utf-8", refusal.headers)


def path_to_campaign(campaign_id: int) -> str:
    """Return `pathToCampaign`: the id's bytes, lowest first; 943 gives `af/03/`."""
    size = max(2, (campaign_id.bit_length() + 7) // 8)
    return "".join(f"{byte:02x}/" for byte in campaign_id.to_bytes(size, "little"))


def java_hash_order(keys: list[str]) -> list[str]:
    """Return `keys` in the order in which a Java HashMap lists them, as the guide's answers do."""
    buckets = 16
    while len(keys) > buckets * 3 // 4:
        buckets *= 2
    return sorted(keys, key=lambda key: _spread_hash(key) % buckets)


def _spread_hash(key: str) -> int:
    value = 0
    units = key.encode("utf-16-be")
    for high, low in zip(units[::2], units[1::2], strict=True):
        value = (31 * value + (high << 8 | low)) & 0xFFFFFFFF
    return value ^ value >> 16
