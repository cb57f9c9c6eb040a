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


def compile_substitution(template: str, syntax: Syntax) -> Substitution:
    """Cut a plain template at its fields."""
    found = list(syntax.fields(template))
    cuts = [0, *(edge for field in found for edge in field.span()), len(template)]
    texts = [template[start:end] for start, end in zip(cuts[::2], cuts[1::2], strict=True)]
    escapes = tuple(
        (syntax.escapes or {}) if syntax.escapes_value(field) else {} for field in found
    )
    return Substitution(
        layout="%s".join(text.replace("%", "%%") for text in texts),
        names=tuple(field["name"] for field in found),
        unfilled=tuple(_unfilled(field, syntax) for field in found),
        escapes=escapes if any(escapes) else (),
    )


def _unfilled(field: re.Match[str], syntax: Syntax) -> str:
    if is_track(field["name"]):
        # Not as it is written where that would be escaped in its turn.
        return field[0] if syntax.escapes is None else f"${{{field['name']}}}"
    return field[0] if syntax.keeps_unknown and not field["quiet"] else ""


@frozen
class Substitution:
    """A template cut into text and fields.

    Attributes:
        layout: the text, with `%s` in the place of each field.
        names: the field of each place.
        unfilled: what stands in each place without a value.
        escapes: what is replaced in the value of each place; empty when nothing is anywhere.
    """

    layout: str
    names: tuple[str, ...]
    unfilled: tuple[str, ...]
    escapes: tuple[Mapping[int, str], ...]

    def __call__(
        self, fields: Mapping[str, object], defaults: Mapping[str, object], *, strict: bool
    ) -> str:
        """Return the text for one recipient.

        Raises:
            MissingField: `strict`, and a field is neither in `fields` nor in `defaults`.
        """
        try:
            values = [fields[name] for name in self.names]
        except KeyError:
            values = self._values(fields, defaults, strict=strict)
        else:
            if not all(values):
                values = self._values(fields, defaults, strict=strict)
        if self.escapes:
            pairs = zip(values, self.escapes, strict=True)
            values = [str(value).translate(escapes) for value, escapes in pairs]
        return self.layout % tuple(values)

    def _values(
        self, fields: Mapping[str, object], defaults: Mapping[str, object], *, strict: bool
    ) -> list[object]:
        values = [look_up(name, fields, defaults) for name in self.names]
        if None not in values:
            return values
        if strict:
            check_missing(self.names, fields, defaults)
        values = [look_up_loosely(name, fields, defaults) for name in self.names]
        return [
            unfilled if value is None else value
            for value, unfilled in zip(values, self.unfilled, strict=True)
        ]


def check_missing(
    names: tuple[str, ...], fields: Mapping[str, object], defaults: Mapping[str, object]
) -> None:
    """Raise `MissingField` with the names that have no value and that nobody else fills."""
    wanted = (name for name in dict.fromkeys(names) if not is_track(name))
    missing = [name for name in wanted if look_up(name, fields, defaults) is None]
    if missing:
        raise MissingField(*missing)


def look_up(
    name: str, fields: Mapping[str, object], defaults: Mapping[str, object]
) -> object | None:
    """Return the value of exactly this field, or its default where it is empty or missing.

    None where there is neither. Guide: 2.1 (defaultForHeader).
    """
    value = fields.get(name)
    if value is not None and value != "":
        return value
    default = defaults.get(name)
    if default is not None:
        return default
    return "" if name in fields else None


def look_up_loosely(
    name: str, fields: Mapping[str, object], defaults: Mapping[str, object]
) -> object | None:
    """Return the value of this field, or of one whose name differs in case or outer blanks alone.

    The guide writes `${FIRSTNAME}` for a recipient's `firstName`, and does not say what the
    platform makes of it. Guide: 2.1.
    """
    value = look_up(name, fields, defaults)
    if value is not None:
        return value
    wanted = fold(name)
    names = filter(None, (*fields, *defaults))  # `csv.DictReader` puts surplus cells under None
    alike = (key for key in names if fold(key) == wanted)
    return next((look_up(key, fields, defaults) for key in alike), None)


def fold(name: str) -> str:
    """Return `name` in the form in which names that differ in case and blanks are equal."""
    return name.strip().casefold()


_TRACK: Final = re.compile(r"track_[1-9][0-9]*")


def is_track(name: str) -> bool:
    """Tell whether the platform fills this field with a short link. Guide: 2.1 (tinyList)."""
    return _TRACK.fullmatch(name.strip()) is not None


class TemplateError(ValueError):
    """A message cannot be personalised: the platform answers with status 5 or refuses it."""


class MissingField(TemplateError):
    """Fields of the template are neither in the recipient nor in the defaults.

    Attributes:
        names: the missing fields, in the template's order.
    """

    def __init__(self, *names: str) -> None:
        self.names = names
        super().__init__(*names)

    def __str__(self) -> str:
        fields = ", ".join(self.names)
        return f"no value for {fields}: add it to the recipient's fields, or give it a default"


class PreviewNotInstalled(TemplateError):
    """The template needs its real engine, which the `[preview]` extra brings.

    Attributes:
        renderer: name of the renderer.
    """

    def __init__(self, renderer: str) -> None:
        self.renderer = renderer
        super().__init__(renderer)

    def __str__(self) -> str:
        return (
            f"this {self.renderer} template does more than show fields, which needs its engine: "
            "pip install 'mediasflow-async[preview]'"
        )
