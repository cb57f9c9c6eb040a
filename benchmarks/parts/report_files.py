"""Made-up reports as files of a server, for the programs that read them by the row or the byte."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from mediasflow_async import Session
from parts.servers import nginx, trusting
from parts.worker import Settings
from parts.workload import TOKEN

__all__ = ["ServedReports", "check_count", "report_session", "served_reports"]


@frozen
class ServedReports:
    """Reports that a server gives, each under `/files/`, its place and its size.

    Attributes:
        server: name of the server.
        over: what it speaks, "TLS" or "HTTP".
        settings: its address, and `folder`, where the files are.
        size_bytes: length of the largest report.
    """

    server: str
    over: str
    settings: dict[str, Any]
    size_bytes: int


@contextmanager
def served_reports(
    place: str, write: Callable[[Path, int], object], count: int, warm_up: int, *, uses_tls: bool
) -> Generator[ServedReports]:
    """Write two reports and serve them.

    Args:
        place: path of the reports below the folder; the count is appended to it.
        write: writes a report of so many units to a file.
        count: units of the report that is measured.
        warm_up: units of the one that is read before that.
        uses_tls: whether the server speaks TLS.
    """
    with tempfile.TemporaryDirectory() as name:
        parent = Path(name, place)
        parent.mkdir(parents=True)
        for units in {warm_up, count}:
            write(parent / str(units), units)
        with nginx(files=Path(name), uses_tls=uses_tls) as server:
            yield ServedReports(
                server=server.name,
                over="TLS" if uses_tls else "HTTP",
                settings=server.settings | {"folder": name},
                size_bytes=(parent / str(count)).stat().st_size,
            )


def report_session(settings: Settings) -> Session:
    """Return a session for which the files of a server are its reports."""
    return Session(
        token=TOKEN,
        base_url=f"{settings['url']}files/",
        ssl_context=trusting(settings["ca"]),
    )


def check_count(seen: int, count: int, unit: str = "rows") -> None:
    """End the program when not all of a report was read."""
    if seen != count:
        raise SystemExit(f"{seen:,} {unit} of {count:,}")
