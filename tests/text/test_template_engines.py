"""Templates with conditions, loops and methods, in the real engines."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async.models import Renderer
from mediasflow_async.text.templates import MissingField, TemplateError, lint, placeholders, render
from mediasflow_async.text.templates.engines import compile_program
from mediasflow_async.text.templates.syntax import SYNTAXES

pytest.importorskip("quickjs", reason="the [preview] extra is not installed")

FIELDS = {"NOM": "Léa", "VIDE": "", "AMOUNT": "17.50", "AND": "a&b"}


@pytest.mark.parametrize(
    ("renderer", "template", "text"),
    [
        ("HANDLEBARS", "{{#if NOM}}Bonjour {{NOM}}{{else}}Bonjour{{/if}}", "Bonjour Léa"),
        ("HANDLEBARS", "{{#if VIDE}}oui{{else}}non{{/if}}", "non"),
        ("HANDLEBARS", "{{#unless ABSENT}}{{{AND}}} {{AND}}{{/unless}}", "a&b a&amp;b"),
        ("HANDLEBARS", "{{! rien }}{{#with NOM}}{{length}}{{/with}}", "3"),
        ("EJS", "<% if (NOM) { %>Bonjour <%= NOM %><% } %>", "Bonjour Léa"),
        ("EJS", "<%= NOM.toUpperCase() %> <%- AND %> <%= AND %>", "LÉA a&b a&amp;b"),
        ("EJS", "<% for (const i of [1, 2]) { %><%= i %>,<% } %>", "1,2,"),
        ("EJS", "<%= Number(AMOUNT).toFixed(1) %> €", "17.5 €"),
        ("VELOCITY", "#if($NOM)Bonjour $NOM#{else}Bonjour#end", "Bonjour Léa"),
        ("VELOCITY", "#foreach($i in [1..3])$i,#end", "1,2,3,"),
        ("VELOCITY", "#set($x = $NOM.toUpperCase())$x ${NOM}x $!ABSENT$ABSENT", "LÉA Léax $ABSENT"),
        (
            "VELOCITY",
            "$NOM.length() $VIDE.isEmpty() $NOM.contains('é') $NOM.substring(0, 1)",
            "3 true true L",
        ),
        ("VELOCITY", "#if($NOM.equals('Léa') && $NOM.equalsIgnoreCase('LÉA'))oui#end", "oui"),
        ("VELOCITY", "\\$NOM ## remarque", "$NOM "),
    ],
)
def test_logic_is_run_by_the_engine(renderer: str, template: str, text: str) -> None:
    assert render(template, FIELDS, renderer=renderer) == text


# VELOCITY gets no stray "#" and "{": Java's engine shows them, this one refuses some.
TEXTS = [" ", "\n", "a", "1", "_", "-", "é", "'", '"', "&", "[", "(", "!", "=", "}}", "%s", "."]
PIECES = {
    Renderer.HANDLEBARS: ["{{NOM}}", "{{{AND}}}", "{{& AND}}", "{{ VIDE }}", "{{ABSENT}}"],
    Renderer.EJS: ["<%= NOM %>", "<%- AND %>", "<%=VIDE%>", "<%- ABSENT%>"],
    Renderer.VELOCITY: ["$NOM", "${AND}", "$!VIDE", "$!{ABSENT}", "${ABSENT}", "$ABSENT"],
}
STRAYS = {
    Renderer.HANDLEBARS: ["{", "}", "#", "$", "\\"],
    Renderer.EJS: ["<", "%", ">", "{{", "#", "$", "\\"],
    Renderer.VELOCITY: ["$", "<", ">"],
}


@st.composite
def plain_templates(draw: st.DrawFn) -> tuple[Renderer, str]:
    renderer = draw(st.sampled_from(list(PIECES)))
    pieces = draw(
        st.lists(
            st.sampled_from(PIECES[renderer] + STRAYS[renderer] + TEXTS), min_size=1, max_size=10
        )
    )
    template = "".join(pieces)
    if not SYNTAXES[renderer].is_plain(template):
        template = draw(st.sampled_from(PIECES[renderer]))
    return renderer, template


@given(plain_templates())
def test_our_own_rendering_of_fields_is_that_of_the_engine(case: tuple[Renderer, str]) -> None:
    renderer, template = case
    assert render(template, FIELDS, renderer=renderer) == compile_program(template, renderer)(
        FIELDS, {}, strict=False
    )


@given(st.sampled_from([Renderer.HANDLEBARS, Renderer.EJS]), st.text())
def test_values_are_escaped_as_by_the_engine(renderer: Renderer, value: str) -> None:
    template = {Renderer.HANDLEBARS: "{{A}}|{{{A}}}", Renderer.EJS: "<%= A %>|<%- A %>"}[renderer]
    program = compile_program(template, renderer)
    assert render(template, {"A": value}, renderer=renderer) == program(
        {"A": value}, {}, strict=False
    )


@pytest.mark.parametrize(
    ("renderer", "template"),
    [
        ("HANDLEBARS", "{{#if A}}{{A}}{{B}}{{track_1}}{{/if}}"),
        ("EJS", "<% if (A) { %><%= A %><%= B %><%= track_1 %><% } %>"),
        ("VELOCITY", "#if($A)$A$!B$!{track_1}#end"),
    ],
)
def test_defaults_and_missing_fields_are_those_of_every_template(
    renderer: str, template: str
) -> None:
    text = render(template, {"A": "", "b": "b"}, renderer=renderer, defaults={"A": "x"})
    assert text.replace("${track_1}", "") == "xb"
    with pytest.raises(MissingField, match="no value for B:"):
        render(template, {"A": "a"}, renderer=renderer, strict=True)


@pytest.mark.parametrize(
    ("renderer", "template"),
    [
        ("HANDLEBARS", "{{#each LIST as |x|}}{{x}}{{/each}}{{NOM}}"),
        ("EJS", "<% const x = 1 %><%= x %><%= NOM %>"),
        ("VELOCITY", "#set($x = 1)$x#foreach( $y in [1..2] )$y#end$NOM"),
    ],
)
def test_names_that_the_template_defines_are_no_fields(renderer: str, template: str) -> None:
    assert placeholders(template, renderer) == ("NOM",)
    assert {finding.placeholder for finding in lint(template, ["NOM"], renderer)} <= {"NOM"}


@pytest.mark.parametrize(
    ("renderer", "template", "reason"),
    [
        ("HANDLEBARS", "Secret {{#if NOM}}", "HANDLEBARS: Parse error on line 1: got 'EOF'"),
        ("HANDLEBARS", "{{shout NOM}}", 'HANDLEBARS: Missing helper: "shout"'),
        ("EJS", "Secret <% if ( %>", "EJS: SyntaxError: "),
        ("EJS", "Secret <%= NOM.x.y %>", "EJS: "),
        ("EJS", "<%= unknown.x %>", "EJS: unknown is not defined"),
        ("EJS", "<%- include('/etc/passwd') %>", "EJS: not a function"),
        ("VELOCITY", "Secret #if($NOM", "VELOCITY: Parse error on line 1"),
    ],
)
def test_what_the_engine_refuses_is_told_without_the_message(
    renderer: str, template: str, reason: str
) -> None:
    with pytest.raises(TemplateError) as caught:
        render(template, FIELDS, renderer=renderer)
    assert str(caught.value).startswith(reason)
    assert "Secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("renderer", "template", "reason"),
    [
        ("EJS", "<% for (;;); %>", "more than 1 second"),
        ("EJS", "<% const a = []; for (;;) a.push('x'.repeat(9999) + a.length) %>", "than 64 MB"),
        ("EJS", "<% const f = () => f(); f() %>", "call stack"),
        ("VELOCITY", "#macro(f)#f()#end#f()", "call stack"),
        ("VELOCITY", "#foreach($i in [1..999999999])$i#end", "than 64 MB"),
    ],
)
def test_a_template_that_does_not_end_is_stopped(renderer: str, template: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=reason):
        render(template, FIELDS, renderer=renderer)
    assert render("<%= NOM.trim() %>", FIELDS, renderer=Renderer.EJS) == "Léa"


def test_a_template_reaches_no_file_and_no_process() -> None:
    template = "<%= [typeof std, typeof os, typeof require, typeof process, typeof fetch] %>"
    assert set(render(template, {}, renderer="EJS").split(",")) == {"undefined"}


def test_one_template_cannot_change_another() -> None:
    render("<% String.prototype.trim = () => 'changed' %>", {}, renderer="EJS")
    assert render("<%= NOM.trim() %>", FIELDS, renderer="EJS") == "Léa"


def test_every_thread_has_engines_of_its_own() -> None:
    texts: list[str] = []

    def work(number: int) -> None:
        texts.append(render("<%= N.trim() %>", {"N": f" {number} "}, renderer="EJS"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(texts) == sorted(map(str, range(8)))
