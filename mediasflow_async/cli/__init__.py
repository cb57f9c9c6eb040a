"""The `mediasflow` command.

What it ends with is in `mediasflow_async.cli.exits.ExitCode`. One file per command; files named
for what they draw hold the tables, bars and panels.
"""

from __future__ import annotations

import sys
from typing import Final

__all__ = ["main"]

# Extra, by a package that it installs.
_EXTRAS: Final = {
    "cyclopts": "cli",
    "rich": "cli",
    "starlette": "sandbox",
    "uvicorn": "sandbox",
    "python_multipart": "sandbox",
    "psycopg": "postgres",
    "psycopg_pool": "postgres",
    "procrastinate": "workers",
}
_USAGE: Final = 2


def main() -> int:
    """Run the command line of this process and return its exit code."""
    # The command line needs the extra `cli`: it is imported where its absence can be told.
    try:
        from mediasflow_async.cli.app import run

        return run(sys.argv[1:])
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        sys.stderr.write(
            f"mediasflow: this needs the extra `{extra}`: pip install 'mediasflow-async[{extra}]'\n"
        )
        return _USAGE
