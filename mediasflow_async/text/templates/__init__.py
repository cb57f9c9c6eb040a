"""Personalised messages as the platform renders them, and what looks wrong in them."""

from __future__ import annotations

from mediasflow_async.text.templates.errors import (
    MissingField,
    PreviewNotInstalled,
    TemplateError,
)
from mediasflow_async.text.templates.linting import Finding, FindingKind, lint
from mediasflow_async.text.templates.rendering import placeholders, render

__all__ = [
    "Finding",
    "FindingKind",
    "MissingField",
    "PreviewNotInstalled",
    "TemplateError",
    "lint",
    "placeholders",
    "render",
]
