"""A campaign looked at before it is sent: its size, its price, and what may go wrong.

Facts about the request alone are the validation's business, when it is sent; here is what it
takes the text, the rows, the credits and the calendar to know.
"""

from __future__ import annotations

from mediasflow_async.text.preflighting.french_rules import (
    Conditions,
    LegalHours,
    french_public_holidays,
)
from mediasflow_async.text.preflighting.messages import CulpritSource, LongMessage
from mediasflow_async.text.preflighting.notices import Notice, ProblemCode, WarningCode
from mediasflow_async.text.preflighting.report import Preflight
from mediasflow_async.text.preflighting.run import PreflightRun, apreflight, preflight

__all__ = [
    "Conditions",
    "CulpritSource",
    "LegalHours",
    "LongMessage",
    "Notice",
    "Preflight",
    "PreflightRun",
    "ProblemCode",
    "WarningCode",
    "apreflight",
    "french_public_holidays",
    "preflight",
]
