"""The blacklist: numbers that must not be sent to (Guide: 2.9, 2.10).

The guide shows neither what the server answers to a number that is added, nor path and shape of
the whole list. What is read here takes any of the forms that are plausible.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Mapping,
)
from contextlib import aclosing
from functools import partial
from typing import Any, Final, TypeVar

import anyio

from mediasflow_async._core.calls import Operation, OperationKind
from mediasflow_async._core.judgement import Expected
from mediasflow_async._core.responses import ApiResponse
from mediasflow_async._core.streaming import ResponseStream
from mediasflow_async.concurrency import Outcomes, StopOn, map_bounded
from mediasflow_async.converter import Unreadable, reader_for, writer_for
from mediasflow_async.errors import ApiError, ConnectionFailed, RequestTimeout
from mediasflow_async.models import BlacklistEntry, BlacklistKind
from mediasflow_async.resources.api import Api, is_about, is_under_success
from mediasflow_async.resources.pages import Asked, arrays
from mediasflow_async.text.phones import InvalidPhone, to_e164
from mediasflow_async.validation import blacklist_problems, number_problems, refuse

__all__ = ["Blacklist", "BlacklistEntries"]

_OTHER_PATHS: Final = (
    "The guide does not name this function: try Dialect(blacklist_path='blacklistjson') or "
    "Dialect(blacklist_path='blacklist/json')."
)
# 405 is the answer of a path that has the function that adds a number, and no other.
_NO_SUCH_FUNCTION: Final = frozenset({404, 405})
_Result = TypeVar("_Result")
_ADD: Final = Operation(OperationKind.SET, "POST", "blacklist", Expected.CHANGE)


class Blacklist:
    """The account's blacklist; reached as `session.blacklist`."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._writer = writer_for(api.dialect)

    async def add(
        self,
        number: str,
        *,
        kind: BlacklistKind = BlacklistKind.MOBILE,
        description: str | None = None,
        brand: str | None = None,
    ) -> BlacklistEntry:
        """Add a number; it does no harm to add it again.

        Guide: 2.9.

        Args:
            number: the number, best in the form ``+33612345678``.
            kind: what must not be sent to it: SMS (MOBILE, the default) or voice messages.
            description: why it is added.
            brand: the brand that it is blacklisted for, in an account with several brands.

        Returns:
            The entry as the server answered it, with its `raw`, or else the one that was sent.

        Raises:
            InvalidRequest: an argument is wrong; no request was made.
            ApiError: the server refused.
        """
        return await self._add(
            BlacklistEntry(number, kind=kind, description=description, brand=brand)
        )

    def add_many(
        self,
        entries: Iterable[BlacklistEntry | str] | AsyncIterable[BlacklistEntry | str],
        *,
        limit: int | None = None,
        ordered: bool = False,
        stop_on: StopOn[BlacklistEntry | str, BlacklistEntry] | None = None,
    ) -> Outcomes[BlacklistEntry | str, BlacklistEntry]:
        """Add any number of phone numbers, several at once.

        Guide: 2.9. Each is a request of its own, as `add` makes it.

        Args:
            entries: entries, or numbers as text; read as calls end, never all at once.
            limit: requests under way at once; the session's `max_in_flight` by default.
            ordered: give outcomes in the order of the entries, instead of as they come.
            stop_on: errors, or a function of an `Outcome`, after which nothing is added.

        Returns:
            The outcomes, one for each entry, to be iterated over with `async for`.

        Raises:
            ConfigurationError: for a wrong `limit` or `stop_on`.
        """
        wanted = self._api.max_in_flight if limit is None else limit
        return map_bounded(self._add, entries, limit=wanted, ordered=ordered, stop_on=stop_on)

    def entries(self) -> BlacklistEntries:
        """Return the whole blacklist: `await` it for a list, or `async for` through it.

        Guide: 2.10. The guide gives neither path nor shape: see `Dialect.blacklist_path`. What
        is returned makes no request until it is used, and one each time.
        """
        return BlacklistEntries(self._api)

    async def contains(self, number: str) -> bool:
        """Whether a number is in the blacklist, in whatever form the two are written.

        Guide: 2.10. An entry of any kind and of any brand counts. The blacklist is read until
        the number is found: for many numbers, read `entries` once.

        Raises:
            InvalidRequest: for what is no phone number.
            NotFound: the server has no blacklist under `Dialect.blacklist_path`.
            ResponseInvalid: it cannot be read whole, so that nobody knows.
        """
        refuse(number_problems("number", number))
        return await BlacklistEntries(self._api).contain(number)

    async def _add(self, given: BlacklistEntry | str) -> BlacklistEntry:
        entry = BlacklistEntry(given) if isinstance(given, str) else given
        refuse(blacklist_problems(entry))
        answer = await self._api.call(_ADD, json=self._writer.blacklist_entry(entry))
        return _echoed(entry, answer)


class BlacklistEntries:
    """The entries of the blacklist, asked for when awaited or iterated over.

    Entries are decoded as they arrive: however many there are, few are in memory.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def __await__(self) -> Generator[Any, None, list[BlacklistEntry]]:
        return self._repeated(self._all).__await__()

    async def contain(self, number: str) -> bool:
        """Whether a number is among them; they are read until it is found."""
        return await self._repeated(partial(self._has, _comparable(number)))

    async def __aiter__(self) -> AsyncGenerator[BlacklistEntry, None]:
        async with aclosing(self.blocks()) as blocks:
            async for block in blocks:
                for entry in block:
                    yield entry

    async def blocks(
        self, opened: list[ResponseStream] | None = None
    ) -> AsyncGenerator[list[BlacklistEntry], None]:
        """Yield the entries as they arrive, a number of them at a time.

        Args:
            opened: takes each answer whose body is read.
        """
        read = reader_for(self._api.dialect.server_tz).read
        path = self._api.dialect.blacklist_path
        operation = Operation(OperationKind.READ, "GET", path, Expected.ROWS)
        asked = Asked(operation=operation, params={})
        try:
            async with aclosing(arrays(self._api, asked, opened)) as parts:
                async for body, first, items in parts:
                    entries: list[BlacklistEntry] = []
                    for index, item in enumerate(items, first):
                        given = {"item": item} if _is_number(item) else item
                        entry = read(given, BlacklistEntry, path=f"$[{index}]")
                        if isinstance(entry, Unreadable):
                            raise body.invalid(entry.message, entry.path)
                        entries.append(entry)
                    yield entries
        except ApiError as error:
            is_elsewhere = error.status in _NO_SUCH_FUNCTION or is_under_success(error)
            if is_elsewhere and is_about(error, operation):
                error.next_step = f"{error.next_step} {_OTHER_PATHS}"
            raise

    async def _all(self, opened: list[ResponseStream]) -> list[BlacklistEntry]:
        entries: list[BlacklistEntry] = []
        async with aclosing(self.blocks(opened)) as blocks:
            async for block in blocks:
                entries += block
        return entries

    async def _has(self, wanted: str, opened: list[ResponseStream]) -> bool:
        async with aclosing(self.blocks(opened)) as blocks:
            async for block in blocks:
                if any(_comparable(entry.number) == wanted for entry in block):
                    return True
        return False

    async def _repeated(
        self, read: Callable[[list[ResponseStream]], Awaitable[_Result]]
    ) -> _Result:
        """Return what is read from an answer; one that breaks off is asked for again."""
        policy, attempt = self._api.retry, 1
        while True:
            opened: list[ResponseStream] = []
            try:
                return await read(opened)
            except (ConnectionFailed, RequestTimeout) as error:
                if not opened or not policy.allows(error, attempt, OperationKind.READ):
                    raise
                wait = policy.wait_after(error, attempt)
            await anyio.sleep(wait.total_seconds())
            attempt += 1


def _echoed(entry: BlacklistEntry, answer: ApiResponse) -> BlacklistEntry:
    """Return the entry as the server answered it, or else the one that was sent."""
    if isinstance(answer.payload, Mapping) and "item" in answer.payload:
        return answer.read(BlacklistEntry)
    return entry


_LEAST_NUMBER: Final = 10**7


def _is_number(item: object) -> bool:
    """Whether an element may be a phone number by itself: a text, or that many digits."""
    return isinstance(item, str) or (isinstance(item, int | float) and item >= _LEAST_NUMBER)


def _comparable(number: str) -> str:
    """Return a number in the same form as every other spelling of it."""
    try:
        return to_e164(number)
    except InvalidPhone:
        return "".join(filter(str.isdigit, number))
