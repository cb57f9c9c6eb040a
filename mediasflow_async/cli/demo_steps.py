"""The steps of the demo: each does one thing over HTTP and shows what came of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from rich.box import ROUNDED
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.text import Text

from mediasflow_async.cli.bars import by_outcome, legend, status_bars
from mediasflow_async.cli.delivery_progress import DeliveryProgress
from mediasflow_async.cli.demo_message import Longest, Message, longest
from mediasflow_async.cli.headings import done, hint, indented
from mediasflow_async.cli.launch_record import Launch, LaunchRecord
from mediasflow_async.cli.preflight_view import notices_table
from mediasflow_async.cli.recipient_file import read_rows
from mediasflow_async.cli.shipped import BLACKLISTED
from mediasflow_async.cli.tables import campaign_table, list_table
from mediasflow_async.masking import mask_text
from mediasflow_async.models import Campaign, CampaignRequest, RecipientList, ReportSummary
from mediasflow_async.session import Session
from mediasflow_async.text.encoding import MAX_SEGMENTS

__all__ = ["block", "deliver", "launch", "prepare", "save", "upload"]

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
