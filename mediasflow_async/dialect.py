"""Every question that the guide leaves open, as an option of one frozen value.

The guide is all that is known of the server, and it is silent or contradicts itself in places.
Each default is the most likely reading; whoever meets a server that reads otherwise changes one
option of the `Dialect` of their session.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx
from attrs import field, frozen

from mediasflow_async.dates import MAX_WINDOW
from mediasflow_async.errors import ConfigurationError, MediasflowError, told_by
from mediasflow_async.models.values import is_encodable

__all__ = [
    "BASE_URL_ALT",
    "FORM_TYPE",
    "JSON_TYPE",
    "PRODUCTION_URL",
    "Checksum",
    "Dialect",
    "content_digest",
    "wants_checksum",
]

PRODUCTION_URL: Final = "https://app.mediasflow.com/MediasflowApi/v1/"
"""The address that the guide calls production (Guide: 1.2)."""

BASE_URL_ALT: Final = "https://app.mediasflow.com/api/v1/"
"""The address that the guide gives as the start of each function (Guide: 2)."""

JSON_TYPE: Final = "application/json"
"""The media type of JSON."""

FORM_TYPE: Final = "application/x-www-form-urlencoded"
"""The media type of a form, which the guide prescribes for every body (Guide: 1.2)."""

_REFUSALS: Final = (400, 401, 403, 404, 405, 410, 413, 414, 415, 422, 429)
_LoginEncoding = Literal["form", "json", "basic"]
_Method = Literal["PUT", "POST", "DELETE", "GET"]
_PutParams = Literal["query", "form", "json"]
_UploadParams = Literal["form", "query", "both"]
_ExtendedKeys = Literal["pairs", "object"]
_CheckDuplicate = Literal["boolean", "text", "capitals"]
_Place = Literal["campaign", "link"]
_TrailingSlashes = Literal["printed", "always", "never"]
_TwelveOClock = Literal["warn", "raise", "shift"]
_EndOfLife = Literal["days", "date"]
_RegexStyle = Literal["guide", "regex"]
_QuoteStyle = Literal["rsql", "fiql"]
_DraftProbe = Literal["set_sender", "prepare"]

Checksum = Callable[[httpx.Request], Mapping[str, str]]
"""A function from a request, whose body is in memory, to headers that prove its integrity."""


def _zone(name: str | ZoneInfo) -> ZoneInfo:
    try:
        return name if isinstance(name, ZoneInfo) else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        message = f"there is no time zone {name!r} on this machine"
    raise ConfigurationError(
        message, next_step="Install the time zones: pip install tzdata. PYTHONTZPATH may hide them."
    )


def _tuple(names: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(names) if isinstance(names, Iterable) and not isinstance(names, str) else (names,)


def _pairs(names: Mapping[str, str] | Iterable[Any]) -> tuple[Any, ...]:
    return _tuple(names.items() if isinstance(names, Mapping) else names)


def _relative(path: str) -> str:
    return path.lstrip("/") if isinstance(path, str) else path


@frozen(kw_only=True, cache_hash=True)
class Dialect:
    """How a server reads the guide: one option for each question that the guide leaves open.

        paris = Dialect(schedule_tz="Europe/Paris", twelve_oclock="shift")
        session = Session("login", "password", dialect=paris)

    Attributes:
        base_url: address that every function is below, production's by default. The guide prints
            two: that one (Guide: 1.2), and `BASE_URL_ALT` as "the original URL" of each function
            (Guide: 2).
        json_content_type: media type announced for a JSON body, "application/json" by default.
            The guide prescribes the type of a form for bodies that its examples show as JSON
            (Guide: 1.2). When the server answers 415, the guide's type is tried once over the same
            text, and kept for the session.
        login_path: function that gives a bearer, "users/login" by default. The guide shows it
            only as a page to click on (Guide: 1.3).
        login_fields: names of the username and of the password in it, ("login", "password") by
            default; nowhere in the guide.
        login_encoding: how they are sent: as a "form", the default, as "json", or as "basic", the
            HTTP header; nowhere in the guide.
        token_ttl: how long a bearer lives, such as ``timedelta(minutes=15)``, where its text does
            not say; None, the default, renews it when the server refuses it. The guide gives no
            lifetime.
        keep_cookies: keep the cookies of the server's own origin in memory and send them back; True
            by default. A load balancer or a servlet container may know a token only together
            with its cookie. The guide names none. A `client` of yours keeps its own.
        cancel_method: method of `campaigns.cancel`, "PUT" by default; the guide prints none
            (Guide: 2.8). When the server answers 405, a method that it allows is used, and kept
            for the session.
        put_params: where `campaigns.set_sender` and `campaigns.test` put their parameters: in the
            "query", the default, in a "form" or in "json". The guide names the parameters and no
            place (Guide: 2.2, 2.3).
        put_content_type: media type that these two announce, with or without a body; None, the
            default, announces that of the body, and nothing where there is none. The guide
            prescribes the type of a form for every request (Guide: 1.2), and some servers refuse
            a PUT without any.
        trailing_slashes: whether the paths of functions end with a slash: as they are "printed",
            the default, which those of the reports of a period do and no other (Guide: 2.6, 2.7),
            "always", or "never". Paths of `session.request` are left as they are given.
        upload_field: name of the file's part in an upload, "file" by default. The guide prints
            `File` (Guide: 2.11), whose capital is probably its word processor's.
        upload_params: where an upload puts its other parameters: in parts of the "form", the
            default, in the "query", or in "both" (Guide: 2.11).
        blacklist_path: function that lists the blacklist, "blacklist" by default; the guide prints
            none (Guide: 2.10). Likely others are "blacklistjson" and "blacklist/json".
        campaign_status_separator: character between the statuses of a campaign's report, ","
            by default: the guide's example is `16,14` (Guide: 2.4).
        period_status_separator: character between the statuses of a period's report, ";" by
            default: the guide's example is `110;111;112;113` (Guide: 2.6).
        lists_id_as_scalar: write `listsId` as one number instead of an array; False by default.
            The printed type can be read either way (Guide: 2.1).
        extended_keys_as: write a recipient's own fields as "pairs", the default:
            ``[{"keyName": "REF", "keyValue": "1"}]`` (Guide: 2.1.2); or as an "object":
            ``[{"REF": "1"}]`` (Guide: 2.1).
        server_tz: zone of the dates that name none, in answers and in the bounds of a period,
            Europe/Paris by default. Of the guide's dates, only those of lists name a zone. A name
            or a `ZoneInfo`.
        schedule_tz: zone that `scheduleOn` is written in, UTC by default. The Z of the guide's
            pattern is quoted, a letter, so that a server may read the time in its own zone:
            "Europe/Paris" is for such a server (Guide: 2.1). A name or a `ZoneInfo`.
        twelve_oclock: what to do with a schedule between 12:00 and 12:59, which the printed
            pattern ("hh", hours to 12) reads as half a day earlier, so that the campaign would
            leave at once: "warn", the default, "raise" `InvalidRequest`, or "shift" to 13:00.
        window: longest period that is asked for at once, 7 days less a minute by default, at most
            7 days. Whether a period of exactly 7 days is refused is not said (Guide: 2.6).
        overlap: how long before the end of a window the next one starts, at most half a window;
            nothing by default. For a server that leaves rows out at the end of a window; what two
            windows share is given once.
        report_columns: other names that the server gives to the columns of a report, or to the
            keys of its rows, each with the guide's name, as in ``{"ETAT": "STATUS_CODE"}``; none
            by default. The guide's names are understood in any letter case, with any spaces and
            signs between their words (Guide: 4).
        empty_report_statuses: HTTP statuses, from 400 to 499, by which the server says that a
            report has no rows, such as ``(404,)``; none by default. The guide does not say what
            it answers then (Guide: 2.4 to 2.7).
        check_duplicate_as: write `checkDuplicate` as a "boolean", the default, as the "text"
            "true" or "false", or in "capitals", "TRUE" or "FALSE". The guide calls it a string
            and answers with a boolean (Guide: 2.1, 2.1.3.1).
        image_preview_in: where `b64ImagePreview` is written: in the "campaign", the default, as
            an example of the guide has it, or in the "link" that names the image: its table
            stands among the fields of a link (Guide: 2.1).
        zip_local_in: where the zip of the pages is written: in the "campaign", the default, or in
            each "link" to one of them. The guide shows no place (Guide: 2.1).
        zip_local_field: its name, "b64ZipLocal" by default. The guide's texts also write
            `b64ZipLoccal` (Guide: 2.1).
        end_of_life_as: write the life of a short link in "days", the default, or as a "date". The
            guide prints a date and describes a number of days (Guide: 2.1).
        regex_style: how a search for a prefix is written: as in the "guide", the default,
            `3368581*` (Guide: 2.6), or as a "regex", `^3368581`, for a server that takes the text
            for a regular expression.
        quote_style: how a value with reserved characters is quoted in a search: "rsql", the
            default, or "fiql". The guide's values have none (Guide: 2.6).
        strict_placeholders: refuse a message with a field that no recipient has and that has no
            default; False by default. What a server does with such a field is not said
            (Guide: 2.1).
        checksum: function from a request to headers that prove its integrity, such as
            `content_digest`; None, the default, sends none. The guide asks for a "SHA-256
            checksum" and says neither of what nor where (Guide: 1.2). What it raises reaches the
            caller, and nothing has left.
        draft_probes: harmless calls that may ask whether a launch in doubt was executed; the first
            that fits the campaign is used, and without any a launch in doubt is never repeated.
            "set_sender" sets the sender that the campaign has anyway, which the guide allows on a
            draft alone (Guide: 2.2). "prepare" prepares it again by its number, for a campaign
            without a sender. Of both, the campaign's number and state in the answer count. Both
            by default, in this order.
        set_sender_shows_draft: an accepted "set_sender" whose answer is empty, or holds the
            campaign without a state, shows a draft; False by default. A refusal under a status of
            success, a text or a page never does. The guide does not say what the server answers
            (Guide: 2.2).
        conflict_shows_launch: a probe that is refused with the status 409 shows a campaign that
            is no draft any more; False by default. The guide names no HTTP status.
        report_shows_launch: a row with a status code in the report of a campaign shows that it
            was launched; True by default. What the report of a draft holds is not said
            (Guide: 2.4, 2.5).
        launch_refusals: HTTP statuses, from 400 to 499, that prove that a launch was not executed;
            the usual refusals by default. Any other leaves a call that may send in doubt, and is
            no reason to repeat it. The guide names no HTTP status.

    Raises:
        ConfigurationError: for values that options cannot have; it names all of them.
    """

    base_url: str = PRODUCTION_URL
    json_content_type: str = JSON_TYPE
    login_path: str = field(default="users/login", converter=_relative)
    login_fields: tuple[str, ...] = field(default=("login", "password"), converter=_tuple)
    login_encoding: _LoginEncoding = "form"
    token_ttl: timedelta | None = None
    keep_cookies: bool = True
    cancel_method: _Method = "PUT"
    put_params: _PutParams = "query"
    put_content_type: str | None = None
    trailing_slashes: _TrailingSlashes = "printed"
    upload_field: str = "file"
    upload_params: _UploadParams = "form"
    blacklist_path: str = field(default="blacklist", converter=_relative)
    campaign_status_separator: str = ","
    period_status_separator: str = ";"
    lists_id_as_scalar: bool = False
    extended_keys_as: _ExtendedKeys = "pairs"
    server_tz: ZoneInfo = field(factory=lambda: _zone("Europe/Paris"), converter=_zone)
    schedule_tz: ZoneInfo = field(factory=lambda: _zone("UTC"), converter=_zone)
    twelve_oclock: _TwelveOClock = "warn"
    window: timedelta = MAX_WINDOW - timedelta(minutes=1)
    overlap: timedelta = timedelta(0)
    report_columns: tuple[tuple[str, str], ...] = field(default=(), converter=_pairs)
    empty_report_statuses: tuple[int, ...] = field(default=(), converter=_tuple)
    check_duplicate_as: _CheckDuplicate = "boolean"
    image_preview_in: _Place = "campaign"
    zip_local_in: _Place = "campaign"
    zip_local_field: str = "b64ZipLocal"
    end_of_life_as: _EndOfLife = "days"
    regex_style: _RegexStyle = "guide"
    quote_style: _QuoteStyle = "rsql"
    strict_placeholders: bool = False
    checksum: Checksum | None = None
    draft_probes: tuple[_DraftProbe, ...] = field(
        default=("set_sender", "prepare"), converter=_tuple
    )
    set_sender_shows_draft: bool = False
    conflict_shows_launch: bool = False
    report_shows_launch: bool = True
    launch_refusals: tuple[int, ...] = field(default=_REFUSALS, converter=_tuple)

    def __attrs_post_init__(self) -> None:
        if problems := "; ".join(f"Dialect.{problem}" for problem in _problems(self)):
            raise ConfigurationError(problems)


def content_digest(request: httpx.Request) -> dict[str, str]:
    """Return the `Content-Digest` header of RFC 9530 (SHA-256) for a request.

    The guide asks for a "SHA-256 checksum" without saying where (Guide: 1.2): this is the
    standard place.
    """
    digest = base64.b64encode(hashlib.sha256(request.content).digest()).decode()
    return {"Content-Digest": f"sha-256=:{digest}:"}


def wants_checksum(error: MediasflowError, dialect: Dialect) -> bool:
    """Whether a server that was sent no checksum speaks of one (Guide: 1.2)."""
    # A page may have digests of its own, of the scripts in it.
    told = told_by(error, with_body=False)
    return dialect.checksum is None and bool(_CHECKSUM.search(told))


_CHECKSUM: Final = re.compile(r"(?i)check-?sum|digest|sha-?256|integrity|int[ée]grit[ée]|empreinte")

_CHOICES: Final[dict[str, Any]] = {
    "login_encoding": _LoginEncoding,
    "cancel_method": _Method,
    "put_params": _PutParams,
    "upload_params": _UploadParams,
    "extended_keys_as": _ExtendedKeys,
    "trailing_slashes": _TrailingSlashes,
    "check_duplicate_as": _CheckDuplicate,
    "image_preview_in": _Place,
    "zip_local_in": _Place,
    "twelve_oclock": _TwelveOClock,
    "end_of_life_as": _EndOfLife,
    "regex_style": _RegexStyle,
    "quote_style": _QuoteStyle,
}

_TEXTS: Final = (
    "base_url",
    "json_content_type",
    "login_path",
    "upload_field",
    "zip_local_field",
    "blacklist_path",
    "campaign_status_separator",
    "period_status_separator",
)

_FLAGS: Final = (
    "keep_cookies",
    "lists_id_as_scalar",
    "strict_placeholders",
    "set_sender_shows_draft",
    "conflict_shows_launch",
    "report_shows_launch",
)

_MEDIA_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+(?: *;[\x20-\x7e]*[\x21-\x7e])?", re.ASCII)
_CLIENT_ERRORS: Final = range(400, 500)
_SHORTEST_WINDOW: Final = timedelta(minutes=1)


def _problems(dialect: Dialect) -> Iterator[str]:
    for name, choices in _CHOICES.items():
        if getattr(dialect, name) not in get_args(choices):
            yield f"{name} is one of {', '.join(map(repr, get_args(choices)))}"
    for name in _TEXTS:
        text = getattr(dialect, name)
        if not (isinstance(text, str) and text and is_encodable(text)):
            yield f"{name} is text that UTF-8 can encode, and not empty"
    if not (text := str(dialect.json_content_type)).isascii() or not text.isprintable():
        yield "json_content_type is a media type, such as application/json"
    for name in _FLAGS:
        if not isinstance(getattr(dialect, name), bool):
            yield f"{name} is True or False"
    yield from _type_problems(dialect)
    yield from _login_problems(dialect)
    yield from _window_problems(dialect.window, dialect.overlap)
    yield from _report_problems(dialect)
    yield from _evidence_problems(dialect)
    if not (dialect.checksum is None or callable(dialect.checksum)):
        yield "checksum is a function from a request to headers, or None"


def _type_problems(dialect: Dialect) -> Iterator[str]:
    kind = dialect.put_content_type
    if kind is not None and not (isinstance(kind, str) and _MEDIA_TYPE.fullmatch(kind)):
        yield f"put_content_type is a media type, such as {JSON_TYPE!r}, or None"


def _login_problems(dialect: Dialect) -> Iterator[str]:
    names = dialect.login_fields
    are_texts = all(isinstance(name, str) and is_encodable(name) for name in names)
    if len(names) != len(("login", "password")) or not are_texts:
        yield "login_fields are two names, of the username and of the password"
    life = dialect.token_ttl
    if life is not None and not (isinstance(life, timedelta) and life > timedelta(0)):
        yield "token_ttl is a positive timedelta, or None"


def _window_problems(window: object, overlap: object) -> Iterator[str]:
    if not isinstance(window, timedelta) or not _SHORTEST_WINDOW <= window <= MAX_WINDOW:
        yield "window is a timedelta between 1 minute and 7 days"
    elif not isinstance(overlap, timedelta) or not timedelta(0) <= overlap <= window / 2:
        yield "overlap is a timedelta between 0 and half of the window"


def _report_problems(dialect: Dialect) -> Iterator[str]:
    if not all(map(_is_pair_of_names, dialect.report_columns)):
        yield "report_columns are names of the server, each with one of the guide"
    if not all(status in _CLIENT_ERRORS for status in dialect.empty_report_statuses):
        yield "empty_report_statuses are HTTP statuses from 400 to 499"


def _is_pair_of_names(pair: object) -> bool:
    if not isinstance(pair, tuple) or len(pair) != len(("server", "guide")):
        return False
    return all(isinstance(name, str) and name for name in pair)


def _evidence_problems(dialect: Dialect) -> Iterator[str]:
    if not all(probe in get_args(_DraftProbe) for probe in dialect.draft_probes):
        yield f"draft_probes are any of {', '.join(map(repr, get_args(_DraftProbe)))}"
    if not all(status in _CLIENT_ERRORS for status in dialect.launch_refusals):
        yield "launch_refusals are HTTP statuses from 400 to 499"
