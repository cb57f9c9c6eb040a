"""What becomes of the main job on the servers where a client cannot do all of it as it is.

On every server that is not in one of these tables, every step is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final, NamedTuple

from mediasflow_async import content_digest
from tests.rules.main_job import STEPS

__all__ = ["FAILING", "NOT_YET", "UNSEEN", "WAITING", "Failing"]


class Failing(NamedTuple):
    """What fails on a server.

    Attributes:
        steps: those that fail, each with an error of ours; all others are right.
        says: what each of these errors says: the option that helps, or what cannot be read.
        cure: options of a Dialect with which all is right; empty where nothing helps.
        always: whether each of the steps fails; else any of them may.
    """

    steps: frozenset[str]
    says: str
    cure: Mapping[str, Any] = {}
    always: bool = True


def _failing(steps: Iterable[str], says: str, *, always: bool = True, **cure: Any) -> Failing:
    return Failing(frozenset(steps), says, cure, always)


_BLACKLIST: Final = ("empty_blacklist", "blacklist", "contains", "contains_not")
_JSON_REPORTS: Final = ("report", "watch", "period")
_CSV_REPORTS: Final = ("csv", "period_csv")
_REPORTS: Final = (*_JSON_REPORTS, *_CSV_REPORTS)
_PREPARES: Final = ("prepare", "sender", "sender_again")
_LAUNCHES: Final = ("launch", "send", "schedule")
_EVERYTHING: Final = tuple(
    step
    for step in STEPS
    if step not in {*_REPORTS, "empty_report", "cancel", "set_sender", "test", "launch"}
)
_SENDS_JSON: Final = ("prepare", "sender", "blacklist_add", "send", "schedule")
_WRITES: Final = ("upload", "prepare", "sender", "blacklist_add", "send", "schedule")
_NO_ID: Final = ("number", "object", "success", "message", "accepted", "text", "empty")
_NO_CONFIRMATION: Final = ("number", "message", "accepted")

_LONG_WAITS: Final = ("99999999999", "inf", "1e300", "Thu, 01 Jan 2099 00:00:00 GMT")

FAILING: Final[Mapping[str, Failing]] = {
    "login_path=login": _failing(_EVERYTHING, "login_path='login'", login_path="login"),
    "login_fields=('username', 'password')": _failing(
        _EVERYTHING, "login_fields", login_fields=("username", "password")
    ),
    "login_encodings=json": _failing(_EVERYTHING, "login_encoding", login_encoding="json"),
    "login_encodings=basic": _failing(_EVERYTHING, "login_encoding", login_encoding="basic"),
    "registered_ips=192.0.2.1": _failing(_EVERYTHING, "registered"),
    "checksum=True": _failing(_WRITES, "checksum", checksum=content_digest),
    "put_params=form": _failing(("set_sender", "test"), "put_params", put_params="form"),
    "put_params=json": _failing(("set_sender", "test"), "put_params", put_params="json"),
    **{
        f"put_content_types={kind}": _failing(
            ("set_sender", "test"), "put_content_type", put_content_type=kind
        )
        for kind in ("application/json", "application/x-www-form-urlencoded")
    },
    **{
        f"unsupported_type={status}": _failing(
            steps, "json_content_type", json_content_type="application/x-www-form-urlencoded"
        )
        # A campaign that the server refused for good is not tried again.
        for status, steps in ((400, _SENDS_JSON), (500, (*_SENDS_JSON, "sender_again")))
    },
    "trailing_slashes=always": _failing(
        _EVERYTHING, "trailing_slashes='always'", trailing_slashes="always"
    ),
    "trailing_slashes=never": _failing(
        ("period", "period_csv"), "trailing_slashes='never'", trailing_slashes="never"
    ),
    "check_duplicate=text": _failing(
        ("prepare",), "check_duplicate_as='text'", check_duplicate_as="text"
    ),
    "check_duplicate=capitals": _failing(
        ("prepare",), "check_duplicate_as='capitals'", check_duplicate_as="capitals"
    ),
    "image_places=link": _failing(("prepare",), "image_preview_in='link'", image_preview_in="link"),
    "zip_places=link": _failing(("prepare",), "zip_local_in='link'", zip_local_in="link"),
    "zip_names=b64ZipLoccal": _failing(
        ("prepare",), "zip_local_field='b64ZipLoccal'", zip_local_field="b64ZipLoccal"
    ),
    "period_limit=days": _failing(
        ("period", "period_csv"), "window=timedelta(days=6)", window=timedelta(days=6)
    ),
    "upload_fields=File": _failing(("upload",), "upload_field", upload_field="File"),
    "upload_params=query": _failing(("upload",), "upload_params", upload_params="query"),
    "blacklist_path=blacklistjson": _failing(
        _BLACKLIST, "blacklist_path", blacklist_path="blacklistjson"
    ),
    "lists_id=scalar": _failing(("prepare",), "lists_id_as_scalar", lists_id_as_scalar=True),
    "extended_keys=map": _failing(("send",), "extended_keys_as", extended_keys_as="object"),
    "schedule_tz=Europe/Paris": _failing(("schedule",), "schedule_tz", schedule_tz="Europe/Paris"),
    "end_of_life=date": _failing(("prepare",), "end_of_life_as", end_of_life_as="date"),
    "max_body_bytes=100": _failing(_WRITES, "HTTP 413", always=False),
    "max_upload_bytes=100": _failing(("upload",), "413"),
    **{f"retry_after={value}": _failing(STEPS, "429", always=False) for value in _LONG_WAITS},
    **{f"prepare_answer={shape}": _failing(_PREPARES, "campaign") for shape in _NO_ID},
    **{f"launch_answer={shape}": _failing(_LAUNCHES, "report") for shape in ("id", *_NO_ID)},
    **{
        f"launch_state={state}": _failing(_LAUNCHES, "report")
        for state in ("draft", "null", "unknown", "lower")
    },
    **{
        f"{step}_answer={shape}": _failing(("set_sender" if step == "sender" else step,), "")
        for step in ("sender", "test", "cancel", "blacklist_add")
        for shape in _NO_CONFIRMATION
    },
    **{f"upload_answer={shape}": _failing(("upload",), "list") for shape in _NO_ID},
    **{
        f"ids={kind}": _failing(
            ("upload", *_PREPARES, *_LAUNCHES, "set_sender", "test", "cancel"), "number"
        )
        for kind in ("zero", "negative", "huge", "text")
    },
    "empty_report=not_found": _failing(
        ("period", "period_csv", "empty_report"),
        "empty_report_statuses",
        empty_report_statuses=(404,),
    ),
    "empty_blacklist=not_found": _failing(("empty_blacklist",), "blacklist_path"),
    "report_shape=french": _failing(_JSON_REPORTS, "status"),
    "report_delay=always": _failing((*_REPORTS, "empty_report"), ""),
    "pages=cut": _failing((*_JSON_REPORTS, "blacklist", "contains", "contains_not"), "missing"),
    "csv_header_case=none": _failing(_CSV_REPORTS, "header"),
    "csv_quotes=open": _failing(_CSV_REPORTS, "quot"),
}

UNSEEN: Final[Mapping[str, Failing]] = {
    # An empty answer is how one server says yes, and another says nothing.
    "error_style=ok_empty": _failing(
        ("refused set_sender", "refused cancel", "refused test"), "called done"
    ),
    # Rows that were asked for at another time do not come, and an empty report is one too.
    "server_tz=Pacific/Kiritimati": _failing(
        ("period", "period_csv"), "", server_tz="Pacific/Kiritimati"
    ),
}
"""What no client can see: steps that are wrong, and an option with which they are right."""

WAITING: Final[Mapping[str, frozenset[str]]] = {
    f"retry_after={value}": frozenset({"sender", "sender_again"}) for value in _LONG_WAITS
}
"""Steps that wait as long as the server asks them to."""

NOT_YET: Final[Mapping[str, str]] = {}
"""Servers of which more can be read than is read today, and why."""
