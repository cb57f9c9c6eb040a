"""`mediasflow preflight`: what a campaign would cost and what may go wrong, before it is sent.

Everything happens on this machine: the recipients are read from a file, checked and measured by
`mediasflow_async.text.preflight`, and the report is printed for people or as JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import anyio
from cyclopts import Parameter
from cyclopts.types import ExistingFile
from cyclopts.validators import Number
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Table

from mediasflow_async.cli.campaign_files import read_rows
from mediasflow_async.cli.console import (
    ExitCode,
    console,
    done,
    hint,
    indented,
    print_json,
    title,
)
from mediasflow_async.cli.options import CampaignOptions, JsonOption, Segments
from mediasflow_async.cli.views import Fact, ShareBar, facts_table, notices_table, share_bars
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import ConfigurationError
from mediasflow_async.models import CampaignRequest
from mediasflow_async.resources.preflights import validated_preflight
from mediasflow_async.text import Encoding, Preflight, PreviewNotInstalled

__all__ = ["preflight", "show_preflight"]


def preflight(
    recipients: ExistingFile,
    *,
    campaign: CampaignOptions,
    mobile_column: str | None = None,
    max_segments: Segments = 1,
    credit: Annotated[float | None, Parameter(validator=Number(gte=0))] = None,
    as_json: JsonOption = False,
) -> ExitCode:
    """Tell who would get a campaign, what it costs and what may go wrong; nothing leaves.

    It ends with 0 when there is no problem, and with 1 when there is one.

    Parameters
    ----------
    recipients
        A CSV file or a workbook (.xlsx, .ods) with a column mobile, sms, portable or gsm.
    campaign
        What is sent.
    mobile_column
        The column of the numbers, when it has none of these names.
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
    report = _report(
        screen,
        recipients,
        request,
        mobile_column=mobile_column,
        credit=credit,
        max_segments=max_segments,
    )
    show_preflight(screen, report)
    if as_json:
        print_json(report.to_dict(), indent=2)
    return ExitCode.FAILED if report.problems else ExitCode.OK


def _report(
    screen: Console,
    path: Path,
    request: CampaignRequest,
    *,
    mobile_column: str | None,
    credit: float | None,
    max_segments: int,
) -> Preflight:
    """Return the report on a request and a file, with a progress bar while the file is read."""
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
        rows = read_rows(
            path,
            mobile_column=mobile_column,
            found=lambda table: hint(screen, f"The file: {table}."),
            progress=lambda read: bar.update(task, completed=read),
        )
        examine = partial(validated_preflight, credit=credit, max_segments=max_segments)
        try:
            return anyio.run(examine, request, rows, Dialect())
        except PreviewNotInstalled as error:
            raise ConfigurationError(str(error)) from None


def show_preflight(screen: Console, report: Preflight) -> None:
    """Print who gets the message and in how many SMS, then problems and warnings."""
    screen.print()
    indented(screen, facts_table(_facts(report)))
    if report.histogram:
        screen.print()
        indented(screen, _size_bars(report))
    screen.print()
    notices = (*report.problems, *report.warnings)
    if not notices:
        done(screen, "Nothing stands in its way")
        return
    indented(screen, notices_table(notices))
    if any(each.rows for each in notices):
        hint(screen, "Row 1 is the line below the header.")


def _facts(report: Preflight) -> Iterator[Fact]:
    left_out = report.recipients - report.sendable
    yield "Will get it", f"{report.sendable:,}", f"of {report.recipients:,}"
    yield "Will not", f"{left_out:,}", "for the reasons below" if left_out else ""
    at_most = "" if report.is_exact else "at most "
    at_hand = "" if report.credit is None else f"of {report.credit:,.0f} at hand"
    yield "Credits", f"{report.credits:,}", f"{at_most}{at_hand}"
    for longest in report.longest[:1]:
        where = "" if longest.row is None else f", row {longest.row:,}"
        size = f"characters in {longest.encoding}: {longest.segments} SMS{where}"
        yield "Longest message", f"{longest.units:,}", size


_COLOURS: Final = {Encoding.GSM7: "green", Encoding.UCS2: "yellow"}


def _size_bars(report: Preflight) -> Table:
    """Return a bar for each encoding and number of SMS."""
    bars = [
        ShareBar(f"{encoding}, {segments} SMS", _COLOURS[encoding], count)
        for (encoding, segments), count in sorted(report.histogram.items())
    ]
    return share_bars(bars, report.sendable)
