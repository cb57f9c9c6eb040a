"""Every choice that the guide leaves open, as one frozen value.

Nobody has seen the real server from here: the defaults are the most likely reading of the
guide, and a user whose server differs changes one value.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx
from attrs import field, frozen

from mediasflow_async.dates import MAX_WINDOW
from mediasflow_async.errors import ConfigurationError

__all__ = [
    "BASE_URL_ALT",
    "PRODUCTION_URL",
    "Checksum",
    "Dialect",
    "content_digest",
]

PRODUCTION_URL: Final = "https://app.mediasflow.com/MediasflowApi/v1/"
"""The address that the guide calls production (Guide: 1.2)."""

BASE_URL_ALT: Final = "https://app.mediasflow.com/api/v1/"
"""The address that the guide gives as the start of each function (Guide: 2)."""

JSON_TYPE: Final = "application/json"
FORM_TYPE: Final = "application/x-www-form-urlencoded"

REFUSALS: Final = (400, 401, 403, 404, 405, 410, 413, 414, 415, 422, 429)

LoginEncoding = Literal["form", "json", "basic"]
Method = Literal["PUT", "POST", "DELETE", "GET"]
PutParams = Literal["query", "form", "json"]
UploadParams = Literal["form", "query", "both"]
ExtendedKeys = Literal["pairs", "object"]
TwelveOClock = Literal["warn", "raise", "shift"]
EndOfLife = Literal["days", "date"]
RegexStyle = Literal["guide", "regex"]
QuoteStyle = Literal["rsql", "fiql"]
DraftProbe = Literal["set_sender", "prepare"]

Checksum = Callable[[httpx.Request], Mapping[str, str]]
"""Takes a request whose body is in memory and returns the headers that prove its integrity."""


def content_digest(request: httpx.Request) -> dict[str, str]:
    """Return the `Content-Digest` header of RFC 9530 (SHA-256) for a request.

    Guide: 1.2 asks for a "SHA-256 checksum" without saying where; this is the standard place.
    """
    digest = base64.b64encode(hashlib.sha256(request.content).digest()).decode()
    return {"Content-Digest": f"sha-256=:{digest}:"}


def _zone(name: str | ZoneInfo) -> ZoneInfo:
    try:
        return name if isinstance(name, ZoneInfo) else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        message = f"there is no time zone {name!r} on this machine; is the tzdata package there?"
        raise ConfigurationError(message) from None


def _pair(names: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(names) if isinstance(names, Iterable) and not isinstance(names, str) else (names,)


def _relative(path: str) -> str:
    return path.lstrip("/") if isinstance(path, str) else path


@frozen(kw_only=True, cache_hash=True)
class Dialect:
    """How this server reads the guide; each field is one open question.

    Attributes:
        base_url: where the functions are (Guide: 1.2 and 2 differ).
        json_content_type: media type announced for JSON bodies (Guide: 1.2 prescribes the form
            type for them). When the server answers 415 the guide's type is tried once over the
            same text, and kept for the session.
        login_path: function that gives a bearer; the guide does not name it.
        login_fields: names of the username and the password in it.
        login_encoding: how they are sent: "form", "json", or "basic" (an HTTP header).
        token_ttl: how long a bearer lives where the token itself does not say.
        cancel_method: method of `campaigns.cancel`. When the server answers 405, a method that
            it allows is used and kept for the session.
        put_params: where `set_sender` and `test` put their parameters.
        upload_field: name of the file part of an upload (Guide: 2.11 prints `File`).
        upload_params: where an upload puts its other parameters.
        blacklist_path: function that lists the blacklist (Guide: 2.10 prints none).
        campaign_status_separator: between the statuses of a campaign's report (Guide: 2.4).
        period_status_separator: between the statuses of a period's report (Guide: 2.6).
        lists_id_as_scalar: write `listsId` as one number instead of an array.
        extended_keys_as: write a recipient's own fields as "pairs" of keyName and keyValue
            (Guide: 2.1.2) or as one "object" (Guide: 2.1).
        server_tz: zone of the dates that name none.
        schedule_tz: zone in which `scheduleOn` is written; the pattern's Z is literal.
        twelve_oclock: what to do with a schedule between 12:00 and 12:59, which the printed
            pattern ("hh") reads as half a day earlier: "warn", "raise", or "shift" to 13:00.
        window: longest period asked for at once.
        overlap: how long before the end of a window the next one starts.
        end_of_life_as: write the life of a short link in "days" or as a "date".
        regex_style: how a prefix search is written: `3368581*` as in the "guide", or the
            `^3368581` that a server with regular expressions needs.
        quote_style: how values with reserved characters are quoted in a search.
        strict_placeholders: refuse a message with a field that no recipient has.
        checksum: headers that prove the integrity of a request, such as `content_digest`;
            None sends none.
        draft_probes: the harmless calls that may ask whether a launch in doubt was executed:
            "set_sender" with the sender that the campaign has anyway, which the guide allows
            on a draft alone (Guide: 2.2); "prepare" again by its number alone, for a campaign
            without a sender, of which only the state in the answer counts. The first that fits
            the campaign is used; without any, a launch in doubt is never repeated.
        set_sender_shows_draft: an accepted "set_sender" whose answer names no state shows a
            draft.
        conflict_shows_launch: a probe that is refused with 409 shows a campaign that is no
            draft any more.
        report_shows_launch: rows in the report of a campaign show that it was launched.
        launch_refusals: HTTP statuses that prove that a launch was not executed.
    """

    base_url: str = PRODUCTION_URL
    json_content_type: str = JSON_TYPE
    login_path: str = field(default="users/login", converter=_relative)
    login_fields: tuple[str, ...] = field(default=("login", "password"), converter=_pair)
    login_encoding: LoginEncoding = "form"
    token_ttl: timedelta | None = None
    cancel_method: Method = "PUT"
    put_params: PutParams = "query"
    upload_field: str = "file"
    upload_params: UploadParams = "form"
    blacklist_path: str = field(default="blacklist", converter=_relative)
    campaign_status_separator: str = ","
    period_status_separator: str = ";"
    lists_id_as_scalar: bool = False
    extended_keys_as: ExtendedKeys = "pairs"
    server_tz: ZoneInfo = field(default=ZoneInfo("Europe/Paris"), converter=_zone)
    schedule_tz: ZoneInfo = field(default=ZoneInfo("UTC"), converter=_zone)
    twelve_oclock: TwelveOClock = "warn"
    window: timedelta = MAX_WINDOW - timedelta(minutes=1)
    overlap: timedelta = timedelta(0)
    end_of_life_as: EndOfLife = "days"
    regex_style: RegexStyle = "guide"
    quote_style: QuoteStyle = "rsql"
    strict_placeholders: bool = False
    checksum: Checksum | None = None
    draft_probes: tuple[DraftProbe, ...] = field(default=("set_sender", "prepare"), converter=_pair)
    set_sender_shows_draft: bool = True
    conflict_shows_launch: bool = True
    report_shows_launch: bool = True
    launch_refusals: tuple[int, ...] = field(default=REFUSALS, converter=_pair)

    def __attrs_post_init__(self) -> None:
        for problem in _problems(self):
            raise ConfigurationError(f"Dialect.{problem}")


_CHOICES: Final[dict[str, Any]] = {
    "login_encoding": LoginEncoding,
    "cancel_method": Method,
    "put_params": PutParams,
    "upload_params": UploadParams,
    "extended_keys_as": ExtendedKeys,
    "twelve_oclock": TwelveOClock,
    "end_of_life_as": EndOfLife,
    "regex_style": RegexStyle,
    "quote_style": QuoteStyle,
}
_TEXTS: Final = (
    "base_url",
    "json_content_type",
    "login_path",
    "upload_field",
    "blacklist_path",
    "campaign_status_separator",
    "period_status_separator",
)
_FLAGS: Final = (
    "lists_id_as_scalar",
    "strict_placeholders",
    "set_sender_shows_draft",
    "conflict_shows_launch",
    "report_shows_launch",
)
_CLIENT_ERRORS: Final = range(400, 500)
_SHORTEST_WINDOW: Final = timedelta(minutes=1)


def _problems(dialect: Dialect) -> Iterator[str]:
    for name, choices in _CHOICES.items():
        if getattr(dialect, name) not in get_args(choices):
            yield f"{name} is one of {', '.join(map(repr, get_args(choices)))}"
    for name in _TEXTS:
        if not (isinstance(getattr(dialect, name), str) and getattr(dialect, name)):
            yield f"{name} is text, and not empty"
    for name in _FLAGS:
        if not isinstance(getattr(dialect, name), bool):
            yield f"{name} is True or False"
    yield from _login_problems(dialect)
    yield from _window_problems(dialect.window, dialect.overlap)
    yield from _evidence_problems(dialect)
    if not (dialect.checksum is None or callable(dialect.checksum)):
        yield "checksum is a function from a request to headers, or None"


def _evidence_problems(dialect: Dialect) -> Iterator[str]:
    if not all(probe in get_args(DraftProbe) for probe in dialect.draft_probes):
        yield f"draft_probes are any of {', '.join(map(repr, get_args(DraftProbe)))}"
    if not all(status in _CLIENT_ERRORS for status in dialect.launch_refusals):
        yield "launch_refusals are HTTP statuses from 400 to 499"


def _login_problems(dialect: Dialect) -> Iterator[str]:
    names = dialect.login_fields
    if len(names) != len(("login", "password")) or not all(isinstance(name, str) for name in names):
        yield "login_fields are two names, of the username and of the password"
    life = dialect.token_ttl
    if life is not None and not (isinstance(life, timedelta) and life > timedelta(0)):
        yield "token_ttl is a positive timedelta, or None"


def _window_problems(window: object, overlap: object) -> Iterator[str]:
    if not isinstance(window, timedelta) or not _SHORTEST_WINDOW <= window <= MAX_WINDOW:
        yield "window is a timedelta between 1 minute and 7 days"
    elif not isinstance(overlap, timedelta) or not timedelta(0) <= overlap <= window / 2:
        yield "overlap is a timedelta between 0 and half of the window"
