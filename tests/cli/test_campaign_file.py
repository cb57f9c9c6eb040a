"""Files of campaigns: what a line says, the key that it is sent under, and what is wrong with it.

What the command makes of them is in the tests of `mediasflow batch run`.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from mediasflow_async import CampaignRequest, CampaignType, Recipient, Renderer, TinyUrl
from mediasflow_async.cli import campaign_files
from mediasflow_async.cli.campaign_files import (
    CampaignFile,
    Line,
    lines_of,
    problems_text,
    read_rows,
    sendable_campaigns,
)
from mediasflow_async.errors import ConfigurationError, InvalidRequest
from tests.support.batches import write_lines

SALT = bytes(range(32))
TEMPLATE = CampaignRequest(msg="Bonjour ${nom}")


def read(path: Path, **options: Any) -> list[Line]:
    return list(lines_of(CampaignFile(path=path, **options), salt=SALT))


def read_text(folder: Path, text: str | bytes) -> list[Line]:
    path = folder / "c.jsonl"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path)


def keys(path: Path, **options: Any) -> list[str]:
    return [line.key for line in read(path, **options)]


def problems(line: Line) -> list[str]:
    return [str(problem) for problem in line.problems]


def test_a_line_holds_every_field_of_a_request(tmp_path: Path) -> None:
    record = {
        "key": "order-1",
        "msg": "Bonjour ${NOM}",
        "recipients": [
            "0639980001",
            {"mobile": "0639980002", "first_name": "Zoé", "fields": {"NOM": "A"}, "phone": None},
        ],
        "list_ids": [7],
        "campaign_name": "Spring",
        "sender": "ACME",
        "type": "NOTIFICATION",
        "schedule_on": "2034-03-10T10:00:00Z",
        "renderer": "HANDLEBARS",
        "defaults": {"NOM": "vous"},
        "allow_ucs2": True,
        "tiny_urls": [{"index": 0, "url": "https://example.com", "end_of_life": "2034-04-01"}],
        "brand": None,
    }
    path = write_lines(tmp_path / "c.jsonl", [record])
    (line,) = read(path)
    assert (line.key, line.problems) == ("order-1", ())
    assert line.request == CampaignRequest(
        msg="Bonjour ${NOM}",
        recipients=[
            Recipient("0639980001"),
            Recipient("0639980002", first_name="Zoé", fields={"NOM": "A"}),
        ],
        list_ids=[7],
        campaign_name="Spring",
        sender="ACME",
        type=CampaignType.NOTIFICATION,
        schedule_on=datetime(2034, 3, 10, 10, tzinfo=UTC),
        renderer=Renderer.HANDLEBARS,
        defaults={"NOM": "vous"},
        allow_ucs2=True,
        tiny_urls=[TinyUrl(index=0, url="https://example.com", end_of_life=date(2034, 4, 1))],
    )


def test_a_mark_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    lines = read_text(tmp_path, b'\xef\xbb\xbf{"msg": "A"}\r\n\r\n  \n{"msg": "B"}')
    assert [line.where for line in lines] == ["line 1", "line 4"]
    assert not any(line.problems for line in lines)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1]", ["line: is one JSON object"]),
        ("{", ["line: is one JSON object"]),
        ('"text"', ["line: is one JSON object"]),
        ('{"msg": NaN}', ["line: is one JSON object"]),
        ('{"msg": "\\ud800"}', ["line: is one JSON object"]),
        (b'{"msg": "\xe9"}', ["line: is one JSON object"]),
        ("[" * 100_000, ["line: is one JSON object"]),
        ('{"msg": "a", "msg": "b"}', ["msg: is given twice"]),
        ('{"recipients": [{"mobile": "1", "mobile": "2"}]}', ["mobile: is given twice"]),
        ('{"key": 17}', ["key: is text"]),
        ('{"start_now": true}', ["start_now: is no field that can be given"]),
        (
            '{"msgg": 1, "recipients": [{"phone": "1", "raw": {}}], "tiny_urls": [{"label": "x"}]}',
            [
                "recipients[0].raw: is no field that can be given",
                "recipients[0].mobile: is mandatory",
                "tiny_urls[0].index: is mandatory",
                "msgg: is no field that can be given",
            ],
        ),
    ],
)
def test_everything_that_is_wrong_with_a_line_is_told(
    tmp_path: Path, text: str | bytes, told: list[str]
) -> None:
    (line,) = read_text(tmp_path, text)
    assert problems(line) == told


def test_what_is_of_the_wrong_kind_is_left_to_the_rules(tmp_path: Path) -> None:
    record = {"recipients": "0639980001", "tiny_urls": [5], "schedule_on": "soon", "type": "X"}
    (line,) = read(write_lines(tmp_path / "c.jsonl", [record]))
    assert not line.problems
    assert line.request is not None
    given: tuple[Any, ...] = (line.request.recipients, line.request.schedule_on)
    assert given == ("0639980001", "soon")
    (other,) = read(write_lines(tmp_path / "d.jsonl", [{"schedule_on": 5}]))
    assert other.request is not None
    moment: Any = other.request.schedule_on
    assert moment == 5


def test_a_line_that_never_ends_is_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign_files, "_MAX_LINE_BYTES", 1_000)
    with pytest.raises(ConfigurationError, match=r"c\.jsonl, line 2: the line never ends"):
        read_text(tmp_path, "{}\n" + "x" * 2_000)


def test_what_can_be_sent_is_given_with_its_place_and_the_rest_is_refused(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        {"msg": "A"},
        {"0639981234": 1, "start_now": True},
        {"key": "b", "msg": "B"},
    ]
    file = CampaignFile(path=write_lines(tmp_path / "c.jsonl", records))
    places: dict[int, str] = {}
    refused: list[Line] = []
    campaigns = sendable_campaigns(file, salt=SALT, places=places, refuse=refused.append)
    assert [request.msg for _, request in campaigns] == ["A", "B"]
    assert places == {0: "line 1", 1: "line 3"}
    assert [line.where for line in refused] == ["line 2"]
    message = problems_text(refused[0].problems)
    assert "start_now" in message
    assert "0639981234" not in message


def test_a_line_keeps_its_key_wherever_it_stands(tmp_path: Path) -> None:
    records = [{"msg": str(index), "recipients": ["0639980001"]} for index in range(3)]
    first = keys(write_lines(tmp_path / "a.jsonl", records))
    assert keys(write_lines(tmp_path / "b.jsonl", records[::-1])) == first[::-1]
    assert len(set(first)) == 3
    (tmp_path / "c.jsonl").write_text('{ "recipients":["0639980001"] , "msg":"\\u0030" }')
    assert keys(tmp_path / "c.jsonl") == first[:1]


def test_another_content_batch_or_journal_gives_another_key(tmp_path: Path) -> None:
    record = {"msg": "A", "recipients": ["0639980001"]}
    path = write_lines(tmp_path / "a.jsonl", [record])
    edited = write_lines(tmp_path / "b.jsonl", [record | {"sender": "ACME"}])
    made = {
        *keys(path),
        *keys(edited),
        *keys(path, batch="evening"),
        *(line.key for line in lines_of(CampaignFile(path=path), salt=bytes(32))),
    }
    assert len(made) == 4
    assert not any("639980001" in key for key in made)


@pytest.mark.parametrize("key", ["0639980001", "sms +33 6 39 98 00 01"])
def test_a_key_is_no_phone_number(tmp_path: Path, key: str) -> None:
    record = {"key": key, "msg": "A", "recipients": ["06.39.98.00.01"]}
    (line,) = read(write_lines(tmp_path / "c.jsonl", [record]))
    assert problems(line) == ["key: is kept in the journal, so let it be no phone number"]


@pytest.mark.parametrize(
    "recipients", ["0639980001", [5], ["112"], [{"mobile": None}], ["0639980002"]]
)
def test_other_keys_of_many_digits_are_fine(tmp_path: Path, recipients: object) -> None:
    record = {"key": "20261127000112", "msg": "A", "recipients": recipients}
    (line,) = read(write_lines(tmp_path / "c.jsonl", [record]))
    assert not [each for each in problems(line) if each.startswith("key")]


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text("nom;Mobile;id\nA;0639980001;k1\n\nB;0639980002;k2\n")
    return path


def test_each_row_is_a_campaign_of_the_template(people: Path) -> None:
    lines = read(people, template=TEMPLATE)
    assert [line.where for line in lines] == ["row 1", "row 2"]
    assert [line.request for line in lines] == [
        CampaignRequest(
            msg="Bonjour ${nom}",
            recipients=[Recipient(mobile, fields={"nom": name, "id": key})],
        )
        for mobile, name, key in (("0639980001", "A", "k1"), ("0639980002", "B", "k2"))
    ]


def test_a_row_keeps_its_key_whatever_the_message(people: Path, tmp_path: Path) -> None:
    first = keys(people, template=TEMPLATE)
    assert keys(people, template=CampaignRequest(msg="Bonsoir")) == first
    moved = tmp_path / "moved.csv"
    moved.write_text("id,nom,Mobile\nk2,B,0639980002\nk1,A,0639980001\n")
    assert keys(moved, template=TEMPLATE) == first[::-1]
    assert not set(keys(people, template=TEMPLATE, batch="evening")) & set(first)


def test_a_column_may_hold_the_keys(people: Path) -> None:
    assert keys(people, template=TEMPLATE, key_column="id") == ["k1", "k2"]
    people.write_text("sms;id\n0639980001;c-33639980001\n")
    (line,) = read(people, template=TEMPLATE, key_column="id")
    assert "no phone number" in problems(line)[0]


def test_all_rows_are_one_campaign_as_a_list(people: Path) -> None:
    (line,) = read(people, template=TEMPLATE, as_list=True)
    assert line.request is not None
    assert [recipient.mobile for recipient in line.request.recipients] == [
        "0639980001",
        "0639980002",
    ]
    assert keys(people, template=CampaignRequest(msg="B"), as_list=True) == [line.key]
    people.write_text(people.read_text() + "C;0639980003;k3\n")
    assert keys(people, template=TEMPLATE, as_list=True) != [line.key]


@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("nom;tel\nA;1\n", "none is called mobile, sms, portable or gsm"),
        ("sms;Mobile \n1;2\n", "several columns of numbers, sms and Mobile: keep one"),
    ],
)
def test_a_list_that_names_no_one_column_of_numbers_is_refused(
    tmp_path: Path, text: str, reason: str, *, as_list: bool
) -> None:
    path = tmp_path / "people.txt"
    path.write_text(text)
    with pytest.raises(InvalidRequest, match=reason):
        read(path, template=TEMPLATE, as_list=as_list)


@pytest.mark.parametrize("as_list", [False, True])
def test_a_list_without_rows_is_refused(tmp_path: Path, *, as_list: bool) -> None:
    path = tmp_path / "people.csv"
    path.write_text("sms;nom\n\n")
    with pytest.raises(InvalidRequest, match="a header and no rows"):
        read(path, template=TEMPLATE, as_list=as_list)


@pytest.mark.parametrize("as_list", [False, True])
def test_the_column_of_numbers_may_be_named(tmp_path: Path, *, as_list: bool) -> None:
    path = tmp_path / "people.csv"
    path.write_text("Tél;mobile;nom\n0639980001;0639980002;A\n")
    options: dict[str, Any] = {"template": TEMPLATE, "as_list": as_list}
    (line,) = read(path, mobile_column="Tél", **options)
    assert line.request is not None
    assert line.request.recipients == (Recipient("0639980001", fields={"nom": "A"}),)
    with pytest.raises(InvalidRequest, match="no column Tel\\. The columns are Tél"):
        read(path, mobile_column="Tel", **options)
    with pytest.raises(ConfigurationError, match="names another"):
        read(path, template=TEMPLATE, mobile_column="Tél", key_column="Tél")


def test_a_file_is_read_a_line_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after a line is not looked at before it is asked for."""
    monkeypatch.setattr(campaign_files, "_MAX_LINE_BYTES", 5_000)
    path = tmp_path / "c.jsonl"
    with path.open("w") as file:
        record = json.dumps({"msg": "x" * 1_000, "recipients": ["0639980001"]})
        file.writelines(f"{record}\n" for _ in range(1_000))
        file.write("x" * 5_000)
    lines = lines_of(CampaignFile(path=path), salt=SALT)
    assert len([next(lines) for _ in range(1_000)]) == 1_000
    with pytest.raises(ConfigurationError, match="line 1001"):
        next(lines)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_a_list_is_read_whatever_it_is_written_in(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    lines = [
        ("sms ", "Prénom", "Ville"),
        ("0612345678", "Zoé", '"L\nyon"'),
        ("", "", ""),
        ("06",),
    ]
    path = tmp_path / "list.csv"
    text = "\r\n".join(delimiter.join(line) for line in lines)
    path.write_text(text, encoding=encoding, newline="")
    assert list(read_rows(path)) == [
        {"sms": "0612345678", "Prénom": "Zoé", "Ville": "L\nyon"},
        {"sms": "06", "Prénom": "", "Ville": ""},
    ]


def test_progress_is_told(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("sms\n0612345678\n")
    read: list[int] = []
    assert list(read_rows(path, progress=read.append)) == [{"sms": "0612345678"}]
    assert read == [path.stat().st_size]
