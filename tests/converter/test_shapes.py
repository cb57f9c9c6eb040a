"""Code that is compiled for a shape reads what it was compiled for, and nothing else."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from attrs import field, frozen
from attrs.exceptions import FrozenInstanceError

from mediasflow_async.converter.shapes import ShapedReaders, Step


@frozen(kw_only=True)
class Thing:
    id: int
    name: str | None = None
    size: int = 3
    parts: list[int] = field(factory=list)
    raw: Any = None
    extra: Any = None


def doubled(value: int) -> int:
    return 2 * value


@frozen(kw_only=True)
class Sized:
    id: int
    size: int = field(default=3, converter=doubled)
    raw: Any = None
    extra: Any = None


def number(value: object, _: object) -> int:
    return int(str(value))


def numbers(value: Any, target: Any) -> list[Any]:
    return [target(part) for part in value]


STEPS = {
    "id": Step("id", int, number, int),
    "ID": Step("id", int, number, int),
    "name": Step("name", str, lambda value, _: str(value), str),
    "size": Step("size", int, number, int),
    "parts": Step("parts", None, numbers, int),
}


def read(value: dict[str, Any]) -> Any:
    return reading(Thing, STEPS)(value)


def reading(model: type[Any], steps: Mapping[str, Step]) -> Callable[[dict[str, Any]], Any]:
    readers = ShapedReaders(model, steps)
    return lambda value: readers[tuple(value)](value)


def test_members_become_attributes_and_others_stay_beside_them() -> None:
    value = {"name": "a", "colour": "red", "id": 1, "parts": ["1", "2"], "size": "7", "b'\"": 2}
    made = read(value)
    assert made == Thing(
        id=1, name="a", size=7, parts=[1, 2], raw=value, extra={"colour": "red", "b'\"": 2}
    )
    assert made.raw is value


def test_another_spelling_is_read_alone() -> None:
    assert read({"ID": "5"}).id == 5


def test_null_leaves_each_kind_of_default() -> None:
    value = {"id": 1, "name": None, "size": None, "parts": None}
    made, other = read(value), read(value)
    assert made == Thing(id=1, raw=value, extra={})
    assert made.parts is not other.parts


def test_nothing_at_all_is_a_shape_too() -> None:
    with pytest.raises(ValueError, match="cattrs"):
        read({})


@pytest.mark.parametrize(
    "value", [{"id": None}, {"id": "x"}, {"id": 1, "ID": 1}, {"id": 1, "parts": 7}]
)
def test_what_is_not_as_it_should_be_is_left_to_cattrs(value: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        read(value)


def test_a_shape_is_read_again_whatever_its_values_are() -> None:
    reader = reading(Thing, STEPS)
    values: list[dict[str, Any]] = [{"id": 1}, {"id": "2"}, {"id": 3.0}]
    assert [reader(value).id for value in values[:2]] == [1, 2]
    with pytest.raises(ValueError, match=r"3\.0"):
        reader(values[2])
    assert reader({"id": 4}).id == 4


def test_ever_new_shapes_are_left_to_cattrs() -> None:
    reader = reading(Thing, STEPS)
    assert reader({"id": 1}).id == 1
    for number_of_shape in range(255):
        assert reader({"id": 1, f"k{number_of_shape}": 0}).extra == {f"k{number_of_shape}": 0}
    with pytest.raises(ValueError, match="cattrs"):
        reader({"id": 1, "one too many": 0})
    assert reader({"id": 2}).id == 2


def test_a_very_large_object_is_left_to_cattrs() -> None:
    with pytest.raises(ValueError, match="cattrs"):
        read({"id": 1} | {f"k{number_of_member}": 0 for number_of_member in range(256)})


def test_what_is_made_is_frozen_like_any_other() -> None:
    made = read({"id": 1})
    assert type(made).__name__ == "Thing"
    with pytest.raises(FrozenInstanceError):
        made.id = 2
    with pytest.raises(FrozenInstanceError):
        del made.id
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301 - our own pickle


def test_converters_are_called_as_init_calls_them() -> None:
    reader = reading(Sized, STEPS)
    assert reader({"id": 1, "size": 4}) == Sized(id=1, size=4, raw={"id": 1, "size": 4}, extra={})
    assert reader({"id": 1}).size == Sized(id=1).size == 6
    assert reader({"id": 1, "size": None}).size == 6


def test_a_name_is_never_code() -> None:
    evil = "'}); raise SystemExit(7) #"
    assert read({"id": 1, evil: 2}).extra == {evil: 2}
