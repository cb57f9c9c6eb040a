"""Templates of text and fields, which need no engine."""

from __future__ import annotations

import csv
import pickle
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async.models import Renderer
from mediasflow_async.text.templates import (
    Finding,
    FindingKind,
    MissingField,
    PreviewNotInstalled,
    lint,
    placeholders,
    render,
)

SPELLINGS = {
    Renderer.BASIC: "${%s}",
    Renderer.MEDIASFLOW: "$$[%s]",
    Renderer.MEDIASFLOW_B: "$$[record]%s$$",
    Renderer.HANDLEBARS: "{{{%s}}}",
    Renderer.EJS: "<%%- %s %%>",
    Renderer.VELOCITY: "$!{%s}",
}
EVERY_RENDERER = pytest.mark.parametrize("renderer", Renderer)


def message(renderer: Renderer, text: str, *names: str) -> str:
    """Write the fields `names` into `text` as `renderer` wants them."""
    return text % tuple(SPELLINGS[renderer] % name for name in names)


@EVERY_RENDERER
def test_the_surplus_cells_of_a_row_fill_no_field(renderer: Renderer) -> None:
    row = next(csv.DictReader(["NOM", "Zoé,Lyon,Paris"]))
    assert None in row
    assert render(message(renderer, "%s %s", "nom", "VILLE"), row, renderer=renderer) in {
        "Zoé ",
        "Zoé $!{VILLE}",
    }


@EVERY_RENDERER
def test_fields_are_filled_in(renderer: Renderer) -> None:
    template = message(renderer, "Bonjour %s %s,\n100 %% de %s", "PRENOM", "NOM", "VILLE")
    fields = {"PRENOM": "Léa", "NOM": "L'Hôte & fils", "VILLE": "Nîmes", "AGE": "7"}
    assert render(template, fields, renderer=renderer) == (
        "Bonjour Léa L'Hôte & fils,\n100 % de Nîmes"
    )


def test_basic_is_the_default_renderer_and_names_of_renderers_are_accepted() -> None:
    assert render("${A}", {"A": "x"}) == "x"
    assert render("$$[A]", {"A": "x"}, renderer="MEDIASFLOW") == "x"
    with pytest.raises(ValueError, match="MUSTACHE"):
        render("{{A}}", {}, renderer="MUSTACHE")


@EVERY_RENDERER
def test_a_default_fills_an_empty_and_a_missing_field(renderer: Renderer) -> None:
    template = message(renderer, "%s|%s|%s|%s", "A", "B", "C", "D")
    fields = {"A": "", "B": None, "D": "d"}
    text = render(template, fields, renderer=renderer, defaults=dict.fromkeys("ABCD", "x"))
    assert text == "x|x|x|d"


@EVERY_RENDERER
def test_an_empty_field_without_default_is_empty_and_not_missing(renderer: Renderer) -> None:
    template = message(renderer, "<%s%s>", "A", "B")
    assert render(template, {"A": "", "B": None}, renderer=renderer, strict=True) == "<>"


@EVERY_RENDERER
def test_a_missing_field_vanishes_or_is_refused(renderer: Renderer) -> None:
    template = message(renderer, "%s%s%s", "A", "B", "C")
    assert render(template, {"B": "b"}, renderer=renderer) == "b"
    with pytest.raises(MissingField) as caught:
        render(template, {"B": "b"}, renderer=renderer, strict=True)
    assert caught.value.names == ("A", "C")
    assert "no value for A, C" in str(pickle.loads(pickle.dumps(caught.value)))  # noqa: S301  our own bytes


@pytest.mark.parametrize("template", ["$A-B", "$A ${A}"])
def test_velocity_leaves_a_missing_field_as_it_is_written(template: str) -> None:
    assert render(template, {}, renderer=Renderer.VELOCITY) == template


def test_a_name_that_differs_in_case_stands_in_unless_strict() -> None:
    fields = {"firstName": "Léa"}
    assert render("${FIRSTNAME} ${ firstName }", fields) == "Léa Léa"
    assert render("${FIRSTNAME}", {"x": ""}, defaults={"FirstName": "Léa"}) == "Léa"
    with pytest.raises(MissingField, match="FIRSTNAME"):
        render("${FIRSTNAME}", fields, strict=True)


def test_an_exact_name_comes_before_one_that_differs_in_case() -> None:
    assert render("${NOM}|${nom}|${Nom}", {"nom": "b", "NOM": "a"}) == "a|b|b"


@pytest.mark.parametrize(
    ("renderer", "template", "text"),
    [
        ("BASIC", "${track_1}", "${track_1}"),
        ("BASIC", "${track_0} ${track_x}", " "),
        ("MEDIASFLOW", "$$[track_2]", "$$[track_2]"),
        ("HANDLEBARS", "{{track_1}} {{{track_1}}}", "${track_1} ${track_1}"),
        ("EJS", "<%= track_1 %>", "${track_1}"),
        ("VELOCITY", "$track_1 $!track_1", "$track_1 $!track_1"),
    ],
)
def test_short_links_are_left_to_the_platform(renderer: str, template: str, text: str) -> None:
    assert render(template, {}, renderer=renderer, strict="x" not in template) == text
    assert render(template, {"track_1": "u", "track_2": "u"}, renderer=renderer) != template


@pytest.mark.parametrize(
    ("renderer", "template"),
    [
        ("BASIC", "${A $A {A} ${} $$[A] {{A}} %s %(A)s %"),
        ("MEDIASFLOW", "$[A] $$[A $$[] $$[record]A$$ ${A}"),
        ("MEDIASFLOW_B", "$$[A] $$[record]A$ $$[record]$$ ${A}"),
        ("HANDLEBARS", "{A} ${A} }} }"),
        ("EJS", "< % A % > ${A}"),
        ("VELOCITY", "5 $ $5 $$ # #1 {A} #é $é"),
    ],
)
def test_what_is_no_field_stays_as_it_is(renderer: str, template: str) -> None:
    assert render(template, {"A": "x", "": "y"}, renderer=renderer, strict=True) == template


def test_a_value_is_never_read_as_a_template() -> None:
    assert render("${A}${B}", {"A": "${B}", "B": "%s"}) == "${B}%s"


def test_values_that_are_no_text_are_shown_as_text() -> None:
    assert render("${N} ${Z}", {"N": 16, "Z": 0}) == "16 0"


@given(
    st.lists(st.text(alphabet=st.characters(exclude_characters="${}")), min_size=1, max_size=6),
    st.data(),
)
def test_basic_is_text_and_values_in_turn(texts: list[str], data: st.DataObject) -> None:
    names = [f"F{number}" for number in range(len(texts) - 1)]
    values = {name: data.draw(st.text(min_size=1)) for name in names}
    holes = [f"${{{name}}}" for name in names]
    template = "".join(map("".join, zip(texts, [*holes, ""], strict=True)))
    filled = "".join(map("".join, zip(texts, [*values.values(), ""], strict=True)))
    assert render(template, values, strict=True) == filled
    assert placeholders(template) == tuple(names)


@given(st.text(alphabet="${}[]record% A<>=-#\\.!"), st.sampled_from(list(SPELLINGS)[:3]))
def test_any_text_is_a_template_of_the_platforms_own_renderers(
    template: str, renderer: Renderer
) -> None:
    text = render(template, dict.fromkeys(placeholders(template, renderer), "x"), renderer=renderer)
    assert isinstance(text, str)


@EVERY_RENDERER
def test_placeholders_are_named_once_in_order_without_short_links(renderer: Renderer) -> None:
    template = message(renderer, "%s %s %s %s", "B", "track_1", "A", "B")
    assert placeholders(template, renderer) == ("B", "A")


@pytest.mark.parametrize(
    ("renderer", "template"),
    [
        ("HANDLEBARS", "{{#if A}}a{{/if}}"),
        ("HANDLEBARS", "\\{{A}}"),
        ("HANDLEBARS", "{{~A}}"),
        ("HANDLEBARS", "{{this}}"),
        ("EJS", "<% if (A) { %>a<% } %>"),
        ("EJS", "<%= A.length %>"),
        ("EJS", "<%= include %>"),
        ("VELOCITY", "#if($A)a#end"),
        ("VELOCITY", "$A.length()"),
        ("VELOCITY", "${A.x}"),
        ("VELOCITY", "\\$A"),
        ("VELOCITY", "## comment"),
    ],
)
def test_logic_without_the_extra_is_refused_with_its_name(
    renderer: str, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "quickjs", None)
    with pytest.raises(PreviewNotInstalled, match=r"pip install 'mediasflow-async\[preview\]'"):
        render(template, {"A": "x"}, renderer=renderer)


def test_fields_need_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "quickjs", None)
    fields = {"NOM": "L'Hôte <&>"}
    assert render("{{NOM}}", fields, renderer="HANDLEBARS") == "L&#x27;Hôte &lt;&amp;&gt;"
    assert render("<%= NOM %>", fields, renderer="EJS") == "L&#39;Hôte &lt;&amp;&gt;"
    assert render("$NOM.", fields, renderer="VELOCITY") == "L'Hôte <&>."


def test_the_guides_own_example_misses_its_fields_by_one_letter() -> None:
    template = "Your package ${NAME_OF_MY_LIST_1_FIELD} ... ${NAME_OF_MY_LIST_2_FIELD} ${track_1}"
    names = [f"NAME_OF_MY_LISTE_{number}_FIELD" for number in range(1, 6)]
    assert lint(template, names) == (
        Finding(FindingKind.NEAR_MISS, "NAME_OF_MY_LIST_1_FIELD", "NAME_OF_MY_LISTE_1_FIELD"),
        Finding(FindingKind.NEAR_MISS, "NAME_OF_MY_LIST_2_FIELD", "NAME_OF_MY_LISTE_2_FIELD"),
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [("FIRSTNAME", "firstName"), (" Nom ", "Nom"), ("Prenom", "Prénom"), ("VILE", "VILLE")],
)
def test_a_near_miss_names_the_field_that_was_meant(written: str, meant: str) -> None:
    findings = lint(f"${{{written}}}", ["REF", meant])
    assert findings == (Finding(FindingKind.NEAR_MISS, written, meant),)
    assert str(findings[0]) == f"there is no field {written}: is it {meant}?"


def test_a_field_without_any_likeness_is_unknown() -> None:
    assert lint("${A} ${A} ${REF}", ["REF"]) == (Finding(FindingKind.UNKNOWN_FIELD, "A"),)


@pytest.mark.parametrize(
    ("renderer", "template", "unescaped"),
    [
        ("HANDLEBARS", "{{NOM}} {{{NOM}}} {{& NOM}} {{NOM}}", "{{{NOM}}}"),
        ("EJS", "<%= NOM %> <%- NOM %>", "<%- NOM %>"),
    ],
)
def test_html_escaping_is_a_trap(renderer: str, template: str, unescaped: str) -> None:
    trap = Finding(FindingKind.HTML_ESCAPED, "NOM", unescaped)
    assert lint(template, ["NOM"], renderer) == (trap,)
    assert lint(unescaped, ["NOM"], renderer) == ()
    assert render(unescaped, {"NOM": "a&b"}, renderer=renderer) == "a&b"


@pytest.mark.parametrize(
    ("renderer", "template", "rewritten"),
    [
        ("BASIC", "{{NOM}}", "${NOM}"),
        ("BASIC", "$$[NOM]", "${NOM}"),
        ("BASIC", "<%= NOM %>", "${NOM}"),
        ("MEDIASFLOW", "$$[record]NOM$$", "$$[NOM]"),
        ("HANDLEBARS", "${NOM}", "{{{NOM}}}"),
        ("VELOCITY", "$$[NOM]", "$!{NOM}"),
    ],
)
def test_a_field_written_for_another_renderer_is_found(
    renderer: str, template: str, rewritten: str
) -> None:
    foreign = Finding(FindingKind.OTHER_SYNTAX, "NOM", rewritten)
    assert lint(template, ["NOM"], renderer) == (foreign,)
    assert lint(rewritten, ["NOM"], renderer) == ()


@EVERY_RENDERER
def test_a_price_is_no_field(renderer: Renderer) -> None:
    assert lint("5 $ ou $5, #1 à 100 %", [], renderer) == ()
