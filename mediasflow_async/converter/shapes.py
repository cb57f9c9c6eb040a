"""Objects of a shape that was seen before are read by code that was compiled for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from attrs import NOTHING, fields_dict, frozen

__all__ = ["Step", "shaped_reader"]

# What a server can make us compile has an end.
_MOST_SHAPES: Final = 256
_MOST_MEMBERS: Final = 256

# To call the class would gather all these keywords in a dictionary first.
_CODE: Final = """\
def read(value):
    ({members}) = value.values()
    made = new(model)
    init(made, {arguments}raw=value, extra={{{extra}}})
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
        model: the model, with `raw` and `extra`.
        steps: for each spelling on the wire, what to do with its value.
    """
    readers: dict[tuple[str, ...], Callable[[Mapping[str, Any]], Any]] = {}

    def read(value: Mapping[str, Any]) -> Any:
        shape = tuple(value)
        reader = readers.get(shape)
        if reader is None:
            if len(readers) == _MOST_SHAPES or len(shape) > _MOST_MEMBERS:
                _leave()
            reader = readers[shape] = _compiled(model, shape, steps)
        return reader(value)

    return read


def _compiled(
    model: type[Any], shape: tuple[str, ...], steps: Mapping[str, Step]
) -> Callable[[Mapping[str, Any]], Any]:
    taken = {number: steps[key] for number, key in enumerate(shape) if key in steps}
    if len({step.name for step in taken.values()}) < len(taken):
        return _leave
    extra = (f"{key!r}: m{number}, " for number, key in enumerate(shape) if key not in steps)
    namespace: dict[str, Any] = {"model": model, "new": model.__new__, "init": model.__init__}
    arguments = "".join(_argument(n, step, model, namespace) for n, step in taken.items())
    # Of what a server sends, the names alone are in the code, and as literals.
    code = _CODE.format(
        members="".join(f"m{number}, " for number in range(len(shape))),
        arguments=arguments,
        extra="".join(extra),
    )
    exec(compile(code, f"<reader of {model.__name__}>", "exec"), namespace)  # noqa: S102
    reader: Callable[[Mapping[str, Any]], Any] = namespace["read"]
    return reader


def _argument(number: int, step: Step, model: type[Any], namespace: dict[str, Any]) -> str:
    """Return the argument that a member becomes, and put what it needs in the namespace."""
    default = _default_of(model, step.name)
    namespace |= {
        f"kind{number}": step.as_it_is,
        f"hook{number}": step.hook,
        f"target{number}": step.target,
        f"default{number}": default,
    }
    absent = "None" if default is None else f"default{number}()"
    made = f"{absent} if m{number} is None else hook{number}(m{number}, target{number})"
    if step.as_it_is is not None:
        made = f"m{number} if type(m{number}) is kind{number} else {made}"
    return f"{step.name}={made}, "


def _default_of(model: type[Any], name: str) -> Callable[[], object] | None:
    """Return what gives the default of an attribute, or None where that is None."""
    default = fields_dict(model)[name].default
    if default is NOTHING:
        return _leave
    factory: Callable[[], object] | None = getattr(default, "factory", None)
    return factory or (None if default is None else lambda: default)


def _leave(*_: object) -> NoReturn:
    raise ValueError("left to a careful reader")
