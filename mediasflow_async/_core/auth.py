"""From a username and a password to a bearer: one login at a time, renewed early (Guide: 1.3)."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import anyio

from mediasflow_async._core.bearers import DeathSign, bearer_in, expiry_of
from mediasflow_async._core.credentials import Credentials, bearer_or_none, no_token, with_cure
from mediasflow_async._core.responses import ApiResponse
from mediasflow_async._core.token_stores import StoredToken, TokenStore
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import (
    MediasflowError,
    TokenLost,
)
from mediasflow_async.secrecy import Secret

__all__ = ["Authenticator"]

_EARLY_SECONDS: Final = 60.0
# Two attempts of a campaign (`delivery/campaign.py`) with six tokens each (`Engine._attempt`).
_MOST_TOKENS_LOST: Final = 12
_LONG_LIFE_SECONDS: Final = 60.0
_LATEST: Final = datetime.max.replace(tzinfo=UTC).timestamp()


class Authenticator:
    """Holds the bearer of a session and renews it, with one login for all who need it.

    Where a login ends the token before, sessions of one account end each other's: logins are
    spaced while tokens end soon, so that each session makes many calls with its own. Where token
    after token is refused and none serves, calls fail at once for a while, without a login.

    Args:
        credentials: who is calling.
        dialect: how to log in and how long a bearer lives.
        login: sends the login and returns the answer, or the error.
        base_url: whose bearer it is.
        store: shares the bearer with other programs, or None.

    Attributes:
        losses: bearers that the server refused since the last call that succeeded.
    """

    def __init__(
        self,
        credentials: Credentials,
        dialect: Dialect,
        login: Callable[[], Awaitable[ApiResponse | MediasflowError]],
        *,
        base_url: str = "",
        store: TokenStore | None = None,
    ) -> None:
        self._credentials = credentials
        self._dialect = dialect
        self._login = login
        self._account = f"{base_url}\n{credentials.username}"
        self._store = store
        self.losses = 0
        self._pending: _PendingLogin | None = None
        self._bearer = credentials.token
        self._stale_at = self._end_of(credentials.token) if credentials.token else 0.0
        self._since = time.monotonic()
        self._refused: Secret | None = None
        self._lived_seconds = 0.0
        self._has_logged_in = False
        self._spacing = _Spacing()
        self._refusal = _Refusal()
        self._suspicion = _Suspicion()

    @property
    def username(self) -> str | None:
        """The login of who is calling, or None where only a bearer is known."""
        return self._credentials.username

    @property
    def can_log_in(self) -> bool:
        """Whether another bearer can be had."""
        return self._credentials.can_log_in

    @property
    def at_hand(self) -> Secret | None:
        """The bearer that is good as far as is known, or None when that takes a login."""
        is_good = self._bearer and (time.time() < self._stale_at or not self.can_log_in)
        return self._bearer if is_good else None

    async def bearer(self) -> Secret | MediasflowError:
        """Return a bearer that is good as far as is known, or the error of the login.

        A refused login is not repeated for a while, nor is one whose tokens are all refused: the
        error is returned again.
        """
        while not (bearer := self.at_hand):
            if refusal := self._refusal.remembered():
                return refusal
            pending = self._pending
            if pending is None:
                return await self._log_in()
            await pending.is_over.wait()
            if isinstance(pending.result, MediasflowError):
                return copy.copy(pending.result)
        return bearer

    def gives_up(
        self, bearer: Secret, sign: DeathSign, *, said: str, is_repeated: bool = True
    ) -> bool:
        """Note what an answer says of a bearer; True when another one is worth a try.

        An answer that may stand for a dead bearer may mean what it says as well: each suspicion
        that another bearer did not confirm makes the next one wait until the bearer is older. One
        that no repetition of the call can confirm counts as such.

        Args:
            bearer: what the call was made with.
            sign: what the answer says of it.
            said: what the server said; of a bearer that has an end, and is said to be over, no
                other login was the end.
            is_repeated: whether the call may be made again with another bearer.
        """
        if not self.can_log_in:
            return False
        if bearer != self._bearer:
            return True
        if sign is DeathSign.REFUSED:
            has_ended = "expire" in said.lower() and expiry_of(bearer.reveal()) is not None
            self._note_loss()
            self._give_up(bearer, has_ended=has_ended)
            return True
        if is_allowed := self._suspicion.is_allowed(self._age_seconds, sign):
            self._give_up(bearer)
            if sign is DeathSign.POSSIBLE and not is_repeated:
                self.judge_suspicion(was_right=False)
        return is_allowed

    def judge_suspicion(self, *, was_right: bool) -> None:
        """Note whether another bearer made the difference."""
        self._suspicion.note_outcome(was_right=was_right)

    def name_cure(self, error: MediasflowError, bearer: Secret) -> None:
        """Name the option that renews a bearer in time, where its end made a call that sends fail.

        Args:
            error: what the call ended with.
            bearer: what it was made with.
        """
        is_dead = bearer == self._refused and expiry_of(bearer.reveal()) is None
        if is_dead and self._lived_seconds >= _YOUNG_SECONDS:
            shorter = max(int(self._lived_seconds / 2), 1)
            error.next_step += (
                f" The token was {self._lived_seconds:.0f} s old and may have ended: "
                f"Dialect(token_ttl=timedelta(seconds={shorter})) renews it before."
            )

    def worked(self, *, is_another: bool) -> None:
        """Note that a call succeeded after bearers were refused, perhaps with another one."""
        self.losses = 0
        if is_another:
            self.judge_suspicion(was_right=True)

    def forget_refusal(self) -> None:
        """Let the next call log in, even if the last login or its bearer was refused."""
        self._refusal = _Refusal()
        self.losses = 0

    @property
    def _age_seconds(self) -> float:
        return time.monotonic() - self._since

    def _give_up(self, bearer: Secret, *, has_ended: bool = False) -> None:
        # Of two lost in a row, the second served for no call, however long the server took.
        self._lived_seconds = self._age_seconds
        age = 0.0 if self.losses > 1 else self._lived_seconds
        self._spacing.died(age, has_ended=has_ended)
        self._bearer, self._refused = None, bearer

    def _note_loss(self) -> None:
        """Count a bearer that was refused; one that has lived for a while has served."""
        self.losses = self.losses + 1 if self._age_seconds < _LONG_LIFE_SECONDS else 1
        if self.losses >= _MOST_TOKENS_LOST:
            message = f"the server refused each of {self.losses} tokens that it had just given"
            self._refusal.remember(TokenLost(message, status=401), "its tokens serve for no call")

    async def _log_in(self) -> Secret | MediasflowError:
        pending = self._pending = _PendingLogin()
        try:
            pending.result = await self._renewed()
        finally:
            # Cancelled in the middle, the result is None: the next who waits logs in.
            self._pending = None
            pending.is_over.set()
        return pending.result

    async def _renewed(self) -> Secret | MediasflowError:
        if self._store is None:
            return await self._logged_in()
        try:
            async with self._store.lock(self._account):
                stored = await self._store.get(self._account)
                if stored and (bearer := self._usable(stored)):
                    return bearer
                result = await self._logged_in()
                if isinstance(result, Secret):
                    await self._store.put(self._account, self._stored(result))
                return result
        except MediasflowError as error:
            return error.with_traceback(None)

    def _usable(self, stored: StoredToken) -> Secret | None:
        """Take a token that another program has put into the store, if it is good."""
        ends_at = None if stored.ends_at is None else stored.ends_at.timestamp()
        bearer = bearer_or_none(stored.token.reveal())
        if bearer is None or bearer == self._refused or (ends_at and ends_at <= time.time()):
            return None
        self._take(bearer, self._stale_before(ends_at))
        return bearer

    def _stored(self, bearer: Secret) -> StoredToken:
        ends_at = self._told_end(bearer)
        return StoredToken(
            token=bearer,
            issued_at=datetime.now(UTC),
            ends_at=None if ends_at is None else datetime.fromtimestamp(ends_at, UTC),
        )

    async def _logged_in(self) -> Secret | MediasflowError:
        await self._spacing.wait()
        result = self._accept(await self._login())
        if isinstance(result, MediasflowError):
            return self._refusal.noted(result)
        self._refusal = _Refusal()
        return result

    def _accept(self, answer: ApiResponse | MediasflowError) -> Secret | MediasflowError:
        if isinstance(answer, MediasflowError):
            return answer if self._has_logged_in else with_cure(answer, self._dialect)
        bearer = bearer_or_none(bearer_in(answer.headers, answer.data))
        if bearer is None:
            return no_token(answer, self._dialect)
        self._has_logged_in = True
        self._take(bearer, self._end_of(bearer))
        return bearer

    def _take(self, bearer: Secret, stale_at: float) -> None:
        self._bearer, self._stale_at = bearer, stale_at
        self._since = time.monotonic()

    def _end_of(self, bearer: Secret) -> float:
        return self._stale_before(self._told_end(bearer))

    def _told_end(self, bearer: Secret) -> float | None:
        """Return when a new bearer ends, in seconds since 1970, or None where nobody knows."""
        now = time.time()
        expiry = expiry_of(bearer.reveal())
        if expiry is None and self._dialect.token_ttl is not None:
            expiry = now + self._dialect.token_ttl.total_seconds()
        # A token that is already over by this machine's clock means that the clocks differ:
        # the server says with a 401 when it is really over.
        is_told = expiry is not None and now < expiry < _LATEST
        return expiry if is_told else None

    def _stale_before(self, ends_at: float | None) -> float:
        """Return when to renew a bearer that ends then."""
        if ends_at is None:
            return float("inf")
        return ends_at - min(_EARLY_SECONDS, (ends_at - time.time()) / 2)


class _PendingLogin:
    """A login under way, and what came of it for those who wait."""

    def __init__(self) -> None:
        self.is_over = anyio.Event()
        self.result: Secret | MediasflowError | None = None


_YOUNG_SECONDS: Final = 1.0
_FIRST_SPACE_SECONDS: Final = 0.25
_LONGEST_SPACE_SECONDS: Final = 15.0
# A server whose tokens live a second, or whose clock runs fast, as that of the sandbox may.
_FREE_ENDS: Final = 60


class _Spacing:
    """Puts more and more time between the logins of a session whose tokens end soon.

    The wait begins when a token is found dead, and is jittered: the session that took the
    account's only token keeps it for that long, and then another one logs in.
    """

    def __init__(self) -> None:
        self._wait_seconds = 0.0
        self._died_young = 0
        self._next_at = 0.0

    def died(self, age_seconds: float, *, has_ended: bool = False) -> None:
        """Note that a token has ended, perhaps at the time that it named itself."""
        is_young = age_seconds < max(_YOUNG_SECONDS, 4 * self._wait_seconds)
        self._died_young = self._died_young + 1 if is_young else 0
        # Once is nothing: tokens are revoked, and servers restarted.
        free = _FREE_ENDS if has_ended else 1
        doublings = min(self._died_young - 1 - free, _MOST_DOUBLINGS)
        wait = _FIRST_SPACE_SECONDS * 2.0**doublings if doublings >= 0 else 0.0
        self._wait_seconds = min(wait, _LONGEST_SPACE_SECONDS)
        part = random.uniform(0.5, 1)  # noqa: S311 - no secret
        self._next_at = time.monotonic() + self._wait_seconds * part

    async def wait(self) -> None:
        """Wait until the next login may leave."""
        left = self._next_at - time.monotonic()
        if left > 0:
            await anyio.sleep(left)


_MOST_DOUBLINGS: Final = 32
_FIRST_QUIET: Final = timedelta(seconds=60)
_LONGEST_QUIET: Final = timedelta(minutes=15)
_NO_REFUSALS: Final = frozenset({408, 425, 429})
_FIRST_SERVER_ERROR: Final = 500


class _Refusal:
    """A login that was refused, or gives useless tokens, and is not repeated for a while.

    So many repetitions as there are campaigns to send would lock the account.
    """

    def __init__(self) -> None:
        self._error: MediasflowError | None = None
        self._until = 0.0
        self._quiet = _FIRST_QUIET

    def noted(self, error: MediasflowError) -> MediasflowError:
        """Return the error of a login; one that says that it is refused is remembered."""
        status = error.status or _FIRST_SERVER_ERROR
        if status >= _FIRST_SERVER_ERROR or status in _NO_REFUSALS:
            return error
        error.login_refused = True
        self.remember(error, "many refused ones may lock the account")
        return error

    def remember(self, error: MediasflowError, why: str) -> None:
        """Let calls end with an error for a while, and add to it why, and for how long."""
        again = datetime.now(UTC) + self._quiet
        error.next_step = (
            f"{error.next_step} The login is not tried again before {again:%H:%M:%S} UTC, since "
            f"{why}; a new Session, or with_options(dialect=...), starts anew."
        )
        self._error, self._until = copy.copy(error), time.monotonic() + self._quiet.total_seconds()
        self._quiet = min(2 * self._quiet, _LONGEST_QUIET)

    def remembered(self) -> MediasflowError | None:
        """Return the error that was remembered a short while ago, or None."""
        is_recent = self._error is not None and time.monotonic() < self._until
        return copy.copy(self._error) if is_recent else None


_FIRST_TRUST_SECONDS: Final = 1.0
_LONGEST_TRUST_SECONDS: Final = 300.0


class _Suspicion:
    """How old a bearer has to be for an ambiguous answer to cost a login."""

    def __init__(self) -> None:
        self._trust_seconds = 0.0

    def is_allowed(self, age_seconds: float, sign: DeathSign) -> bool:
        """Whether a bearer of this age may be given up for such an answer."""
        least = 0.0 if sign is DeathSign.TOLD else _FIRST_TRUST_SECONDS
        return age_seconds >= max(least, self._trust_seconds)

    def note_outcome(self, *, was_right: bool) -> None:
        """Note whether another bearer made the difference."""
        longer = min(max(2 * self._trust_seconds, _FIRST_TRUST_SECONDS), _LONGEST_TRUST_SECONDS)
        self._trust_seconds = 0.0 if was_right else longer
