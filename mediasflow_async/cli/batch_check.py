"""What a file of campaigns would send, examined line by line before anything leaves.

`check_file` reads a whole file at constant memory: what each line breaks, keys that stand for two
contents, and the preflight of exactly what would be sent, with its cost. A sender that was told to
leave out bad lines without such a check asks an `Examiner` about each line as it comes.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final, Self

from attrs import define, evolve, field
from rich.console import Console
from rich.text import Text

from mediasflow_async.cli.campaign_files import CampaignFile, Line, lines_of, problems_text
from mediasflow_async.cli.console import CommandStopped, ExitCode, hint
from mediasflow_async.cli.preflight import show_preflight
from mediasflow_async.delivery import Journal
from mediasflow_async.delivery.records import Order, digest_of, key_problems, order_problems
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import ConfigurationError, Problem
from mediasflow_async.models import CampaignRequest
from mediasflow_async.resources.preflights import problems_of
from mediasflow_async.text import (
    Conditions,
    Encoding,
    LongMessage,
    Notice,
    Preflight,
    PreflightRun,
    PreviewNotInstalled,
    ProblemCode,
)
from mediasflow_async.text.preflighting.notices import NoticeCode, notice
from mediasflow_async.text.preflighting.rows import recipient_row
from mediasflow_async.uploads.recipients import RecipientTable

__all__ = ["Examiner", "FileCheck", "check_file", "stop_at_bad_lines"]

_MAX_SHOWN: Final = 20


@define
class FileCheck:
    """What a file of campaigns holds.

    Attributes:
        stamp: the size and the time of the file that was read.
        report: the preflight of all campaigns that can be sent.
        campaigns: how many campaigns.
        recipients: how many recipients they have, those of uploaded lists apart.
        lists: how many uploaded lists they go to, too.
        repeated: how many lines say the same as an earlier one, which is sent once.
        bad: how many lines cannot be sent.
        shown: the first of these, and what is wrong with each.
        reading: how a file of recipients was read, in words.
    """

    stamp: tuple[int, ...]
    report: Preflight = field(factory=lambda: Preflight(recipients=0, histogram={}), repr=False)
    campaigns: int = 0
    recipients: int = 0
    lists: int = 0
    repeated: int = 0
    bad: int = 0
    shown: list[tuple[str, str]] = field(factory=list, repr=False)
    reading: str = ""

    def __str__(self) -> str:
        names = ("campaign", "recipient", "uploaded list", "credit")
        counts = (self.campaigns, self.recipients, self.lists, self.report.credits)
        campaigns, recipients, lists, credit_count = (
            f"{count:,} {name}{'' if count == 1 else 's'}"
            for count, name in zip(counts, names, strict=True)
        )
        to = f"{recipients} and {lists}" if self.lists else recipients
        at_least = ", and what the lists take" if self.lists else ""
        return f"{campaigns} to {to}, for {credit_count}{at_least}"

    def as_json(self) -> dict[str, Any]:
        """Return the counts as JSON data."""
        report = self.report.to_dict()
        return {
            "campaigns": self.campaigns,
            "recipients": self.recipients,
            "lists": self.lists,
            "repeated": self.repeated,
            "bad": self.bad,
            **{name: report[name] for name in ("sendable", "credits", "histogram", "warnings")},
        }

    def read_as(self, table: RecipientTable) -> None:
        """Note how a file of recipients is read."""
        self.reading = str(table)

    def show(self, screen: Console) -> None:
        """Print who gets it, what it costs, and what may not be as it was meant."""
        show_preflight(screen, self.report)
        if self.reading:
            hint(screen, f"The file: {self.reading}.")

    def count(self, request: CampaignRequest) -> None:
        """Count a campaign that can be sent."""
        self.campaigns += 1
        self.recipients += len(request.recipients)
        self.lists += len(request.list_ids)

    def refuse(self, line: Line, problems: list[Problem]) -> None:
        """Count a line that cannot be sent."""
        self.bad += 1
        if self.bad <= _MAX_SHOWN:
            self.shown.append((line.where, problems_text(problems)))


async def check_file(file: CampaignFile, salt: bytes, journal: Journal | None = None) -> FileCheck:
    """Read a whole file and return what it holds; nothing is sent, nothing is kept.

    Args:
        file: the file, of any length.
        salt: the journal's.
        journal: its campaigns are sendable whatever the rules say today: a date that was ahead
            when a campaign began may have passed, and the campaign goes on all the same.

    Raises:
        ConfigurationError: the file as a whole is not what its name or its options say.
        InvalidRequest: a file of recipients has lines that are not read in one way only.
        OSError: it cannot be read.
    """
    check = FileCheck(file.stamp())
    examiner = Examiner(file)
    with _Keys() as keys:
        for line in lines_of(file, salt=salt, found=check.read_as):
            problems = [*_rule_problems(line)]
            if not problems and line.request is not None:
                digest = digest_of(_order(line.request), salt)
                place = keys.place_before(line, digest)
                if place == _SAME:
                    check.repeated += 1
                    continue
                problems = [*_key_used_before(place), *examiner.problems(line.request)]
            if line.request is None or (problems and not await _began_before(line, salt, journal)):
                check.refuse(line, problems)
            else:
                check.count(line.request)
    if not (check.bad or check.campaigns):
        raise ConfigurationError(f"{file.path.name} is empty: it holds no campaign")
    check.report = examiner.report()
    return check


def _rule_problems(line: Line) -> Iterator[Problem]:
    yield from line.problems
    if line.request is not None:
        yield from key_problems(line.key)
        yield from order_problems(_order(line.request), Dialect(), datetime.now(UTC))


def _order(request: CampaignRequest) -> Order:
    return Order(request=request, auto_list=True)


def _key_used_before(place: str) -> Iterator[Problem]:
    if place:
        yield Problem("key", f"is that of {place}, which says something else: one key, one content")


async def _began_before(line: Line, salt: bytes, journal: Journal | None) -> bool:
    """Return whether the journal has the same campaign under the same key."""
    if journal is None or line.request is None or line.problems or [*key_problems(line.key)]:
        return False
    entry = await journal.get(line.key)
    return entry is not None and entry.digest == digest_of(_order(line.request), salt)


def stop_at_bad_lines(screen: Console, check: FileCheck, name: str) -> None:
    """Print the first lines that cannot be sent with what is wrong, and stop if there are any.

    Raises:
        CommandStopped: there are any.
    """
    if not check.bad:
        return
    for where, wrong in check.shown:
        place = f"{name}, {where}"
        screen.print(Text.assemble(("✗ ", "red"), (place, "bold"), f": {wrong}"), soft_wrap=True)
    if more := check.bad - len(check.shown):
        screen.print(f"… and {more:,} more")
    lines = "line" if check.bad == 1 else "lines"
    raise CommandStopped(
        f"{check.bad:,} {lines} of {name} cannot be sent, and nothing was. Correct what is "
        "wrong, or leave it out with --no-check.",
        ExitCode.USAGE,
    )


_SAME: Final = "the same"
_KEY_BYTES: Final = 16


class _Keys:
    """The keys of a file, in a temporary database, so that memory does not grow with the file.

    SQLite makes it without a name and removes it when it is closed. It holds digests only.
    """

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute(
            "CREATE TABLE keys (key BLOB PRIMARY KEY, digest BLOB, place TEXT) WITHOUT ROWID"
        )
        self._db.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def place_before(self, line: Line, digest: str) -> str:
        """Keep the key of a line, or return where it stands already.

        Returns:
            Empty where the key is new, and `_SAME` where the same content has it.
        """
        key = blake2b(line.key.encode(), digest_size=_KEY_BYTES).digest()
        content = bytes.fromhex(digest)[:_KEY_BYTES]
        added = self._db.execute(
            "INSERT OR IGNORE INTO keys VALUES (?, ?, ?)", (key, content, line.where)
        )
        if added.rowcount:
            return ""
        found = self._db.execute("SELECT digest, place FROM keys WHERE key = ?", (key,)).fetchone()
        return _SAME if found[0] == content else str(found[1])


# A date is left to the rules of the API, which know what has begun before.
_DATES: Final = frozenset(
    {
        ProblemCode.SCHEDULE_WITHOUT_ZONE,
        ProblemCode.SCHEDULE_IN_PAST,
        ProblemCode.SCHEDULE_TOO_SOON,
    }
)
_ABOUT_NUMBER: Final = frozenset(
    {
        ProblemCode.MISSING_NUMBER,
        ProblemCode.SHORT_NUMBER,
        ProblemCode.SPOILED_NUMBER,
        ProblemCode.INVALID_NUMBER,
    }
)


class Examiner:
    """Makes the preflight of each campaign of a file, and adds up what they cost.

    The rows of a file of recipients have one message, which is examined once. Any other campaign
    is examined on its own.

    Args:
        file: the file.
    """

    def __init__(self, file: CampaignFile) -> None:
        self._max_segments = file.max_segments
        self._conditions = Conditions(schedule_zone=Dialect().schedule_tz)
        self._totals = _Totals()
        self._rows: PreflightRun | None = None
        self._of_all_rows: list[Problem] | None = None
        if file.template is not None and not file.as_list:
            # Each row is a campaign of its own: the same number gets two.
            self._rows = self._run(evolve(file.template, check_duplicate=False))

    def problems(self, request: CampaignRequest) -> list[Problem]:
        """Return why a campaign that keeps the rules of the API would still not arrive as meant.

        Raises:
            ConfigurationError: its renderer needs an extra that is not installed.
        """
        if request.campaign_id is not None:
            return []  # was examined when it was prepared
        try:
            if self._rows is not None:
                return self._row_problems(self._rows, request)
            return self._own_problems(request)
        except PreviewNotInstalled as error:
            raise ConfigurationError(str(error)) from None

    def unchecked_problems(self, request: CampaignRequest) -> list[Problem]:
        """Return the `problems` of a campaign of a file that was not checked as a whole.

        There are none where it breaks a rule of the API: the sender says which, or sends it if
        it has begun before.
        """
        breaks_rule = any(order_problems(_order(request), Dialect(), datetime.now(UTC)))
        return [] if breaks_rule else self.problems(request)

    def report(self) -> Preflight:
        """Return the preflight of all campaigns together."""
        return self._rows.report() if self._rows else self._totals.report()

    def _run(self, request: CampaignRequest) -> PreflightRun:
        return PreflightRun(request, max_segments=self._max_segments, conditions=self._conditions)

    def _own_problems(self, request: CampaignRequest) -> list[Problem]:
        report = self._run(request).report()
        self._totals.add(report)
        sent = [each for each in report.problems if each.code not in _DATES]
        return [*problems_of(evolve(report, problems=tuple(sent)))]

    def _row_problems(self, rows: PreflightRun, request: CampaignRequest) -> list[Problem]:
        (recipient,) = request.recipients
        codes = rows.feed(recipient_row(recipient))
        if self._of_all_rows is None:
            # All rows have the same columns, so that the first one tells what concerns all.
            report = rows.report()
            common = [each for each in report.problems if not each.count]
            sent = [each for each in common if each.code not in _DATES]
            self._of_all_rows = [Problem("msg", each.message) for each in sent]
        own = (
            Problem("mobile" if code in _ABOUT_NUMBER else "msg", notice(code).message)
            for code in codes
        )
        return [*self._of_all_rows, *own]


class _Totals:
    """The preflights of many campaigns as one, which does not grow with their number."""

    def __init__(self) -> None:
        self._recipients = 0
        self._histogram: Counter[tuple[Encoding, int]] = Counter()
        self._warnings: Counter[tuple[NoticeCode, str, str | None]] = Counter()
        self._longest: LongMessage | None = None

    def add(self, report: Preflight) -> None:
        """Add the preflight of one more campaign."""
        self._recipients += report.recipients
        self._histogram.update(report.histogram)
        for each in report.warnings:
            self._warnings[each.code, each.message, each.about] += each.count or 1
        for longest in report.longest[:1]:
            if self._longest is None or _size(longest) > _size(self._longest):
                self._longest = evolve(longest, row=None)

    def report(self) -> Preflight:
        """Return the sum."""
        return Preflight(
            recipients=self._recipients,
            histogram=dict(self._histogram),
            warnings=tuple(
                Notice(code, message, about, count)
                for (code, message, about), count in self._warnings.items()
            ),
            longest=() if self._longest is None else (self._longest,),
        )


def _size(message: LongMessage) -> tuple[int, int]:
    return message.segments, message.units
