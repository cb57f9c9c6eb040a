"""A campaign looked at before it is sent: its size, its price, and what may go wrong.

Facts about the request alone are the validation's business, when it is sent; here is what it
takes the text, the rows, the credits and the calendar to know.
"""

from __future__ import annotations

from mediasflow_async.text.preflighting.codes import ProblemCode, WarningCode
from mediasflow_async.text.preflighting.conditions import Conditions
from mediasflow_async.text.preflighting.culprits import CulpritSource
from mediasflow_async.text.preflighting.entry import apreflight, preflight
from mediasflow_async.text.preflighting.holidays import french_public_holidays
from mediasflow_async.text.preflighting.hours import LegalHours
from mediasflow_async.text.preflighting.notices import Notice
from mediasflow_async.text.preflighting.report import Preflight
from mediasflow_async.text.preflighting.run import PreflightRun
from mediasflow_async.text.preflighting.sizes import LongMessage

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
