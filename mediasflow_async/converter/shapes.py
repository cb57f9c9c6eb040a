"""Objects of a shape that was seen before are read by code that was compiled for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from attrs import NOTHING, Attribute, fields, frozen

from mediasflow_async.converter.thawing import thawed

__all__ = ["Step", "shaped_reader"]

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
