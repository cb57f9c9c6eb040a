"""One run of the demo, from its first step to its last."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import anyio
from attrs import frozen
from rich.console import Console

from mediasflow_async.cli.confirmation import confirm
from mediasflow_async.cli.demo_message import Message, message_for
from mediasflow_async.cli.demo_result import DemoResult, Prepared
from mediasflow_async.cli.demo_steps import block, deliver, launch, prepare, save, upload
from mediasflow_async.cli.failures import CommandStopped
from mediasflow_async.cli.headings import step, title
from mediasflow_async.cli.launch_record import Launch, LaunchRecord
from mediasflow_async.cli.target import Target
from mediasflow_async.errors import MediasflowError

__all__ = ["DemoRun"]

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
