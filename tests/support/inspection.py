"""What the tests of this folder do and look at, more than one of them each."""

from __future__ import annotations

import csv
import json
import stat
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from mediasflow_async import CampaignRequest, Dialect, Session
from mediasflow_async.sandbox import Sandbox
from tests.support.sessions import WITHOUT_TLS

MINUTE: Final = timedelta(minutes=1)
HOURLY: Final = Dialect(window=timedelta(hours=1))

both_edges = pytest.mark.parametrize("edge", ["exclusive", "inclusive"])


def texts(sandbox: Sandbox) -> dict[str, str]:
    """Return what each phone shows."""
    return {message.mobile: message.text for message in sandbox.messages}


def bodies(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Return the JSON of the requests that had some."""
    return [json.loads(request.body) for request in sandbox.requests if request.body[:1] == b"{"]


def connected(sandbox: Sandbox, **options: Any) -> Session:
    """Return a session with a sandbox."""
    given: dict[str, Any] = {"base_url": sandbox.base_url, "ssl_context": WITHOUT_TLS} | options
    if "transport" in options:
        del given["ssl_context"]
    return Session(sandbox.username, sandbox.password, **given)


async def send_at(session: Session, moments: list[datetime], sandbox: Sandbox) -> None:
    """Send to the same uploaded list at each moment: the rows differ in nothing but time."""
    uploaded = await session.lists.upload(
        [{"mobile": "0612345678"}, {"mobile": "0612345679"}], filename="list"
    )
    for moment in moments:
        sandbox.clock.advance(moment - sandbox.clock.now())
        request = CampaignRequest(msg="Bonjour", list_ids=[uploaded.id or 0])
        await session.campaigns.send(request)


def read(path: Path) -> list[dict[str, str]]:
    """Return the records of a CSV file that was saved."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter=";"))


def names_in(folder: Path) -> list[str]:
    """Return the names of what is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder."""
    return [path for path in folder.iterdir() if path.is_dir()]


def modes_in(folder: Path) -> set[int]:
    """Return the permissions of what is in a folder."""
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
