"""From JSON to models; compiled for shapes that come again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from enum import StrEnum
from functools import lru_cache
from types import GenericAlias
from typing import Any, Final, NoReturn, TypeVar, cast, get_args

from attrs import NOTHING, Attribute, evolve, fields, frozen, has
from cattrs import BaseValidationError, ClassValidationError, Converter, IterableValidationError
from cattrs.gen import make_dict_structure_fn, override

from mediasflow_async.converter.names import SPELLINGS, WIRE_NAMES
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
from mediasflow_async.models.values import OpenEnum

__all__ = [
    "ModelReader",
    "Step",
    "Unreadable",
    "extended_keys",
    "optional",
    "read_bool",
    "read_enum_or_text",
    "read_float",
    "read_int",
    "read_text",
    "read_text_or_none",
    "reader_for",
    "shaped_reader",
    "thawed",
]


_Value = TypeVar("_Value")
_DIGITS: Final = re.compile(r"[+-]?[0-9]{1,20}")
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


def read_bool(value: object, _: object = None) -> bool:
    """Return a boolean from ``true``, ``"TRUE"``, ``1`` or ``"1"`` and their opposites."""
    try:
        return _BOOLEANS[str(value).strip().lower()]
    except KeyError:
        raise ValueError("expected a boolean") from None


def read_int(value: object, _: object = None) -> int:
    """Return an integer from ``12``, ``12.0`` or ``"12"``."""
    if type(value) is int:
        return value
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        return int(value)
    number = read_float(value)
    if not number.is_integer():
        raise ValueError("expected an integer")
    return int(number)


def read_float(value: object, _: object = None) -> float:
    """Return a finite number from a number or its text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("expected a number")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise ValueError("expected a number") from None
    if number - number != 0:
        raise ValueError("expected a finite number")
    return number


def read_text(value: object, _: object = None) -> str:
    """Return text; a number is taken as its digits, an object or an array is refused."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise ValueError("expected text")


def read_text_or_none(value: object, _: object = None) -> str | None:
    """Return text, or None as it is."""
    return value if type(value) is str or value is None else read_text(value)


def read_enum_or_text(enum: type[StrEnum]) -> Callable[[object, object], StrEnum | str]:
    """Return a reader of an enumeration that keeps a value it does not know as text."""
    members: dict[str, StrEnum | str] = {member.value: member for member in enum}

    def read(value: object, _: object) -> StrEnum | str:
        text = read_text(value)
        return members.get(text, text)

    return read


def optional(
    kind: type[_Value], read: Callable[[object, object], _Value]
) -> Callable[[object, object], _Value | None]:
    """Return a reader that takes an empty text for None, and what is of its kind as it is."""

    def read_optional(value: object, target: object) -> _Value | None:
        if type(value) is kind:
            return value
        return None if value == "" else read(value, target)

    return read_optional


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


def thawed(model: type[Any]) -> type[Any]:
    """Return a twin of a frozen attrs class with slots: it is the same, but can be written to.

    A frozen `__init__` makes a call for each attribute, ten times what it costs to set one. What
    is made of the twin has every attribute set, and becomes the model by
    ``made.__class__ = model``; converters and validators are up to who sets them.
    """
    # Python takes the fast way only where both are the ordinary ones.
    own = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    return type(f"Thawed{model.__name__}", (model,), {"__slots__": (), **own})


# What a server can make us compile has an end.
_MOST_SHAPES: Final = 256
_MOST_MEMBERS: Final = 256

_BESIDE: Final = frozenset({"raw", "extra"})

_CODE: Final = """\
def read(value):
    ({members}) = value.values()
    made = new(twin)
    {settings}
    made.raw = value
    made.extra = {{{extra}}}
    made.__class__ = model
    return made
"""


@frozen
class Step:
    """How one member of an object becomes an attribute.

    Attributes:
        name: the attribute.
        wire: the spelling that goes before this one, or None for that one itself.
        as_it_is: the type that is taken as it is, or None.
        hook: reads any other value but None, which leaves the attribute's default.
        target: what the hook makes.
    """

    name: str
    wire: str | None
    as_it_is: type[Any] | None
    hook: Callable[[Any, Any], Any]
    target: Any


def shaped_reader(
    model: type[Any], steps: Mapping[str, Step]
) -> Callable[[Mapping[str, Any]], Any]:
    """Return what makes a model of an object; the answers of a server have few shapes.

    A shape is the names of the members, in order. What is made raises an error for what it
    leaves to a careful reader: values that are not as they should be, one attribute in two
    spellings, ever new shapes, and very large ones.

    Args:
        model: the model, with `raw` and `extra`, and no validators.
        steps: for each spelling on the wire, what to do with its value.
    """
    twin = thawed(model)
    readers: dict[tuple[str, ...], Callable[[Mapping[str, Any]], Any]] = {}

    def read(value: Mapping[str, Any]) -> Any:
        shape = tuple(value)
        reader = readers.get(shape)
        if reader is None:
            if len(readers) == _MOST_SHAPES or len(shape) > _MOST_MEMBERS:
                _leave()
            reader = readers[shape] = _compiled(twin, model, shape, steps)
        return reader(value)

    return read


def _compiled(
    twin: type[Any], model: type[Any], shape: tuple[str, ...], steps: Mapping[str, Step]
) -> Callable[[Mapping[str, Any]], Any]:
    taken = {
        steps[key].name: (number, steps[key]) for number, key in enumerate(shape) if key in steps
    }
    extra = [f"{key!r}: m{number}, " for number, key in enumerate(shape) if key not in steps]
    if len(taken) + len(extra) < len(shape):
        return _leave
    namespace: dict[str, Any] = {"model": model, "twin": twin, "new": twin.__new__, "leave": _leave}
    settings = [
        f"made.{attribute.name} = {_value(attribute, taken.get(attribute.name), namespace)}"
        for attribute in fields(model)
        if attribute.name not in _BESIDE
    ]
    # Of what a server sends, the names alone are in the code, and as literals.
    code = _CODE.format(
        members="".join(f"m{number}, " for number in range(len(shape))),
        settings="\n    ".join(settings),
        extra="".join(extra),
    )
    exec(compile(code, f"<reader of {model.__name__}>", "exec"), namespace)  # noqa: S102
    reader: Callable[[Mapping[str, Any]], Any] = namespace["read"]
    return reader


def _value(
    attribute: Attribute[Any], member: tuple[int, Step] | None, namespace: dict[str, Any]
) -> str:
    """Return the expression of an attribute, and put what it needs in the namespace."""
    made = _default(attribute, namespace)
    if member is not None:
        number, step = member
        names = f"kind{number}", f"hook{number}", f"target{number}"
        namespace |= zip(names, (step.as_it_is, step.hook, step.target), strict=True)
        made = f"{made} if m{number} is None else hook{number}(m{number}, target{number})"
        if step.as_it_is is not None:
            made = f"m{number} if type(m{number}) is kind{number} else {made}"
    if attribute.converter is None:
        return made
    namespace[f"convert_{attribute.name}"] = attribute.converter
    return f"convert_{attribute.name}({made})"


def _default(attribute: Attribute[Any], namespace: dict[str, Any]) -> str:
    """Return the expression of the value of an attribute that an object does not have."""
    name, default = f"default_{attribute.name}", attribute.default
    if default is NOTHING:
        return "leave()"
    factory: Callable[[], object] | None = getattr(default, "factory", None)
    namespace[name] = factory or default
    return f"{name}()" if factory else name


def _leave(*_: object) -> NoReturn:
    raise ValueError("left to a careful reader")


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
