"""Short links of a campaign: the rules of `tinyList` (Guide: 2.1)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import TYPE_CHECKING, Any

from mediasflow_async.sandbox import reading
from mediasflow_async.sandbox.errors import invalid
from mediasflow_async.sandbox.reading import Object, required

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mediasflow_async.sandbox.rules import ServerRules

MAX_LABEL = 20
MAX_DESCRIPTION = 40
LIFE_DAYS = 45
DEFAULT_HOST = "1mf.eu"

_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
_CODE_LENGTH = 6
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z?)?", re.ASCII)
_TARGETS = {"REDIRECT": "urlToRedirect", "LOCAL": "nameToLocalHTML"}


def checked_links(
    data: Object, rules: ServerRules, renderers: Iterable[str]
) -> tuple[dict[str, Any], ...]:
    """Return the links of the JSON body `data`, in the order of their indexes.

    Raises:
        Refusal: 400 about the first field that breaks a rule.
    """
    links = [
        _link(reading.mapping(link, f"tinyList[{place}]"), f"tinyList[{place}].", rules, renderers)
        for place, link in enumerate(reading.items(data, "tinyList"))
    ]
    indexes = [link["index"] for link in links]
    if len(set(indexes)) < len(indexes):
        raise invalid("tinyList", "two links have the same index")
    _check_files(data, links)
    return tuple(sorted(links, key=lambda link: link["index"]))


def _link(data: Object, where: str, rules: ServerRules, renderers: Iterable[str]) -> dict[str, Any]:
    kind = required(reading.text(data, "type", where), f"{where}type")
    if kind not in _TARGETS:
        raise invalid(f"{where}type", "type is REDIRECT or LOCAL")
    required(reading.text(data, _TARGETS[kind], where), f"{where}{_TARGETS[kind]}")
    renderer = reading.text(data, "renderer", where)
    if renderer and renderer not in renderers:
        raise invalid(f"{where}renderer", "no such renderer")
    index = _index(data, where)
    _check_preview(data, where, index)
    _check_life(data.get("endOfLife"), f"{where}endOfLife", rules)
    return {**data, "index": index, "type": kind}


def _index(data: Object, where: str) -> int:
    index = reading.integer(data, "index", where)
    if index is None or index < 0:
        raise invalid(f"{where}index", "index is mandatory: 0 for track_1, 1 for track_2, ...")
    return index


def _check_preview(data: Object, where: str, index: int) -> None:
    for name, limit in (("label", MAX_LABEL), ("description", MAX_DESCRIPTION)):
        value = reading.text(data, name, where)
        if value and len(value) > limit:
            raise invalid(f"{where}{name}", f"{name} has at most {limit} characters")
        if value and index > 0:
            raise invalid(f"{where}{name}", f"{name} belongs to the link of index 0 alone")
    image = reading.text(data, "imageName", where)
    if image and not image.lower().endswith((".jpg", ".png")):
        raise invalid(f"{where}imageName", "imageName ends in .jpg or .png")


def _check_life(value: object, name: str, rules: ServerRules) -> None:
    if value is None:
        return
    if isinstance(value, str) and _ISO_DATE.fullmatch(value):
        form = "date"
    else:
        form = "days"
        if reading.to_integer(value, name) <= 0:
            raise invalid(name, "endOfLife is at least one day")
    if form not in rules.end_of_life:
        raise invalid(name, f"endOfLife as {form} is not accepted", "WRONG_TYPE")


def _check_files(data: Object, links: list[dict[str, Any]]) -> None:
    zipped = reading.text(data, "b64ZipLocal") or reading.text(data, "b64ZipLoccal")
    image = reading.text(data, "b64ImagePreview")
    for name, value in (("b64ZipLocal", zipped), ("b64ImagePreview", image)):
        _check_base64(value, name)
    if not zipped and any(link["type"] == "LOCAL" for link in links):
        raise invalid("b64ZipLocal", "b64ZipLocal is mandatory with a LOCAL link", "MISSING_FIELD")
    if image and not any(link.get("imageName") for link in links):
        raise invalid("tinyList[0].imageName", "an image preview needs imageName", "MISSING_FIELD")


def _check_base64(value: str | None, name: str) -> None:
    try:
        base64.b64decode(value or "", validate=True)
    except (binascii.Error, ValueError):
        raise invalid(name, f"{name} is not BASE64") from None


def track_fields(links: Iterable[Mapping[str, Any]], key: str) -> dict[str, str]:
    """Return the short link of each `track_n` for the message that `key` identifies."""
    return {
        f"track_{link['index'] + 1}": f"{_host(link)}/{_code(key, link['index'])}" for link in links
    }


def _host(link: Mapping[str, Any]) -> str:
    return str(link.get("host") or link.get("associateToDomain") or DEFAULT_HOST)


def _code(key: str, index: int) -> str:
    digest = hashlib.sha256(f"{key}/{index}".encode()).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:_CODE_LENGTH])
