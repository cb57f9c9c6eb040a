"""Which module may import which, and how modules are called."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path

import mediasflow_async

PACKAGE = Path(mediasflow_async.__file__).parent
REPOSITORY = PACKAGE.parent


def test_each_layer_imports_only_what_stands_below_it() -> None:
    command = shutil.which("lint-imports", path=sysconfig.get_path("scripts"))
    assert command, "lint-imports comes with the extra `test`"
    run = subprocess.run(
        [command, "--no-cache"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_no_module_is_a_drawer_for_leftovers() -> None:
    drawers = {"common", "helpers", "misc", "tools", "util", "utils"}
    assert not [path for path in PACKAGE.rglob("*.py") if path.stem.strip("_") in drawers]
