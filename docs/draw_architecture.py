"""Draws the packages, the modules inside them and their layers: `python docs/draw_architecture.py`.

The layers are the contracts of pyproject.toml, which `lint-imports` holds the code to. Modules and
imports come from grimp, on which import-linter is built. What type checkers alone import is left
out. `architecture.md` shows the result, and a test compares it with the code.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

import grimp
from attrs import frozen

__all__ = ["DRAWING", "draw"]

DRAWING: Final = Path(__file__).with_name("architecture.svg")
ROOT: Final = "mediasflow_async"
_PYPROJECT: Final = Path(__file__).parents[1] / "pyproject.toml"

_WIDTH: Final = 1120
_LETTER: Final = 6.7
_LINE: Final = 17
_GAP: Final = 12
_PADDING: Final = 10
_WIDEST_IN_LETTERS: Final = 74
_STYLE: Final = """
text { font: 11px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328 }
.name { font-weight: bold }
.imports { fill: #59636e }
.layer { fill: #f6f8fa; stroke: #d1d9e0 }
.package { fill: #ffffff; stroke: #818b98 }
"""


def main() -> None:
    """Write the drawing beside this program."""
    DRAWING.write_text(draw(), encoding="utf-8")


def draw() -> str:
    """Return the drawing of the package as it is now, as SVG."""
    graph = grimp.build_graph(ROOT, exclude_type_checking_imports=True, cache_dir=None)
    contracts = _contracts()
    bands: list[str] = []
    top = _GAP
    for layer in contracts[ROOT]:
        present = [module for name in layer if (module := f"{ROOT}.{name}") in graph.modules]
        boxes = [
            _box(graph, module, contracts.get(module, []))
            for parent in present
            for module in (parent, *_packages_in(graph, parent))
        ]
        band, height = _band(boxes, top)
        bands.append(band)
        top += height + _GAP
    size = f'width="{_WIDTH}" height="{top}" viewBox="0 0 {_WIDTH} {top}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<style>{_STYLE}</style>\n'
    return head + "\n".join(bands) + "\n</svg>\n"


def _contracts() -> dict[str, list[list[str]]]:
    """Return the layers of each package that has some, highest first."""
    linter: dict[str, Any] = tomllib.loads(_PYPROJECT.read_text(encoding="utf-8"))
    return {
        container: [re.findall(r"\w+", layer) for layer in contract["layers"]]
        for contract in linter["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
        for container in contract["containers"]
    }


def _packages_in(graph: grimp.ImportGraph, module: str) -> list[str]:
    """Return the packages inside a package."""
    return sorted(child for child in graph.find_children(module) if graph.find_children(child))


@frozen
class _Box:
    """A package or a module of the top.

    Attributes:
        name: its name below the root.
        rows: its modules, a line for each layer.
        imports: what else of the root it imports, in lines.
    """

    name: str
    rows: Sequence[str]
    imports: Sequence[str]

    @property
    def width(self) -> int:
        """Width in pixels."""
        longest = max(map(len, (self.name, *self.rows, *self.imports)))
        return round(longest * _LETTER) + 2 * _PADDING

    @property
    def height(self) -> int:
        """Height in pixels."""
        return (1 + len(self.rows) + len(self.imports)) * _LINE + _PADDING

    def svg(self, left: int, top: int) -> str:
        """Return the box at a place."""
        lines = [f'<rect class="package" {_area(left, top, self.width, self.height)} rx="4"/>']
        classes = ["name", *("" for _ in self.rows), *("imports" for _ in self.imports)]
        for number, text in enumerate((self.name, *self.rows, *self.imports), start=1):
            place = f'x="{left + _PADDING}" y="{top + number * _LINE}"'
            shown = f' class="{classes[number - 1]}"' if classes[number - 1] else ""
            lines.append(f"<text{shown} {place}>{escape(text)}</text>")
        return "\n".join(lines)


def _box(graph: grimp.ImportGraph, module: str, layers: Sequence[Sequence[str]]) -> _Box:
    modules = graph.find_children(module) - set(_packages_in(graph, module))
    plain = [name.rpartition(".")[2] for name in modules]
    rows = [row for layer in layers or [plain] for row in _wrapped("", sorted(layer))]
    name = module.removeprefix(f"{ROOT}.")
    imports = _wrapped("imports ", _imports(graph, module))
    return _Box(f"{name}/" if modules else name, rows, imports)


def _imports(graph: grimp.ImportGraph, module: str) -> list[str]:
    """Return which other parts of the root a module and all inside it import."""
    inside = {module, *graph.find_descendants(module)}
    imported = {
        name.split(".")[1]
        for one in inside
        for name in graph.find_modules_directly_imported_by(one)
        if name.startswith(f"{ROOT}.")
    }
    return sorted(imported - {module.split(".")[1]})


def _wrapped(head: str, names: Iterable[str]) -> list[str]:
    """Return names as lines that are not too long."""
    lines: list[str] = []
    line = head
    for name in names:
        if len(line) + len(name) > _WIDEST_IN_LETTERS:
            lines.append(line.rstrip(", "))
            line = " " * len(head)
        line += f"{name}, "
    return [*lines, line.rstrip(", ")] if line.strip() != head.strip() else lines


def _band(boxes: Sequence[_Box], top: int) -> tuple[str, int]:
    """Return a layer as SVG, its boxes from left to right, and its height."""
    drawn: list[str] = []
    left, row_top, row_height = 2 * _GAP, top + _GAP, 0
    for box in boxes:
        if left + box.width > _WIDTH - 2 * _GAP and left > 2 * _GAP:
            left, row_top, row_height = 2 * _GAP, row_top + row_height + _GAP, 0
        drawn.append(box.svg(left, row_top))
        left += box.width + _GAP
        row_height = max(row_height, box.height)
    height = row_top + row_height + _GAP - top
    area = _area(_GAP, top, _WIDTH - 2 * _GAP, height)
    return "\n".join([f'<rect class="layer" {area} rx="6"/>', *drawn]), height


def _area(left: int, top: int, width: int, height: int) -> str:
    return f'x="{left}" y="{top}" width="{width}" height="{height}"'


if __name__ == "__main__":
    main()
