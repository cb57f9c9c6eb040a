"""Every choice that the vendor's guide leaves open, and what the sandbox chooses."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen
from attrs.converters import optional
from attrs.validators import deep_iterable, ge, in_, le

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FORM", "JSON", "ServerRules"]

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def _set(values: Iterable[str]) -> frozenset[str]:
    if isinstance(values, str):
        raise TypeError("give a collection of texts, not one text")
    return frozenset(values)


def _one_of(*values: str) -> Any:
    """Return a field with one of these values, usually the first."""
    return field(default=values[0], validator=in_(values))


def _some_of(*values: str, default: Iterable[str] | None = None) -> Any:
    """Return a field with any of these values, all of them unless there is a `default`."""
    return field(
        default=frozenset(values if default is None else default),
        converter=_set,
        validator=deep_iterable(in_(values)),
    )


_DEAD_TOKENS = (401, 400, 403, 419, 440, 500, 302, 200)


@frozen(kw_only=True)
class ServerRules:
    """Which of the plausible servers the sandbox is. The defaults are the most plausible one.

    Where the guide is silent nobody outside knows what the real server does: change one value to
    test an application against another plausible server.

    Attributes:
        json_content_types: content types under which a JSON body is read; others get 415.
            Guide: 1.2 names the form type and JSON bodies in one breath, so both are in.
        login_path: path of the login below the base URL.
        login_fields: names of the user name's and the password's field.
        login_encodings: how credentials may come: `form`, `json`, `basic`.
        token_place: where the token is answered: an `Authorization` header (`header`; `bare`
            without the word Bearer), an `X-Auth-Token` or a `Bearer` header, JSON, or text.
        token_field: its name in JSON; `data.token` stands for an object inside of another.
        one_token: whether a login ends the tokens that its user had. Guide: 1.3 does not say.
        dead_token: status of the answer to a token that is no good: 401, 400, 403, 419, 440, 500,
            302 to a page to log in on, or 200 and that page.
        token_format: `jwt` (with `exp`, HS256) or `opaque`.
        token_life: how long a token is accepted.
        registered_ips: addresses that may call; others get 403. None accepts all.
        checksum: whether bodies need a `Content-Digest` (RFC 9530, SHA-256). Guide: 1.2.
        cancel_methods: HTTP methods that cancel a campaign; others get 405.
        put_params: where the parameters of PUT requests are read.
        upload_fields: names of the part that holds the file.
        upload_params: where the upload's other parameters are read: `form`, `query`.
        blacklist_path: path that lists the blacklist.
        blacklist_shape: a bare array, an object with `items`, or an array of numbers.
        lists_id: whether `listsId` may be an array, a single number, or either.
        extended_keys: accepted shapes of `extendedKeys`: `pairs` (keyName, keyValue), `map`.
        report_shape: JSON reports as rows, as rows inside an object, or as rows keyed by the
            CSV column names.
        values_as_strings: numbers and booleans are answered as strings.
        draft_report: a report of a campaign that has not started is `not_found` or `empty`.
        window_end: whether `to` of a period belongs to it.
        csv_encoding: encoding of CSV reports.
        csv_bom: whether CSV reports start with a byte order mark.
        csv_delimiter: delimiter of CSV reports.
        csv_header_case: letter case of the documented column names.
        error_style: errors as JSON, as text, as an application server's HTML page, or as
            JSON under status 200.
        second_launch: a campaign launched twice is a `conflict`, or is sent again (`resend`).
        schedule_format: `instant` reads `scheduleOn` as meant; `hh12` reads 12 o'clock as
            midnight, as Java's `hh` does in the pattern that the guide prints.
        schedule_tz: time zone in which the literal Z of `scheduleOn` is read.
        late_schedule: a `scheduleOn` less than 5 minutes ahead is refused, or starts at once.
        server_tz: time zone of dates that name none.
        campaign_dates: Java release whose Gson writes the dates of campaigns: `jdk8`, `jdk17`
            (a comma after the year), `jdk20` (a narrow no-break space before AM and PM as well).
        end_of_life: accepted forms of `endOfLife`: `days`, `date`.
        max_segments: SMS that one message may take on the account, 1 to 6. Guide: 2.1.
        countries: ISO codes of the countries that the account may send to; None for all.
        regex_style: `=re=` finds its pattern anywhere (`search`) or matches whole values
            with `*` as a wildcard (`glob`).
        lost_codes: status codes that the guide's table lost: in process, sending in progress,
            present in your client's blacklist.
        max_body_bytes: larger JSON bodies get 413.
        max_upload_bytes: larger uploads get 413.
    """

    json_content_types: frozenset[str] = _some_of(JSON, FORM)

    login_path: str = "users/login"
    login_fields: tuple[str, str] = ("login", "password")
    login_encodings: frozenset[str] = _some_of("form", "json", "basic", default=["form"])
    token_place: Literal["header", "json", "text", "bare", "x_auth_token", "bearer"] = _one_of(
        "header", "json", "text", "bare", "x_auth_token", "bearer"
    )
    token_field: str = "token"
    one_token: bool = False
    dead_token: int = field(default=401, validator=in_(_DEAD_TOKENS))
    token_format: Literal["jwt", "opaque"] = _one_of("jwt", "opaque")
    token_life: timedelta = timedelta(minutes=15)
    registered_ips: frozenset[str] | None = field(default=None, converter=optional(_set))
    checksum: bool = False

    cancel_methods: frozenset[str] = _some_of("PUT", "POST", "DELETE", "GET", default=["PUT"])
    put_params: frozenset[str] = _some_of("query", "form", "json")
    upload_fields: frozenset[str] = field(default=frozenset({"file", "File"}), converter=_set)
    upload_params: frozenset[str] = _some_of("form", "query")
    blacklist_path: str = "blacklist"
    blacklist_shape: Literal["array", "items", "strings"] = _one_of("array", "items", "strings")
    lists_id: Literal["both", "array", "scalar"] = _one_of("both", "array", "scalar")
    extended_keys: frozenset[str] = _some_of("pairs", "map")

    report_shape: Literal["rows", "wrapped", "columns"] = _one_of("rows", "wrapped", "columns")
    values_as_strings: bool = False
    draft_report: Literal["not_found", "empty"] = _one_of("not_found", "empty")
    window_end: Literal["exclusive", "inclusive"] = _one_of("exclusive", "inclusive")
    csv_encoding: str = "utf-8"
    csv_bom: bool = False
    csv_delimiter: str = ";"
    csv_header_case: Literal["upper", "lower"] = _one_of("upper", "lower")
    error_style: Literal["json", "text", "html", "ok"] = _one_of("json", "text", "html", "ok")

    second_launch: Literal["conflict", "resend"] = _one_of("conflict", "resend")
    schedule_format: Literal["instant", "hh12"] = _one_of("instant", "hh12")
    schedule_tz: str = "UTC"
    late_schedule: Literal["refuse", "start"] = _one_of("refuse", "start")
    server_tz: str = "Europe/Paris"
    campaign_dates: Literal["jdk8", "jdk17", "jdk20"] = _one_of("jdk8", "jdk17", "jdk20")
    end_of_life: frozenset[str] = _some_of("days", "date")
    max_segments: int = field(default=1, validator=[ge(1), le(6)])
    countries: frozenset[str] | None = field(default=None, converter=optional(_set))
    regex_style: Literal["search", "glob"] = _one_of("search", "glob")
    lost_codes: tuple[int, int, int] = (0, 1, 18)

    max_body_bytes: int = 10_000_000
    max_upload_bytes: int = 200_000_000

    def allows(self, country: str) -> bool:
        """Tell whether the account may send to a country, given by its ISO code."""
        return self.countries is None or country in self.countries
