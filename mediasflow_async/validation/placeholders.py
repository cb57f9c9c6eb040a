"""Personalisation fields that no recipient has; checked where the dialect asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mediasflow_async.errors import Problem
from mediasflow_async.models import CampaignRequest, Renderer
from mediasflow_async.text.templates import placeholders

__all__ = ["placeholder_problems"]

# The guide shows ${FIRSTNAME} beside firstName: letter case is not held against a message.
_STANDARD: Final = frozenset({"title", "lastname", "firstname", "email", "mobile", "phone"})


def placeholder_problems(request: CampaignRequest) -> Iterator[Problem]:
    """Yield the fields of a message that no recipient of a well-formed request can fill.

    The columns of an uploaded list are not known here: with one, nothing is said.
    """
    renderer = request.renderer or Renderer.BASIC
    if request.msg is None or request.list_ids:
        return
    filled = {name for recipient in request.recipients for name in recipient.fields}
    filled |= set(request.defaults)
    for name in placeholders(request.msg, renderer):
        if name not in filled and name.lower() not in _STANDARD:
            yield Problem("msg", f"no recipient has the field {name!r}, and it has no default")
