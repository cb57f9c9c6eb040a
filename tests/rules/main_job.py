"""The main job of an application, step by step, and what must hold of it on every server.

A step is right, or it fails with an error of ours. Nothing is sent twice, nothing is called done
that was not, and nobody reads of another person.
"""

from __future__ import annotations

import pickle
import zipfile
from collections import Counter
from collections.abc import AsyncIterable, Awaitable
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import anyio

from mediasflow_async import (
    CampaignRequest,
    CampaignType,
    MediasflowError,
    Recipient,
    ReportRow,
    Sent,
    Session,
    TinyUrl,
    TinyUrlType,
)
from mediasflow_async.delivery import Journal, State
from mediasflow_async.sandbox import Sandbox
from tests.support.senders import quick_sender

__all__ = ["STEPS", "MainJob"]

PEOPLE: Final = {"+33612345601": "Léa", "+33612345602": "Noël", "+33612345603": "Anaïs"}
BLOCKED: Final = ("+33612345611", "+33612345612", "+33612345613")
ADDED: Final = "+33612345614"
NEVER_BLOCKED: Final = "+33612345615"
TESTER: Final = "+33612345621"
SENT_TO: Final = "+33612345631"
ORDERED: Final = "+33612345641"
DELIVERED: Final = 16
FAILED: Final = 20
NO_CAMPAIGN: Final = 999_999
IMAGE: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    "awAAAABJRU5ErkJggg=="
)

STEPS: Final = (
    "upload",
    "prepare",
    "set_sender",
    "test",
    "launch",
    "report",
    "watch",
    "csv",
    "period",
    "period_csv",
    "empty_report",
    "empty_blacklist",
    "blacklist_add",
    "blacklist",
    "contains",
    "contains_not",
    "send",
    "schedule",
    "cancel",
    "sender",
    "sender_again",
)
"""What is done, in this order. Then come the steps that the server must refuse."""

_WINDOW: Final = timedelta(days=7) - timedelta(minutes=1)


class MainJob:
    """The job on one server.

    Attributes:
        errors: the error of each step that failed.
        states: how the orders by key ended.
        waiting: steps that waited longer than `patience` for the server, as it asked.
        wrong: what must never be, in words; empty when all is well.
    """

    def __init__(
        self, sandbox: Sandbox, session: Session, folder: Path, *, patience_seconds: float = 20
    ) -> None:
        self.errors: dict[str, MediasflowError] = {}
        self.wrong: list[str] = []
        self.waiting: set[str] = set()
        self._sandbox = sandbox
        self._session = session
        self._folder = folder
        self._patience_seconds = patience_seconds
        self._id = NO_CAMPAIGN
        self.states: dict[str, State] = {}

    async def run(self) -> None:
        """Do every step, and check what must hold."""
        clock = self._sandbox.clock
        clock.advance(_until_morning(clock.now()))
        async with self._session:
            await self._prepare_and_launch()
            await self._report()
            await self._block()
            await self._send()
            await self._order()
            await self._be_refused()
        self._check_launches()
        self._check_messages()
        self._check_errors()

    async def _prepare_and_launch(self) -> None:
        session = self._session
        rows = [{"mobile": number, "PRENOM": name} for number, name in PEOPLE.items()]
        uploaded = await self._do("upload", session.lists.upload(rows, filename="clients"))
        prepared = await self._do("prepare", session.campaigns.prepare(self._request(uploaded)))
        if not self._sandbox.campaigns:
            return
        # Who cannot read the number of a draft finds it in the console.
        self._id = self._sandbox.campaigns[-1].id
        if prepared is not None:
            self._expect("prepare", prepared.id == self._id, "another campaign")
        changed = await self._do("set_sender", session.campaigns.set_sender(self._id, "OTHER"))
        if changed is not None:
            senders = [found.sender for found in self._sandbox.campaigns if found.id == self._id]
            self._expect("set_sender", senders == ["OTHER"], "not changed")
        tested = await self._do("test", session.campaigns.test(self._id, [TESTER]))
        if tested is not None:
            self._expect("test", self._got(TESTER) == 1, "no test was sent")
        launched = await self._do("launch", session.campaigns.launch(self._id))
        if launched is not None:
            self._expect("launch", self._launches == 1, "not launched")
        self._check_unknown("test", self._got(TESTER))
        self._check_unknown("launch", self._launches)

    def _request(self, uploaded: Any) -> CampaignRequest:
        people = [Recipient(number, fields={"PRENOM": name}) for number, name in PEOPLE.items()]
        whom: dict[str, Any] = {"recipients": people} if uploaded is None else {}
        return CampaignRequest(
            msg="Bonjour ${PRENOM}, voir ${track_1} ou ${track_2}",
            list_ids=[] if uploaded is None else [uploaded.id],
            campaign_name="main job",
            sender="ACME",
            type=CampaignType.NOTIFICATION,
            check_duplicate=True,
            tiny_urls=[
                TinyUrl(
                    index=0,
                    url="https://www.example.com/",
                    image_name="image.png",
                    is_open_graph=True,
                    end_of_life=30,
                ),
                TinyUrl(index=1, type=TinyUrlType.LOCAL, local_html="page.html"),
            ],
            image_preview=IMAGE,
            zip_local=_zipped("page.html", "<html></html>"),
            **whom,
        )

    @property
    def _launches(self) -> int:
        """How often the campaign was launched, 0 for one that is not there."""
        return sum(found.launches for found in self._sandbox.campaigns if found.id == self._id)

    def _got(self, number: str) -> int:
        """Return how many messages a phone got."""
        return sum(message.mobile == number for message in self._sandbox.messages)

    async def _report(self) -> None:
        if not self._launches:
            return
        reports = self._session.reports
        now = self._sandbox.clock.now()
        # The campaign left in the minute at which one window ends and the next one starts.
        since, until = now.replace(second=0, microsecond=0) - 2 * _WINDOW, now + timedelta(hours=1)
        for step, rows in (
            ("report", reports.campaign(self._id)),
            ("csv", reports.campaign_csv(self._id)),
            ("period", reports.period(since, until)),
            ("period_csv", reports.period_csv(since, until)),
        ):
            self._check_rows(step, await self._do(step, _all(rows)))
        last = await self._do("watch", _last(reports.watch(self._id, every=0.01)))
        if last is not None:
            self._expect("watch", last.total == len(PEOPLE), f"{last.total} rows")
        none = await self._do("empty_report", _all(reports.campaign(self._id, status=[FAILED])))
        self._expect("empty_report", not none, "has rows")

    def _check_rows(self, step: str, rows: list[ReportRow] | None) -> None:
        if rows is None:
            return
        found = Counter(_e164(row.mobile) for row in rows)
        self._expect(step, found == Counter(list(PEOPLE)), f"rows of {sorted(found.values())}")
        self._expect(step, {row.status_code for row in rows} == {DELIVERED}, "not delivered")
        for row in rows:
            name = row.fields.get("PRENOM")
            is_theirs = name is None or name == PEOPLE.get(_e164(row.mobile))
            self._expect(step, is_theirs, f"{name!r} is another person")

    async def _block(self) -> None:
        blacklist = self._session.blacklist
        none = await self._do("empty_blacklist", _all(blacklist.entries()))
        self._expect("empty_blacklist", not none, "has entries")
        for number in BLOCKED:
            self._sandbox.block(number)
        added = await self._do("blacklist_add", blacklist.add(ADDED))
        numbers = {entry.item for entry in self._sandbox.blacklist}
        if added is not None:
            self._expect("blacklist_add", ADDED in numbers, "not added")
        entries = await self._do("blacklist", _all(blacklist.entries()))
        if entries is not None:
            found = sorted(_e164(entry.number) for entry in entries)
            self._expect("blacklist", found == sorted(numbers), f"{len(found)} entries")
        for number, step in ((BLOCKED[-1], "contains"), (NEVER_BLOCKED, "contains_not")):
            is_there = await self._do(step, blacklist.contains(number))
            if is_there is not None:
                self._expect(step, is_there is (number in BLOCKED), f"says {is_there}")

    async def _send(self) -> None:
        campaigns = self._session.campaigns
        person = Recipient(SENT_TO, fields={"REF": "7"})
        request = CampaignRequest(msg="Bonjour ${REF}", recipients=[person], sender="ACME")
        sent = await self._do("send", campaigns.send(request))
        if sent is not None:
            self._expect("send", self._got(SENT_TO) == 1, "not sent")
        self._check_unknown("send", self._got(SENT_TO))
        at = self._sandbox.clock.now() + timedelta(hours=1)
        later = CampaignRequest(msg="Demain", recipients=[SENT_TO], sender="ACME", schedule_on=at)
        scheduled = await self._do("schedule", campaigns.send(later))
        waiting = [found for found in self._sandbox.campaigns if found.status == "SCHEDULED"]
        self._expect("schedule", scheduled is None or bool(waiting), "not scheduled")
        if not waiting:
            return
        cancelled = await self._do("cancel", campaigns.cancel(waiting[-1].id))
        still = [found for found in self._sandbox.campaigns if found.status == "SCHEDULED"]
        self._expect("cancel", cancelled is None or not still, "not cancelled")

    async def _order(self) -> None:
        """Order a campaign by its key, twice."""
        request = CampaignRequest(
            msg="Commande", recipients=[ORDERED], sender="ACME", campaign_name="order"
        )
        url = f"sqlite:///{self._folder / 'journal.sqlite3'}"
        async with (
            Journal.open(url) as journal,
            quick_sender(self._session, journal, confirmations=1) as sender,
        ):
            for step in ("sender", "sender_again"):
                receipt = await self._do(step, sender.send("order-1", request))
                if receipt is not None:
                    self._check_receipt(step, receipt.state)
                    if receipt.error is not None:
                        self.errors[step] = receipt.error

    def _check_receipt(self, step: str, state: State) -> None:
        """Check a receipt; one that is parked says that it does not know."""
        was_sent = self._got(ORDERED) > 0
        if state is State.LAUNCHED:
            self._expect(step, was_sent, "LAUNCHED, and was not")
        elif state is not State.PARKED:
            self._expect(step, not was_sent, f"{state}, and was launched")
        self.states[step] = state

    async def _be_refused(self) -> None:
        """Ask for what no server does."""
        if not self._launches:
            return
        campaigns = self._session.campaigns
        before = len(self._sandbox.messages)
        calls: dict[str, Awaitable[object]] = {
            "set_sender": campaigns.set_sender(self._id, "THIRD"),
            "cancel": campaigns.cancel(self._id),
            "launch": campaigns.launch(NO_CAMPAIGN),
            "test": campaigns.test(NO_CAMPAIGN, [TESTER]),
        }
        for name, call in calls.items():
            step = f"refused {name}"
            answer = await self._do(step, call)
            self._expect(step, answer is None, "called done")
        self._expect("refused", len(self._sandbox.messages) == before, "something was sent")

    async def _do(self, step: str, call: Awaitable[Any]) -> Any:
        """Return what a call returns, True for nothing, None when it fails or never ends."""
        try:
            with anyio.move_on_after(self._patience_seconds):
                value = await call
                return True if value is None else value
        except MediasflowError as error:
            self.errors[step] = error
            return None
        except Exception as error:  # noqa: BLE001  exactly what must not come
            self.wrong.append(f"{step}: a raw {error!r}")
            return None
        self.waiting.add(step)
        return None

    def _expect(self, step: str, holds: bool, what: str) -> None:  # noqa: FBT001  one condition
        if not holds:
            self.wrong.append(f"{step}: {what}")

    def _check_unknown(self, step: str, times: int) -> None:
        """Check that an error does not deny what left."""
        error = self.errors.get(step)
        if error is not None and times:
            self._expect(step, error.sent is Sent.UNKNOWN, f"sent, and the error is {error!r}")

    def _check_launches(self) -> None:
        for campaign in self._sandbox.campaigns:
            launches = campaign.launches
            self._expect("launches", launches <= 1, f"{campaign.name} launched {launches} times")

    def _check_messages(self) -> None:
        for message in self._sandbox.messages:
            name = PEOPLE.get(message.mobile)
            is_theirs = name is None or message.text.startswith(f"Bonjour {name[:2]}")
            self._expect("messages", is_theirs, "the text of another person")
        counts = Counter((message.mobile, message.text) for message in self._sandbox.messages)
        self._expect("messages", all(count == 1 for count in counts.values()), "sent twice")
        if self._got(SENT_TO):
            texts = {found.text for found in self._sandbox.messages if found.mobile == SENT_TO}
            self._expect("messages", texts <= {"Bonjour 7"}, f"{texts}")

    def _check_errors(self) -> None:
        secrets = (self._sandbox.password, *PEOPLE, SENT_TO, "Bonjour Léa")
        for step, error in self.errors.items():
            shown = f"{error}{error!r}{pickle.dumps(error)!r}"
            self._expect(step, not any(secret in shown for secret in secrets), "shows a secret")


def _zipped(name: str, text: str) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as pages:
        pages.writestr(name, text)
    return file.getvalue()


def _until_morning(now: datetime) -> timedelta:
    """Return how long it is until 8:10 UTC, from where no step of the job meets 12 o'clock."""
    morning = now.replace(hour=8, minute=10, second=30, microsecond=0)
    return morning - now if morning > now else morning + timedelta(days=1) - now


async def _all(rows: AsyncIterable[Any]) -> list[Any]:
    return [row async for row in rows]


async def _last(values: AsyncIterable[Any]) -> Any:
    return (await _all(values))[-1]


def _e164(number: str | None) -> str:
    return f"+{(number or '').lstrip('+')}"
