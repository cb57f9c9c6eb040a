"""The rules of short links and their preview (Guide: 2.1, `tinyList`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from typing import Final

from mediasflow_async.errors import Problem
from mediasflow_async.models import CampaignRequest, Renderer, TinyUrl, TinyUrlType
from mediasflow_async.validation.rules import text_problems

__all__ = ["link_problems"]

_LONGEST_LABEL: Final = 20
_LONGEST_DESCRIPTION: Final = 40
_LIFE_DAYS: Final = range(1, 3651)
_IMAGE_ENDINGS: Final = (".jpg", ".png")
_TEXTS: Final = ("url", "local_html", "label", "description", "image_name", "host", "domain")


def link_problems(request: CampaignRequest, now: datetime) -> Iterator[Problem]:
    """Yield what the server would refuse in the short links of a campaign request.

    Args:
        request: the request.
        now: the time, in the zone where the server counts days.
    """
    links = request.tiny_urls
    if links == ():
        return
    if not isinstance(links, tuple) or not all(isinstance(link, TinyUrl) for link in links):
        yield Problem("tiny_urls", "a list of TinyUrl")
        return
    for position, link in enumerate(links):
        where = f"tiny_urls[{position}]"
        yield from _type_problems(where, link)
        yield from _target_problems(where, link, request)
        yield from _preview_problems(where, link, request)
        yield from _life_problems(where, link.end_of_life, now)
    yield from _index_problems(links)


def _type_problems(where: str, link: TinyUrl) -> Iterator[Problem]:
    yield from text_problems(f"{where}.", link, _TEXTS)
    if not isinstance(link.is_open_graph, bool | None):
        yield Problem(f"{where}.is_open_graph", "is True, False or None")
    if not isinstance(link.type, TinyUrlType):
        yield Problem(f"{where}.type", "is REDIRECT or LOCAL")
    if not isinstance(link.renderer, Renderer | None):
        yield Problem(f"{where}.renderer", f"is one of {', '.join(Renderer)}")
    if not isinstance(link.parameters, tuple) or not all(
        isinstance(parameter, str) for parameter in link.parameters
    ):
        yield Problem(f"{where}.parameters", "a list of texts such as 'name=${Name}'")


def _target_problems(where: str, link: TinyUrl, request: CampaignRequest) -> Iterator[Problem]:
    if link.type is TinyUrlType.REDIRECT and not link.url:
        yield Problem(f"{where}.url", "is mandatory for a REDIRECT")
    elif isinstance(link.url, str) and not link.url.startswith(("http://", "https://", "${")):
        yield Problem(f"{where}.url", "starts with https:// or http://")
    if link.type is TinyUrlType.LOCAL:
        if not link.local_html:
            yield Problem(f"{where}.local_html", "is mandatory for a LOCAL link")
        if request.zip_local is None:
            yield Problem("zip_local", f"is mandatory: {where} is a LOCAL link")


def _preview_problems(where: str, link: TinyUrl, request: CampaignRequest) -> Iterator[Problem]:
    for name, longest in (("label", _LONGEST_LABEL), ("description", _LONGEST_DESCRIPTION)):
        text = getattr(link, name)
        if not isinstance(text, str):
            continue
        if len(text) > longest:
            yield Problem(f"{where}.{name}", f"at most {longest} characters, not {len(text)}")
        if link.index != 0:
            yield Problem(f"{where}.{name}", "belongs to the link with index 0 only")
    if isinstance(link.image_name, str) and not link.image_name.lower().endswith(_IMAGE_ENDINGS):
        yield Problem(f"{where}.image_name", "ends in .jpg or .png")
    if link.index == 0 and request.image_preview is not None and not link.image_name:
        yield Problem(f"{where}.image_name", "is mandatory with an image_preview")


def _life_problems(where: str, life: object, now: datetime) -> Iterator[Problem]:
    day = life.astimezone(now.tzinfo).date() if isinstance(life, datetime) else life
    days = (day - now.date()).days if isinstance(day, date) else day
    is_count = isinstance(days, int) and not isinstance(days, bool)
    if life is not None and not (is_count and days in _LIFE_DAYS):
        yield Problem(f"{where}.end_of_life", "1 to 3650 days, as a number or as the last day")


def _index_problems(links: tuple[TinyUrl, ...]) -> Iterator[Problem]:
    indexes = [link.index for link in links]
    if not all(type(index) is int and index >= 0 for index in indexes):
        yield Problem("tiny_urls", "index is 0 for ${track_1}, 1 for ${track_2}, and so on")
        return
    for index, count in Counter(indexes).items():
        if count > 1:
            yield Problem("tiny_urls", f"index {index} is given {count} times")
