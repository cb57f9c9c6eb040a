"""Readers of objects, compiled for each shape that they come in.

A shape is the names of an object's members, in order; the answers of a server have few. The
function of a shape sets the attributes of a model from the values, takes only values that are as
they should be, and leaves all others to cattrs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from attrs import NOTHING, Attribute, field, fields, frozen

from mediasflow_async.converter.names import folded

__all__ = ["ShapedReaders", "Step"]


class ShapedReaders(dict[tuple[str, ...], Callable[[Mapping[str, Any]], Any]]):
    """For each shape of object, a function that makes a model of it, compiled when first needed.

    A dict, so that a shape that was met before costs a lookup and no call. The function raises an
    error for what it leaves to cattrs: values that are not as they should be, an attribute in two
    spellings, and shapes that are too many or too large.

    Args:
        model: the model, with `raw` and `extra`, and no validators.
        steps: for each spelling on the wire, what to do with its value; names with the same
            letters and digits are read in the same way.
    """

    def __init__(self, model: type[Any], steps: Mapping[str, Step]) -> None:
        super().__init__()
        self._model = model
        self._mutable = _mutable_subclass(model)
        self._steps = steps
        self._alike = {folded(wire): step for wire, step in steps.items()}

    def __missing__(self, shape: tuple[str, ...]) -> Callable[[Mapping[str, Any]], Any]:
        if len(self) == _MOST_SHAPES or len(shape) > _MOST_MEMBERS:
            return _leave
        known = {key: step for key in shape if (step := self._step_of(key))}
        reader = self[shape] = _compiled(self._mutable, self._model, shape, known)
        return reader

    def _step_of(self, key: str) -> Step | None:
        return self._steps.get(key) or self._alike.get(folded(key))


@frozen
class Step:
    """How one member of an object becomes an attribute.

    Attributes:
        name: the attribute.
        as_it_is: the type whose values are taken as they are, or None; of floats, finite ones.
        hook: reads any other value; null stands for the attribute's default.
        target: the type that the hook makes.
        members: what texts stand for, where the attribute is an enum.
    """

    name: str
    as_it_is: type[Any] | None
    hook: Callable[[Any, Any], Any]
    target: Any
    members: Mapping[str, object] = field(factory=dict)


# Limits of what a server can make this process compile.
_MOST_SHAPES: Final = 256
_MOST_MEMBERS: Final = 256
_BESIDE: Final = frozenset({"raw", "extra"})
_CODE: Final = """\
def read(value):
    ({members}) = value.values()
    made = new(mutable)
    {settings}
    made.raw = value
    made.extra = {{{extra}}}
    made.__class__ = model
    return made
"""


def _compiled(
    mutable: type[Any], model: type[Any], shape: tuple[str, ...], steps: Mapping[str, Step]
) -> Callable[[Mapping[str, Any]], Any]:
    taken = {
        steps[key].name: (number, steps[key]) for number, key in enumerate(shape) if key in steps
    }
    extra = [f"{key!r}: m{number}, " for number, key in enumerate(shape) if key not in steps]
    if len(taken) + len(extra) < len(shape):
        return _leave
    namespace: dict[str, Any] = {
        "model": model,
        "mutable": mutable,
        "new": mutable.__new__,
        "leave": _leave,
    }
    settings = [
        f"made.{attribute.name} = {_value(attribute, taken.get(attribute.name), namespace)}"
        for attribute in fields(model)
        if attribute.name not in _BESIDE
    ]
    # Of what the server sent, the code holds the names alone, as literals.
    code = _CODE.format(
        members="".join(f"m{number}, " for number in range(len(shape))),
        settings="\n    ".join(settings),
        extra="".join(extra),
    )
    exec(compile(code, f"<reader of {model.__name__}>", "exec"), namespace)  # noqa: S102 - see above
    reader: Callable[[Mapping[str, Any]], Any] = namespace["read"]
    return reader


def _value(
    attribute: Attribute[Any], member: tuple[int, Step] | None, namespace: dict[str, Any]
) -> str:
    """Return the expression of an attribute, and add what it needs to the namespace."""
    made = _default(attribute, namespace)
    if member is not None:
        number, step = member
        names = f"kind{number}", f"hook{number}", f"target{number}", f"members{number}"
        values = step.as_it_is, step.hook, step.target, step.members
        namespace |= zip(names, values, strict=True)
        made = f"{made} if m{number} is None else hook{number}(m{number}, target{number})"
        if step.members:
            # What cannot be looked up, such as a list, is left to cattrs.
            made = f"members{number}.get(m{number}) or ({made})"
        elif step.as_it_is is not None:
            # The difference of NaN or of an infinite number to itself is no 0.
            is_finite = f" and m{number} - m{number} == 0" if step.as_it_is is float else ""
            made = f"m{number} if type(m{number}) is kind{number}{is_finite} else {made}"
    if attribute.converter is None:
        return made
    namespace[f"convert_{attribute.name}"] = attribute.converter
    return f"convert_{attribute.name}({made})"


def _default(attribute: Attribute[Any], namespace: dict[str, Any]) -> str:
    """Return the expression of the default of an attribute that an object does not have."""
    name, default = f"default_{attribute.name}", attribute.default
    if default is NOTHING:
        return "leave()"
    factory: Callable[[], object] | None = getattr(default, "factory", None)
    namespace[name] = factory or default
    return f"{name}()" if factory else name


def _leave(*_: object) -> NoReturn:
    raise ValueError("left to cattrs")


def _mutable_subclass(model: type[Any]) -> type[Any]:
    """Return a subclass of a frozen attrs class with slots whose attributes can be set.

    The `__init__` of a frozen class makes a call for each attribute, ten times what it costs to
    set one. An instance of the subclass has every attribute set and then becomes the model, by
    ``made.__class__ = model``; converters and validators have to be called beforehand.
    """
    # Python sets attributes the fast way only where neither method is overridden.
    own = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    return type(f"Mutable{model.__name__}", (model,), {"__slots__": (), **own})
