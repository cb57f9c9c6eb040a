"""The JavaScript engines of HANDLEBARS, EJS and VELOCITY, run by QuickJS.

QuickJS runs JavaScript without access to files or network, and with the limits below. VELOCITY runs
in it too, since the Velocity engines written in Python let a template reach any Python object.
`vendor/README.md` says where the JavaScript comes from. QuickJS comes with the `[preview]` extra.
"""

from __future__ import annotations

import json
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from mediasflow_async.models import Renderer
from mediasflow_async.text.templates.syntax import (
    SYNTAXES,
    PreviewNotInstalled,
    TemplateError,
    check_missing,
    is_track,
    look_up,
    look_up_loosely,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Program", "compile_program"]

_TIME_LIMIT_SECONDS: Final = 1
_MEMORY_LIMIT_BYTES: Final = 64 * 1024 * 1024
_STACK_LIMIT_BYTES: Final = 512 * 1024


def compile_program(template: str, renderer: Renderer) -> Program:
    """Return a function for a template that needs its engine, which parses it at the first call.

    Raises:
        PreviewNotInstalled: the engine is not installed.
    """
    _quickjs(renderer)
    return Program(template, renderer, SYNTAXES[renderer].names(template))


@frozen
class Program:
    """A template that one of the engines renders.

    Attributes:
        template: the template.
        renderer: its renderer.
        names: the names of the fields in it.
    """

    template: str
    renderer: Renderer
    names: tuple[str, ...]

    def __call__(
        self, fields: Mapping[str, object], defaults: Mapping[str, object], *, strict: bool
    ) -> str:
        """Return the text for one recipient.

        Raises:
            MissingField: `strict`, and a field is neither in `fields` nor in `defaults`.
            TemplateError: the engine refused the template, or took too long.
        """
        if strict:
            check_missing(self.names, fields, defaults)
        values = self._values(fields, defaults)
        return _engines.run(self.template, self.renderer, values)

    def _values(
        self, fields: Mapping[str, object], defaults: Mapping[str, object]
    ) -> dict[str, str]:
        values = {name: look_up(name, fields, defaults) for name in (*defaults, *fields)}
        for name in self.names:
            if values.get(name) is None:
                values[name] = look_up_loosely(name, fields, defaults)
                if values[name] is None:
                    values[name] = self._unfilled(name)
        return {name: str(value) for name, value in values.items() if value is not None}

    def _unfilled(self, name: str) -> str | None:
        if SYNTAXES[self.renderer].keeps_unknown:
            return None
        return f"${{{name}}}" if is_track(name) else ""


class _Engines(threading.local):
    """The parsed templates of one thread: a QuickJS context works only in the thread that made it.

    Each template has a context of its own, so that no template can change what another one sees.
    """

    def __init__(self) -> None:
        self.start = lru_cache(maxsize=8)(_start)

    def run(self, template: str, renderer: Renderer, fields: Mapping[str, str]) -> str:
        try:
            return str(json.loads(self.start(template, renderer)(json.dumps(fields))))
        except _quickjs(renderer).JSException as error:
            self.start.cache_clear()  # its context may be in any state after an error
            raise TemplateError(_reason(renderer, str(error))) from None


# JavaScript functions that take the template once, and return a function from fields to text.
_COMPILE: Final = {
    Renderer.HANDLEBARS: "Handlebars.compile",
    Renderer.EJS: "ejs.compile",
    # Adds the methods of Java's strings that those of JavaScript do not have.
    Renderer.VELOCITY: """(template) => {
        const methods = {
            length: (text) => text.length,
            isEmpty: (text) => text.length === 0,
            equals: (text, other) => text === other,
            equalsIgnoreCase: (text, other) => text.toLowerCase() === String(other).toLowerCase(),
            contains: (text, part) => text.includes(part),
        };
        const customMethodHandlers = [{
            uid: "java.lang.String",
            match: ({property, context}) => typeof context === "string" && property in methods,
            resolve: ({property, context, params}) => methods[property](context, ...params),
        }];
        const parsed = Velocity.parse(template);
        return (fields) => new Velocity.Compile(parsed, {customMethodHandlers}).render(fields);
    }""",
}

# Texts are passed as JSON, since QuickJS cuts a string argument at its first NUL.
_START: Final = """(compile, template) => {
    const show = compile(JSON.parse(template));
    return (fields) => JSON.stringify(show(JSON.parse(fields)));
}"""


def _start(template: str, renderer: Renderer) -> Callable[[str], str]:
    context = _quickjs(renderer).Context()
    context.set_memory_limit(_MEMORY_LIMIT_BYTES)
    context.set_max_stack_size(_STACK_LIMIT_BYTES)
    context.set_time_limit(_TIME_LIMIT_SECONDS)
    context.eval(_source(renderer))
    compile_template = context.eval(_COMPILE[renderer])
    program: Callable[[str], str] = context.eval(_START)(compile_template, json.dumps(template))
    return program


_engines = _Engines()
_VENDOR: Final = Path(__file__).with_name("vendor")


@lru_cache
def _source(renderer: Renderer) -> str:
    return (_VENDOR / f"{renderer.lower()}.min.js").read_text(encoding="utf-8")


def _quickjs(renderer: Renderer) -> Any:
    try:
        import quickjs  # type: ignore[import-untyped] # it ships no types
    except ImportError:
        raise PreviewNotInstalled(renderer.value) from None
    return quickjs


def _reason(renderer: Renderer, report: str) -> str:
    """Return the engine's error message without the piece of the template that it quotes."""
    message = report.partition("\n    at ")[0]
    if "interrupted" in message:
        return f"the {renderer} template runs for more than {_TIME_LIMIT_SECONDS} second"
    if "out of memory" in message:
        return f"the {renderer} template needs more than {_MEMORY_LIMIT_BYTES >> 20} MB"
    paragraphs = message.split("\n\n")
    told = paragraphs[-1] if ">> " in paragraphs[0] else paragraphs[0]
    first, *quoted = told.splitlines() or [""]
    got = quoted[-1].rpartition(", ")[2] if quoted else ""
    return f"{renderer}: {first.removeprefix('Error: ')} {got}".rstrip()
