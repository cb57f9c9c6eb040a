"""The description of the architecture shows the code as it is."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Final

import pytest

import mediasflow_async
from docs.draw_architecture import DRAWING, draw
from mediasflow_async.delivery.records import MOVES

PACKAGE: Final = Path(mediasflow_async.__file__).parent
REPOSITORY: Final = PACKAGE.parent
TEXT: Final = DRAWING.with_suffix(".md").read_text(encoding="utf-8")


def test_the_drawing_is_not_stale() -> None:
    assert DRAWING.read_text(encoding="utf-8") == draw(), "run: python docs/draw_architecture.py"


def test_the_drawing_is_an_image() -> None:
    image = ET.fromstring(draw())  # noqa: S314 - it is our own
    shown = {text.text for text in image.iter("{http://www.w3.org/2000/svg}text")}
    assert {"session", "_core/", "text.preflighting/"} <= shown


def test_the_modules_that_the_text_names_exist() -> None:
    named = set(re.findall(r"`([\w/]+\.py)`", TEXT))
    assert len(named) > 10
    assert not [name for name in named if not (PACKAGE / name).exists()]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_a_link_to_a_file_leads_to_one(name: str) -> None:
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!\w+:)([^)#]+)", text)
    assert targets
    assert not [to for to in targets if not (REPOSITORY / name).parent.joinpath(to).exists()]


def test_the_moves_of_an_entry_are_those_of_the_journal() -> None:
    told = re.findall(r"^\| ([A-Z]+) → ([A-Z]+) \|", TEXT, re.MULTILINE)
    allowed = [(state.name, to.name) for state, following in MOVES.items() for to in following]
    assert sorted(told) == sorted(allowed)
