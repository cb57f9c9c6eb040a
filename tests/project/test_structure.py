"""The size of the parts of the package: few files, neither small nor large, and no circles."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import median
from typing import Final

import grimp

import mediasflow_async

PACKAGE: Final = Path(mediasflow_async.__file__).parent
FILES: Final = sorted(PACKAGE.rglob("*.py"))

MOST_FILES: Final = 150
LEAST_MEDIAN_LINES: Final = 120
MOST_IMPORTS: Final = 0.08
MOST_FUNCTION_LINES: Final = 45

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def lines_of(path: Path) -> int:
    return path.read_text(encoding="utf-8").count("\n")


def length_of(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def code_lines_of(function: Function) -> int:
    """Return the lines of a function without its docstring."""
    is_documented = ast.get_docstring(function, clean=False) is not None
    return length_of(function) - (length_of(function.body[0]) if is_documented else 0)


def imports_in(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    return (each for each in ast.walk(node) if isinstance(each, ast.Import | ast.ImportFrom))


def functions_of(path: Path) -> Iterator[Function]:
    return (each for each in ast.walk(parsed(path)) if isinstance(each, Function))


def module_of(path: Path) -> str:
    """Return the dotted name of a file's module."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_at_once() -> dict[str, set[str]]:
    """Return which modules each module imports when it is imported itself.

    What type checkers alone import is not there, nor what is imported inside a function: these
    imports are how a module reaches up without a circle.
    """
    graph = grimp.build_graph(
        "mediasflow_async", exclude_type_checking_imports=True, cache_dir=None
    )
    at_once: dict[str, set[str]] = {}
    for path in FILES:
        name = module_of(path)
        later = {each.lineno for function in functions_of(path) for each in imports_in(function)}
        at_once[name] = {
            imported
            for imported in graph.find_modules_directly_imported_by(name)
            for detail in graph.get_import_details(importer=name, imported=imported)
            if detail["line_number"] not in later
        }
    return at_once


def test_the_package_has_few_files() -> None:
    assert len(FILES) <= MOST_FILES


def test_a_file_is_large_enough_to_be_worth_opening() -> None:
    assert median(map(lines_of, FILES)) >= LEAST_MEDIAN_LINES


def test_few_lines_are_imports() -> None:
    imports = sum(length_of(each) for path in FILES for each in imports_in(parsed(path)))
    share = imports / sum(map(lines_of, FILES))
    assert share <= MOST_IMPORTS, f"{imports} lines are imports, {share:.1%}"


def test_no_function_is_long() -> None:
    long = [
        f"{path.relative_to(PACKAGE)}:{function.lineno} {function.name}: {lines}"
        for path in FILES
        for function in functions_of(path)
        if (lines := code_lines_of(function)) > MOST_FUNCTION_LINES
    ]
    assert not long, "\n".join(long)


def test_no_modules_import_each_other_in_a_circle() -> None:
    at_once = imported_at_once()
    assert at_once["mediasflow_async.session"], "the graph of imports is empty"
    graphlib.TopologicalSorter(at_once).prepare()
