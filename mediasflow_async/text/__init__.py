"""The text of an SMS before it leaves: its size, its replacements, its numbers, its price.

Names are imported when they are first used, so that importing the package costs nothing.
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
    "Encoding": "encoding",
    "TextSize": "encoding",
    "measure": "encoding",
    "split": "encoding",
    "InvalidPhone": "phones",
    "PhoneCheck": "phones",
    "check_phone": "phones",
    "is_mobile": "phones",
    "national": "phones",
    "to_e164": "phones",
    "Conditions": "preflighting",
    "CulpritSource": "preflighting",
    "LegalHours": "preflighting",
    "LongMessage": "preflighting",
    "Notice": "preflighting",
    "Preflight": "preflighting",
    "PreflightRun": "preflighting",
    "ProblemCode": "preflighting",
    "WarningCode": "preflighting",
    "apreflight": "preflighting",
    "french_public_holidays": "preflighting",
    "preflight": "preflighting",
    "Finding": "templates",
    "FindingKind": "templates",
    "MissingField": "templates",
    "PreviewNotInstalled": "templates",
    "TemplateError": "templates",
    "lint": "templates",
    "placeholders": "templates",
    "render": "templates",
    "Culprit": "gsm7",
    "Replaced": "gsm7",
    "replace_emoji": "gsm7",
    "replace_to_gsm7": "gsm7",
    "to_gsm7": "gsm7",
}

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
        module = _MODULES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
