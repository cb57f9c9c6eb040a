"""The message of each row: its text and size, and what in it may not be as intended.

`Composer` makes the text that one recipient reads, with the platform's replacements and with
stand-ins for the short links. The collectors (`LongestMessages`, `UnfilledFields`,
`CulpritSources`) take row after row and keep counts, so that their memory does not grow with the
rows. Guide: 2.1.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from heapq import heappush, heapreplace
from io import BytesIO
from typing import Any, Final, NamedTuple
from unicodedata import normalize
from zipfile import BadZipFile, ZipFile

from attrs import field, frozen

from mediasflow_async.models import CampaignRequest, Renderer, TinyUrl, TinyUrlType
from mediasflow_async.text.encoding import GSM7_SINGLE, Encoding, measure
from mediasflow_async.text.gsm7 import (
    BASIC,
    ESCAPE,
    OUTSIDE,
    Culprit,
    equivalent,
    find_culprits,
    replace_emoji,
)
from mediasflow_async.text.preflighting.french_rules import Conditions
from mediasflow_async.text.preflighting.notices import (
    Notice,
    ProblemCode,
    RowCount,
    WarningCode,
    notice,
)
from mediasflow_async.text.templates import Finding, FindingKind, lint, placeholders, render
from mediasflow_async.text.templates.syntax import SYNTAXES, fold, look_up_loosely

__all__ = [
    "NAME_FINDINGS",
    "Composer",
    "CulpritSource",
    "CulpritSources",
    "LongMessage",
    "LongestMessages",
    "Size",
    "UnfilledFields",
    "attachment_notices",
    "composer_of",
    "link_notices",
    "name_notice",
    "size_of",
]


def composer_of(request: CampaignRequest, conditions: Conditions) -> Composer:
    """Return the composer of a campaign, with the guide's defaults for what is not given."""
    renderer = Renderer(request.renderer or Renderer.BASIC)
    links = _link_stand_ins(request, conditions.short_url_length)
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


@frozen
class Composer:
    """A campaign's message, ready to be composed for any row.

    Attributes:
        template: the message, with a stand-in for each short link.
        renderer: how the template writes fields.
        fields: the names of the fields in the template.
        defaults: the text for a field that is empty or missing, stand-ins included.
        replaces: whether `replace_to_gsm7` is on, as it is by default.
        adds_emoji: whether `replace_emoji` is on.
        culprits: the characters outside of GSM-7 in the template itself, fields apart.
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
            PreviewNotInstalled: the template needs an engine that is not installed.
        """
        return render(self.template, row, renderer=self.renderer, defaults=self.defaults)

    def apply_replacements(self, text: str) -> str:
        """Return `text` after the replacements that the request asks for.

        The guide shows letters that lose their accents. A character without an equivalent in GSM-7
        is assumed to stay. Emoticons are replaced last, so that their emoji stay.
        """
        if self.replaces:
            text = OUTSIDE.sub(_equivalent_or_same, normalize("NFC", text))
        return replace_emoji(text) if self.adds_emoji else text

    def remains(self, culprit: Culprit) -> bool:
        """Tell whether a character outside of GSM-7 stays after the replacements."""
        return not self.replaces or equivalent(culprit.character) is None


def _equivalent_or_same(found: Any) -> str:
    character: str = found[0]
    replacement = equivalent(character)
    return character if replacement is None else replacement


_DEFAULT_HOST: Final = "1mf.eu"
_SHORT_PATH: Final = "xxxxxx"


def _link_stand_ins(request: CampaignRequest, short_url_length: int | None) -> dict[str, str]:
    """Return, for each `track_n`, a text as long as its short link. Guide: 2.1, `tinyList`."""
    return {_track(link): _short_url(link, short_url_length) for link in request.tiny_urls}


def _track(link: TinyUrl) -> str:
    return f"track_{link.index + 1}"


def _short_url(link: TinyUrl, length: int | None) -> str:
    text = f"{link.host or link.domain or _DEFAULT_HOST}/{_SHORT_PATH}"
    return text if length is None else "x" * length


class Size(NamedTuple):
    """The result of `measure` as a tuple that compares by segments, then by units."""

    segments: int
    units: int
    encoding: Encoding
    remaining: int


_NOT_ONE_SEPTET: Final = re.compile(f"[^{re.escape(BASIC.replace(ESCAPE, ''))}]")


def size_of(text: str) -> Size:
    """Return the size of `text` as `measure` gives it.

    A text of one segment without extended characters, the usual case, is counted without it.
    """
    units = len(text)
    if units <= GSM7_SINGLE and not _NOT_ONE_SEPTET.search(text):
        return Size(1, units, Encoding.GSM7, GSM7_SINGLE - units)
    size = measure(text)
    return Size(size.segments, size.units, size.encoding, size.remaining)


@frozen
class LongMessage:
    """One of the longest messages.

    Attributes:
        row: its row, counted from 1; None when it is composed of the longest cell of each column.
        encoding: the encoding of the message.
        units: septets in GSM-7, UTF-16 units in UCS-2.
        segments: segments that the message takes.
        text: the message itself. It is personal data, and not in the repr.
    """

    row: int | None
    encoding: Encoding
    units: int
    segments: int
    text: str = field(repr=False)


_LONGEST_KEPT: Final = 5


class LongestMessages:
    """The five longest messages of all rows so far."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, int, Encoding, str]] = []

    def add(self, row: int, size: Size, text: str) -> None:
        """Add a message if it is among the five longest; among equals, the first ones are kept."""
        if len(self._heap) < _LONGEST_KEPT:
            heappush(self._heap, (size.segments, size.units, -row, size.encoding, text))
        elif size[:2] > self._heap[0][:2]:
            heapreplace(self._heap, (size.segments, size.units, -row, size.encoding, text))

    def messages(self) -> tuple[LongMessage, ...]:
        """Return the messages, the longest first."""
        return tuple(
            LongMessage(-row, encoding, units, segments, text)
            for segments, units, row, encoding, text in sorted(self._heap, reverse=True)
        )


class UnfilledFields:
    """The rows that have no value for a field of the message. Guide: 2.1, `defaultForHeader`.

    Attributes:
        missing: for each field without a default, the rows that have no such column.
        empty: for each field without a default, the rows whose cell is empty.
        defaulted: for each field with a default, how many rows get it.
    """

    def __init__(self, composer: Composer) -> None:
        self.missing = defaultdict[str, RowCount](RowCount)
        self.empty = defaultdict[str, RowCount](RowCount)
        self.defaulted = Counter[str]()
        self._composer = composer

    def add(self, number: int, row: Mapping[str, Any]) -> None:
        """Count the fields that row `number` does not fill."""
        for name in self._composer.fields:
            if not row.get(name):
                self._count(number, name, row)

    def _count(self, number: int, name: str, row: Mapping[str, Any]) -> None:
        value = row.get(name)
        if value is not None and value != "":
            return
        if self._composer.defaults.get(name) is not None:
            self.defaulted[name] += 1
        else:
            (self.empty if name in row else self.missing)[name].add(number)

    def notices(self) -> Iterator[Notice]:
        """Yield a notice for each field that is empty in some row.

        `template_notices` reports the missing ones, since it knows the names of all columns.
        """
        for name, counted in self.empty.items():
            yield notice(WarningCode.EMPTY_FIELD, name, counted.count, counted.rows)


@frozen
class CulpritSource:
    """A character outside of GSM-7, and where it comes from.

    Attributes:
        column: the column whose cells have it; None when it is in the message itself.
        character: the character.
        name: its Unicode name.
        replacement: what `replace_to_gsm7` is expected to write instead; None for nothing.
        count: how many messages have it.
        rows: the first 10 rows that have it, counted from 1; empty when every message has it.
    """

    column: str | None
    character: str
    name: str
    replacement: str | None
    count: int
    rows: tuple[int, ...] = ()


_MOST_SOURCES: Final = 100


class CulpritSources:
    """The characters outside of GSM-7 in the cells of all rows so far, by column.

    The first hundred pairs of column and character are counted, so that memory is bounded.

    Attributes:
        remain_in_message: whether the message itself has such a character after the replacements.
    """

    def __init__(self, composer: Composer) -> None:
        self._composer = composer
        self._cells = dict[tuple[str, str, str], RowCount]()
        self._replaced = defaultdict[str, RowCount](RowCount)
        self.remain_in_message = any(map(composer.remains, composer.culprits))

    def add(self, number: int, row: Mapping[str, Any]) -> None:
        """Count the characters in the cells of row `number`, each once a cell."""
        for column, culprits in self._culprits(row):
            for each in _distinct(culprits):
                key = column, each.character, each.name
                if key in self._cells or len(self._cells) < _MOST_SOURCES:
                    self._cells.setdefault(key, RowCount()).add(number)
            if not all(map(self._composer.remains, culprits)):
                self._replaced[column].add(number)

    def remaining_in(self, row: Mapping[str, Any]) -> list[str]:
        """Return the columns of a row that have such a character after the replacements."""
        return [
            column
            for column, culprits in self._culprits(row)
            if any(map(self._composer.remains, culprits))
        ]

    def found(self, messages: int) -> tuple[CulpritSource, ...]:
        """Return the sources, those in the message itself first: all `messages` have them."""
        own = (
            CulpritSource(None, each.character, each.name, equivalent(each.character), messages)
            for each in _distinct(self._composer.culprits)
        )
        cells = (
            CulpritSource(*key, equivalent(key[1]), counted.count, tuple(counted.rows))
            for key, counted in self._cells.items()
        )
        return (*own, *cells)

    def notices(self, messages: int) -> Iterator[Notice]:
        """Yield a notice for the message and for each column in which characters are replaced."""
        if not all(map(self._composer.remains, self._composer.culprits)):
            yield notice(WarningCode.REPLACED, count=messages)
        for column, counted in self._replaced.items():
            yield notice(WarningCode.REPLACED, column, counted.count, counted.rows)

    def _culprits(self, row: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Culprit, ...]]]:
        defaults = self._composer.defaults
        for name in self._composer.fields:
            value = look_up_loosely(name, row, defaults)
            if value:
                yield name, find_culprits(str(value))


def _distinct(culprits: Iterable[Culprit]) -> Iterable[Culprit]:
    return {each.character: each for each in culprits}.values()


_TRACK: Final = re.compile(r"\b(track_[1-9][0-9]*)\b")


def link_notices(request: CampaignRequest, columns: Iterable[str]) -> Iterator[Notice]:
    """Yield where the message, its short links and the fields in their addresses do not agree.

    Args:
        request: the campaign.
        columns: the names of the columns; empty when they are not known.
    """
    shown = dict.fromkeys(_TRACK.findall(request.msg or ""))
    linked = {_track(link): link for link in request.tiny_urls}
    for track in shown:
        if track not in linked:
            yield notice(ProblemCode.MISSING_LINK, f"${{{track}}}")
    known = tuple(columns)
    for track, link in linked.items():
        if track not in shown:
            yield notice(WarningCode.UNUSED_LINK, f"${{{track}}}")
        yield from _parameter_notices(link)
        if known:
            yield from _field_notices(link, (*known, *request.defaults), request.renderer)


def attachment_notices(request: CampaignRequest) -> Iterator[Notice]:
    """Yield where the pages and the image of a campaign are not what its links need."""
    local = [link for link in request.tiny_urls if link.type is TinyUrlType.LOCAL]
    pages = _names_in(_bytes_of(request.zip_local)) if local else frozenset()
    for link in local:
        if link.local_html not in pages:
            yield notice(ProblemCode.MISSING_PAGE, link.local_html)
    if request.image_preview is None:
        return
    if not _bytes_of(request.image_preview).startswith(_IMAGE_STARTS):
        yield notice(ProblemCode.NOT_AN_IMAGE)
    if not any(link.index == 0 and link.is_open_graph for link in request.tiny_urls):
        yield notice(WarningCode.IMAGE_NOT_SHOWN)


_IMAGE_STARTS: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")


def _bytes_of(attachment: bytes | str | None) -> bytes:
    try:
        return b64decode(attachment or "") if not isinstance(attachment, bytes) else attachment
    except ValueError:
        return b""  # a rule of the API, which is told elsewhere


def _names_in(data: bytes) -> frozenset[str]:
    try:
        with ZipFile(BytesIO(data)) as pages:
            return frozenset(pages.namelist())
    except (BadZipFile, ValueError):
        return frozenset()


def _parameter_notices(link: TinyUrl) -> Iterator[Notice]:
    for parameter in link.parameters:
        name = parameter.partition("=")[0]
        if name != name.upper():
            yield notice(WarningCode.LINK_PARAMETER_CASE, name)


NAME_FINDINGS: Final = frozenset({FindingKind.NEAR_MISS, FindingKind.UNKNOWN_FIELD})
"""The findings that depend on the names of the columns."""


def _field_notices(
    link: TinyUrl, known: tuple[str, ...], renderer: Renderer | None
) -> Iterator[Notice]:
    address = "\n".join((link.url or "", *link.parameters))
    for finding in lint(address, known, link.renderer or renderer or Renderer.BASIC):
        if finding.kind in NAME_FINDINGS:
            yield name_notice(finding, f"in the link of ${{{_track(link)}}}: ")


def name_notice(finding: Finding, where: str = "") -> Notice:
    """Return the notice on a field that no column has, of which `finding` may name one alike.

    A name that differs in capitals or blanks alone is a warning: the guide itself writes
    `${FIRSTNAME}` for `firstName`.
    """
    is_alike = fold(finding.placeholder) == fold(finding.suggestion or "")
    code = WarningCode.NEAR_MISS if is_alike else ProblemCode.UNKNOWN_FIELD
    return Notice(code, f"{where}{finding}", finding.placeholder)
