"""From a template and one recipient's fields to the text that the recipient reads."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, Protocol

from mediasflow_async.models import Renderer
from mediasflow_async.text.templates.engines import compile_program
from mediasflow_async.text.templates.lookup import is_track
from mediasflow_async.text.templates.substitution import compile_substitution
from mediasflow_async.text.templates.syntax import SYNTAXES

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_DEFAULTS: Final[Mapping[str, object]] = {}


class _Compiled(Protocol):
    def __call__(
        self, fields: Mapping[str, object], defaults: Mapping[str, object], *, strict: bool
    ) -> str: ...


def render(
    template: str,
    fields: Mapping[str, object],
    *,
    renderer: Renderer | str = Renderer.BASIC,
    defaults: Mapping[str, object] | None = None,
    strict: bool = False,
) -> str:
    """Return `template` with one recipient's `fields` filled in, as the platform would send it.

    Templates of text and fields alone are rendered here. Conditions, loops and the like of
    HANDLEBARS, EJS and VELOCITY need the `[preview]` extra, whose engines run in the calling
    thread, without access to files or network, and within a second and 64 MB. An unfilled
    `${track_1}` stays, since the platform puts the short link there.

    Args:
        template: the message, as given to `CampaignRequest(msg=...)`.
        fields: value of each field by its exact name; None counts as empty.
        renderer: how the template writes fields.
        defaults: values for fields that are empty or missing.
        strict: refuse a missing field. Otherwise a field whose name differs in case alone stands
            in for it, and else nothing (VELOCITY: the field as it is written).

    Raises:
        MissingField: `strict`, and a field has no value and no default.
        PreviewNotInstalled: the template needs its engine.
        TemplateError: the engine refused the template, or took too long.
        ValueError: `renderer` is none of the six.

    Guide: 2.1 (msg, renderer, defaultForHeader).
    """
    return _compiled(template, renderer)(fields, defaults or _NO_DEFAULTS, strict=strict)


@lru_cache(maxsize=256)
def _compiled(template: str, renderer: str) -> _Compiled:
    kind = Renderer(renderer)
    syntax = SYNTAXES[kind]
    if syntax.is_plain(template):
        return compile_substitution(template, syntax)
    return compile_program(template, kind)


def placeholders(template: str, renderer: Renderer | str = Renderer.BASIC) -> tuple[str, ...]:
    """Return the names of the fields that `template` shows, once each, in order.

    The short links `track_1`, `track_2`... are not among them. In a template with conditions or
    loops these are the fields outside of them and inside, but not those only asked about.
    """
    found = SYNTAXES[Renderer(renderer)].fields(template)
    names = dict.fromkeys(field["name"] for field in found)
    return tuple(name for name in names if not is_track(name))
