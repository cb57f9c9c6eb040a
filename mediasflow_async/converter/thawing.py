"""Instances of frozen classes, made without the price of their `__init__`."""

from __future__ import annotations

from typing import Any

__all__ = ["thawed"]


def thawed(model: type[Any]) -> type[Any]:
    """Return a twin of a frozen attrs class with slots: it is the same, but can be written to.

    A frozen `__init__` makes a call for each attribute, ten times what it costs to set one. What
    is made of the twin has every attribute set, and becomes the model by
    ``made.__class__ = model``; converters and validators are up to who sets them.
    """
    # Python takes the fast way only where both are the ordinary ones.
    own = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    return type(f"Thawed{model.__name__}", (model,), {"__slots__": (), **own})
