"""The public names of the package."""

from __future__ import annotations

import inspect
import tomllib
from pathlib import Path

import pytest

import mediasflow_async

PYPROJECT = Path(mediasflow_async.__file__).parents[1] / "pyproject.toml"


def place(name: str) -> tuple[bool, bool, str]:
    """Constants first, then classes, then functions, each by name."""
    return not name.isupper(), not name[0].isupper(), name


def test_public_names_are_listed_once_and_in_order() -> None:
    names = list(mediasflow_async.__all__)
    assert names == sorted(set(names), key=place)


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
