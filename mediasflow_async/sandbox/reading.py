"""Typed values out of JSON objects, as leniently as Gson reads them and no more.

Used as a namespace: `reading.text(data, "msg")`. Each function raises HttpError 400 with the wire
name of the field for a value of the wrong type; `where` is what stands before the field's own
name, such as `listRecipient[3].`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from mediasflow_async.sandbox.http import invalid, missing, unsupported_media

if TYPE_CHECKING:
    from mediasflow_async.sandbox.http import Request

__all__ = [
    "Object",
    "boolean",
    "integer",
    "items",
    "json_object",
    "mapping",
    "number",
    "required",
    "text",
    "texts",
    "to_integer",
]

Object = Mapping[str, Any]
_MAX_INT64 = 2**63 - 1
_MAX_DIGITS = len(str(_MAX_INT64))
_BOOLEANS = {"true": True, "false": False}


def json_object(request: Request, content_types: frozenset[str]) -> Object:
    """Return the body of `request` as a JSON object.

    Raises:
        HttpError: 415 for another content type, 400 for anything but a JSON object.
    """
    if request.content_type not in content_types:
        raise unsupported_media(request.content_type, " or ".join(sorted(content_types)))
    try:
        data = json.loads(request.body.decode("utf-8"), parse_constant=_refuse_constant)
        # JSON can write half of a surrogate pair, which cannot be encoded, and so not be stored.
        json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise invalid("body", "the body is not valid JSON in UTF-8", "MALFORMED_JSON") from None
    if not isinstance(data, dict):
        raise invalid("body", "the body must be a JSON object", "MALFORMED_JSON")
    return data


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def text(data: Object, name: str, where: str = "") -> str | None:
    """Return the text under `name`; numbers and booleans are read as text."""
    value = data.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    raise invalid(where + name, f"{where}{name} must be a text", "WRONG_TYPE")


def boolean(data: Object, name: str, where: str = "") -> bool | None:
    """Return the boolean under `name`; `"TRUE"` counts as true."""
    value = data.get(name)
    if isinstance(value, str) and value.lower() in _BOOLEANS:
        return _BOOLEANS[value.lower()]
    if value is None or isinstance(value, bool):
        return value
    raise invalid(where + name, f"{where}{name} must be true or false", "WRONG_TYPE")


def integer(data: Object, name: str, where: str = "") -> int | None:
    """Return the 64-bit integer under `name`; `"943"` counts as 943."""
    value = data.get(name)
    return None if value is None else to_integer(value, where + name)


def to_integer(value: object, name: str) -> int:
    """Return `value` as a 64-bit integer."""
    if isinstance(value, str):
        value = number(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MAX_INT64:
        raise invalid(name, f"{name} must be an integer", "WRONG_TYPE")
    return value


def number(text: str) -> int | None:
    """Return the number that `text` spells in digits, None for anything else."""
    is_number = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    return int(text) if is_number else None


def items(data: Object, name: str, where: str = "") -> list[Any]:
    """Return the array under `name`; empty when there is none."""
    value = data.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise invalid(where + name, f"{where}{name} must be an array", "WRONG_TYPE")
    return value


def mapping(value: object, name: str) -> Object:
    """Return `value`, which must be a JSON object."""
    if not isinstance(value, dict):
        raise invalid(name, f"{name} must be an object", "WRONG_TYPE")
    return value


def texts(value: object, name: str) -> dict[str, str]:
    """Return a JSON object whose values are texts; null is an empty text."""
    data = mapping(value, name)
    return {key: text(data, key, f"{name}.") or "" for key in data}


def required(value: str | None, name: str) -> str:
    """Return `value`, which must be there and not blank."""
    if value is None or not value.strip():
        raise missing(name)
    return value
