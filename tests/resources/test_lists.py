from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mediasflow_async import (
    BadRequest,
    CampaignRequest,
    ConnectionFailed,
    Dialect,
    InvalidRequest,
    PermissionDenied,
    ResponseInvalid,
    Session,
)
from mediasflow_async.sandbox import Fault, Sandbox, ServerRules, User

pytestmark = pytest.mark.anyio

ROWS: list[dict[str, Any]] = [
    {"mobile": "0612345678", "Prénom": "Zoé", "Note": 'dit "non";\npuis oui'},
    {"mobile": "612345679", "Prénom": None, "Note": 17},
]
MESSAGE = CampaignRequest(msg="Bonjour ${Prénom}, ${Note}", defaults={"Prénom": "vous"})


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


async def pieces_of(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 7):
        yield data[start : start + 7]


async def rows_of(rows: list[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    for row in rows:
        yield row


def sources(folder: Path) -> dict[str, Any]:
    data = as_csv(ROWS)
    path = folder / "people.csv"
    path.write_bytes(data)
    return {
        "path": path,
        "str": str(path),
        "bytes": data,
        "bytearray": bytearray(data),
        "async bytes": pieces_of(data),
        "rows": ROWS,
        "row generator": (row for row in ROWS),
        "async rows": rows_of(ROWS),
    }


@pytest.mark.every_backend
@pytest.mark.parametrize(
    "kind",
    ["path", "str", "bytes", "bytearray", "async bytes", "rows", "row generator", "async rows"],
)
async def test_every_kind_of_source_gives_the_same_list(
    session: Session, tmp_path: Path, kind: str
) -> None:
    uploaded = await session.lists.upload(sources(tmp_path)[kind], filename="people.csv")

    assert (uploaded.size, uploaded.valid_number_mobile) == (2, 2)
    assert uploaded.header == ("mobile", "Prénom", "Note")
    assert uploaded.charset_detected == "UTF-8"
    assert uploaded.global_invalid_line == 0
    assert uploaded.max_datas_map["Note"] == 'dit "non";\npuis oui'


@pytest.mark.every_backend
async def test_a_campaign_to_an_uploaded_list_reaches_its_people(
    session: Session, sandbox: Sandbox
) -> None:
    uploaded = await session.lists.upload(ROWS, filename="people.csv")
    assert uploaded.id is not None

    await session.campaigns.send(
        CampaignRequest(msg=MESSAGE.msg, defaults=MESSAGE.defaults, list_ids=[uploaded.id])
    )

    assert [message.text for message in sandbox.messages] == [
        'Bonjour Zoé, dit "non";\npuis oui',
        "Bonjour vous, 17",
    ]


async def test_the_names_of_a_list_reach_the_server(session: Session) -> None:
    uploaded = await session.lists.upload(
        ROWS, filename='Clients "été" 2021.csv', description="Les clients : tous"
    )

    assert uploaded.list_name == 'Clients "été" 2021.csv'
    assert uploaded.description == "Les clients : tous"


async def test_a_description_takes_the_spaces_of_french_typography(session: Session) -> None:
    uploaded = await session.lists.upload(ROWS, filename="l", description="Clients\u00a0: tous")

    assert uploaded.description == "Clients\u00a0: tous"


async def test_an_admin_uploads_for_another_user() -> None:
    plain = User("plain", "secret", admin=False)
    with Sandbox(users=[plain]).serve_in_thread() as sandbox:
        admin_id, plain_id = (user.id for user in sandbox.users)
        address = sandbox.base_url
        async with Session(sandbox.username, sandbox.password, base_url=address) as admin:
            uploaded = await admin.lists.upload(ROWS, filename="l", user_owner_id=plain_id)
        assert uploaded.user_owner_id == plain_id
        async with Session("plain", "secret", base_url=address) as session:
            with pytest.raises(PermissionDenied):
                await session.lists.upload(ROWS, filename="l", user_owner_id=admin_id)


@pytest.mark.parametrize("place", ["form", "query", "both"])
async def test_the_names_go_where_the_dialect_wants_them(place: Any) -> None:
    rules = ServerRules(upload_params=frozenset({"query" if place == "query" else "form"}))
    dialect = Dialect(upload_params=place)
    with Sandbox(rules=rules).serve_in_thread() as sandbox:
        address = sandbox.base_url
        async with Session(
            sandbox.username, sandbox.password, base_url=address, dialect=dialect
        ) as session:
            uploaded = await session.lists.upload(ROWS, filename="name", description="text")
        assert (uploaded.list_name, uploaded.description) == ("name", "text")
        assert bool(sandbox.requests[-1].query) is (place != "form")


@pytest.mark.sandbox(rules=ServerRules(upload_fields=frozenset({"File"})))
async def test_the_file_part_may_have_another_name(connect: Any, session: Session) -> None:
    with pytest.raises(BadRequest):
        await session.lists.upload(ROWS, filename="l")

    async with connect(dialect=Dialect(upload_field="File")) as other:
        assert (await other.lists.upload(ROWS, filename="l")).size == 2


@pytest.mark.every_backend
@pytest.mark.parametrize("kind", ["path", "bytes", "async bytes", "async rows"])
async def test_an_upload_that_fails_is_repeated_whole(
    session: Session, sandbox: Sandbox, tmp_path: Path, kind: str
) -> None:
    sandbox.faults.add(Fault(operation="upload", drop=True))
    sandbox.faults.add(Fault(operation="upload", status=503))

    uploaded = await session.lists.upload(sources(tmp_path)[kind], filename="l")

    requests = [request for request in sandbox.requests if request.operation == "upload"]
    assert uploaded.size == 2
    assert len(requests) == 3
    assert len({request.body for request in requests}) == 1
    assert as_csv(ROWS) in requests[0].body


async def test_progress_counts_every_byte_and_starts_again_with_a_retry(
    session: Session, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(b"mobile;note\n" + (b"0612345678;" + b"x" * 100_000 + b"\n") * 33)
    sandbox.faults.add(Fault(operation="upload", status=503))
    seen: list[tuple[int, int]] = []

    await session.lists.upload(path, filename="l", progress=lambda *step: seen.append(step))

    totals = {total for _, total in seen}
    (total,) = totals
    assert total == int(sandbox.requests[-1].headers["content-length"])
    assert total > path.stat().st_size
    half = len(seen) // 2
    assert seen[:half] == seen[half:]
    assert [sent for sent, _ in seen[:half]] == sorted(sent for sent, _ in seen[:half])
    assert seen[-1] == (total, total)
    assert len(seen[:half]) > 3


async def test_a_hundred_thousand_rows_go_up(session: Session) -> None:
    rows = ({"mobile": f"06{number:08}", "REF": f"R{number}"} for number in range(100_000))

    uploaded = await session.lists.upload(rows, filename="all")

    assert uploaded.size == 100_000
    assert uploaded.max_datas_map["REF"] == "R10000"


async def test_a_list_may_be_in_windows_1252(session: Session) -> None:
    data = "mobile,Prénom,Prix\r\n0612345678,Zoé,17 €\r\n".encode("cp1252")

    uploaded = await session.lists.upload(data, filename="l")

    assert uploaded.charset_detected == "WINDOWS-1252"
    assert uploaded.max_datas_map == {"mobile": "0612345678", "Prénom": "Zoé", "Prix": "17 €"}


async def test_an_open_file_is_a_source(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(as_csv(ROWS))

    file: Any
    with path.open("rb") as file:
        uploaded = await session.lists.upload(file, filename="l")

    assert uploaded.size == 2


async def test_a_source_without_rows_never_leaves(session: Session, sandbox: Sandbox) -> None:
    nothing: list[dict[str, str]] = []
    for source in (nothing, iter(nothing), rows_of([]), b"", pieces_of(b"")):
        with pytest.raises(InvalidRequest, match="source"):
            await session.lists.upload(source, filename="l")

    assert sandbox.requests == ()


async def test_a_path_that_cannot_be_read_never_leaves(
    session: Session, sandbox: Sandbox, tmp_path: Path
) -> None:
    for path in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(InvalidRequest, match=r"source: cannot be read") as caught:
            await session.lists.upload(path, filename="l")
        assert str(tmp_path) not in str(caught.value)

    assert sandbox.requests == ()


@pytest.mark.parametrize(
    "source", [17, None, {"mobile": "0612345678"}, [["0612345678"]], ["0612345678"], object()]
)
async def test_what_is_no_source_never_leaves(
    session: Session, sandbox: Sandbox, source: Any
) -> None:
    with pytest.raises(InvalidRequest, match="source"):
        await session.lists.upload(source, filename="l")

    assert sandbox.requests == ()


async def test_a_row_with_a_new_column_stops_the_upload(session: Session, sandbox: Sandbox) -> None:
    rows = [{"mobile": "0612345678"}, {"mobile": "0612345679", "Nom": "X"}]

    with pytest.raises(InvalidRequest, match="no column Nom"):
        await session.lists.upload(rows, filename="l")

    assert sandbox.requests == ()


async def test_a_row_without_a_column_has_an_empty_cell(session: Session) -> None:
    rows = [{"mobile": "0612345678", "Nom": "X"}, {"mobile": "0612345679"}]

    uploaded = await session.lists.upload(rows, filename="l")

    assert uploaded.empty_keys == ("Nom",)


async def test_a_source_that_fails_passes_its_error_on(session: Session, sandbox: Sandbox) -> None:
    def broken() -> Iterator[dict[str, str]]:
        yield {"mobile": "0612345678"}
        raise LookupError("the database went away")

    with pytest.raises(LookupError, match="went away"):
        await session.lists.upload(broken(), filename="l")

    assert sandbox.requests == ()


@pytest.mark.parametrize(
    ("names", "fields"),
    [
        ({"filename": ""}, ["filename"]),
        ({"filename": None}, ["filename"]),
        ({"filename": "a\r\nb"}, ["filename"]),
        ({"filename": "a", "description": "a\nb"}, ["description"]),
        ({"filename": "a", "user_owner_id": "\x00"}, ["user_owner_id"]),
        ({"filename": 5, "description": "", "user_owner_id": 5}, None),
    ],
)
async def test_wrong_names_never_leave_and_are_told_at_once(
    session: Session, sandbox: Sandbox, names: dict[str, Any], fields: list[str] | None
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await session.lists.upload(ROWS, **names)

    expected = fields or ["filename", "description", "user_owner_id"]
    assert [problem.field for problem in caught.value.problems] == expected
    assert sandbox.requests == ()


async def test_a_list_without_a_column_of_numbers_is_refused_with_the_reason(
    session: Session,
) -> None:
    with pytest.raises(BadRequest, match="mobile"):
        await session.lists.upload([{"Nom": "X"}], filename="l")


async def test_an_answer_that_is_no_list_is_told(session: Session, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(operation="upload", body=b"[1]"))

    with pytest.raises(ResponseInvalid):
        await session.lists.upload(ROWS, filename="l")


async def test_a_server_that_is_gone_is_told_after_every_attempt(
    session: Session, sandbox: Sandbox, operations: Callable[[], list[str]]
) -> None:
    sandbox.faults.add(Fault(operation="upload", reset=True, times=None))

    with pytest.raises(ConnectionFailed) as caught:
        await session.lists.upload(ROWS, filename="l")

    assert caught.value.attempts == len(operations()) == 4


async def test_any_bytes_arrive_as_they_are(session: Session, sandbox: Sandbox) -> None:
    data = b"mobile;x\n" + bytes(range(256)) * 10

    sandbox.faults.add(Fault(operation="upload", body=b'{"id": 1}'))
    await session.lists.upload(data, filename="l")

    assert data in sandbox.requests[-1].body


@pytest.mark.parametrize("kind", ["path", "bytes", "async bytes", "rows"])
async def test_a_list_is_read_strictly_before_it_is_sent_where_that_is_asked(
    session: Session, sandbox: Sandbox, tmp_path: Path, kind: str
) -> None:
    uploaded = await session.lists.upload(sources(tmp_path)[kind], filename="a.csv", check=True)
    assert uploaded.size == 2
    wrong = b'mobile;nom\n0639981234;"Zo\n0639985678;L;x\n'
    path = tmp_path / "wrong.csv"
    path.write_bytes(wrong)
    source: Any = {"path": path, "bytes": wrong, "async bytes": pieces_of(wrong)}.get(
        kind, [{"tel": "0639981234"}]
    )
    before = len(sandbox.requests)
    with pytest.raises(InvalidRequest) as caught:
        await session.lists.upload(source, filename="wrong.csv", check=True)
    assert len(sandbox.requests) == before
    told = [str(problem) for problem in caught.value.problems]
    if kind == "rows":
        assert told[0].startswith("wrong.csv: has no column of numbers")
    else:
        first, second = told
        assert first == "wrong.csv, line 2: a quote is opened and never closed"
        assert second.startswith("wrong.csv, line 3: has 3 cells, and the header 2 columns")


async def test_an_open_file_is_checked_from_where_it_stands(
    session: Session, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a title\nmobile;nom\n0639981234;A\n")
    with path.open("rb") as file:
        file.readline()
        uploaded = await session.lists.upload(file, filename="a.csv", check=True)
    assert (uploaded.size, uploaded.header) == (1, ("mobile", "nom"))
