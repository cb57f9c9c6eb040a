"""Short links in a message: which are there, and how long they are (Guide: 2.1, `tinyList`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from mediasflow_async.models import CampaignRequest, Renderer, TinyUrl
from mediasflow_async.text.preflighting.codes import WarningCode
from mediasflow_async.text.preflighting.notices import Notice, notice
from mediasflow_async.text.templates import FindingKind, lint

__all__ = ["link_notices", "stand_ins"]

_DEFAULT_HOST: Final = "1mf.eu"
_CODE: Final = "xxxxxx"
_TRACK: Final = re.compile(r"\b(track_[1-9][0-9]*)\b")
_FIELD_FINDINGS: Final = {
    FindingKind.NEAR_MISS: WarningCode.NEAR_MISS,
    FindingKind.UNKNOWN_FIELD: WarningCode.UNKNOWN_FIELD,
}


def stand_ins(request: CampaignRequest, short_url_length: int | None) -> dict[str, str]:
    """Return a text as long as the short link of each `track_n`."""
    return {_track(link): _short_url(link, short_url_length) for link in request.tiny_urls}


def _track(link: TinyUrl) -> str:
    return f"track_{link.index + 1}"


def _short_url(link: TinyUrl, length: int | None) -> str:
    text = f"{link.host or link.domain or _DEFAULT_HOST}/{_CODE}"
    return text if length is None else "x" * length


def link_notices(request: CampaignRequest, columns: Iterable[str]) -> Iterator[Notice]:
    """Yield what does not fit between the message, its links and the fields in them.

    Args:
        request: the campaign.
        columns: names that have a value or a default; empty when they are not known.
    """
    shown = dict.fromkeys(_TRACK.findall(request.msg or ""))
    linked = {_track(link): link for link in request.tiny_urls}
    for track in shown:
        if track not in linked:
            yield notice(WarningCode.MISSING_LINK, f"${{{track}}}")
    known = tuple(columns)
    for track, link in linked.items():
        if track not in shown:
            yield notice(WarningCode.UNUSED_LINK, f"${{{track}}}")
        yield from _parameter_notices(link)
        if known:
            yield from _field_notices(link, known, request.renderer)


def _parameter_notices(link: TinyUrl) -> Iterator[Notice]:
    for parameter in link.parameters:
        name = parameter.partition("=")[0]
        if name != name.upper():
            yield notice(WarningCode.LINK_PARAMETER_CASE, name)


def _field_notices(
    link: TinyUrl, known: tuple[str, ...], renderer: Renderer | None
) -> Iterator[Notice]:
    address = "\n".join((link.url or "", *link.parameters))
    for finding in lint(address, known, link.renderer or renderer or Renderer.BASIC):
        code = _FIELD_FINDINGS.get(finding.kind)
        if code:
            message = f"in the link of ${{{_track(link)}}}: {finding}"
            yield Notice(code, message, finding.placeholder)
