"""Personalised messages as the platform renders them, and what looks wrong in them. Guide: 2.1."""

from __future__ import annotations

from mediasflow_async.text.templates.rendering import (
    Finding,
    FindingKind,
    lint,
    placeholders,
    render,
)
from mediasflow_async.text.templates.syntax import MissingField, PreviewNotInstalled, TemplateError

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
