"""What importing the package brings along."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import packages_distributions, requires

# httpx itself loads rich where it is installed: what the dependencies bring along is not ours.
USE_THE_WHOLE_CLIENT = """
import sys
import anyio, attrs, cattrs, httpx, orjson, tenacity
before = set(sys.modules)
import mediasflow_async
for name in mediasflow_async.__all__:
    getattr(mediasflow_async, name)
session = mediasflow_async.Session(token="opaque-token")
session.campaigns, session.reports, session.blacklist, session.lists
print(*{name.partition(".")[0] for name in sys.modules.keys() - before})
"""


def modules_of_extras() -> set[str]:
    """The modules that the package's extras install on this machine."""
    optional = [each for each in requires("mediasflow-async") or () if "extra ==" in each]
    names = {re.split(r"[^\w-]", each, maxsplit=1)[0] for each in optional}
    installed = packages_distributions()
    return {module for module, owners in installed.items() if names & set(owners)}


def test_the_whole_client_loads_no_extra() -> None:
    command = [sys.executable, "-c", USE_THE_WHOLE_CLIENT]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "mediasflow_async" in loaded
    assert "starlette" in modules_of_extras()
    assert not loaded & modules_of_extras()
