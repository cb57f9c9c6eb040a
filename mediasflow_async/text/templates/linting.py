"""What looks wrong in a template before anything is sent."""

from __future__ import annotations

from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from attrs import frozen

from mediasflow_async.models import Renderer
from mediasflow_async.text.templates.lookup import fold, is_track
from mediasflow_async.text.templates.syntax import SYNTAXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_CLOSE_ENOUGH: Final = 0.8


class FindingKind(StrEnum):
    """What may be wrong with a field of a template."""

    NEAR_MISS = "NEAR_MISS"
    """No field has this name, but one has nearly this name."""
    UNKNOWN_FIELD = "UNKNOWN_FIELD"
    """No field has this name."""
    HTML_ESCAPED = "HTML_ESCAPED"
    """The renderer replaces characters such as `&` and `'` as in a web page."""
    OTHER_SYNTAX = "OTHER_SYNTAX"
    """The field is written for another renderer, and would be sent as it is written."""


@frozen
class Finding:
    """Something that looks wrong with one field of a template.

    Attributes:
        kind: what it is.
        placeholder: name of the field in the template.
        suggestion: what to write instead: a name for `NEAR_MISS`, a piece of template for
            `HTML_ESCAPED` and `OTHER_SYNTAX`, None where nothing suggests itself.
    """

    kind: FindingKind
    placeholder: str
    suggestion: str | None = None

    def __str__(self) -> str:
        return _SENTENCES[self.kind].format(name=self.placeholder, suggestion=self.suggestion)


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


def lint(
    template: str, field_names: Iterable[str], renderer: Renderer | str = Renderer.BASIC
) -> tuple[Finding, ...]:
    """Return what looks wrong in `template`, each finding once.

    Args:
        template: the message.
        field_names: the names that have a value or a default, letter case as it is.
        renderer: how the template should write fields.

    Raises:
        ValueError: `renderer` is none of the six.

    Guide: 2.1; its example 2.1.2 uses names that differ from those of its fields.
    """
    kind = Renderer(renderer)
    known = list(field_names)
    found = (*_names(template, known, kind), *_escaped(template, kind), *_foreign(template, kind))
    return tuple(dict.fromkeys(found))


def _names(template: str, known: list[str], renderer: Renderer) -> Iterator[Finding]:
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


def _escaped(template: str, renderer: Renderer) -> Iterator[Finding]:
    syntax = SYNTAXES[renderer]
    for field in syntax.fields(template):
        if syntax.escapes_value(field):
            unescaped = syntax.example.replace("x", field["name"])
            yield Finding(FindingKind.HTML_ESCAPED, field["name"], unescaped)


def _foreign(template: str, renderer: Renderer) -> Iterator[Finding]:
    rest = SYNTAXES[renderer].field.sub(" ", template)
    for other, syntax in SYNTAXES.items():
        # VELOCITY reads a plain $ as a field, which is more often a price.
        if other in {renderer, Renderer.VELOCITY}:
            continue
        for field in syntax.fields(rest):
            rewritten = SYNTAXES[renderer].example.replace("x", field["name"])
            yield Finding(FindingKind.OTHER_SYNTAX, field["name"], rewritten)
