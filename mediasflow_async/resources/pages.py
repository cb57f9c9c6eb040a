"""The rows of an answer that may come in pages, may not be ready, or may say that there are none.

The guide knows no pages (Guide: 2.5, 2.6, 2.10). A server that has some all the same is followed
where its answer says how, on its own address alone; where rows are missing, that is an error.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from math import inf
from typing import Any, Final, TypeVar

import anyio
import httpx
from attrs import evolve, frozen

from mediasflow_async._core.calls import Operation
from mediasflow_async._core.retry import paused
from mediasflow_async._core.streaming import ResponseStream
from mediasflow_async.converter.names import folded
from mediasflow_async.converter.reading import read_int
from mediasflow_async.errors import MediasflowError, ResponseInvalid, ServerError, value_of
from mediasflow_async.resources.api import Api, name_token_life

__all__ = ["Asked", "Given", "arrays", "refuse_further_pages", "until_ready"]

_Block = TypeVar("_Block")

_ACCEPTED: Final = 202


@frozen(kw_only=True)
class Asked:
    """A request for rows.

    Attributes:
        operation: the function.
        params: the query parameters.
        campaign_id: the campaign, or None.
    """

    operation: Operation
    params: Mapping[str, str]
    campaign_id: int | None = None


Given = tuple[ResponseStream, int, list[Any]]
"""The answer, the index of the first of these elements, and the elements."""


async def arrays(
    api: Api, asked: Asked, opened: list[ResponseStream] | None = None
) -> AsyncGenerator[Given, None]:
    """Yield the elements of the arrays that a request is answered with, page after page.

    Args:
        api: the session.
        asked: the request for the first page.
        opened: takes each answer whose body is read; a failure before is retried elsewhere.

    Raises:
        ResponseInvalid: the answer is none, or rows are missing and it does not say how to have
            them.
        ServerError: it was not ready by the deadline of the session (202).
    """
    async with aclosing(
        until_ready(api, asked.operation, lambda: _arrays(api, asked, opened))
    ) as blocks:
        async for block in blocks:
            yield block


async def until_ready(
    api: Api, operation: Operation, blocks_of: Callable[[], AsyncGenerator[_Block, None]]
) -> AsyncGenerator[_Block, None]:
    """Yield the blocks of an answer; one that is not ready yet is asked for again.

    Args:
        api: the session, whose retry policy says after which waits, and whose deadline ends them.
        operation: the function that is asked.
        blocks_of: asks it, and gives the blocks of its answer.
    """
    has_begun, attempt = False, 1
    deadline = anyio.current_time() + (
        inf if api.deadline_seconds is None else api.deadline_seconds
    )
    while True:
        try:
            async with aclosing(blocks_of()) as blocks:
                async for block in blocks:
                    has_begun = True
                    yield block
        except MediasflowError as error:
            name_token_life(error)
            # What was given would come twice.
            if has_begun or not isinstance(error, ServerError) or error.status != _ACCEPTED:
                raise
            left = deadline - anyio.current_time()
            if not await paused(error, attempt, operation, policy=api.retry, seconds_left=left):
                raise
        else:
            return
        attempt += 1


async def _arrays(
    api: Api, asked: Asked, opened: list[ResponseStream] | None
) -> AsyncGenerator[Given, None]:
    pages = _Pages(api.base_url)
    following: Asked | None = asked
    while following is not None:
        async with (
            api.stream(
                following.operation, campaign_id=asked.campaign_id, params=following.params
            ) as body,
            aclosing(body.aiter_array(may_be_empty=True)) as blocks,
        ):
            if opened is not None:
                opened.append(body)
            before = pages.given
            async for block in blocks:
                yield body, pages.given, block
                pages.given += len(block)
            following = value_of(pages.after(following, body, is_empty=pages.given == before))


def refuse_further_pages(body: ResponseStream) -> None:
    """Raise for an answer that is no array, and says that it goes on elsewhere."""
    if _NEXT_LINK.search(body.headers.get("link", "")):
        raise _missing(body, "the answer is a page, and its next one is not asked for")


class _Pages:
    """Follows the pages of one request.

    Args:
        base_url: the address that the next pages must be below.
    """

    def __init__(self, base_url: str) -> None:
        self.given = 0
        self._base = httpx.URL(base_url)
        self._numbers: list[int] = []
        self._links: set[str] = set()

    def after(
        self, asked: Asked, body: ResponseStream, *, is_empty: bool
    ) -> Asked | ResponseInvalid | None:
        """Return the request for the next page, None after the last, or an error."""
        members = dict(_members(body.around))
        link = _link_in(members) or _link_of(body)
        total = _total_in(members)
        if not (link or _says_more(members) or (total is not None and total > self.given)):
            return None
        of = "" if total is None else f" of {total}"
        reason = f"rows are missing: {self.given}{of} came"
        if is_empty:
            return _missing(body, reason)
        following = (
            self._linked(asked, link, body.target) if link else self._numbered(asked, members)
        )
        return following or _missing(
            body, f"{reason}, and the answer does not say how to ask for the others"
        )

    def _linked(self, asked: Asked, link: str, target: bytes) -> Asked | None:
        """Return the request for a link, if it is new and leads to the same place."""
        try:
            url = self._base.copy_with(raw_path=target).join(link)
        except httpx.InvalidURL:
            return None
        is_elsewhere = url.host != self._base.host or url.port not in {None, self._base.port}
        path = url.raw_path.split(b"?")[0].decode("ascii")
        base_path = self._base.raw_path.decode("ascii")
        if is_elsewhere or not path.startswith(base_path) or link in self._links:
            return None
        self._links.add(link)
        path = path.removeprefix(base_path)
        operation = evolve(asked.operation, path=path, is_as_given=True)
        return Asked(operation=operation, params=dict(url.params), campaign_id=asked.campaign_id)

    def _numbered(self, asked: Asked, members: Mapping[str, Any]) -> Asked | None:
        """Return the request for the next page of Spring, which counts them from 0.

        A server that does not heed the number gives the first page again.
        """
        number = _number(members.get("number"))
        if number is None or number != len(self._numbers):
            return None
        self._numbers.append(number)
        params = dict(asked.params) | {"page": str(number + 1)}
        if size := _number(members.get("size")):
            params["size"] = str(size)
        return evolve(asked, params=params)


# What may hold the members that tell of pages, beside the object around the array itself.
_NESTED: Final = ("page", "pagination", "paging", "meta", "links", "data", "result")
_NEXT: Final = ("next", "nextpage", "nexturl", "nextlink", "nextpageurl", "nexthref")
_MORE: Final = ("hasnext", "hasmore", "more", "hasnextpage", "truncated")
_TOTALS: Final = ("totalelements", "totalcount", "totalitems", "totalrows", "totalresults")
_TOTALS_OF_PAGES: Final = ("total", "count", "recordstotal")
_SIGNS: Final = frozenset(
    "page number size limit offset pagesize perpage pagenumber currentpage totalpages pagecount "
    "last first".split()
)
_NEXT_LINK: Final = re.compile(r"<([^<>]*)>[^<>]*;\s*rel\s*=\s*\"?[^\",;]*\bnext\b", re.IGNORECASE)


def _members(around: Mapping[str, Any], depth: int = 2) -> Iterator[tuple[str, Any]]:
    for name, value in around.items():
        yield folded(name), value
        if depth and isinstance(value, Mapping) and folded(name) in _NESTED:
            yield from _members(value, depth - 1)


def _link_in(members: Mapping[str, Any]) -> str:
    for name in _NEXT:
        value = members.get(name)
        link = value.get("href") if isinstance(value, Mapping) else value
        if isinstance(link, str) and ("/" in link or link.startswith("?")):
            return link
    return ""


def _link_of(body: ResponseStream) -> str:
    found = _NEXT_LINK.search(body.headers.get("link", ""))
    return found[1] if found else ""


def _total_in(members: Mapping[str, Any]) -> int | None:
    names = _TOTALS if _SIGNS.isdisjoint(members) else (*_TOTALS, *_TOTALS_OF_PAGES)
    totals = (_number(members[name]) for name in names if name in members)
    return next((total for total in totals if total is not None), None)


def _says_more(members: Mapping[str, Any]) -> bool:
    if members.get("last") is False or any(members.get(name) is True for name in _MORE):
        return True
    # A cursor, which is no link.
    return any(isinstance(members.get(name), str | int) and members[name] for name in _NEXT)


def _number(value: object) -> int | None:
    try:
        return read_int(value)
    except ValueError:
        return None


def _missing(body: ResponseStream, reason: str) -> ResponseInvalid:
    error = body.invalid(reason)
    less = []
    if b"from=" in body.target:
        less.append("by Dialect(window=timedelta(days=1))")
    if b"campaigns/" in body.target:
        less.append("by a filter of statuses")
    error.next_step = "Ask Mediasflow how this server gives all rows."
    if less:
        error.next_step += f" Until then ask for less at once, {' or '.join(less)}."
    return error
