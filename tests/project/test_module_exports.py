"""What a module exports is what others import from it."""

from __future__ import annotations

import ast
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final

import pytest

import mediasflow_async

PACKAGE: Final = Path(mediasflow_async.__file__).parent
ROOT: Final = PACKAGE.parent
PRIVATE: Final = ("_core", "transport", "concurrency")
MODULES: Final = sorted(
    path for name in PRIVATE for path in (PACKAGE / name).glob("*.py") if path.name != "__init__.py"
)
READERS: Final = [
    path
    for folder in ("mediasflow_async", "tests", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
]


@cache
def imported() -> frozenset[tuple[str, str]]:
    """Return each module and name that some other file imports by name."""
    return frozenset(
        (node.module or "", alias.name)
        for path in READERS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    )


def names_in(path: Path) -> tuple[set[str], set[str]]:
    """Return what a file exports, and what else it defines without an underscore."""
    exported: set[str] = set()
    defined: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            defined.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found = [target.id for target in targets if isinstance(target, ast.Name)]
            if found == ["__all__"] and node.value is not None:
                exported = set(ast.literal_eval(node.value))
            defined.update(found)
    return exported, {name for name in defined - exported if not name.startswith("_")}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_exports_what_others_import_and_nothing_else(path: Path) -> None:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    exported, unlisted = names_in(path)
    assert not unlisted, "neither exported nor private"
    public = frozenset(chain(mediasflow_async.__all__, _reexported(path)))
    unused = {name for name in exported - public if (module, name) not in imported()}
    assert not unused, "exported, and imported by nobody"


def _reexported(path: Path) -> set[str]:
    """Return the names that the package of a file exports again."""
    tree = ast.parse((path.parent / "__init__.py").read_text(encoding="utf-8"))
    return {a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names}
