"""From decoded JSON to models: strict about meaning, tolerant about spelling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from functools import lru_cache
from types import GenericAlias
from typing import Any, Final, TypeVar, cast, get_args

from attrs import evolve, fields, frozen, has
from cattrs import BaseValidationError, ClassValidationError, Converter, IterableValidationError
from cattrs.gen import make_dict_structure_fn, override

from mediasflow_async.converter.names import SPELLINGS, WIRE_NAMES
from mediasflow_async.converter.scalars import (
    extended_keys,
    optional,
    read_bool,
    read_enum_or_text,
    read_float,
    read_int,
    read_text,
    read_text_or_none,
)
from mediasflow_async.converter.shapes import Step, shaped_reader
from mediasflow_async.dates import read_datetime
from mediasflow_async.models import (
    BlacklistKind,
    CampaignStatus,
    CampaignType,
    ListType,
    Recipient,
    Renderer,
    TinyUrl,
)
from mediasflow_async.models.open_enum import OpenEnum

__all__ = ["ModelReader", "Unreadable", "reader_for"]

_Model = TypeVar("_Model")

# Keys of our own beside the wire names, which hold no such characters.
_RAW: Final = "<raw>"
_EXTRA: Final = "<extra>"

_AS_IT_IS: Final[dict[Any, type[Any]]] = {
    target: scalar for scalar in (str, bool, int, float) for target in (scalar, scalar | None)
}
_FAILURES: Final = (BaseValidationError, ValueError, TypeError, KeyError)
_KINDS: Final[dict[type[Any], str]] = {
    type(None): "null",
    list: "an array",
    str: "text",
    bool: "a boolean",
}


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


class ModelReader:
    """Reads models for one zone of the server's dates.

    Args:
        zone: zone of the dates that name none.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._hook_of = lru_cache(maxsize=64)(_converter(zone).get_structure_hook)

    def read(self, data: object, model: type[_Model], *, path: str = "$") -> _Model | Unreadable:
        """Return a model from decoded JSON, or what could not be understood below `path`."""
        try:
            return cast("_Model", self._hook_of(cast("Any", model))(data, model))
        except _FAILURES as error:
            return Unreadable(*_first_problem(error, path))


@lru_cache(maxsize=32)
def reader_for(zone: tzinfo) -> ModelReader:
    """Return the reader for a zone; compiled once."""
    return ModelReader(zone)


def _converter(zone: tzinfo) -> Converter:
    converter = Converter(detailed_validation=True)
    converter.register_structure_hook(str, read_text)
    converter.register_structure_hook(str | None, read_text_or_none)
    for scalar, read in ((bool, read_bool), (int, read_int), (float, read_float)):
        converter.register_structure_hook(scalar, read)
        converter.register_structure_hook(scalar | None, optional(scalar, read))
    for enum in (BlacklistKind, CampaignStatus, ListType):
        converter.register_structure_hook(enum, _open_enum_reader(enum))
        converter.register_structure_hook(enum | None, _open_enum_reader(enum))
    converter.register_structure_hook(datetime | None, lambda value, _: read_datetime(value, zone))
    converter.register_structure_hook(CampaignType | str | None, read_enum_or_text(CampaignType))
    converter.register_structure_hook(Renderer | str | None, read_enum_or_text(Renderer))
    converter.register_structure_hook_factory(_is_tuple, _tuple_reader)
    converter.register_structure_hook_factory(_is_mapping, _mapping_reader)
    converter.register_structure_hook_factory(has, _object_reader)
    return converter


def _open_enum_reader(enum: type[OpenEnum]) -> Callable[[object, object], OpenEnum]:
    known = {member.value: member for member in enum}

    def read_open_enum(value: object, _: object) -> OpenEnum:
        text = read_text(value)
        return known.get(text) or enum(text)

    return read_open_enum


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
            # Which of them it is, cattrs says.
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
            # Which of them it is, cattrs says.
            return read_carefully(value, target)

    return read_mapping


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
    read = shaped_reader(model, _steps(model, converter, overrides))

    def read_object(value: object, target: object) -> Any:
        if not isinstance(value, dict):
            raise ValueError(f"expected an object, not {_kind(value)}")
        try:
            return read(value)
        except _FAILURES:
            # What is wrong, and where, is cattrs's to say.
            return structure(_known_and_extra(value, canonical), target)

    return read_object


def _steps(model: type[Any], converter: Converter, overrides: Mapping[str, Any]) -> dict[str, Step]:
    types = {attribute.name: _without_none(attribute.type) for attribute in fields(model)}
    steps = {
        wire: Step(
            name=name,
            wire=None,
            as_it_is=None if overrides[name].struct_hook else _AS_IT_IS.get(types[name]),
            hook=overrides[name].struct_hook or converter.get_structure_hook(types[name]),
            target=types[name],
        )
        for name, wire in WIRE_NAMES[model].items()
    }
    others = {other: evolve(steps[wire], wire=wire) for other, wire in SPELLINGS[model].items()}
    return steps | others


def _without_none(target: Any) -> Any:
    """Return the model of what is a model or None: a member that is null is not read at all."""
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
    known[_EXTRA] = extra
    return known


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "a number")


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
