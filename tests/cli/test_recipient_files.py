"""Files as people have them, through the commands that send: sent as meant, or refused with why."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from mediasflow_async.sandbox import Sandbox
from tests.support.commands import Command, said
from tests.support.recipient_files import FILES, PEOPLE, File

MESSAGE: Final = ("--message", "Bonjour ${nom}", "--type", "NOTIFICATION")
LEAST_FILES: Final = 60


def test_there_are_files_of_all_kinds() -> None:
    assert len(FILES) >= LEAST_FILES
    assert len({file.name for file in FILES}) == len(FILES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_is_sent_as_it_is_meant_or_refused_before_anything_leaves(
    file: File,
    *,
    mediasflow: Command,
    server: Sandbox,
    surroundings: dict[str, str],
    tmp_path: Path,
) -> None:
    (tmp_path / file.name).write_bytes(file.data)
    batch = ("batch", "run", file.name, *MESSAGE, *file.options)
    examined = mediasflow("preflight", file.name, *MESSAGE, *file.options)
    dry = mediasflow(*batch, "--dry-run")
    run = mediasflow(*batch, "--journal", "batch.db", "--yes", environment=surroundings)
    if not file.told:
        assert [examined.returncode, dry.returncode, run.returncode] == [0, 0, 0]
        sent = {message.mobile: message.text for message in server.messages}
        assert sent == {number: f"Bonjour {name}" for number, name in PEOPLE.items()}
        return
    assert examined.returncode != 0
    for refused in (dry, run):
        assert refused.returncode == 2
        assert file.told in said(refused.stdout + refused.stderr)
        assert "0639981234" not in refused.stdout + refused.stderr
        assert "Traceback" not in refused.stderr
    assert not server.requests
