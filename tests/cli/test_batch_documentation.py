"""The commands of the README run as printed, twice: the second time nothing is sent again."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path

from mediasflow_async.sandbox import Sandbox
from tests.support.commands import TIMEOUT_SECONDS, environment_with
from tests.support.readme import write_files

# As phones show them: the platform replaces ê and ë unless it is told not to.
SENT = {
    "Votre commande est prete.",
    "Votre commande part demain.",
    "Zoé, il vous reste 12 points. STOP 36184",
    "Noel, il vous reste 7 points. STOP 36184",
}


def test_the_commands_of_the_readme_send_each_campaign_once(
    tmp_path: Path, server: Sandbox, surroundings: dict[str, str]
) -> None:
    write_files(tmp_path)
    path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
    for _ in range(2):
        run = subprocess.run(
            ["/bin/sh", "survive.sh"],
            cwd=tmp_path,
            env=environment_with(surroundings | {"PATH": path}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        assert "row 3" in run.stdout
        assert "failed: recipients[0].mobile: a phone number holds digits" in run.stdout
        assert "LAUNCHED" in run.stdout
    assert {message.text for message in server.messages} == SENT
    assert len(server.messages) == len(SENT)
