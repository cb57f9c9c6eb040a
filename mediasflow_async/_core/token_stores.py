"""Where programs of one account share a token, so that no login of one ends that of another.

A `TokenStore` keeps one token per account. Whoever needs a new one takes the account's lock, looks
whether another program has put a newer token there meanwhile, and logs in only where none has.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Protocol

import anyio
import orjson
from attrs import field, frozen

from mediasflow_async.errors import ConfigurationError
from mediasflow_async.models.values import is_file_name
from mediasflow_async.secrecy import Secret

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no such locks
    fcntl = None  # type: ignore[assignment]

__all__ = ["FileTokenStore", "StoredToken", "TokenStore"]


@frozen(kw_only=True)
class StoredToken:
    """A token as it is shared.

    Attributes:
        token: the bearer, without the word.
        issued_at: when it was answered, an aware datetime.
        ends_at: when it ends, an aware datetime; None where nobody knows.
    """

    token: Secret
    issued_at: datetime
    ends_at: datetime | None = None


class TokenStore(Protocol):
    """Keeps one token per account for several programs; write your own for a place of your own.

    An account is a text that stands for a base URL and a username. A token of one account must
    never be given out for another. What a store cannot do it raises as a `MediasflowError`.
    """

    def lock(self, account: str) -> AbstractAsyncContextManager[object]:
        """Return a block in which no other program renews the token of the account.

        A login is made inside, so that the others wait for it and take its token.
        """
        ...

    async def get(self, account: str) -> StoredToken | None:
        """Return the token of an account, or None; called inside the block."""
        ...

    async def put(self, account: str, token: StoredToken) -> None:
        """Replace the token of an account; called inside the block."""
        ...


_MODE: Final = 0o600
_OTHERS: Final = 0o077
_FIRST_PAUSE_SECONDS: Final = 0.01
_LONGEST_PAUSE_SECONDS: Final = 0.25
_LARGEST_BYTES: Final = 2**20
_SALT_BYTES: Final = 16
_DIGEST_BYTES: Final = 20


class FileTokenStore:
    """Shares tokens between the programs of one user on one machine, in a file of mode 0600.

        session = Session("login", "password", token_store=FileTokenStore("~/.mediasflow-tokens"))

    The file names accounts by salted digests, and is replaced as a whole. The lock is a file
    beside it, with ``.lock`` at the end of its name. Off unless it is given: a token in a file
    is good for whoever reads it, until it ends.

    Args:
        path: the file, made where there is none; its folder has to exist.

    Raises:
        ConfigurationError: the system has no locks of `fcntl`, or no such names. Later, in a call:
            the file is not ours, others can read it, or it cannot be read or written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if fcntl is None:
            raise ConfigurationError("FileTokenStore needs the file locks of a POSIX system")
        self._path = Path(path).expanduser()
        if not is_file_name(self._path):
            raise ConfigurationError("token_store: the path is no name that a file can have")

    def __repr__(self) -> str:
        return f"FileTokenStore({str(self._path)!r})"

    @asynccontextmanager
    async def lock(self, account: str) -> AsyncGenerator[None, None]:
        """Hold the lock, one for all accounts of the file."""
        del account
        descriptor = self._opened(Path(f"{self._path}.lock"), os.O_RDWR | os.O_CREAT)
        try:
            pause = _FIRST_PAUSE_SECONDS
            while not _is_locked(descriptor):
                await anyio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            yield
        finally:
            # The lock ends with its descriptor, and with a process that dies.
            os.close(descriptor)

    async def get(self, account: str) -> StoredToken | None:
        """Return the token of an account, or None."""
        content = self._content()
        return _token_of(content.tokens.get(content.name_of(account)))

    async def put(self, account: str, token: StoredToken) -> None:
        """Replace the token of an account."""
        content = self._content()
        ends_at = None if token.ends_at is None else token.ends_at.timestamp()
        stored = {
            "token": token.token.reveal(),
            "issued_at": token.issued_at.timestamp(),
            "ends_at": ends_at,
        }
        tokens = {**content.tokens, content.name_of(account): stored}
        self._replace(orjson.dumps({"salt": content.salt.hex(), "tokens": tokens}))

    def _content(self) -> _Content:
        try:
            descriptor = self._opened(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return _Content()
        with os.fdopen(descriptor, "rb") as file:
            content = _content_of(file.read(_LARGEST_BYTES))
        if content is None:
            raise _unusable(self._path, "it holds something else than tokens")
        return content

    def _opened(self, path: Path, flags: int) -> int:
        """Return the descriptor of a file that is ours alone.

        Raises:
            ConfigurationError: it is not, or cannot be opened.
            FileNotFoundError: it is not there, and is not to be made.
        """
        try:
            descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
        except FileNotFoundError:
            if not flags & os.O_CREAT:
                raise
            raise _unusable(path, "its folder does not exist") from None
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise _unusable(path, f"it cannot be opened: {reason}") from None
        if problem := _problem_of(os.fstat(descriptor)):
            os.close(descriptor)
            raise _unusable(path, problem)
        return descriptor

    def _replace(self, data: bytes) -> None:
        new = Path(f"{self._path}.{secrets.token_hex(4)}.new")
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            new.replace(self._path)
        except OSError as error:
            with suppress(OSError):
                new.unlink()
            reason = os.strerror(error.errno or 0)
            raise _unusable(self._path, f"it cannot be written: {reason}") from None


def _is_locked(descriptor: int) -> bool:
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _problem_of(state: os.stat_result) -> str | None:
    if not stat.S_ISREG(state.st_mode):
        return "it is no regular file"
    if state.st_uid != os.geteuid():
        return "it belongs to another user"
    if state.st_mode & _OTHERS:
        return "other users may open it: chmod 600 makes it yours alone"
    return None


def _unusable(path: Path, problem: str) -> ConfigurationError:
    return ConfigurationError(f"FileTokenStore: {path} is not used, since {problem}")


@frozen
class _Content:
    """What a file holds.

    Attributes:
        salt: of the digests.
        tokens: tokens as JSON, by the digests of their accounts.
    """

    salt: bytes = field(factory=lambda: secrets.token_bytes(_SALT_BYTES), repr=False)
    tokens: Mapping[str, Any] = field(factory=dict, repr=False)

    def name_of(self, account: str) -> str:
        """Return the name of an account in this file."""
        digest = blake2b(account.encode(), key=self.salt, digest_size=_DIGEST_BYTES)
        return digest.hexdigest()


def _content_of(data: bytes) -> _Content | None:
    """Return the content of a file, or None for one that holds something else."""
    if not data:
        return _Content()
    try:
        stored = orjson.loads(data)
        salt, tokens = bytes.fromhex(stored["salt"]), stored["tokens"]
    except (ValueError, TypeError, KeyError):
        return None
    is_whole = isinstance(tokens, dict) and len(salt) == _SALT_BYTES
    return _Content(salt, tokens) if is_whole else None


def _token_of(stored: Any) -> StoredToken | None:
    try:
        token, issued, ends = stored["token"], stored["issued_at"], stored["ends_at"]
        return StoredToken(
            token=Secret(str(token)),
            issued_at=datetime.fromtimestamp(issued, UTC),
            ends_at=None if ends is None else datetime.fromtimestamp(ends, UTC),
        )
    except (TypeError, KeyError, ValueError, OverflowError, OSError):
        return None
