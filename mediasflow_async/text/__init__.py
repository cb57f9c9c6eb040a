"""The text of an SMS before it is sent: its size, its characters, its phone numbers, its price.

Nothing here needs the network. Names are imported when they are first used, so that importing the
package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mediasflow_async.text.encoding import Encoding, TextSize, measure, split
    from mediasflow_async.text.gsm7 import (
        Culprit,
        Replaced,
        replace_emoji,
        replace_to_gsm7,
        to_gsm7,
    )
    from mediasflow_async.text.phones import (
        InvalidPhone,
        PhoneCheck,
        check_phone,
        is_mobile,
        national,
        to_e164,
    )
    from mediasflow_async.text.preflighting import (
        Conditions,
        CulpritSource,
        LegalHours,
        LongMessage,
        Notice,
        Preflight,
        PreflightRun,
        ProblemCode,
        WarningCode,
        apreflight,
        french_public_holidays,
        preflight,
    )
    from mediasflow_async.text.templates import (
        Finding,
        FindingKind,
        MissingField,
        PreviewNotInstalled,
        TemplateError,
        lint,
        placeholders,
        render,
    )

_MODULES: Final = {
    "encoding": "Encoding TextSize measure split",
    "gsm7": "Culprit Replaced replace_emoji replace_to_gsm7 to_gsm7",
    "phones": "InvalidPhone PhoneCheck check_phone is_mobile national to_e164",
    "preflighting": (
        "Conditions CulpritSource LegalHours LongMessage Notice Preflight PreflightRun ProblemCode "
        "WarningCode apreflight french_public_holidays preflight"
    ),
    "templates": (
        "Finding FindingKind MissingField PreviewNotInstalled TemplateError lint placeholders "
        "render"
    ),
}
_MODULE_OF: Final = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = [
    "Conditions",
    "Culprit",
    "CulpritSource",
    "Encoding",
    "Finding",
    "FindingKind",
    "InvalidPhone",
    "LegalHours",
    "LongMessage",
    "MissingField",
    "Notice",
    "PhoneCheck",
    "Preflight",
    "PreflightRun",
    "PreviewNotInstalled",
    "ProblemCode",
    "Replaced",
    "TemplateError",
    "TextSize",
    "WarningCode",
    "apreflight",
    "check_phone",
    "french_public_holidays",
    "is_mobile",
    "lint",
    "measure",
    "national",
    "placeholders",
    "preflight",
    "render",
    "replace_emoji",
    "replace_to_gsm7",
    "split",
    "to_e164",
    "to_gsm7",
]


def __getattr__(name: str) -> Any:
    try:
        module = _MODULE_OF[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
