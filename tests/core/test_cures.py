"""Errors that name the option which cures them, with a value, and only where it can help."""

from __future__ import annotations

import ast
import re
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from mediasflow_async import (
    CampaignRequest,
    Dialect,
    MediasflowError,
    Recipient,
    RowsOutsideWarning,
    Sent,
    Session,
    TinyUrl,
    content_digest,
)
from tests.support.raw_server import Answer, RawRequest, RawServer, http, http_json
from tests.support.sessions import ONCE, session_with

pytestmark = pytest.mark.anyio

Call = Callable[[Session], Awaitable[object]]
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
ONE = CampaignRequest(msg="Bonjour", recipients=["0612345678"])
RICH = CampaignRequest(
    msg="Bonjour ${REF} ${track_1}",
    recipients=[Recipient("0612345678", fields={"REF": "x"})],
    list_ids=[12],
    check_duplicate=True,
    tiny_urls=[TinyUrl(index=0, url="https://www.example.com/", end_of_life=30)],
)
ROWS = [{"mobile": "0612345678"}]
WEEK = (date(2026, 3, 2), date(2026, 3, 8))


def prepare(session: Session) -> Awaitable[object]:
    return session.campaigns.prepare(ONE)


def prepare_rich(session: Session) -> Awaitable[object]:
    return session.campaigns.prepare(RICH)


def send(session: Session) -> Awaitable[object]:
    return session.campaigns.send(RICH)


def launch(session: Session) -> Awaitable[object]:
    return session.campaigns.launch(943)


def cancel(session: Session) -> Awaitable[object]:
    return session.campaigns.cancel(943)


def set_sender(session: Session) -> Awaitable[object]:
    return session.campaigns.set_sender(943, "ACME")


def send_test(session: Session) -> Awaitable[object]:
    return session.campaigns.test(943, ["0612345678"])


def upload(session: Session) -> Awaitable[object]:
    return session.lists.upload(ROWS, filename="people.csv")


def block(session: Session) -> Awaitable[object]:
    return session.blacklist.add("+33612345678")


def listed(session: Session) -> Awaitable[object]:
    return session.blacklist.entries()


async def week(session: Session) -> object:
    return await session.reports.period(*WEEK)


async def week_csv(session: Session) -> object:
    return [row async for row in session.reports.period_csv(*WEEK)]


async def campaign(session: Session) -> object:
    return await session.reports.campaign(943)


async def error_of(answer: Answer, call: Call, **options: Any) -> MediasflowError:
    """Return what a call ends with on a server that answers everything so."""
    with RawServer([answer]).running() as server:
        async with session_with(server.url, retry=ONCE, **options) as session:
            with pytest.raises(MediasflowError) as caught:
                await call(session)
    return caught.value


def options_in(error: MediasflowError) -> set[str]:
    """Return the options of a Dialect that an error names; each can be written so."""
    named = re.findall(r"Dialect\(((?:[^()]|\([^()]*\))*)\)", error.next_step)
    for option in named:
        ast.parse(f"Dialect({option})")
    return set(named)


def refused(status: int, message: str = "", **members: Any) -> Answer:
    return http_json(status, {"message": message, **members} if message else None)


@pytest.mark.parametrize("call", [set_sender, send_test])
@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (refused(400, "sender and phoneNumbers are mandatory"), {"form", "json"}),
        (refused(400), {"form", "json"}),
        (refused(422), {"form", "json"}),
        (refused(415), {"form", "json"}),
    ],
)
async def test_the_place_of_the_parameters_of_put(
    call: Call, answer: Answer, named: set[str]
) -> None:
    options = options_in(await error_of(answer, call))
    assert {f"put_params={place!r}" for place in named} <= options
    other = options_in(await error_of(answer, call, dialect=Dialect(put_params="form")))
    assert "put_params='query'" in other
    assert "put_params='form'" not in other


@pytest.mark.parametrize("call", [set_sender, send_test])
async def test_the_media_type_of_put(call: Call) -> None:
    answer = refused(415, "Unsupported Media Type")
    both = {f"put_content_type={kind!r}" for kind in (JSON, FORM)}
    assert both <= options_in(await error_of(answer, call))
    other = options_in(await error_of(answer, call, dialect=Dialect(put_content_type=JSON)))
    assert both & other == {f"put_content_type={FORM!r}"}


@pytest.mark.parametrize("call", [set_sender, send_test, launch, cancel, campaign])
@pytest.mark.parametrize(
    "answer",
    [
        refused(404, "no such campaign"),
        refused(409, "the campaign is no draft"),
        refused(429, "too many requests"),
        refused(503, "try again later"),
    ],
)
async def test_an_answer_about_something_else_names_no_form(call: Call, answer: Answer) -> None:
    error = await error_of(answer, call)
    assert options_in(error) <= {"empty_report_statuses=(404,)"}


@pytest.mark.parametrize(("status", "allow"), [(404, ""), (405, ""), (405, "PUT"), (501, "")])
async def test_the_method_of_a_cancel(status: int, allow: str) -> None:
    error = await error_of(http(status, headers={"Allow": allow} if allow else None), cancel)
    methods = {f"cancel_method={method!r}" for method in ("POST", "DELETE", "GET")}
    assert methods <= options_in(error)
    error = await error_of(http(status), cancel, dialect=Dialect(cancel_method="POST"))
    assert options_in(error) >= {"cancel_method='PUT'"}
    assert "cancel_method='POST'" not in options_in(error)


@pytest.mark.parametrize("call", [prepare, block])
@pytest.mark.parametrize(
    "answer",
    [
        refused(400),
        refused(400, "item and msg are mandatory"),
        refused(400, "Unexpected character ('{')", field="body"),
        refused(500, "MessageBodyReader not found for media type application/json"),
        http(400, b"<html><title>HTTP Status 400</title></html>", {"Content-Type": "text/html"}),
    ],
)
async def test_the_media_type_of_json(call: Call, answer: Answer) -> None:
    assert f"json_content_type={FORM!r}" in options_in(await error_of(answer, call))
    other = await error_of(answer, call, dialect=Dialect(json_content_type=FORM))
    assert f"json_content_type={JSON!r}" in options_in(other)


async def test_a_media_type_that_is_refused_as_well_as_the_guides() -> None:
    options = options_in(await error_of(refused(415), prepare))
    assert options == {"json_content_type='application/json; charset=UTF-8'"}


@pytest.mark.parametrize("call", [prepare, block, prepare_rich])
@pytest.mark.parametrize(
    "answer",
    [
        refused(400, "the sender has too many characters", field="sender"),
        refused(400, "not enough credit"),
        refused(500, "database is down"),
        refused(403, "not for this account"),
    ],
)
async def test_an_answer_that_has_read_the_body_names_no_media_type(
    call: Call, answer: Answer
) -> None:
    options = options_in(await error_of(answer, call))
    assert not [option for option in options if option.startswith("json_content_type")]


@pytest.mark.parametrize(
    ("field", "named"),
    [
        ("listsId", {"lists_id_as_scalar=True"}),
        ("listRecipient[0].extendedKeys", {"extended_keys_as='object'"}),
        ("checkDuplicate", {"check_duplicate_as='text'", "check_duplicate_as='capitals'"}),
        ("tinyList[0].endOfLife", {"end_of_life_as='date'"}),
        ("sender", set()),
    ],
)
async def test_a_field_that_is_blamed_is_the_one_whose_option_is_named(
    field: str, named: set[str]
) -> None:
    by_field = await error_of(refused(400, "wrong", field=field), prepare_rich)
    assert options_in(by_field) == named
    by_text = await error_of(refused(400, f"{field} cannot be read"), prepare_rich)
    assert options_in(by_text) >= named


async def test_what_may_have_been_sent_is_not_repeated_for_a_guess() -> None:
    unclear = await error_of(refused(500, "something failed"), send)
    assert (unclear.sent, options_in(unclear)) == (Sent.UNKNOWN, set())
    refusal = await error_of(http_json(200, {"success": False, "message": "trop tard"}), send)
    assert (refusal.sent, options_in(refusal)) == (Sent.UNKNOWN, set())
    clear = await error_of(refused(500, "listsId: wrong type"), send)
    assert options_in(clear) == {"lists_id_as_scalar=True"}


@pytest.mark.parametrize("status", [400, 404, 406, 415, 422, 500])
async def test_the_parts_of_an_upload(status: int) -> None:
    assert "upload_field='File'" in options_in(await error_of(refused(status), upload))


@pytest.mark.parametrize("call", [prepare, launch, block, upload, set_sender])
@pytest.mark.parametrize(
    "answer",
    [
        refused(400, "the body's SHA-256 is missing", field="Content-Digest", code="CHECKSUM"),
        refused(403, "integrity verification failed"),
        refused(412, "Somme de contrôle (empreinte) absente"),
    ],
)
async def test_a_checksum_that_the_answer_speaks_of(call: Call, answer: Answer) -> None:
    assert "checksum=content_digest" in options_in(await error_of(answer, call))
    error = await error_of(answer, call, dialect=Dialect(checksum=content_digest))
    assert "checksum=content_digest" not in options_in(error)


@pytest.mark.parametrize(
    ("call", "status", "slashes"),
    [
        (week, 404, "never"),
        (week_csv, 404, "never"),
        (prepare, 404, "always"),
        (upload, 404, "always"),
        (listed, 404, "always"),
        (prepare, 308, "always"),
        (set_sender, 301, "always"),
    ],
)
async def test_slashes_at_the_end_of_paths(call: Call, status: int, slashes: str) -> None:
    assert f"trailing_slashes={slashes!r}" in options_in(await error_of(http(status), call))


async def test_paths_of_the_callers_own_are_left_as_they_are() -> None:
    with RawServer([http_json(data=[])]).running() as server:
        async with session_with(server.url, dialect=Dialect(trailing_slashes="always")) as session:
            await session.request("GET", "swagger.json")
            await session.blacklist.entries()
            await session.with_options(dialect=Dialect()).blacklist.entries()
    targets = [request.target for request in server.requests]
    assert targets == ["/swagger.json", "/blacklist/", "/blacklist"]


@pytest.mark.parametrize("call", [week, week_csv])
@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (refused(400, "a period has at most 7 days"), {"window=timedelta(days=6)"}),
        (refused(400, "wrong", field="to"), {"window=timedelta(days=6)"}),
        (refused(400, "wrong", field="types"), set()),
        (refused(500, "out of memory"), {"window=timedelta(days=1)"}),
        (refused(504, "Gateway Timeout"), {"window=timedelta(days=1)"}),
    ],
)
async def test_the_window_of_a_period(call: Call, answer: Answer, named: set[str]) -> None:
    assert options_in(await error_of(answer, call)) == named
    daily = await error_of(answer, call, dialect=Dialect(window=timedelta(days=1)))
    assert options_in(daily) == ({"window=timedelta(hours=1)"} if named else set())


async def test_a_refused_window_under_a_status_of_success() -> None:
    answer = http_json(200, {"success": False, "message": "a period has at most 7 days"})
    assert options_in(await error_of(answer, week)) == {"window=timedelta(days=6)"}


@pytest.mark.parametrize(("call", "has_window"), [(week, True), (campaign, False), (listed, False)])
async def test_only_a_period_can_be_cut_shorter(call: Call, has_window: bool) -> None:  # noqa: FBT001
    error = await error_of(http_json(data={"items": [{}] * 2, "totalElements": 9}), call)
    assert "missing" in str(error)
    assert ("window=timedelta(days=1)" in options_in(error)) is has_window
    assert ("statuses" in error.next_step) is (call is not listed)
    assert "blacklist_path" not in error.next_step


async def test_an_answer_that_is_too_large_names_a_larger_limit() -> None:
    error = await error_of(http_json(data="x" * 2000), cancel, max_response_bytes=1000)
    assert error.next_step.endswith("Session(max_response_bytes=2000).")


@pytest.mark.parametrize("call", [prepare, send, launch, block, set_sender, send_test])
@pytest.mark.parametrize("data", [[1, 2], "JSON", 7])
async def test_an_answer_that_cannot_be_read_is_no_matter_of_the_request(
    call: Call, data: object
) -> None:
    assert options_in(await error_of(http_json(data=data), call)) == set()


@pytest.mark.parametrize("call", [week, week_csv, campaign, listed])
@pytest.mark.parametrize(
    "answer",
    [
        http_json(200, {"success": False, "message": "this token has expired"}),
        http(200, "Jeton périmé".encode(), {"Content-Type": "text/plain"}),
    ],
)
async def test_a_token_that_ended_as_a_streamed_body_says(call: Call, answer: Answer) -> None:
    assert "token_ttl=timedelta(minutes=5)" in options_in(await error_of(answer, call))


@pytest.mark.parametrize(
    ("call", "text", "named"),
    [
        (prepare_rich, "listsId: wrong type", "lists_id_as_scalar=True"),
        (set_sender, "sender is mandatory", "put_params='form'"),
        (upload, "the file is mandatory", "upload_field='File'"),
        (cancel, "PUT is not allowed here", "cancel_method='POST'"),
        (prepare, "application/json is an unsupported media type", f"json_content_type={FORM!r}"),
        (listed, "no such path", "blacklist_path='blacklistjson'"),
        (week, "a period has at most 7 days", "window=timedelta(days=6)"),
        (week_csv, "a period has at most 7 days", "window=timedelta(days=6)"),
        (prepare, "the checksum is missing", "checksum=content_digest"),
    ],
)
async def test_a_refusal_under_a_status_of_success_names_it_too(
    call: Call, text: str, named: str
) -> None:
    for body in ({"success": False, "message": text}, {"error": text}, {"errors": [text]}):
        assert named in options_in(await error_of(http_json(200, body), call)), body


# The login, wherever its error shows up.


def by_password(answer: Answer, path: str = "/users/login") -> RawServer:
    def answering(request: RawRequest) -> Answer:
        is_login = request.target.startswith(path)
        return answer if is_login else http_json(data={"id": 943, "status": "DRAFT"})

    return RawServer(answering)


LOGINS: list[tuple[int, set[str]]] = [
    (301, {"login_path='login'", "trailing_slashes='always'"}),
    (404, {"login_path='login'", "login_path='auth/login'", "trailing_slashes='always'"}),
    (405, {"login_path='login'"}),
    (400, {"login_encoding='json'", "login_fields=('username', 'password')"}),
    (415, {"login_encoding='json'", "login_encoding='basic'"}),
    (500, {"login_encoding='json'"}),
    (401, {"login_encoding='json'", "login_fields=('username', 'password')"}),
]


@pytest.mark.parametrize(("status", "named"), LOGINS)
@pytest.mark.parametrize(
    "call", [prepare, launch, cancel, upload, block, listed, week, week_csv, campaign]
)
async def test_the_error_of_the_login_names_what_cures_it(
    call: Call, status: int, named: set[str]
) -> None:
    with by_password(http(status)).running() as server:
        async with session_with(
            server.url, token=None, username="demo", password="secret", retry=ONCE
        ) as session:
            with pytest.raises(MediasflowError) as caught:
                await call(session)
    error = caught.value
    assert (error.path, error.status, error.sent) == ("users/login", status, Sent.NOT_SENT)
    assert named <= options_in(error)
    kinds = {option.partition("=")[0] for option in options_in(error)}
    assert kinds <= {"login_path", "login_fields", "login_encoding", "trailing_slashes"}


async def test_a_login_that_was_accepted_before_is_right() -> None:
    answers = [http_json(data={"token": "token-1"}), http(404)]

    def answering(request: RawRequest) -> Answer:
        return answers.pop(0) if request.target == "/users/login" else http(401)

    with RawServer(answering).running() as server:
        async with session_with(
            server.url, token=None, username="demo", password="secret", retry=ONCE
        ) as session:
            with pytest.raises(MediasflowError) as caught:
                await cancel(session)
    assert (caught.value.path, caught.value.status) == ("users/login", 404)
    assert options_in(caught.value) == set()


@pytest.mark.parametrize("call", [week, week_csv, campaign])
async def test_a_login_that_is_not_found_is_no_empty_report(call: Call) -> None:
    with by_password(http(404)).running() as server:
        async with session_with(
            server.url,
            token=None,
            username="demo",
            password="secret",
            retry=ONCE,
            dialect=Dialect(empty_report_statuses=(404,)),
        ) as session:
            with pytest.raises(MediasflowError) as caught:
                await call(session)
    assert caught.value.path == "users/login"


async def test_a_checksum_that_the_login_wants() -> None:
    with by_password(refused(400, "missing checksum")).running() as server:
        async with session_with(
            server.url, token=None, username="demo", password="secret", retry=ONCE
        ) as session:
            with pytest.raises(MediasflowError) as caught:
                await prepare(session)
    assert "checksum=content_digest" in options_in(caught.value)


# Rows of other days.


def row(sent: str) -> dict[str, Any]:
    return {"STATUS_CODE": 16, "INT_MOBILE": "33612345678", "sendDate": sent}


@pytest.mark.parametrize(
    ("zone", "sent", "other"),
    [
        ("Europe/Paris", "2026-03-08T23:30:00Z", "UTC"),
        ("Europe/Paris", "2026-03-01T22:30:00Z", "UTC"),
        ("UTC", "2026-03-01T23:30:00Z", "Europe/Paris"),
    ],
)
async def test_rows_of_other_days_name_another_time_zone(zone: str, sent: str, other: str) -> None:
    with RawServer([http_json(data=[row(sent)])]).running() as server:
        async with session_with(server.url, dialect=Dialect(server_tz=zone)) as session:
            with pytest.warns(RowsOutsideWarning, match=re.escape(f"server_tz={other!r}")):
                assert len(await session.reports.period(*WEEK)) == 1


async def test_rows_of_the_days_that_were_asked_for_warn_of_nothing() -> None:
    since = datetime.fromisoformat("2026-03-02T10:00+01:00")
    rows = [row("2026-03-01T23:30:00Z"), row("2026-03-02T22:30:00Z")]
    with RawServer([http_json(data=rows)]).running() as server:
        async with session_with(server.url) as session:
            found = await session.reports.period(since, since + timedelta(hours=1))
    assert len(found) == 2
