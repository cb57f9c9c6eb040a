"""How each renderer writes a field, and which templates hold nothing but text and fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from attrs import frozen

from mediasflow_async.models import Renderer

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOTHING: Final = re.compile(r"(?!)")

# Names that JavaScript can read; those with two underscores first belong to the engines.
_NAME: Final = r"(?P<name>(?!__)[A-Za-z_À-ÖØ-öø-ÿ][\w]*)"

_HANDLEBARS_WORDS: Final = (
    "if unless each with lookup log else this true false null undefined "
    "helperMissing blockHelperMissing"
)
_JAVASCRIPT_WORDS: Final = (
    "arguments await break case catch class const continue debugger default delete do else enum "
    "eval export extends false finally for function if implements import in instanceof interface "
    "let new null package private protected public return static super switch this throw true try "
    "typeof undefined var void while with yield escapeFn include locals rethrow"
)

_HANDLEBARS_ESCAPES: Final = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "'": "&#x27;",
        "`": "&#x60;",
        "=": "&#x3D;",
    }
)
_EJS_ESCAPES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"}
)


@frozen
class Syntax:
    """The way one renderer writes a field.

    Attributes:
        field: matches one field; its group `name` is the field's name, its group `raw`, where it
            has one, takes part when the value is not escaped.
        logic: matches what is neither text nor a field, in what fields leave over.
        example: a field called `x`, unescaped.
        escapes: what the renderer replaces in values, by code point.
        assigned: matches, as its only group, a name to which the template gives a value itself.
        reserved: names that the engine keeps for itself.
        keeps_unknown: a field without value stays as it is written, instead of vanishing.
    """

    field: re.Pattern[str]
    logic: re.Pattern[str]
    example: str
    escapes: Mapping[int, str] | None = None
    assigned: re.Pattern[str] = _NOTHING
    reserved: frozenset[str] = frozenset()
    keeps_unknown: bool = False

    def fields(self, template: str) -> Iterator[re.Match[str]]:
        """Yield the fields of `template`, in order."""
        own = self.reserved.union(self.assigned.findall(template))
        return (match for match in self.field.finditer(template) if match["name"] not in own)

    def escapes_value(self, field: re.Match[str]) -> bool:
        """Tell whether the value of this field is escaped for HTML."""
        return self.escapes is not None and field["raw"] is None

    def is_plain(self, template: str) -> bool:
        """Tell whether `template` is nothing but text and fields."""
        if any(match["name"] in self.reserved for match in self.field.finditer(template)):
            return False
        return self.logic.search(self.field.sub(" ", template)) is None


SYNTAXES: Final[Mapping[Renderer, Syntax]] = {
    Renderer.BASIC: Syntax(re.compile(r"\$\{(?P<name>[^{}]+)\}"), _NOTHING, "${x}"),
    Renderer.MEDIASFLOW: Syntax(
        re.compile(r"\$\$\[(?P<name>[^\[\]]+)\](?<!\[record\])"), _NOTHING, "$$[x]"
    ),
    Renderer.MEDIASFLOW_B: Syntax(
        re.compile(r"\$\$\[record\](?P<name>[^$\[\]\r\n]+)\$\$"), _NOTHING, "$$[record]x$$"
    ),
    Renderer.HANDLEBARS: Syntax(
        re.compile(
            rf"(?<![{{\\])\{{\{{(?P<raw>(?P<brace>\{{)|&)?\s*{_NAME}\s*(?(brace)\}}\}}\}}|\}}\}})(?!\}})"
        ),
        re.compile(r"\{\{"),
        "{{{x}}}",
        escapes=_HANDLEBARS_ESCAPES,
        assigned=re.compile(r"\bas\s+\|\s*(\w+)"),
        reserved=frozenset(_HANDLEBARS_WORDS.split()),
    ),
    Renderer.EJS: Syntax(
        re.compile(rf"<%(?:=|(?P<raw>-))\s*{_NAME}\s*%>"),
        re.compile(r"<%|%>"),
        "<%- x %>",
        escapes=_EJS_ESCAPES,
        assigned=re.compile(r"\b(?:const|let|var|function)\s+(\w+)"),
        reserved=frozenset(_JAVASCRIPT_WORDS.split()),
    ),
    Renderer.VELOCITY: Syntax(
        re.compile(
            r"\$(?P<quiet>!?)(?P<brace>\{)?(?P<name>(?!__)[A-Za-z_][A-Za-z0-9_-]*)"
            r"(?(brace)\}|(?![\[(A-Za-z0-9_-]|\.[A-Za-z_]))"
        ),
        re.compile(r"\\|#[A-Za-z@{#*\[]|\$!?\{|\$!?[A-Za-z_]"),
        "$!{x}",
        assigned=re.compile(r"#\{?(?:set|foreach)\}?\s*\(\s*\$!?\{?([A-Za-z_][\w-]*)"),
        reserved=frozenset({"velocityCount"}),
        keeps_unknown=True,
    ),
}
