"""The public names of the package."""

from __future__ import annotations

import ast
import inspect
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import mediasflow_async

SOURCE = Path(mediasflow_async.__file__).read_text(encoding="utf-8")
PYPROJECT = Path(mediasflow_async.__file__).parents[1] / "pyproject.toml"


def place(name: str) -> tuple[bool, bool, str]:
    """Constants first, then classes, then functions, each by name."""
    return not name.isupper(), not name[0].isupper(), name


def test_public_names_are_listed_once_and_in_order() -> None:
    names = list(mediasflow_async.__all__)
    assert names == sorted(set(names), key=place)


def test_type_checkers_read_every_public_name_from_where_it_is_imported() -> None:
    (block,) = (node for node in ast.parse(SOURCE).body if isinstance(node, ast.If))
    read = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    assert read.keys() | {"__version__"} == set(mediasflow_async.__all__)
    for name, module in read.items():
        assert getattr(mediasflow_async, name) is getattr(import_module(module), name)


@pytest.mark.parametrize("name", mediasflow_async.__all__)
def test_a_public_name_can_be_imported_and_says_what_it_is(name: str) -> None:
    exported = getattr(mediasflow_async, name)
    if inspect.isclass(exported) or inspect.isroutine(exported):
        assert exported.__doc__


def test_tab_completion_offers_every_public_name() -> None:
    assert set(mediasflow_async.__all__) <= set(dir(mediasflow_async))


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Sessions"):
        mediasflow_async.Sessions  # noqa: B018 - reading it is the test


def test_the_version_is_the_one_of_the_distribution() -> None:
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    assert mediasflow_async.__version__ == project["version"]
