"""A token that programs share: one login for all, and never the token of another account."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest

from mediasflow_async import (
    ConfigurationError,
    FileTokenStore,
    MediasflowError,
    Secret,
    Session,
    StoredToken,
)
from mediasflow_async.sandbox import Sandbox, ServerRules
from mediasflow_async.sandbox.users import User
from tests.support.sessions import Connect, logins, session_at

pytest_plugins = ["tests.support.session_fixtures"]
pytestmark = pytest.mark.anyio

TOKEN = StoredToken(token=Secret("token-12345678"), issued_at=datetime.now(UTC))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens"


def write(path: Path, text: str, mode: int = 0o600) -> None:
    path.touch()
    path.chmod(mode)
    path.write_text(text)


def text_of(path: Path) -> str:
    return path.read_text()


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def names_beside(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir())


def unusable(path: Path, kind: str) -> Path:
    if kind == "missing":
        return path / "below" / "nothing"
    if kind == "folder":
        path.mkdir()
    else:
        write(path.parent / "elsewhere", "")
        path.symlink_to(path.parent / "elsewhere")
    return path


async def read(session: Session) -> int:
    return (await session.request("GET", "blacklist")).status


async def kept(path: Path, account: str, token: StoredToken = TOKEN) -> None:
    store = FileTokenStore(path)
    async with store.lock(account):
        await store.put(account, token)


async def found(path: Path, account: str) -> StoredToken | None:
    store = FileTokenStore(path)
    async with store.lock(account):
        return await store.get(account)


async def test_sessions_with_a_store_log_in_once(
    sandbox: Sandbox, connect: Connect, path: Path
) -> None:
    for _ in range(3):
        async with connect(token_store=FileTokenStore(path)) as session:
            assert await read(session) == 200
    assert logins(sandbox) == 1


async def test_a_token_that_is_refused_is_renewed_by_one_for_all(
    sandbox: Sandbox, connect: Connect, path: Path
) -> None:
    async with AsyncExitStack() as stack:
        stores = [FileTokenStore(path) for _ in range(4)]
        opened = [connect(token_store=store) for store in stores]
        sessions = [await stack.enter_async_context(session) for session in opened]
        for _ in range(3):
            sandbox.revoke_tokens()
            async with anyio.create_task_group() as tasks:
                for session in sessions * 5:
                    tasks.start_soon(read, session)
    assert logins(sandbox) == 3


def test_processes_share_one_token(path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from mediasflow_async import Session\n"
        "async def main():\n"
        "    async with Session.from_env() as session:\n"
        "        for _ in range(20):\n"
        "            await session.request('GET', 'blacklist')\n"
        "asyncio.run(main())\n"
    )
    with Sandbox(rules=ServerRules(one_token=True)).serve_in_thread() as sandbox:
        environment = {
            "MEDIASFLOW_USERNAME": sandbox.username,
            "MEDIASFLOW_PASSWORD": sandbox.password,
            "MEDIASFLOW_BASE_URL": sandbox.base_url,
            "MEDIASFLOW_TOKEN_STORE": str(path),
        }
        processes = [
            subprocess.Popen([sys.executable, "-c", program], env=environment) for _ in range(3)
        ]
        assert [process.wait() for process in processes] == [0, 0, 0]
        assert logins(sandbox) == 1


async def test_a_token_of_one_account_is_never_used_for_another(path: Path) -> None:
    other = User("other", "secret-2")
    with (
        Sandbox(users=(other,)).serve_in_thread() as one,
        Sandbox(users=(other,)).serve_in_thread() as two,
    ):
        for sandbox in (one, two):
            store = FileTokenStore(path)
            async with session_at(sandbox, token_store=store) as session:
                assert await read(session) == 200
            named = {"username": other.username, "password": other.password}
            async with session_at(sandbox, token_store=store, **named) as session:
                assert await read(session) == 200
            assert logins(sandbox) == 2
            assert {request.status for request in sandbox.requests} == {200}


async def test_a_pasted_token_is_never_stored(sandbox: Sandbox, path: Path) -> None:
    async with session_at(sandbox) as session:
        form = {"login": sandbox.username, "password": sandbox.password}
        answer = await session.request("POST", "users/login", form=form)
    pasted = answer.headers["authorization"]
    async with Session(
        token=pasted, base_url=sandbox.base_url, token_store=FileTokenStore(path)
    ) as session:
        assert await read(session) == 200
    assert names_beside(path) == []


async def test_the_file_is_ours_alone_and_names_nobody(path: Path) -> None:
    await kept(path, "https://mediasflow.example/\ndemo")
    assert names_beside(path) == ["tokens", "tokens.lock"]
    assert {mode_of(path), mode_of(Path(f"{path}.lock"))} == {0o600}
    assert not re.search("demo|example", text_of(path))


async def test_what_is_stored_is_found_by_its_account_alone(path: Path) -> None:
    ends = datetime(2030, 1, 1, tzinfo=UTC)
    token = StoredToken(token=TOKEN.token, issued_at=TOKEN.issued_at, ends_at=ends)
    await kept(path, "one")
    await kept(path, "two", token)
    assert await found(path, "one") == TOKEN
    assert await found(path, "two") == token
    assert await found(path, "three") is None
    assert "12345678" not in repr(token)


async def test_a_token_that_is_over_is_not_used(
    sandbox: Sandbox, connect: Connect, path: Path
) -> None:
    over = datetime.now(UTC) - timedelta(seconds=1)
    token = StoredToken(token=TOKEN.token, issued_at=over, ends_at=over)
    await kept(path, f"{sandbox.base_url}\n{sandbox.username}", token)
    async with connect(token_store=FileTokenStore(path)) as session:
        assert await read(session) == 200
    assert [request.operation for request in sandbox.requests] == ["login", "blacklist"]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
async def test_a_file_that_others_can_open_is_refused(
    connect: Connect, path: Path, mode: int
) -> None:
    write(path, "", mode)
    async with connect(token_store=FileTokenStore(path)) as session:
        with pytest.raises(ConfigurationError, match="chmod 600"):
            await read(session)


async def test_what_is_no_file_of_tokens_is_refused_and_left_alone(
    connect: Connect, path: Path
) -> None:
    write(path, "a private key")
    async with connect(token_store=FileTokenStore(path)) as session:
        with pytest.raises(ConfigurationError, match="something else"):
            await read(session)
    assert text_of(path) == "a private key"


@pytest.mark.parametrize("kind", ["link", "folder", "missing"])
async def test_a_place_that_cannot_hold_it_is_refused(
    connect: Connect, path: Path, kind: str
) -> None:
    path = unusable(path, kind)
    async with connect(token_store=FileTokenStore(path)) as session:
        with pytest.raises(ConfigurationError, match="FileTokenStore"):
            await read(session)


async def test_a_lock_that_is_held_is_waited_for_and_given_back(path: Path) -> None:
    async with FileTokenStore(path).lock("one"):
        with anyio.move_on_after(0.1) as waiting:
            await found(path, "one")
        assert waiting.cancelled_caught
    with anyio.fail_after(1):
        assert await found(path, "one") is None


class _Shelf:
    """A store of somebody's own, in memory."""

    def __init__(self, error: MediasflowError | None = None) -> None:
        self.tokens: dict[str, StoredToken] = {}
        self.error = error
        self.locked: list[str] = []

    @asynccontextmanager
    async def lock(self, account: str) -> AsyncGenerator[None, None]:
        if self.error:
            raise self.error
        self.locked.append(account)
        yield

    async def get(self, account: str) -> StoredToken | None:
        return self.tokens.get(account)

    async def put(self, account: str, token: StoredToken) -> None:
        self.tokens[account] = token


async def test_a_store_of_your_own_gets_the_token_and_when_it_ends(connect: Connect) -> None:
    shelf = _Shelf()
    async with connect(token_store=shelf) as session:
        await read(session)
        ((account, stored),) = shelf.tokens.items()
        assert account == f"{session.base_url}\n{session.username}"
    assert shelf.locked == [account]
    assert stored.ends_at is not None
    assert stored.ends_at - stored.issued_at > timedelta(minutes=14)


async def test_an_error_of_a_store_is_that_of_the_call(connect: Connect) -> None:
    async with connect(token_store=_Shelf(MediasflowError("the shelf is gone"))) as session:
        with pytest.raises(MediasflowError, match="the shelf is gone"):
            await read(session)
