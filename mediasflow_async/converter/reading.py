"""Models, out of the JSON of an answer.

cattrs reads everything, and says where something is wrong. It is slow, so that a function is
compiled for each shape of object that a model comes in (`converter.shapes`). It takes only values
that are as they should be; all else is left to cattrs, and the two must agree.

A tolerant reader, since nobody has seen the server: numbers and booleans may be text, names may
be spelled in several ways, unknown members are kept in `extra`, and a date that cannot be read is
None. What a model is about decides (its id, its status, its number); any other member that cannot
be read is kept in `extra` as well, and logged once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from enum import StrEnum
from functools import lru_cache
from types import GenericAlias
from typing import Any, Final, TypeVar, cast, get_args

from attrs import NOTHING, fields, frozen, has
from cattrs import BaseValidationError, ClassValidationError, Converter, IterableValidationError
from cattrs.gen import make_dict_structure_fn, override

from mediasflow_async.converter.names import SPELLINGS, WIRE_NAMES, folded
from mediasflow_async.converter.shapes import ShapedReaders, Step
from mediasflow_async.dates import read_datetime
from mediasflow_async.models import (
    BlacklistKind,
    Campaign,
    CampaignStatus,
    CampaignType,
    ListType,
    Recipient,
    RecipientList,
    Renderer,
    TinyUrl,
)
from mediasflow_async.models.values import LARGEST_EXACT_FLOAT
from mediasflow_async.secrecy import LOGGER

__all__ = [
    "ModelReader",
    "Unreadable",
    "extended_keys",
    "read_int",
    "reader_for",
    "warn_once",
]

_Model = TypeVar("_Model")
_Value = TypeVar("_Value")
_FAILURES: Final = (BaseValidationError, ValueError, TypeError, KeyError)


@lru_cache(maxsize=32)
def reader_for(zone: tzinfo) -> ModelReader:
    """Return the reader for a zone, the same one for the same zone."""
    return ModelReader(zone)


class ModelReader:
    """Reads models.

    Args:
        zone: zone of the dates that name none.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._hook_of = lru_cache(maxsize=64)(_converter(zone).get_structure_hook)

    def read(self, data: object, model: type[_Model], *, path: str = "$") -> _Model | Unreadable:
        """Return a model from decoded JSON, or the first thing that could not be understood.

        Args:
            data: the decoded JSON.
            model: what it should be.
            path: where in the answer `data` stands.
        """
        try:
            return cast("_Model", self._hook_of(cast("Any", model))(data, model))
        except _FAILURES as error:
            return Unreadable(*_first_problem(error, path))


@frozen
class Unreadable:
    """The first thing in an answer that could not be understood.

    Attributes:
        path: where it is, in wire names, such as ``$.listInCampaign.size``.
        reason: what is wrong with it.
    """

    path: str
    reason: str

    @property
    def message(self) -> str:
        """The sentence for an error."""
        return f"the answer cannot be understood at {self.path}: {self.reason}"


def _first_problem(error: BaseException, path: str) -> tuple[str, str]:
    if isinstance(error, ClassValidationError):
        part, note = error.group_exceptions()[0][0]
        wire = WIRE_NAMES.get(error.cl, {}).get(note.name, note.name)
        return _first_problem(part, f"{path}.{wire}")
    if isinstance(error, IterableValidationError):
        part, item = error.group_exceptions()[0][0]
        return _first_problem(part, f"{path}[{item.index}]")
    return path, _reason(error)


def _reason(error: BaseException) -> str:
    return "it is missing" if isinstance(error, KeyError) else str(error)


def _converter(zone: tzinfo) -> Converter:
    converter = Converter(detailed_validation=True)
    converter.register_structure_hook(str, _read_text)
    converter.register_structure_hook(str | None, _read_text_or_none)
    for scalar, read in ((bool, _read_bool), (int, read_int), (float, _read_float)):
        converter.register_structure_hook(scalar, read)
        converter.register_structure_hook(scalar | None, _optional(scalar, read))
    for enum in (BlacklistKind, CampaignStatus, ListType):
        converter.register_structure_hook(enum, _enum_reader(enum, unknown=enum))
        converter.register_structure_hook(enum | None, _enum_reader(enum, unknown=enum))
    converter.register_structure_hook(datetime | None, lambda value, _: read_datetime(value, zone))
    for closed in (CampaignType, Renderer):
        converter.register_structure_hook(closed | str | None, _enum_reader(closed, unknown=str))
    converter.register_structure_hook_factory(_is_tuple, _tuple_reader)
    converter.register_structure_hook_factory(_is_mapping, _mapping_reader)
    converter.register_structure_hook_factory(has, _object_reader)
    return converter


def _is_tuple(target: Any) -> bool:
    return getattr(target, "__origin__", None) is tuple


def _tuple_reader(target: Any, converter: Converter) -> Callable[[object, object], Any]:
    (item,) = get_args(target)[:1]
    read_item = converter.get_structure_hook(item)
    read_carefully = converter.get_structure_hook(GenericAlias(list, (item,)))

    def read_tuple(value: object, _: object) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError("expected an array")
        if not value:
            return ()
        try:
            return tuple([read_item(part, item) for part in value])
        except _FAILURES:
            # cattrs says which part it is.
            return tuple(read_carefully(value, target))

    return read_tuple


def _is_mapping(target: Any) -> bool:
    return getattr(target, "__origin__", None) is Mapping


def _mapping_reader(target: Any, converter: Converter) -> Callable[[object, object], Any]:
    name, member = get_args(target)
    read_name, read_member = map(converter.get_structure_hook, (name, member))
    read_carefully = converter.get_structure_hook(GenericAlias(dict, (name, member)))

    def read_mapping(value: object, _: object) -> Any:
        if not isinstance(value, dict):
            raise ValueError(f"expected an object, not {_kind(value)}")
        try:
            return {read_name(key, name): read_member(part, member) for key, part in value.items()}
        except _FAILURES:
            # cattrs says which part it is.
            return read_carefully(value, target)

    return read_mapping


# Keys that cattrs reads `raw` and `extra` from; no wire name holds such characters.
_RAW: Final = "<raw>"
_EXTRA: Final = "<extra>"
_AS_IT_IS: Final[dict[Any, type[Any]]] = {
    target: scalar for scalar in (str, bool, int, float) for target in (scalar, scalar | None)
}


def _object_reader(model: type[Any], converter: Converter) -> Callable[[object, object], Any]:
    names = WIRE_NAMES[model]
    overrides: dict[str, Any] = {name: override(rename=wire) for name, wire in names.items()}
    own = {"raw": _RAW, "extra": _EXTRA}
    for attribute in fields(model):
        if attribute.name in own:
            overrides[attribute.name] = override(
                rename=own[attribute.name], struct_hook=lambda value, _: value
            )
    if model is Recipient:
        overrides["fields"] = override(rename=names["fields"], struct_hook=extended_keys)
    if model is TinyUrl:
        overrides["end_of_life"] = override(
            rename=names["end_of_life"], struct_hook=lambda value, _: value
        )
    structure = make_dict_structure_fn(model, converter, **overrides)
    canonical = {wire: wire for wire in names.values()} | SPELLINGS[model]
    readers = ShapedReaders(model, _steps(model, converter, overrides))
    read_what_can_be = _tolerant(model, structure)

    def read_object(value: object, target: object) -> Any:
        if not isinstance(value, dict):
            raise ValueError(f"expected an object, not {_kind(value)}")
        try:
            return readers[tuple(value)](value)
        except _FAILURES:
            # cattrs reads what is only unusual, and says what is wrong.
            return read_what_can_be(_known_and_extra(value, canonical), target)

    return read_object


def _tolerant(model: type[Any], structure: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return a reader that moves to `extra` what it cannot read and what does not decide."""
    names = WIRE_NAMES[model]
    deciding = _deciding(model)

    def read_what_can_be(known: dict[str, Any], target: object) -> Any:
        try:
            return structure(known, target)
        except ClassValidationError as error:
            unreadable = {note.name for _, note in error.group_exceptions()[0]} - deciding
            if not unreadable:
                raise
        for name in unreadable:
            known[_EXTRA][names[name]] = known.pop(names[name])
            warn_once(model.__name__, names[name])
        return read_what_can_be(known, target)

    return read_what_can_be


# Attributes with a default without which a model says nothing all the same.
_DECIDING: Final[dict[type[Any], frozenset[str]]] = {
    Campaign: frozenset({"status"}),
    RecipientList: frozenset({"id"}),
}


def _deciding(model: type[Any]) -> frozenset[str]:
    required = {attribute.name for attribute in fields(model) if attribute.default is NOTHING}
    return _DECIDING.get(model, frozenset()) | required


@lru_cache(maxsize=256)
def warn_once(model: str, wire: str) -> None:
    """Log, once in this process, that a member cannot be read; never its value."""
    LOGGER.warning(
        "the member %r of a %s from the server cannot be read, and is kept in `extra`", wire, model
    )


def _steps(model: type[Any], converter: Converter, overrides: Mapping[str, Any]) -> dict[str, Step]:
    types = {attribute.name: _without_none(attribute.type) for attribute in fields(model)}
    steps = {
        wire: Step(
            name=name,
            as_it_is=None if overrides[name].struct_hook else _AS_IT_IS.get(types[name]),
            members=_members(types[name]),
            hook=overrides[name].struct_hook or converter.get_structure_hook(types[name]),
            target=types[name],
        )
        for name, wire in WIRE_NAMES[model].items()
    }
    return steps | {other: steps[wire] for other, wire in SPELLINGS[model].items()}


def _members(target: Any) -> Mapping[str, object]:
    """Return the members of an enum by their values; none for another type."""
    kind, *_ = get_args(target) or (target,)
    if not (isinstance(kind, type) and issubclass(kind, StrEnum)):
        return {}
    return {member.value: member for member in kind}


def _without_none(target: Any) -> Any:
    """Return the model of a type that is a model or None: null is never read."""
    parts = get_args(target)
    return parts[0] if parts[1:] == (type(None),) and has(parts[0]) else target


def _known_and_extra(value: Mapping[str, Any], canonical: Mapping[str, str]) -> dict[str, Any]:
    known: dict[str, Any] = {_RAW: value}
    extra: dict[str, Any] = {}
    for key, item in value.items():
        wire = canonical.get(key)
        if wire is None or (wire != key and value.get(wire) is not None):
            extra[key] = item
        elif item is not None:
            known[wire] = item
    alike = {folded(name): wire for name, wire in canonical.items()}
    for key in [key for key in extra if key not in canonical]:
        wire = alike.get(folded(key))
        if wire is not None and wire not in known and extra[key] is not None:
            known[wire] = extra.pop(key)
    known[_EXTRA] = extra
    return known


_KINDS: Final[dict[type[Any], str]] = {
    type(None): "null",
    list: "an array",
    str: "text",
    bool: "a boolean",
}


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "a number")


_DIGITS: Final = re.compile(r"[+-]?[0-9]{1,20}")
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


def _enum_reader(
    enum: type[StrEnum], unknown: Callable[[str], object]
) -> Callable[[object, object], Any]:
    members: dict[str, object] = {member.value: member for member in enum}

    def read_enum(value: object, _: object) -> object:
        text = _read_text(value)
        return members.get(text) or unknown(text)

    return read_enum


def _optional(
    kind: type[_Value], read: Callable[[object, object], _Value]
) -> Callable[[object, object], _Value | None]:
    """Return a reader that takes an empty text for None, and a value of its kind as it is."""

    def read_optional(value: object, target: object) -> _Value | None:
        # A float may be NaN, which is read as what is no number.
        if type(value) is kind and kind is not float:
            return value
        return None if value == "" else read(value, target)

    return read_optional


def _read_text_or_none(value: object, _: object = None) -> str | None:
    """Return text, or None for None."""
    return value if type(value) is str or value is None else _read_text(value)


def _read_text(value: object, _: object = None) -> str:
    """Return text, from text, a number or a boolean."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        # A number that went through a double, such as a phone number.
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    raise ValueError("expected text")


def _read_bool(value: object, _: object = None) -> bool:
    """Return a boolean, from ``true``, ``"TRUE"``, ``1`` or ``"1"`` and their opposites."""
    try:
        return _BOOLEANS[str(value).strip().lower()]
    except KeyError:
        raise ValueError("expected a boolean") from None


def read_int(value: object, _: object = None) -> int:
    """Return an integer, from ``12``, ``12.0`` or ``"12"``."""
    if type(value) is int:
        return value
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        return int(value)
    number = _read_float(value)
    # A larger one is that of a neighbour, too.
    if not number.is_integer() or abs(number) > LARGEST_EXACT_FLOAT:
        raise ValueError("expected an integer")
    return int(number)


def _read_float(value: object, _: object = None) -> float:
    """Return a finite number, from a number or text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("expected a number")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise ValueError("expected a number") from None
    if number - number != 0:
        raise ValueError("expected a finite number")
    return number


def extended_keys(value: object, _: object = None) -> dict[str, Any]:
    """Return a recipient's own fields from either shape that the guide prints (Guide: 2.1).

    An array of ``{"keyName": ..., "keyValue": ...}``, an array of objects, or one object.
    """
    parts = value if isinstance(value, list) else [value]
    fields: dict[str, Any] = {}
    for part in parts:
        if not isinstance(part, Mapping):
            raise ValueError("expected an object")
        fields.update({part["keyName"]: part.get("keyValue")} if "keyName" in part else part)
    return fields
