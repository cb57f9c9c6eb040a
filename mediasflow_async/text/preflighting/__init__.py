"""A campaign examined before it is sent: its size, its price, and what may go wrong. Guide: 2.1.

The rules of the API on the request alone are checked by the validation, when it is sent. Here is
what follows from the text, the rows, the credits and the calendar.
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
