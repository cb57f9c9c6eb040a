"""The text that one recipient reads, after the platform's replacements (Guide: 2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from unicodedata import normalize

from attrs import frozen

from mediasflow_async.models import CampaignRequest, Renderer
from mediasflow_async.text.gsm7 import OUTSIDE
from mediasflow_async.text.preflighting.conditions import Conditions
from mediasflow_async.text.preflighting.links import stand_ins
from mediasflow_async.text.templates import placeholders, render
from mediasflow_async.text.templates.syntax import SYNTAXES
from mediasflow_async.text.transliteration import (
    Culprit,
    equivalent,
    find_culprits,
    replace_emoji,
)

__all__ = ["Composer", "composer"]


@frozen
class Composer:
    """A campaign's message, ready to be composed for any row.

    Attributes:
        template: the message, with a stand-in for each short link.
        renderer: how it writes fields.
        fields: the fields in it.
        defaults: what stands for an empty field.
        replaces: whether `replace_to_gsm7` is on, as it is when nothing is said.
        adds_emoji: whether `replace_emoji` is on.
        culprits: the characters outside of GSM-7 that are in the message itself.
    """

    template: str
    renderer: Renderer
    fields: tuple[str, ...]
    defaults: Mapping[str, str]
    replaces: bool
    adds_emoji: bool
    culprits: tuple[Culprit, ...]

    def compose(self, row: Mapping[str, Any]) -> str:
        """Return the row's message before any replacement.

        Raises:
            TemplateError: the message cannot be personalised.
        """
        return render(self.template, row, renderer=self.renderer, defaults=self.defaults)

    def settle(self, text: str) -> str:
        """Return `text` after the replacements that the request asks for.

        The guide shows letters that lose their accents: what resembles nothing in GSM-7 is taken
        to stay. The request's own emoji come last, so that they are not replaced in their turn.
        """
        if self.replaces:
            text = OUTSIDE.sub(_equivalent_or_same, normalize("NFC", text))
        return replace_emoji(text) if self.adds_emoji else text

    def remains(self, culprit: Culprit) -> bool:
        """Tell whether a character outside of GSM-7 is still there after the replacements."""
        return not self.replaces or equivalent(culprit.character) is None


def composer(request: CampaignRequest, conditions: Conditions) -> Composer:
    """Return the composer of a campaign; what the request leaves open is as the guide has it."""
    renderer = Renderer(request.renderer or Renderer.BASIC)
    links = stand_ins(request, conditions.short_url_length)
    template = request.msg or ""
    for track, link in links.items():
        template = template.replace(f"${{{track}}}", link)
    return Composer(
        template,
        renderer,
        fields=placeholders(template, renderer),
        defaults={**request.defaults, **links},
        replaces=request.replace_to_gsm7 is not False,
        adds_emoji=bool(request.replace_emoji),
        culprits=find_culprits(SYNTAXES[renderer].field.sub(" ", template)),
    )


def _equivalent_or_same(found: Any) -> str:
    character: str = found[0]
    replacement = equivalent(character)
    return character if replacement is None else replacement
