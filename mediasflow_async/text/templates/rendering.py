"""Templates: what the recipient would read (`render`), and what looks wrong (`lint`).

A compiled template is cached, since a campaign renders the same one for each recipient. Guide: 2.1,
`msg` and `renderer`.
"""

from __future__ import annotations

from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Protocol

from attrs import frozen

from mediasflow_async.models import Renderer
from mediasflow_async.text.templates.engines import compile_program
from mediasflow_async.text.templates.syntax import SYNTAXES, compile_substitution, fold, is_track

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Finding", "FindingKind", "lint", "placeholders", "render"]

_NO_DEFAULTS: Final[Mapping[str, object]] = {}


def render(
    template: str,
    fields: Mapping[str, object],
    *,
    renderer: Renderer | str = Renderer.BASIC,
    defaults: Mapping[str, object] | None = None,
    strict: bool = False,
) -> str:
    """Return `template` with one recipient's `fields` filled in, as the platform would send it.

    Templates of text and fields alone are rendered by the SDK. Conditions and loops of HANDLEBARS,
    EJS and VELOCITY need the `[preview]` extra, whose engines run in the calling thread, without
    access to files or network, for a second and in 64 MB at most. An unfilled `${track_1}` stays as
    it is, since the platform puts the short link there.

    Args:
        template: the message, as given to `CampaignRequest(msg=...)`.
        fields: the recipient's fields, name to value; None counts as empty.
        renderer: how the template writes fields.
        defaults: values for fields that are empty or missing, name to value.
        strict: raise an error for a missing field. Otherwise the value of a field whose name
            differs in case alone is taken, or nothing (VELOCITY: the field as it is written).

    Raises:
        MissingField: `strict`, and a field has no value and no default.
        PreviewNotInstalled: the template needs its engine.
        TemplateError: the engine refused the template, or took too long.
        ValueError: `renderer` is none of the six.

    Guide: 2.1, `msg`, `renderer` and `defaultForHeader`.
    """
    return _compiled(template, renderer)(fields, defaults or _NO_DEFAULTS, strict=strict)


class _Compiled(Protocol):
    def __call__(
        self, fields: Mapping[str, object], defaults: Mapping[str, object], *, strict: bool
    ) -> str: ...


@lru_cache(maxsize=256)
def _compiled(template: str, renderer: str) -> _Compiled:
    kind = Renderer(renderer)
    syntax = SYNTAXES[kind]
    if syntax.is_plain(template):
        return compile_substitution(template, syntax)
    return compile_program(template, kind)


def placeholders(template: str, renderer: Renderer | str = Renderer.BASIC) -> tuple[str, ...]:
    """Return the names of the fields that `template` shows, once each, in order.

    The short links `track_1`, `track_2`... are not among them. Fields inside of conditions and
    loops are, but not those that only a condition reads. Guide: 2.1, `msg`.

    Raises:
        ValueError: `renderer` is none of the six.
    """
    names = SYNTAXES[Renderer(renderer)].names(template)
    return tuple(name for name in names if not is_track(name))


def lint(
    template: str, field_names: Iterable[str], renderer: Renderer | str = Renderer.BASIC
) -> tuple[Finding, ...]:
    """Return what looks wrong in `template`, each finding once.

    Args:
        template: the message.
        field_names: the names that have a value or a default, in their exact letter case.
        renderer: how the template should write fields.

    Raises:
        ValueError: `renderer` is none of the six.

    Guide: 2.1; its example 2.1.2 uses names that differ from those of its fields.
    """
    kind = Renderer(renderer)
    known = list(field_names)
    found = (
        *_name_findings(template, known, kind),
        *_escape_findings(template, kind),
        *_foreign_findings(template, kind),
    )
    return tuple(dict.fromkeys(found))


@frozen
class Finding:
    """Something that looks wrong with one field of a template. Guide: 2.1.

    Attributes:
        kind: what looks wrong.
        placeholder: the name of the field in the template.
        suggestion: what to write instead: a name for `NEAR_MISS`, a piece of template for
            `HTML_ESCAPED` and `OTHER_SYNTAX`; None for `UNKNOWN_FIELD`.
    """

    kind: FindingKind
    placeholder: str
    suggestion: str | None = None

    def __str__(self) -> str:
        return _SENTENCES[self.kind].format(name=self.placeholder, suggestion=self.suggestion)


class FindingKind(StrEnum):
    """What may be wrong with a field of a template. Guide: 2.1, `msg` and `renderer`."""

    NEAR_MISS = "NEAR_MISS"
    """The recipients have no field of this name, but one whose name is nearly the same."""
    UNKNOWN_FIELD = "UNKNOWN_FIELD"
    """The recipients have no field of this name, and there is no default."""
    HTML_ESCAPED = "HTML_ESCAPED"
    """The renderer escapes characters such as `&` and `'` for HTML."""
    OTHER_SYNTAX = "OTHER_SYNTAX"
    """The field is written for another renderer, and would be sent as it is written."""


_SENTENCES: Final[Mapping[FindingKind, str]] = {
    FindingKind.NEAR_MISS: "there is no field {name}: is it {suggestion}?",
    FindingKind.UNKNOWN_FIELD: "there is no field {name}, and no default for it",
    FindingKind.HTML_ESCAPED: (
        "{name} is escaped for HTML, so that & becomes &amp; in the SMS: write {suggestion}"
    ),
    FindingKind.OTHER_SYNTAX: (
        "{name} is written for another renderer and would be sent as it is: write {suggestion}"
    ),
}

_CLOSE_ENOUGH: Final = 0.8


def _name_findings(template: str, known: list[str], renderer: Renderer) -> Iterator[Finding]:
    folded = {fold(name): name for name in known}
    for field in SYNTAXES[renderer].fields(template):
        name = field["name"]
        if name in known or is_track(name):
            continue
        close = get_close_matches(fold(name), folded, n=1, cutoff=_CLOSE_ENOUGH)
        if close:
            yield Finding(FindingKind.NEAR_MISS, name, folded[close[0]])
        else:
            yield Finding(FindingKind.UNKNOWN_FIELD, name)


def _escape_findings(template: str, renderer: Renderer) -> Iterator[Finding]:
    syntax = SYNTAXES[renderer]
    for field in syntax.fields(template):
        if syntax.escapes_value(field):
            unescaped = syntax.write(field["name"])
            yield Finding(FindingKind.HTML_ESCAPED, field["name"], unescaped)


def _foreign_findings(template: str, renderer: Renderer) -> Iterator[Finding]:
    rest = SYNTAXES[renderer].field.sub(" ", template)
    for other, syntax in SYNTAXES.items():
        # A $ before a word is a field to VELOCITY, but in other templates more often a price.
        if other in {renderer, Renderer.VELOCITY}:
            continue
        for field in syntax.fields(rest):
            rewritten = SYNTAXES[renderer].write(field["name"])
            yield Finding(FindingKind.OTHER_SYNTAX, field["name"], rewritten)
