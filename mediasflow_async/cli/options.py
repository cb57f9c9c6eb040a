"""The options that commands share, and what they open: servers, journals, files of campaigns.

An option that several commands take has one type here. The classes are groups of options: cyclopts
makes an option of each attribute, with its help from the docstring. Credentials are never options,
since other users of the machine see the command line of a process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import unquote

import httpx
from attrs import asdict, field, frozen
from cyclopts import Parameter
from cyclopts.validators import Number

from mediasflow_async._core.options import is_loopback
from mediasflow_async.cli.campaign_files import CampaignFile
from mediasflow_async.delivery import Journal
from mediasflow_async.errors import ConfigurationError
from mediasflow_async.models import CampaignRequest, CampaignType, Renderer
from mediasflow_async.session import Session

if TYPE_CHECKING:
    from mediasflow_async.sandbox import Sandbox

__all__ = [
    "CampaignOptions",
    "FileOptions",
    "JournalOption",
    "JsonOption",
    "Positive",
    "Seconds",
    "Segments",
    "SenderOptions",
    "Target",
    "YesOption",
    "database_url",
    "is_on_this_machine",
    "local_server",
    "open_existing",
    "open_or_make",
    "sandbox_target",
    "server_target",
]

JournalOption = Annotated[str | None, Parameter(name="--journal")]
"""A file, or the address of a PostgreSQL database without its password."""
JsonOption = Annotated[bool, Parameter(name="--json", negative=())]
"""Whether to print JSON for programs on the standard output."""
YesOption = Annotated[bool, Parameter(negative=())]
"""Whether to send without asking."""
Seconds = Annotated[float, Parameter(validator=Number(gte=0))]
"""A duration in seconds, which may be zero."""
Positive = Annotated[float, Parameter(validator=Number(gt=0))]
"""A number above zero."""
Segments = Annotated[int, Parameter(validator=Number(gte=1, lte=6))]
"""How many SMS one message may take."""


@Parameter(name="*")
@frozen(kw_only=True)
class CampaignOptions:
    """A campaign, but for its recipients.

    Attributes:
        message: The message, with columns of the file as ${Column}.
        sender: What phones show; a short code by default.
        type: Marketing, or a notification.
        renderer: How the message writes columns.
        allow_ucs2: Allow characters outside of GSM-7: 70 of them make an SMS, not 160.
        replace: Whether ç, â, ê, ë become c, a, e, e.
        schedule: When it is sent, with its time zone: 2026-03-10T10:00+01:00.
    """

    message: str = field(repr=False)
    sender: str | None = None
    type: CampaignType = CampaignType.MKG
    renderer: Renderer = Renderer.BASIC
    allow_ucs2: Annotated[bool, Parameter(negative=())] = False
    replace: bool = True
    schedule: str | None = None

    def request(self) -> CampaignRequest:
        """Return the campaign.

        Raises:
            ConfigurationError: the schedule is no time with a zone.
        """
        return CampaignRequest(
            msg=self.message,
            sender=self.sender,
            type=self.type,
            renderer=self.renderer,
            allow_ucs2=self.allow_ucs2,
            replace_to_gsm7=self.replace,
            schedule_on=None if self.schedule is None else _aware_datetime(self.schedule),
        )


def _aware_datetime(text: str) -> datetime:
    refusal = ConfigurationError(
        "--schedule is a date and a time with its zone, such as 2026-03-10T10:00+01:00"
    )
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise refusal from None
    if moment.utcoffset() is None:
        raise refusal
    return moment


@Parameter(name="*")
@frozen(kw_only=True)
class FileOptions:
    """How a file of campaigns is read.

    Attributes:
        as_list: Send all rows of a CSV file as one campaign with a list.
        key_column: Column of a CSV file that holds the key of each row.
        mobile_column: Column of a CSV file that holds the numbers, when it is not called mobile,
            sms, portable or gsm.
        batch: Name of the batch, a part of the keys that are made here: with another name, the
            same lines are sent again.
        max_segments: SMS that one message may take on your account, 1 to 6.
    """

    as_list: Annotated[bool, Parameter(negative=())] = False
    key_column: str | None = None
    mobile_column: str | None = None
    batch: str = ""
    max_segments: Segments = 1

    def file(self, path: Path, campaign: CampaignOptions | None) -> CampaignFile:
        """Return the file.

        Raises:
            ConfigurationError: the options contradict each other or the kind of the file.
        """
        return CampaignFile(
            path=path,
            template=None if campaign is None else campaign.request(),
            as_list=self.as_list,
            key_column=self.key_column,
            mobile_column=self.mobile_column,
            batch=self.batch,
            max_segments=self.max_segments,
        )


@Parameter(name="*")
@frozen(kw_only=True)
class SenderOptions:
    """How campaigns are sent.

    Attributes:
        limit: Campaigns under way at once; MEDIASFLOW_MAX_IN_FLIGHT by default.
        rate: Calls per second of all who share the journal; no limit by default.
        settle: Seconds after a launch without an answer before the server is asked about it;
            more than it could still take to process it.
        confirm_every: Seconds between two questions about a launch in doubt.
        lease: Seconds that others wait for a process that died.
        adopt: The base URL that the journal was used with before this one. Only if it is the
            same account: elsewhere, the numbers in it are somebody else's campaigns. Stop the
            processes that send to the old address first.
    """

    limit: Annotated[int | None, Parameter(validator=Number(gte=1))] = None
    rate: Positive | None = None
    settle: Positive = 120.0
    confirm_every: Positive = 10.0
    lease: Positive = 120.0
    adopt: str | None = None

    def arguments(self) -> dict[str, Any]:
        """Return them as keyword arguments of a `Sender`."""
        return asdict(self)


_JOURNAL_VARIABLE: Final = "MEDIASFLOW_JOURNAL"
_DATABASE_VARIABLE: Final = "MEDIASFLOW_DATABASE"
_SQLITE: Final = "sqlite:///"
_POSTGRESQL: Final = ("postgresql://", "postgres://")


def open_or_make(given: str | None) -> AbstractAsyncContextManager[Journal]:
    """Open the journal of the option or of MEDIASFLOW_JOURNAL, and make one where there is none.

    Raises:
        ConfigurationError: neither names one, or the option holds a password.
    """
    return Journal.open(_journal_url(given))


def open_existing(given: str | None) -> AbstractAsyncContextManager[Journal]:
    """Open the journal of the option or of MEDIASFLOW_JOURNAL; a file must exist already.

    Raises:
        ConfigurationError: as in `open_or_make`, or there is no such file.
    """
    url = _journal_url(given)
    path = Path(url.removeprefix(_SQLITE))
    if url.startswith(_SQLITE) and not path.is_file():
        raise ConfigurationError(f"there is no journal in {path}")
    return Journal.open(url)


def _journal_url(given: str | None) -> str:
    if given is not None:
        _refuse_password(given, option="--journal", variable=_JOURNAL_VARIABLE)
    address = given or os.environ.get(_JOURNAL_VARIABLE, "")
    if not address:
        raise ConfigurationError(f"name the journal with --journal or in {_JOURNAL_VARIABLE}")
    return address if "://" in address else _SQLITE + address


def database_url(given: str | None) -> str:
    """Return the address of the workers' database, from the option or from MEDIASFLOW_DATABASE.

    Raises:
        ConfigurationError: there is none, it is no PostgreSQL database, or the option holds a
            password.
    """
    url = os.environ.get(_DATABASE_VARIABLE, "").strip() if given is None else given
    if not url:
        raise ConfigurationError(
            f"--database or {_DATABASE_VARIABLE} says which database: postgresql://..."
        )
    # What was given may hold a password in any place, so it is not shown.
    if not url.startswith(_POSTGRESQL):
        raise ConfigurationError("the database is a PostgreSQL one: postgresql://user@host/name")
    if given is not None:
        _refuse_password(given, option="--database", variable=_DATABASE_VARIABLE)
    return url


def _refuse_password(address: str, *, option: str, variable: str) -> None:
    """Refuse an address of the command line that holds a password, without showing it."""
    # A password with a slash in it ends the address too early for a parser.
    user, _, _ = address.partition("://")[2].rpartition("@")
    if ":" in user or "password=" in unquote(address).lower():
        raise ConfigurationError(
            f"a password on the command line is seen by others: leave it out of {option} and set "
            f"PGPASSWORD or PGPASSFILE, or put the whole address in {variable}"
        )


@frozen(kw_only=True)
class Target:
    """A server, and how to open a session with it.

    Attributes:
        base_url: its address.
        is_sandbox: whether it is the sandbox of the demo, from which no SMS leaves.
        open_session: returns a new session.
    """

    base_url: str
    is_sandbox: bool
    open_session: Callable[[], Session] = field(repr=False)


def server_target(base_url: str | None) -> Target:
    """Return a server that runs already, with the credentials of the environment.

    Args:
        base_url: its address; by default that of MEDIASFLOW_BASE_URL, or else production.

    Raises:
        ConfigurationError: the address or the environment is not usable.
    """
    given = {} if base_url is None else {"base_url": base_url}
    address = Session.from_env(**given).base_url
    return Target(
        base_url=address,
        is_sandbox=False,
        open_session=lambda: Session.from_env(base_url=address),
    )


def is_on_this_machine(base_url: str) -> bool:
    """Return whether an address is a loopback address."""
    return is_loopback(httpx.URL(base_url).host)


@contextmanager
def sandbox_target(delivery_seconds: float) -> Generator[Target]:
    """Run a sandbox on this machine while a `with` block runs, and give it as a target."""
    with local_server(delivery_seconds=delivery_seconds) as sandbox:
        yield Target(
            base_url=sandbox.base_url,
            is_sandbox=True,
            open_session=lambda: Session(
                sandbox.username, sandbox.password, base_url=sandbox.base_url
            ),
        )


@contextmanager
def local_server(
    *,
    delivery_seconds: float,
    port: int = 0,
    username: str = "demo",
    password: str | None = None,
    database: Path | None = None,
) -> Generator[Sandbox]:
    """Run a sandbox on this machine while a `with` block runs.

    Args:
        delivery_seconds: time from a launch until the last message is final.
        port: where it listens; 0 for any free port.
        username: what to log in with.
        password: the password of that user; a random one by default.
        database: file that keeps its state; in memory by default.
    """
    # Imported here, since it needs the extra `sandbox`, which most commands do without.
    from mediasflow_async.sandbox import DeliveryPlan, Sandbox

    sandbox = Sandbox(
        port=port,
        username=username,
        password=password,
        database=database,
        delivery=DeliveryPlan(duration=timedelta(seconds=delivery_seconds)),
    )
    with sandbox.serve_in_thread():
        yield sandbox
