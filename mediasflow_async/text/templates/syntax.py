"""How each of the six renderers writes a field, and the substitution of fields by values.

A template that is nothing but text and fields, as most are, is compiled into a `Substitution` and
needs no engine, whatever its renderer. Where a value comes from (the recipient's field, its
default, a field whose name differs in case alone) is decided here for the engines too. Guide: 2.1,
`renderer` and `defaultForHeader`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from attrs import frozen

from mediasflow_async.models import Renderer

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "SYNTAXES",
    "MissingField",
    "PreviewNotInstalled",
    "Substitution",
    "Syntax",
    "TemplateError",
    "check_missing",
    "compile_substitution",
    "fold",
    "is_track",
    "look_up",
    "look_up_loosely",
]

_NOTHING: Final = re.compile(r"(?!)")


@frozen
class Syntax:
    """How one renderer writes a field.

    Attributes:
        field: matches one field. Its group `name` is the field's name; its group `raw`, where
            values are escaped, matches when this one is not.
        logic: matches what is neither text nor a field, in a template whose fields are removed.
        example: a field called `x`, unescaped.
        escapes: the renderer's escapes for HTML in values, by code point; None where it has none.
        assigned: matches, as its only group, a name to which the template itself gives a value.
        reserved: names that belong to the engine.
        keeps_unknown: whether a field without a value stays as it is written, or becomes empty.
    """

    field: re.Pattern[str]
    logic: re.Pattern[str]
    example: str
    escapes: Mapping[int, str] | None = None
    assigned: re.Pattern[str] = _NOTHING
    reserved: frozenset[str] = frozenset()
    keeps_unknown: bool = False

    def fields(self, template: str) -> Iterator[re.Match[str]]:
        """Yield the match of each field in `template`, in order."""
        own = self.reserved.union(self.assigned.findall(template))
        return (match for match in self.field.finditer(template) if match["name"] not in own)

    def names(self, template: str) -> tuple[str, ...]:
        """Return the names of the fields in `template`, once each, in order."""
        return tuple(dict.fromkeys(field["name"] for field in self.fields(template)))

    def write(self, name: str) -> str:
        """Return the field called `name`, unescaped, as a template writes it."""
        return self.example.replace("x", name)

    def escapes_value(self, field: re.Match[str]) -> bool:
        """Tell whether the value of this field is escaped for HTML."""
        return self.escapes is not None and field["raw"] is None

    def is_plain(self, template: str) -> bool:
        """Tell whether `template` is nothing but text and fields."""
        if any(match["name"] in self.reserved for match in self.field.finditer(template)):
            return False
        return self.logic.search(self.field.sub(" ", template)) is None


# Identifiers of JavaScript; those that begin with two underscores belong to the engines.
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
    """Return a template of text and fields alone, cut at its fields."""
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
        # Where values are escaped, the field as it is written would be escaped too.
        return field[0] if syntax.escapes is None else f"${{{field['name']}}}"
    return field[0] if syntax.keeps_unknown and not field["quiet"] else ""


@frozen
class Substitution:
    """A template cut into text and fields.

    Attributes:
        layout: the text, with `%s` for each field.
        names: the name of each field.
        unfilled: the text for each field that has no value.
        escapes: the escapes for the value of each field; empty when no value is escaped.
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
    """Raise an error if a field has no value, the platform's short links apart.

    Raises:
        MissingField: with the names of these fields.
    """
    wanted = (name for name in dict.fromkeys(names) if not is_track(name))
    missing = [name for name in wanted if look_up(name, fields, defaults) is None]
    if missing:
        raise MissingField(*missing)


def look_up(
    name: str, fields: Mapping[str, object], defaults: Mapping[str, object]
) -> object | None:
    """Return the value of the field with exactly this name, or its default.

    The default counts where the field is empty or missing. None where there is neither. Guide: 2.1,
    `defaultForHeader`.
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
    """Return the value of a field, or of one whose name differs only in case or outer blanks.

    The guide writes `${FIRSTNAME}` for a recipient's `firstName`, and does not say what the
    platform makes of it. Guide: 2.1.
    """
    value = look_up(name, fields, defaults)
    if value is not None:
        return value
    wanted = fold(name)
    names = filter(None, (*fields, *defaults))  # csv.DictReader puts surplus cells under None
    alike = (key for key in names if fold(key) == wanted)
    return next((look_up(key, fields, defaults) for key in alike), None)


def fold(name: str) -> str:
    """Return `name` without outer blanks and case, to compare it with others."""
    return name.strip().casefold()


_TRACK: Final = re.compile(r"track_[1-9][0-9]*")


def is_track(name: str) -> bool:
    """Tell whether the platform fills this field with a short link. Guide: 2.1, `tinyList`."""
    return _TRACK.fullmatch(name.strip()) is not None


class TemplateError(ValueError):
    """A message cannot be personalised: the platform would answer with status 5, or refuse it.

    Its text shows no text of the message. Guide: 2.1.
    """


class MissingField(TemplateError):
    """Fields of the template are neither among the recipient's fields nor among the defaults.

    Attributes:
        names: the names of the missing fields, in the template's order.
    """

    def __init__(self, *names: str) -> None:
        self.names = names
        super().__init__(*names)

    def __str__(self) -> str:
        fields = ", ".join(self.names)
        return f"no value for {fields}: add it to the recipient's fields, or give it a default"


class PreviewNotInstalled(TemplateError):
    """The template needs its engine, which the `[preview]` extra installs.

    Attributes:
        renderer: the name of the renderer.
    """

    def __init__(self, renderer: str) -> None:
        self.renderer = renderer
        super().__init__(renderer)

    def __str__(self) -> str:
        return (
            f"this {self.renderer} template does more than show fields, which needs its engine: "
            "pip install 'mediasflow-async[preview]'"
        )
