"""The cookies of a session's own origin, in memory: a balancer's or a servlet container's.

Behind a load balancer, a server may know a token on the one machine that gave it: the cookie leads
back there. The session talks to one origin, so the jar holds no other's cookies.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from http.cookiejar import CookieJar
from typing import Any, Final, cast
from urllib.request import Request

import httpx

__all__ = ["Cookies"]

_MOST_PATHS: Final = 128
_LONGEST_HEADER: Final = 8192


class Cookies:
    """Keeps cookies and gives them back; what has no cookie costs nothing.

    Args:
        base_url: the address whose origin they belong to.
        is_kept: whether any are taken.

    Attributes:
        is_empty: whether there is nothing to send back.
    """

    def __init__(self, base_url: httpx.URL, *, is_kept: bool = True) -> None:
        self._is_kept = is_kept
        origin = base_url.copy_with(path="/")
        self._origin = str(origin).removesuffix("/")
        self._jar = CookieJar()
        self._headers: dict[bytes, tuple[float, str | None]] = {}
        self.is_empty = True

    def take(self, target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Keep the cookies of an answer.

        Args:
            target: what the request line said.
            headers: the headers of the answer.
        """
        if not self._is_kept:
            return
        self._jar.extract_cookies(cast("Any", _Told(headers)), self._request(target))
        self._headers.clear()
        self.is_empty = not len(self._jar)

    def header_for(self, target: bytes) -> str | None:
        """Return the value of the `Cookie` header of a request, or None without one."""
        path = target.partition(b"?")[0]
        until, value = self._headers.get(path, (0.0, None))
        now = time.time()
        if now >= until:
            value = self._written(path)
            if len(self._headers) >= _MOST_PATHS:
                self._headers.clear()
            ends = (cookie.expires for cookie in self._jar if cookie.expires is not None)
            self._headers[path] = (min(ends, default=float("inf")), value)
        return value

    def values(self) -> tuple[str, ...]:
        """Return the texts that must not be shown, whoever repeats them."""
        return tuple(cookie.value for cookie in self._jar if cookie.value)

    def _written(self, path: bytes) -> str | None:
        request = self._request(path)
        self._jar.add_cookie_header(request)
        self.is_empty = not len(self._jar)
        value: str | None = request.get_header("Cookie")
        is_sendable = value and value.isascii() and value.isprintable()
        return value if is_sendable and len(value or "") <= _LONGEST_HEADER else None

    def _request(self, target: bytes) -> Request:
        return Request(self._origin + target.decode("ascii"))  # noqa: S310 - it is never opened


class _Told:
    """The headers of an answer, as `http.cookiejar` reads them."""

    def __init__(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self._headers = headers

    def info(self) -> _Told:
        """Return what has the headers."""
        return self

    def get_all(self, wanted: str, default: list[str]) -> list[str]:
        """Return the values of a header."""
        found = [
            value.decode("latin-1")
            for name, value in self._headers
            if name.decode("latin-1").lower() == wanted.lower()
        ]
        return found or default
