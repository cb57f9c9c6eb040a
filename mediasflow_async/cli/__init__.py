"""The `mediasflow` command.

`main` is what the installed script runs. It imports the command line itself late: that needs the
extra `cli`, and some commands need others, and a missing one is named instead of a traceback. The
commands are in `mediasflow_async.cli.app`, one file each; their exit codes are
`mediasflow_async.cli.console.ExitCode`.
"""

from __future__ import annotations

import sys
from typing import Final

__all__ = ["main"]

# The extra that installs a package.
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
