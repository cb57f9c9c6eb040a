"""`mediasflow demo`: a campaign from its list of recipients to its delivery report."""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.types import ExistingFile

from mediasflow_async.cli.confirmation import refuse_unsafe
from mediasflow_async.cli.consoles import console
from mediasflow_async.cli.demo_message import own_message
from mediasflow_async.cli.demo_run import DemoRun
from mediasflow_async.cli.local_server import Seconds
from mediasflow_async.cli.shipped import RECIPIENTS
from mediasflow_async.cli.target import Target, sandbox_target, server_target
from mediasflow_async.errors import ConfigurationError

__all__ = ["demo"]

_REPORT: Final = Path("mediasflow-demo-report.csv")


def demo(
    *,
    csv: ExistingFile | None = None,
    message: str | None = None,
    report: Path = _REPORT,
    base_url: str | None = None,
    yes: Annotated[bool, Parameter(negative=())] = False,
    delivery_seconds: Seconds = 12.0,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Send a campaign to a list of recipients and follow it to its delivery report.

    Without --base-url, everything happens on a sandbox on this machine: no SMS leaves.

    Parameters
    ----------
    csv
        Your own list, with a column mobile, sms, portable or gsm; else 2,000 fictitious people.
    message
        Your own message, with columns of the list as ${Column}.
    report
        Where the delivery report is saved; an older file is replaced.
    base_url
        A real server. The account is taken from MEDIASFLOW_USERNAME and MEDIASFLOW_PASSWORD,
        or MEDIASFLOW_TOKEN, and the number of recipients has to be typed before the launch.
    yes
        Launch without that; for a server on this machine only.
    delivery_seconds
        How long the sandbox takes to deliver.
    as_json
        Print a summary for programs; what people read goes to the standard error.
    """
    _refuse_missing_folder(report.parent)
    with _target(base_url, csv, yes=yes, delivery_seconds=delivery_seconds) as target:
        run = DemoRun(
            target=target,
            console=console(stderr=as_json),
            csv=csv or RECIPIENTS,
            message=None if message is None else own_message(message),
            report=report,
            needs_confirmation=not (target.is_sandbox or yes),
        )
        result = run.to_the_end()
    if as_json:
        sys.stdout.write(json.dumps(result.as_json(), ensure_ascii=False, indent=2) + "\n")


def _refuse_missing_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ConfigurationError(f"the report cannot be saved: {folder} is no folder")


def _target(
    base_url: str | None, csv: Path | None, *, yes: bool, delivery_seconds: float
) -> AbstractContextManager[Target]:
    if base_url is None:
        return sandbox_target(delivery_seconds)
    target = server_target(base_url)
    refuse_unsafe(target.base_url, csv, yes=yes)
    return nullcontext(target)
