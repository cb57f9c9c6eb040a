"""`mediasflow demo`: a campaign from its list of recipients to its delivery report."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import anyio
from attrs import frozen
from cyclopts import Parameter
from cyclopts.types import ExistingFile
from rich.box import ROUNDED
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.text import Text

from mediasflow_async.cli.campaign_files import read_rows
from mediasflow_async.cli.console import (
    CommandStopped,
    ExitCode,
    console,
    done,
    hint,
    indented,
    step,
    title,
)
from mediasflow_async.cli.demo_message import (
    BLACKLISTED,
    RECIPIENTS,
    Longest,
    Message,
    longest,
    message_for,
    own_message,
)
from mediasflow_async.cli.options import Seconds, Target, sandbox_target, server_target
from mediasflow_async.cli.safety import confirm, refuse_unsafe
from mediasflow_async.cli.views import (
    DeliveryProgress,
    by_outcome,
    campaign_table,
    legend,
    list_table,
    notices_table,
    status_bars,
)
from mediasflow_async.errors import ConfigurationError, MediasflowError
from mediasflow_async.models import Campaign, CampaignRequest, RecipientList, ReportSummary
from mediasflow_async.secrecy import mask_text
from mediasflow_async.session import Session
from mediasflow_async.text.encoding import MAX_SEGMENTS

__all__ = [
    "DemoResult",
    "DemoRun",
    "Launch",
    "LaunchRecord",
    "Prepared",
    "block",
    "deliver",
    "demo",
    "launch",
    "prepare",
    "save",
    "upload",
]


@frozen(kw_only=True)
class Prepared:
    """A campaign that waits for its launch.

    Attributes:
        uploaded: its list.
        draft: the campaign.
        longest: its longest message.
    """

    uploaded: RecipientList
    draft: Campaign
    longest: Longest


@frozen(kw_only=True)
class DemoResult:
    """A campaign from its list to its report.

    Attributes:
        base_url: the server.
        prepared: the list and the draft.
        summary: counts by status.
        report: the saved file.
    """

    base_url: str
    prepared: Prepared
    summary: ReportSummary
    report: Path

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON data; it holds no phone number."""
        uploaded, draft, size = (
            self.prepared.uploaded,
            self.prepared.draft,
            self.prepared.longest.size,
        )
        return {
            "base_url": self.base_url,
            "list": {
                "id": uploaded.id,
                "size": uploaded.size,
                "valid": uploaded.valid_number_mobile,
                "invalid": uploaded.invalid_number_mobile,
                "duplicates": uploaded.count_duplicate_mobile,
                "charset": uploaded.charset_detected,
                "countries": dict(uploaded.valid_country_counter),
            },
            "campaign": {
                "id": draft.id,
                "recipients": draft.count_recipient,
                "messages": draft.count_valid,
                "credits": draft.credit_count,
                "encoding": size.encoding,
                "segments": size.segments,
            },
            "report": {"file": str(self.report), **_counts(self.summary)},
        }


def _counts(summary: ReportSummary) -> dict[str, Any]:
    return {
        "total": summary.total,
        "by_category": dict(summary.by_category),
        "by_status": [
            {
                "code": status.code,
                "label": status.label,
                "category": status.category,
                "count": count,
            }
            for status, count in summary.by_status.items()
        ],
    }


class Launch(StrEnum):
    """How far a launch got."""

    NOT_ASKED = "Nothing was launched, and no SMS was sent."
    ASKED = (
        "The launch of campaign {id} was under way: look at its report before you launch it again."
    )
    DONE = "Campaign {id} was launched."


class LaunchRecord:
    """Written while a campaign is launched, and read when the command ends early.

    Attributes:
        state: how far the launch got.
        campaign_id: the campaign.
    """

    def __init__(self) -> None:
        self.state = Launch.NOT_ASKED
        self.campaign_id: int | None = None

    def __str__(self) -> str:
        return self.state.format(id=self.campaign_id)

    def interrupted(self, *, is_sandbox: bool) -> CommandStopped:
        """Return what Ctrl-C ends the command with."""
        if is_sandbox:
            return CommandStopped(
                f"{self} It was a sandbox: no SMS left this machine.", ExitCode.INTERRUPTED
            )
        in_doubt = self.state is Launch.ASKED
        return CommandStopped(
            str(self), ExitCode.DELIVERY_UNKNOWN if in_doubt else ExitCode.INTERRUPTED
        )


_BUBBLE_WIDTH = 60


async def block(session: Session, console: Console) -> None:
    """Put the people of the shipped list who said STOP into the blacklist."""
    async for outcome in session.blacklist.add_many(BLACKLISTED):
        outcome.unwrap()
    done(console, f"{len(BLACKLISTED)} people who once answered STOP are in the blacklist")
    console.print()


async def upload(session: Session, console: Console, path: Path) -> RecipientList:
    """Upload a list and show what the platform says of it."""
    bar = Progress(
        TextColumn("   ↑ {task.description}"), BarColumn(), DownloadColumn(), console=console
    )
    with bar:
        task = bar.add_task(path.name, total=None)
        uploaded = await session.lists.upload(
            path,
            filename=path.name,
            progress=lambda sent, total: bar.update(task, completed=sent, total=total),
        )
    console.print()
    indented(console, list_table(uploaded))
    return uploaded


async def prepare(
    session: Session, console: Console, message: Message, uploaded: RecipientList, path: Path
) -> tuple[Campaign, Longest]:
    """Prepare a campaign for an uploaded list; show its longest message, counts and credits.

    What a preflight of the same list finds comes below: why some get nothing, what may surprise.
    """
    request = _request(message, uploaded)
    draft = await session.campaigns.prepare(request)
    size = longest(message, uploaded.max_datas_map)
    _show_bubble(console, size.text, draft.sender or draft.short_code or "")
    indented(console, campaign_table(draft, size))
    allowed = min(max(1, draft.count_max_credit_found or 1), MAX_SEGMENTS)
    report = await session.campaigns.preflight(request, read_rows(path), max_segments=allowed)
    if notices := (*report.problems, *report.warnings):
        console.print()
        indented(console, notices_table(notices, with_rows=False))
    return draft, size


def _request(message: Message, uploaded: RecipientList) -> CampaignRequest:
    return CampaignRequest(
        msg=message.text,
        defaults=message.defaults,
        sender=message.sender,
        type=message.type,
        list_ids=(uploaded.id,),
        replace_to_gsm7=True,
        check_duplicate=True,
    )


def _show_bubble(console: Console, text: str, sender: str) -> None:
    bubble = Panel(
        Text(mask_text(text)),
        title=Text(sender, style="bold"),
        title_align="left",
        box=ROUNDED,
        border_style="green",
        width=_BUBBLE_WIDTH,
        padding=(0, 1),
    )
    indented(console, bubble)
    console.print()


async def launch(
    session: Session, console: Console, campaign_id: int, record: LaunchRecord
) -> None:
    """Launch a draft, and keep on record how far that got."""
    record.campaign_id = campaign_id
    record.state = Launch.ASKED
    with console.status(f"Launching campaign {campaign_id}"):
        campaign = await session.campaigns.launch(campaign_id)
    record.state = Launch.DONE
    done(console, f"Campaign {campaign_id} is launched: {campaign.status or 'state unknown'}")


async def deliver(
    session: Session, console: Console, draft: Campaign, *, every: timedelta
) -> ReportSummary:
    """Follow a campaign until every status is final, and show the counts as bars."""
    with DeliveryProgress(console, draft.count_recipient or 0) as progress:
        summary = ReportSummary.of(())
        async for summary in session.reports.watch(draft.id, every=every):
            progress.show(summary)
    indented(console, status_bars(summary))
    console.print()
    indented(console, legend(by_outcome(summary)))
    return summary


async def save(session: Session, console: Console, campaign_id: int, path: Path) -> None:
    """Save the report as CSV and say where."""
    await session.reports.campaign_csv(campaign_id).save(path)
    console.print()
    done(console, f"The report, line by line, is in {path}")
    hint(console, "Next: your own list (--csv FILE), your own program (mediasflow sandbox)")


_SANDBOX_LOOKS: Final = timedelta(seconds=0.4)
_SERVER_LOOKS: Final = timedelta(seconds=5)


@frozen(kw_only=True)
class DemoRun:
    """One run of the demo.

    Attributes:
        target: the server.
        console: where it is shown.
        csv: the list of recipients.
        message: what to send; None for a message that fits the list.
        report: where the report is saved.
        needs_confirmation: whether the number of recipients has to be typed.
    """

    target: Target
    console: Console
    csv: Path
    message: Message | None
    report: Path
    needs_confirmation: bool

    def to_the_end(self) -> DemoResult:
        """Run every step.

        Raises:
            CommandStopped: by Ctrl-C, or because the launch was not confirmed.
            MediasflowError: a step failed.
        """
        record = LaunchRecord()
        with _told(record, self.target):
            self._introduce()
            prepared = anyio.run(self._prepare)
            step(self.console, 3, "Launch the campaign")
            # Typed between two event loops, since Ctrl-C cannot reach a prompt inside of one.
            if self.needs_confirmation:
                confirm(self.console, prepared.draft, self.target.base_url)
            return anyio.run(self._launch, prepared, record)

    def _introduce(self) -> None:
        promise = "sandbox, no SMS leaves" if self.target.is_sandbox else "asks before it sends"
        title(
            self.console,
            "A campaign with mediasflow_async, from the list to the report",
            f"{self.target.base_url} · {promise}",
        )

    async def _prepare(self) -> Prepared:
        async with self.target.open_session() as session:
            step(self.console, 1, "Upload the recipients")
            if self.target.is_sandbox:
                await block(session, self.console)
            uploaded = await upload(session, self.console, self.csv)
            step(self.console, 2, "Prepare the campaign")
            message = self.message or message_for(uploaded.header)
            draft, size = await prepare(session, self.console, message, uploaded, self.csv)
        if draft.count_valid == 0:
            raise CommandStopped(f"No recipient would get it: campaign {draft.id} stays a draft.")
        return Prepared(uploaded=uploaded, draft=draft, longest=size)

    async def _launch(self, prepared: Prepared, record: LaunchRecord) -> DemoResult:
        draft = prepared.draft
        looks = _SANDBOX_LOOKS if self.target.is_sandbox else _SERVER_LOOKS
        async with self.target.open_session() as session:
            await launch(session, self.console, draft.id, record)
            step(self.console, 4, "Follow the delivery")
            summary = await deliver(session, self.console, draft, every=looks)
            await save(session, self.console, draft.id, self.report)
        return DemoResult(
            base_url=self.target.base_url, prepared=prepared, summary=summary, report=self.report
        )


@contextmanager
def _told(record: LaunchRecord, target: Target) -> Generator[None]:
    """Let whatever ends the `with` block early say whether something was launched."""
    try:
        yield
    except KeyboardInterrupt:
        raise record.interrupted(is_sandbox=target.is_sandbox) from None
    except (MediasflowError, OSError) as error:
        if record.state is Launch.DONE:
            error.add_note(str(record))
        raise


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
