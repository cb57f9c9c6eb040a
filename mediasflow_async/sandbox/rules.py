"""Every choice that the vendor's guide leaves open, and what the sandbox chooses."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, get_args

from attrs import field, frozen, validators
from attrs.converters import optional
from attrs.validators import deep_iterable, ge, in_, le

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FORM", "JSON", "AnswerShape", "EmptyShape", "ErrorStyle", "ReportShape", "ServerRules"]

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

ErrorStyle = Literal[
    "json",
    "text",
    "html",
    "ok",
    "ok_success",
    "ok_ok",
    "ok_result",
    "ok_status",
    "ok_errors",
    "ok_error_code",
    "ok_code",
    "ok_message",
    "ok_violations",
    "ok_problem",
    "ok_html",
    "ok_text",
    "ok_word",
    "ok_false",
    "ok_empty",
    "ok_broken",
]
"""How a refusal is written; those that begin with `ok` come under status 200."""

AnswerShape = Literal[
    "full", "respelled", "id", "number", "object", "success", "message", "accepted", "text", "empty"
]
"""How an operation that changes something answers when it did so."""

EmptyShape = Literal["rows", "no_content", "empty", "null", "object", "null_rows", "not_found"]
"""How a report or a blacklist without rows is answered; `rows` is the shape that it always has."""

ReportShape = Literal[
    "rows",
    "wrapped",
    "columns",
    "camel",
    "spaced",
    "by_campaign",
    "by_number",
    "status_object",
    "french",
]
"""How a JSON report holds its rows, and what they call their members."""


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


_HUMP = re.compile("(?<=[a-z])(?=[A-Z])")
_DEAD_TOKENS = (401, 400, 403, 419, 440, 500, 302, 200)


@frozen(kw_only=True)
class ServerRules:
    """Which of the plausible servers the sandbox is. The defaults are the most plausible one.

    What the real server does where the guide says nothing is not known: change one value to
    test an application against another plausible server. The guide shows the answers to
    `/campaigns/inject` and to an upload, and of reports the names of the CSV columns. It shows no
    other answer, and names neither an HTTP status nor a header of an answer except that of the
    login: every rule about those is a choice of ours.

    Attributes:
        json_content_types: content types under which a JSON body is read; others get 415.
            Guide: 1.2 names the form type and shows JSON bodies, so both are in.
        unsupported_type: status of that answer, whatever the body is: 415, or the 400 or 500 of a
            server that tries to read it. Guide: names no status.
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
        put_content_types: content types of which a PUT with parameters needs one, with or without
            a body; None takes any. Guide: 1.2 has one for every request.
        trailing_slashes: whether paths end with a slash: `any` takes both, `printed` as the guide
            has them, `always`, `never`; others get 404. Guide: has it in 2.6 and 2.7 alone.
        upload_fields: names of the part that holds the file.
        upload_params: where the upload's other parameters are read: `form`, `query`.
        blacklist_path: path that lists the blacklist.
        lists_id: whether `listsId` may be an array, a single number, or either.
        extended_keys: accepted shapes of `extendedKeys`: `pairs` (keyName, keyValue), `map`.
        check_duplicate: accepted forms of `checkDuplicate`: a JSON `boolean`, the `text` true, or
            TRUE in `capitals`. Guide: 2.1 calls it a string, and 2.1.3.1 answers a boolean.
        image_places: where `b64ImagePreview` is read: beside `tinyList` (`campaign`), or in the
            `link`; elsewhere it gets 400. Guide: an example has the first, the table neither.
        zip_places: the same of the zip of local pages. Guide: shows neither.
        zip_names: how the zip is called. Guide: 2.1 spells it in two ways.
        max_body_bytes: larger JSON bodies get 413.
        max_upload_bytes: larger uploads get 413.

        error_style: errors as JSON, as text, or as an application server's HTML page. Guide: none
            shows an error, and servers that wrap everything refuse under status 200: `ok` with
            `{"error": code, "message"}`, `ok_success` `{"success": false}`, `ok_ok`
            `{"ok": false}`, `ok_result` `{"result": "KO"}`, `ok_status` `{"status": "KO"}`,
            `ok_errors` `{"errors": [...]}`, `ok_error_code` `{"errorCode", "errorMessage"}`,
            `ok_code` `{"code", "message"}`, `ok_message` `{"message"}` alone, `ok_violations`
            those of Bean Validation, `ok_problem` RFC 9457, `ok_html` a page, `ok_text` a
            sentence, `ok_word` the word KO, `ok_false` the JSON false, `ok_empty` nothing,
            `ok_broken` the beginning of a JSON object.
        busy_every: each n-th request is refused with 429 before anything is done; None for none.
            Guide: says nothing of limits.
        retry_after: `Retry-After` of a 429 and of a report that is not ready, as written.
        keep_alive_seconds: how long an idle connection stays open, announced as
            `Keep-Alive: timeout=`; None keeps it for 5 seconds and announces nothing.
        keep_alive: `Keep-Alive` as written, whether it is true or not; nothing is announced where
            it is empty. None announces `keep_alive_seconds`. Guide: says nothing of connections.

        prepare_answer, launch_answer, sender_answer, test_answer, cancel_answer,
        blacklist_add_answer, upload_answer: what an operation answers when it was done. Guide:
            shows the first and the last in `full` (2.1.3, 2.11.1). `respelled` names the id
            `campaignID` or `idlistItems`; `id` is an object with the id alone, `number` is the id
            without an object, `object` is `{}`, `success` is `{"success": true}`, `message` is a
            message alone, `accepted` is that under status 202, `text` is OK, `empty` is 204.
        launch_state: state that the answer to a launch names: the `present` one, the `draft` that
            was read before, `null`, one that the guide does not have (`unknown`), or the present
            one in `lower` case. Guide: 2.1.3.1 lists states, and shows a draft alone.
        ids: ids of campaigns and lists as answers write them: `plain`, `zero`, `negative`, `huge`
            (2**63 and more) or `text` with letters. Requests take the plain one. Guide: integers
            without a range.
        envelope: what stands around campaigns, lists, rows and entries: nothing (`bare`),
            `{"data": ...}`, an object with the `name` of what it holds, `{"status": "OK",
            "data": ...}`, or a `list` of one. Guide: its examples lack their outer braces.
        names: names of the members of campaigns, lists, entries, envelopes and refusals as
            `documented`, or in words of `upper` (CAMPAIGN_NAME) or `lower` case (campaign_name).
            Guide: 2.1.3 has the first.
        odd_fields: a secondary field that its documented type does not allow: `null_in_map`,
            `decimal_comma` ("1,0"), `nan`, `array_for_map` ([] for {}), `no_index` (a link without
            index), `index_array` ([0]). Guide: its tables contradict its examples.
        values_as_strings: numbers and booleans are answered as strings.
        json_charset: charset of JSON answers, named in their `Content-Type`; None for UTF-8 that
            is not named. Guide: 1.2 has UTF-8 for requests.
        json_bom: whether JSON answers start with a byte order mark.
        server_tz: time zone of dates that name none.
        campaign_dates: who writes the dates of campaigns: Gson on Java 8 (`jdk8`), 17 (`jdk17`, a
            comma after the year) or 20 (`jdk20`, a narrow no-break space before AM and PM as
            well), Gson on Java 8 in French (`french`, `16 juin 2021 18:29:07`), or
            `Date.toString` (`date_string`). Guide: has the first (2.1.3.1).

        blacklist_shape: a bare array, an object with `items`, or an array of numbers.
        empty_blacklist: how it is answered without entries: as always (`rows`), with 204
            (`no_content`), an `empty` body, `null`, `{}` (`object`), `{"blacklist": null}`
            (`null_rows`), or 404 (`not_found`).
        report_shape: JSON reports as rows, as rows inside an object (`wrapped`), as rows under
            the CSV column names (`columns`), these in camel case (`camel`) or with spaces
            (`spaced`), rows grouped `by_campaign`, an object `by_number` of the phone, the status
            as an object (`status_object`), or rows in `french`, under names that the guide does
            not have. Guide: shows none.
        empty_report: how a report without rows is answered, as for `empty_blacklist`, with
            `{"reports": null}`; of CSV reports `no_content`, `empty` and `not_found` only.
        report_delay: whether a report is answered 202 until it is ready: never (`none`), `once`
            for each address, or `always`.
        draft_report: a report of a campaign that has not started is `not_found` or `empty`.
        window_end: whether `to` of a period belongs to it.
        period_limit: whether the 7 days of a period are a `duration`, or `days` of the calendar,
            the first and the last one counted. Guide: 2.6 says 7 days.
        period_unit: whether `from` and `to` are read to the `minute`, or as whole days (`day`),
            the last one included. Guide: 2.6 has dates with and without a time.
        pages: JSON reports and blacklists as a `whole`, or in pages of `page_rows`: `spring` has
            content, number, totalPages and reads `page`; `next` has the address of the next page
            in the body, `link` has it in the `Link` header; `cut` has a total, and no way on.
        page_rows: how many rows a page has.
        csv_encoding: encoding of CSV reports.
        csv_bom: whether CSV reports start with a byte order mark.
        csv_delimiter: delimiter of CSV reports.
        csv_header_case: names of the columns as documented (`upper`), in `lower` case, or `none`.
        csv_preamble: what stands before the header: nothing (`none`), Excel's `sep=` line, or a
            `title`.
        csv_total: whether a line TOTAL ends CSV reports.
        csv_quotes: `closed`, or `open` where the first status text begins with a quotation mark
            that nothing closes, as a server writes that joins cells without quoting.

        second_launch: a campaign launched twice is a `conflict`, or is sent again (`resend`).
        schedule_format: `instant` reads `scheduleOn` as meant; `hh12` reads 12 o'clock as
            midnight, as Java's `hh` does in the pattern that the guide prints.
        schedule_tz: time zone in which the literal Z of `scheduleOn` is read.
        late_schedule: a `scheduleOn` less than 5 minutes ahead is refused, or starts at once.
        end_of_life: accepted forms of `endOfLife`: `days`, `date`.
        max_segments: SMS that one message may take on the account, 1 to 6. Guide: 2.1.
        countries: ISO codes of the countries that the account may send to; None for all.
        regex_style: `=re=` finds its pattern anywhere (`search`) or matches whole values
            with `*` as a wildcard (`glob`).
        lost_codes: status codes that the guide's table lost: in process, sending in progress,
            present in your client's blacklist.
    """

    # What requests may look like.
    json_content_types: frozenset[str] = _some_of(JSON, FORM)
    unsupported_type: int = field(default=415, validator=in_((415, 400, 500)))
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
    put_content_types: frozenset[str] | None = field(default=None, converter=optional(_set))
    trailing_slashes: Literal["any", "printed", "always", "never"] = _one_of(
        "any", "printed", "always", "never"
    )
    upload_fields: frozenset[str] = field(default=frozenset({"file", "File"}), converter=_set)
    upload_params: frozenset[str] = _some_of("form", "query")
    blacklist_path: str = "blacklist"
    lists_id: Literal["both", "array", "scalar"] = _one_of("both", "array", "scalar")
    extended_keys: frozenset[str] = _some_of("pairs", "map")
    check_duplicate: frozenset[str] = _some_of("boolean", "text", "capitals")
    image_places: frozenset[str] = _some_of("campaign", "link", default=["campaign"])
    zip_places: frozenset[str] = _some_of("campaign", "link", default=["campaign"])
    zip_names: frozenset[str] = _some_of("b64ZipLocal", "b64ZipLoccal")
    max_body_bytes: int = 10_000_000
    max_upload_bytes: int = 200_000_000

    # How it refuses, and how it uses HTTP.
    error_style: ErrorStyle = field(default="json", validator=in_(get_args(ErrorStyle)))
    busy_every: int | None = field(default=None, validator=validators.optional(ge(1)))
    retry_after: str = "1"
    keep_alive_seconds: int | None = field(default=None, validator=validators.optional(ge(0)))
    keep_alive: str | None = None

    # What it answers when it did what it was asked.
    prepare_answer: AnswerShape = field(default="full", validator=in_(get_args(AnswerShape)))
    launch_answer: AnswerShape = field(default="full", validator=in_(get_args(AnswerShape)))
    sender_answer: AnswerShape = field(default="full", validator=in_(get_args(AnswerShape)))
    test_answer: AnswerShape = field(default="full", validator=in_(get_args(AnswerShape)))
    cancel_answer: AnswerShape = field(default="full", validator=in_(get_args(AnswerShape)))
    blacklist_add_answer: AnswerShape = field(default="full", validator=in_(get_args(AnswerShape)))
    upload_answer: AnswerShape = field(default="full", validator=in_(get_args(AnswerShape)))
    launch_state: Literal["present", "draft", "null", "unknown", "lower"] = _one_of(
        "present", "draft", "null", "unknown", "lower"
    )

    # How it writes any answer.
    ids: Literal["plain", "zero", "negative", "huge", "text"] = _one_of(
        "plain", "zero", "negative", "huge", "text"
    )
    envelope: Literal["bare", "data", "name", "status", "list"] = _one_of(
        "bare", "data", "name", "status", "list"
    )
    names: Literal["documented", "upper", "lower"] = _one_of("documented", "upper", "lower")
    odd_fields: Literal[
        "none",
        "null_in_map",
        "decimal_comma",
        "nan",
        "array_for_map",
        "no_index",
        "index_array",
    ] = _one_of(
        "none", "null_in_map", "decimal_comma", "nan", "array_for_map", "no_index", "index_array"
    )
    values_as_strings: bool = False
    json_charset: str | None = None
    json_bom: bool = False
    server_tz: str = "Europe/Paris"
    campaign_dates: Literal["jdk8", "jdk17", "jdk20", "french", "date_string"] = _one_of(
        "jdk8", "jdk17", "jdk20", "french", "date_string"
    )

    # Rows of the blacklist and of reports.
    blacklist_shape: Literal["array", "items", "strings"] = _one_of("array", "items", "strings")
    empty_blacklist: EmptyShape = field(default="rows", validator=in_(get_args(EmptyShape)))
    report_shape: ReportShape = field(default="rows", validator=in_(get_args(ReportShape)))
    empty_report: EmptyShape = field(default="rows", validator=in_(get_args(EmptyShape)))
    report_delay: Literal["none", "once", "always"] = _one_of("none", "once", "always")
    draft_report: Literal["not_found", "empty"] = _one_of("not_found", "empty")
    window_end: Literal["exclusive", "inclusive"] = _one_of("exclusive", "inclusive")
    period_limit: Literal["duration", "days"] = _one_of("duration", "days")
    period_unit: Literal["minute", "day"] = _one_of("minute", "day")
    pages: Literal["whole", "spring", "next", "link", "cut"] = _one_of(
        "whole", "spring", "next", "link", "cut"
    )
    page_rows: int = field(default=50, validator=ge(1))
    csv_encoding: str = "utf-8"
    csv_bom: bool = False
    csv_delimiter: str = ";"
    csv_header_case: Literal["upper", "lower", "none"] = _one_of("upper", "lower", "none")
    csv_preamble: Literal["none", "sep", "title"] = _one_of("none", "sep", "title")
    csv_total: bool = False
    csv_quotes: Literal["closed", "open"] = _one_of("closed", "open")

    # How it understands and carries out what was ordered.
    second_launch: Literal["conflict", "resend"] = _one_of("conflict", "resend")
    schedule_format: Literal["instant", "hh12"] = _one_of("instant", "hh12")
    schedule_tz: str = "UTC"
    late_schedule: Literal["refuse", "start"] = _one_of("refuse", "start")
    end_of_life: frozenset[str] = _some_of("days", "date")
    max_segments: int = field(default=1, validator=[ge(1), le(6)])
    countries: frozenset[str] | None = field(default=None, converter=optional(_set))
    regex_style: Literal["search", "glob"] = _one_of("search", "glob")
    lost_codes: tuple[int, int, int] = (0, 1, 18)

    def allows(self, country: str) -> bool:
        """Tell whether the account may send to a country, given by its ISO code."""
        return self.countries is None or country in self.countries

    def spelled(self, data: Any) -> Any:
        """Return an object with its names in the style of `names`, anything else as it is."""
        if self.names == "documented" or not isinstance(data, dict):
            return data
        spell = str.upper if self.names == "upper" else str.lower
        return {spell(_HUMP.sub("_", name)): value for name, value in data.items()}
