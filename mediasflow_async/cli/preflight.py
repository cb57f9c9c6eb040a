"""`mediasflow preflight`: a campaign looked at before it is sent."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import anyio
from cyclopts import Parameter
from cyclopts.types import ExistingFile
from cyclopts.validators import Number
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from mediasflow_async.cli.campaign_files import read_rows
from mediasflow_async.cli.console import ExitCode, console, title
from mediasflow_async.cli.options import CampaignOptions
from mediasflow_async.cli.views import show
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import ConfigurationError
from mediasflow_async.models import CampaignRequest
from mediasflow_async.resources.preflights import validated_preflight
from mediasflow_async.text import Preflight, PreviewNotInstalled

__all__ = ["preflight"]


def preflight(
    recipients: ExistingFile,
    *,
    campaign: CampaignOptions,
    max_segments: Annotated[int, Parameter(validator=Number(gte=1, lte=6))] = 1,
    credit: Annotated[float | None, Parameter(validator=Number(gte=0))] = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> ExitCode:
    """Tell who would get a campaign, what it costs and what may go wrong; nothing leaves.

    It ends with 0 when there is no problem, and with 1 when there is one.

    Parameters
    ----------
    recipients
        A CSV file with a column mobile, sms, portable or gsm.
    campaign
        What is sent.
    max_segments
        SMS that one message may take on your account, 1 to 6.
    credit
        Credits at hand.
    as_json
        Print the report for programs; what people read goes to the standard error.
    """
    request = campaign.request()
    screen = console(stderr=as_json)
    title(screen, "A campaign before it is sent", f"{recipients.name} · nothing leaves")
    report = _report(screen, recipients, request, credit=credit, max_segments=max_segments)
    show(screen, report)
    if as_json:
        sys.stdout.write(json.dumps(report.to_dict(), ensure_ascii=False, indent=2) + "\n")
    return ExitCode.FAILED if report.problems else ExitCode.OK


def _report(
    screen: Console,
    path: Path,
    request: CampaignRequest,
    *,
    credit: float | None,
    max_segments: int,
) -> Preflight:
    bar = Progress(
        TextColumn("   {task.description}"),
        BarColumn(),
        DownloadColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    )
    with bar:
        task = bar.add_task("Reading", total=path.stat().st_size)
        rows = read_rows(path, progress=lambda read: bar.update(task, completed=read))
        examine = partial(validated_preflight, credit=credit, max_segments=max_segments)
        try:
            return anyio.run(examine, request, rows, Dialect())
        except PreviewNotInstalled as error:
            raise ConfigurationError(str(error)) from None
