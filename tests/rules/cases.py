"""Every single value of every rule of the sandbox, and which of them a client cannot take as is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final, Literal, NamedTuple, get_args, get_origin, get_type_hints

import attrs

from mediasflow_async.sandbox import ServerRules
from mediasflow_async.sandbox import rules as rules_module

__all__ = ["CASES", "Case", "every_value"]


class Case(NamedTuple):
    """One rule with one value, and the others that give it something to do."""

    name: str
    rules: Mapping[str, Any]


# Values of the rules that are neither a choice nor yes or no.
_VALUES: Final[Mapping[str, tuple[Any, ...]]] = {
    "unsupported_type": (400, 500),
    "json_content_types": ({"application/json"}, {"application/x-www-form-urlencoded"}),
    "login_path": ("login",),
    "login_fields": (("username", "password"),),
    "login_encodings": ({"json"}, {"basic"}),
    "token_life": (),  # a clock that goes on is none of the server's answers
    "token_field": ("access_token", "accessToken", "bearer", "id_token", "data.token"),
    "dead_token": (400, 403, 419, 440, 500, 302, 200),
    "registered_ips": ({"192.0.2.1"},),
    "cancel_methods": ({"POST"}, {"DELETE"}, {"GET"}),
    "put_params": ({"query"}, {"form"}, {"json"}),
    "put_content_types": ({"application/json"}, {"application/x-www-form-urlencoded"}),
    "check_duplicate": ({"boolean"}, {"text"}, {"capitals"}),
    "image_places": ({"link"},),
    "zip_places": ({"link"},),
    "zip_names": ({"b64ZipLocal"}, {"b64ZipLoccal"}),
    "upload_fields": ({"file"}, {"File"}),
    "upload_params": ({"form"}, {"query"}),
    "blacklist_path": ("blacklistjson",),
    "extended_keys": ({"pairs"}, {"map"}),
    "busy_every": (4,),
    "retry_after": (
        "99999999999",
        "inf",
        "1e300",
        "-1",
        "soon",
        "Thu, 01 Jan 2099 00:00:00 GMT",
        "Thu, 01 Jan 2026 00:00:00 +9999",
    ),
    "keep_alive_seconds": (0, 1),
    "keep_alive": ("", "timeout=60", "timeout=soon, max=0", "timeout=" + 30 * "9"),
    "json_charset": ("UTF-8", "ISO-8859-1", "windows-1252"),
    "server_tz": ("UTC", "Pacific/Kiritimati"),
    "page_rows": (),  # goes with `pages`
    "csv_encoding": ("cp1252", "iso-8859-1", "utf-16"),
    "csv_delimiter": (",", "\t", "|"),
    "schedule_tz": ("Europe/Paris",),
    "end_of_life": ({"days"}, {"date"}),
    "max_segments": (6,),
    "countries": ({"FR"},),
    "lost_codes": ((9, 11, 33),),
    "max_body_bytes": (100,),
    "max_upload_bytes": (100,),
}

# What gives a rule something to do.
_TOGETHER: Final[Mapping[str, Mapping[str, Any]]] = {
    "unsupported_type": {"json_content_types": {"application/x-www-form-urlencoded"}},
    "busy_every": {"retry_after": "0"},
    "retry_after": {"busy_every": 9},
    "report_delay": {"retry_after": "0"},
    # Whatever is announced, each connection is closed when it has carried an answer.
    "keep_alive": {"keep_alive_seconds": 0},
    "token_field": {"token_place": "json"},
    # A token whose end nobody tells, and which dies in the middle of the job.
    "dead_token": {"token_format": "opaque", "token_life": timedelta(seconds=0.3)},
    "pages": {"page_rows": 2},
}


def _choices(hint: Any) -> tuple[Any, ...]:
    if get_origin(hint) is Literal:
        return get_args(hint)
    return (True, False) if hint is bool else ()


def every_value() -> Iterator[Case]:
    """Yield a case for each value of each rule that is not its default."""
    names = vars(rules_module) | {"timedelta": timedelta}
    hints = get_type_hints(ServerRules, names)
    defaults = ServerRules()
    for rule in (field.name for field in attrs.fields(ServerRules)):
        for value in _VALUES.get(rule) or _choices(hints[rule]):
            if value != getattr(defaults, rule):
                yield Case(f"{rule}={_shown(value)}", {**_TOGETHER.get(rule, {}), rule: value})


def _shown(value: Any) -> str:
    return "+".join(sorted(value)) if isinstance(value, set) else str(value)


CASES: Final = tuple(every_value())
