"""The guide's examples, and a reader for the default zone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mediasflow_async.converter import ModelReader, Unreadable, reader_for

GUIDE = Path(__file__).parent.parent / "guide"
PARIS = ZoneInfo("Europe/Paris")


@pytest.fixture(scope="session")
def guide() -> Callable[[str], Any]:
    """Return an example of the guide by its name."""

    def load(name: str) -> Any:
        return json.loads((GUIDE / f"{name}.json").read_text(encoding="utf-8"))

    return load


@pytest.fixture(scope="session")
def reader() -> ModelReader:
    """The reader for a server in Paris."""
    return reader_for(PARIS)


@pytest.fixture(scope="session")
def read(reader: ModelReader) -> Callable[[object, type[Any]], Any]:
    """Read what must be readable."""

    def readable(data: object, model: type[Any]) -> Any:
        found = reader.read(data, model)
        assert not isinstance(found, Unreadable), found
        return found

    return readable


@pytest.fixture(scope="session")
def refused(reader: ModelReader) -> Callable[[object, type[Any]], Unreadable]:
    """Read what must be refused, and return why."""

    def unreadable(data: object, model: type[Any]) -> Unreadable:
        found = reader.read(data, model)
        assert isinstance(found, Unreadable), found
        return found

    return unreadable
