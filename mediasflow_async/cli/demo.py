"""`mediasflow demo`: a campaign from its list of recipients to its delivery report.

It does what a program of the user's would do, in four steps that it shows: upload the list,
prepare the campaign, launch it, follow the delivery. By default the server is a sandbox on this
machine. On any other server it asks before it launches. Where it ends early, it says whether the
campaign was launched, may have been launched, or was not.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import anyio
from attrs import frozen
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
    print_json,
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
)
from mediasflow_async.cli.options import (
    JsonOption,
    Seconds,
    Target,
    YesOption,
    sandbox_target,
    server_target,
)
from mediasflow_async.cli.safety import confirm_launch, refuse_unsafe
from mediasflow_async.cli.views import (
    DeliveryProgress,
    Fact,
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

__all__ = ["demo"]

_REPORT: Final = Path("mediasflow-demo-report.csv")


def demo(
    *,
    csv: ExistingFile | None = None,
    message: str | None = None,
    report: Path = _REPORT,
    base_url: str | None = None,
    yes: YesOption = False,
    delivery_seconds: Seconds = 12.0,
    as_json: JsonOption = False,
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
        run = _Run(
            target=target,
            screen=console(stderr=as_json),
            csv=csv or RECIPIENTS,
            message=None if message is None else Message(text=message),
            report=report,
            needs_confirmation=not (target.is_sandbox or yes),
        )
        result = run.to_the_end()
    if as_json:
        print_json(result, indent=2)


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


@frozen(kw_only=True)
class _Prepared:
    """A campaign that is ready to be launched.

    Attributes:
        uploaded: its list.
        draft: the campaign.
        longest: its longest message.
    """

    uploaded: RecipientList
    draft: Campaign
    longest: Longest


_SANDBOX_EVERY: Final = timedelta(seconds=0.4)
_SERVER_EVERY: Final = timedelta(seconds=5)


@frozen(kw_only=True)
class _Run:
    """One run of the demo.

    Attributes:
        target: the server.
        screen: where it is shown.
        csv: the list of recipients.
        message: what to send; None for a message that fits the list.
        report: where the report is saved.
        needs_confirmation: whether the number of recipients has to be typed.
    """

    target: Target
    screen: Console
    csv: Path
    message: Message | None
    report: Path
    needs_confirmation: bool

    def to_the_end(self) -> dict[str, Any]:
        """Run every step, and return the result as JSON data, without phone numbers.

        Raises:
            CommandStopped: by Ctrl-C, or because the launch was not confirmed.
            MediasflowError: a step failed.
        """
        record = _LaunchRecord()
        with _telling_of_the_launch(record, self.target):
            self._introduce()
            prepared = anyio.run(self._prepare)
            step(self.screen, 3, "Launch the campaign")
            # Typed between two event loops, since Ctrl-C cannot reach a prompt inside of one.
            if self.needs_confirmation:
                confirm_launch(self.screen, prepared.draft, self.target.base_url)
            summary = anyio.run(self._launch, prepared.draft, record)
        return {
            "base_url": self.target.base_url,
            "list": _list_data(prepared.uploaded),
            "campaign": _campaign_data(prepared),
            "report": {"file": str(self.report), **_report_data(summary)},
        }

    def _introduce(self) -> None:
        promise = "sandbox, no SMS leaves" if self.target.is_sandbox else "asks before it sends"
        title(
            self.screen,
            "A campaign with mediasflow_async, from the list to the report",
            f"{self.target.base_url} · {promise}",
        )

    async def _prepare(self) -> _Prepared:
        async with self.target.open_session() as session:
            step(self.screen, 1, "Upload the recipients")
            if self.target.is_sandbox:
                await _fill_blacklist(session, self.screen)
            uploaded = await _upload(session, self.screen, self.csv)
            step(self.screen, 2, "Prepare the campaign")
            message = self.message or message_for(uploaded.header)
            prepared = await _prepare(session, self.screen, message, uploaded, self.csv)
        draft = prepared.draft
        if draft.count_valid == 0:
            raise CommandStopped(f"No recipient would get it: campaign {draft.id} stays a draft.")
        return prepared

    async def _launch(self, draft: Campaign, record: _LaunchRecord) -> ReportSummary:
        every = _SANDBOX_EVERY if self.target.is_sandbox else _SERVER_EVERY
        async with self.target.open_session() as session:
            await _launch(session, self.screen, draft.id, record)
            step(self.screen, 4, "Follow the delivery")
            summary = await _follow(session, self.screen, draft, every=every)
            await _save(session, self.screen, draft.id, self.report)
        return summary


async def _fill_blacklist(session: Session, screen: Console) -> None:
    """Add the people of the shipped list who said STOP to the blacklist."""
    async for outcome in session.blacklist.add_many(BLACKLISTED):
        outcome.unwrap()
    done(screen, f"{len(BLACKLISTED)} people who once answered STOP are in the blacklist")
    screen.print()


async def _upload(session: Session, screen: Console, path: Path) -> RecipientList:
    """Upload a list and show what the platform says of it."""
    bar = Progress(
        TextColumn("   ↑ {task.description}"), BarColumn(), DownloadColumn(), console=screen
    )
    with bar:
        task = bar.add_task(path.name, total=None)
        uploaded = await session.lists.upload(
            path,
            filename=path.name,
            progress=lambda sent, total: bar.update(task, completed=sent, total=total),
        )
    screen.print()
    indented(screen, list_table(uploaded))
    return uploaded


async def _prepare(
    session: Session, screen: Console, message: Message, uploaded: RecipientList, path: Path
) -> _Prepared:
    """Prepare a campaign for an uploaded list; show its longest message, counts and credits.

    The problems and warnings of a preflight of the same list come below.
    """
    request = _request(message, uploaded)
    draft = await session.campaigns.prepare(request)
    size = longest(message, uploaded.max_datas_map)
    _show_bubble(screen, size.text, draft.sender or draft.short_code or "")
    indented(screen, campaign_table(draft, _message_facts(size)))
    allowed = min(max(1, draft.count_max_credit_found or 1), MAX_SEGMENTS)
    report = await session.campaigns.preflight(request, read_rows(path), max_segments=allowed)
    if notices := (*report.problems, *report.warnings):
        screen.print()
        indented(screen, notices_table(notices, with_rows=False))
    return _Prepared(uploaded=uploaded, draft=draft, longest=size)


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


_BUBBLE_WIDTH: Final = 60


def _show_bubble(screen: Console, text: str, sender: str) -> None:
    """Print a message as a phone shows it."""
    bubble = Panel(
        Text(mask_text(text)),
        title=Text(sender, style="bold"),
        title_align="left",
        box=ROUNDED,
        border_style="green",
        width=_BUBBLE_WIDTH,
        padding=(0, 1),
    )
    indented(screen, bubble)
    screen.print()


def _message_facts(message: Longest) -> Iterator[Fact]:
    size, instead = message.size, message.unreplaced
    room = f"{size.segments} SMS, room for {size.remaining} more"
    yield "Longest message", f"{size.units:,}", f"characters in {size.encoding}: {room}"
    if message.replaced:
        pairs = (f"{each.character} → {each.replacement}" for each in message.replaced)
        note = f"(else {instead.encoding}: {instead.segments} SMS)"
        yield "Replaced", str(len(message.replaced)), f"{', '.join(pairs)}  {note}"


class _Launch(StrEnum):
    """How far a launch got, as a sentence for whoever runs the demo."""

    NOT_ASKED = "Nothing was launched, and no SMS was sent."
    ASKED = (
        "The launch of campaign {id} was under way: look at its report before you launch it again."
    )
    DONE = "Campaign {id} was launched."


class _LaunchRecord:
    """How far the launch got, for the message of a command that ends early.

    Attributes:
        state: how far the launch got.
        campaign_id: the campaign.
    """

    def __init__(self) -> None:
        self.state = _Launch.NOT_ASKED
        self.campaign_id: int | None = None

    def __str__(self) -> str:
        return self.state.format(id=self.campaign_id)

    def interrupted(self, *, is_sandbox: bool) -> CommandStopped:
        """Return the error that Ctrl-C ends the command with."""
        if is_sandbox:
            return CommandStopped(
                f"{self} It was a sandbox: no SMS left this machine.", ExitCode.INTERRUPTED
            )
        in_doubt = self.state is _Launch.ASKED
        return CommandStopped(
            str(self), ExitCode.DELIVERY_UNKNOWN if in_doubt else ExitCode.INTERRUPTED
        )


@contextmanager
def _telling_of_the_launch(record: _LaunchRecord, target: Target) -> Generator[None]:
    """Add to what ends the `with` block early whether something was launched."""
    try:
        yield
    except KeyboardInterrupt:
        raise record.interrupted(is_sandbox=target.is_sandbox) from None
    except (MediasflowError, OSError) as error:
        if record.state is _Launch.DONE:
            error.add_note(str(record))
        raise


async def _launch(
    session: Session, screen: Console, campaign_id: int, record: _LaunchRecord
) -> None:
    """Launch a draft, and record how far that got."""
    record.campaign_id = campaign_id
    record.state = _Launch.ASKED
    with screen.status(f"Launching campaign {campaign_id}"):
        campaign = await session.campaigns.launch(campaign_id)
    record.state = _Launch.DONE
    done(screen, f"Campaign {campaign_id} is launched: {campaign.status or 'state unknown'}")


async def _follow(
    session: Session, screen: Console, draft: Campaign, *, every: timedelta
) -> ReportSummary:
    """Follow a campaign until every status is final, and show the counts as bars."""
    with DeliveryProgress(screen, draft.count_recipient or 0) as progress:
        summary = ReportSummary.of(())
        async for summary in session.reports.watch(draft.id, every=every):
            progress.show(summary)
    indented(screen, status_bars(summary))
    screen.print()
    indented(screen, legend(by_outcome(summary)))
    return summary


async def _save(session: Session, screen: Console, campaign_id: int, path: Path) -> None:
    """Save the report as CSV and say where."""
    await session.reports.campaign_csv(campaign_id).save(path)
    screen.print()
    done(screen, f"The report, line by line, is in {path}")
    hint(screen, "Next: your own list (--csv FILE), your own program (mediasflow sandbox)")


def _list_data(uploaded: RecipientList) -> dict[str, Any]:
    return {
        "id": uploaded.id,
        "size": uploaded.size,
        "valid": uploaded.valid_number_mobile,
        "invalid": uploaded.invalid_number_mobile,
        "duplicates": uploaded.count_duplicate_mobile,
        "charset": uploaded.charset_detected,
        "countries": dict(uploaded.valid_country_counter),
    }


def _campaign_data(prepared: _Prepared) -> dict[str, Any]:
    draft, size = prepared.draft, prepared.longest.size
    return {
        "id": draft.id,
        "recipients": draft.count_recipient,
        "messages": draft.count_valid,
        "credits": draft.credit_count,
        "encoding": size.encoding,
        "segments": size.segments,
    }


def _report_data(summary: ReportSummary) -> dict[str, Any]:
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
