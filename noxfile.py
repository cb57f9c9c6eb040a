"""Every check of the project, each in an environment of its own: `nox -l` lists them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv"
nox.options.download_python = "never"
nox.options.sessions = ["lint", "typing", "wheel", "lowest", "tests"]

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
PROGRAMS = sorted(path.stem for path in Path(__file__).parent.glob("benchmarks/*.py"))
USE_EVERY_PUBLIC_NAME = """
import mediasflow_async
names = [getattr(mediasflow_async, name) for name in mediasflow_async.__all__]
print(len(names), "public names work in version", mediasflow_async.__version__)
"""


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests."""
    session.install("--editable", ".[all,test]")
    session.run("pytest", *session.posargs)


@nox.session
def lowest(session: nox.Session) -> None:
    """Run the tests with the oldest dependencies that the project admits, but for the longest."""
    session.install("--resolution=lowest-direct", "--editable", ".[all,test]")
    # What these add is about odd servers and kills, and no use of a library that others lack.
    folders = ("delivery/crashes", "project", "rules", "soak")
    ignored = [f"--ignore=tests/{folder}" for folder in folders]
    session.run("pytest", *ignored, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format and layers."""
    session.install("--editable", ".[dev]")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports", "--no-cache")


@nox.session
def typing(session: nox.Session) -> None:
    """Check the types as every supported Python version sees them."""
    session.install("--editable", ".[dev]")
    for version in PYTHONS:
        session.run("mypy", f"--python-version={version}")
        session.run("pyright", f"--pythonversion={version}")


@nox.session
@nox.parametrize("resolution", ["highest", "lowest-direct"])
def wheel(session: nox.Session, resolution: str) -> None:
    """Install the built wheel alone: it holds the package only, and needs no extra."""
    built = build_wheel(session)
    with zipfile.ZipFile(built) as archive:
        folders = {name.partition("/")[0] for name in archive.namelist()}
    if folders != {"mediasflow_async", f"{built.name.removesuffix('-py3-none-any.whl')}.dist-info"}:
        session.error(f"the wheel holds more than the package: {sorted(folders)}")
    session.install(f"--resolution={resolution}", str(built))
    session.run("python", "-I", "-W", "error", "-c", USE_EVERY_PUBLIC_NAME)


def build_wheel(session: nox.Session) -> Path:
    """Build the wheel in an empty folder and return its path."""
    folder = Path(session.create_tmp())
    for old in folder.glob("*.whl"):
        old.unlink()
    session.run("uv", "build", "--wheel", f"--out-dir={folder}", external=True)
    return next(folder.glob("*.whl"))


@nox.session
def bench(session: nox.Session) -> None:
    """Measure, each against its peers in the same run: all, or `-- inject --rounds 3`."""
    session.install(".[all,bench]")
    options = [word for word in session.posargs if word not in PROGRAMS]
    for program in [word for word in session.posargs if word in PROGRAMS] or PROGRAMS:
        session.run("python", f"benchmarks/{program}.py", *options)


@nox.session
def soak(session: nox.Session) -> None:
    """Show that faults and `kill -9` lose no campaign and send none twice; print the table."""
    session.install("--editable", ".[all,test]")
    session.run("python", "-m", "tests.soak", *session.posargs)
