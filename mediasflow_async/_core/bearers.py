"""What answers say of a bearer, and their cookies: what a server gives to be sent back.

The guide shows a login as a page to click on, with the token in a header (Guide: 1.3), and says
nothing of how the server answers to a token that has ended. Each place and each status here is one
that a server plausibly uses.
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import Enum, auto
from http.cookiejar import CookieJar
from typing import Any, Final, cast
from urllib.request import Request

import httpx
import orjson

__all__ = [
    "ENDED",
    "REDIRECTS",
    "Cookies",
    "DeathSign",
    "bearer_in",
    "executed_nothing",
    "expiry_of",
    "is_page",
    "leads_to_login",
    "sign_of",
    "tells_of_token",
    "unannounced",
]

_ANNOUNCED: Final = re.compile(r"(?i)(?:authorization\s*[:=]\s*)?(?:bearer(?:\s*:\s*|\s+))*+(.*)")
_WORD: Final = re.compile(r"""[^\x00-\x20\x7f-\uffff"'<>{}]+""")
# What servers write where they have no token, as after a wrong password.
_NO_TOKENS: Final = frozenset({"bearer", "null", "undefined", "none", "nil", "false"})
_SHORTEST_TEXT: Final = 8
_SURELY_NO_WORD: Final = 24


def unannounced(text: str) -> str:
    """Return a bearer's text without quotes and without "Bearer", however often it says so."""
    found = _ANNOUNCED.fullmatch(text.strip().strip("\"'").strip())
    return found[1] if found else ""


def _word_in(text: str) -> str | None:
    """Return the token of a text, however it is announced, or None where it holds no token."""
    token = unannounced(text)
    return token if _WORD.fullmatch(token) and token.lower() not in _NO_TOKENS else None


_HEADERS: Final = (
    "authorization",
    "x-auth-token",
    "bearer",
    "x-access-token",
    "access-token",
    "x-authorization",
    "auth-token",
    "x-token",
    "token",
    "jwt",
)
# Letters alone: access_token and accessToken are one name. An ID token is for who has no other.
_NAMES: Final = (
    "accesstoken",
    "token",
    "jwt",
    "bearer",
    "bearertoken",
    "authtoken",
    "jwttoken",
    "apitoken",
    "sessiontoken",
    "authorization",
    "xauthtoken",
    "idtoken",
)
_MOST_ENVELOPES: Final = 4


def bearer_in(headers: Mapping[str, str], data: object) -> str | None:
    """Return the token that a login answered: in a header, in JSON, or as the text itself.

    Args:
        headers: the headers of the answer, whatever the case of their names.
        data: the decoded body.
    """
    for name in _HEADERS:
        # The name of a scheme that is not ours leaves two words, which are no token.
        if token := _word_in(headers.get(name, "")):
            return token
    return _token_text(data) if isinstance(data, str) else _token_in(data, _MOST_ENVELOPES)


def _token_text(text: str) -> str | None:
    """Return the token that a whole text is, which "Unauthorized" and a page are not."""
    token = _word_in(text)
    if token is None or len(token) < _SHORTEST_TEXT:
        return None
    is_announced = token != text.strip().strip("\"'")
    is_no_word = len(token) >= _SURELY_NO_WORD or not token.replace("-", "").isalpha()
    return token if is_announced or is_no_word else None


def _token_in(data: object, depth: int) -> str | None:
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
    if not isinstance(data, Mapping) or not depth:
        return None
    by_name = {re.sub(r"[^a-z]", "", str(name).lower()): value for name, value in data.items()}
    for name in _NAMES:
        value = by_name.get(name)
        found = _word_in(value) if isinstance(value, str) else _nested_token(value, depth - 1)
        if found:
            return found
    inside = (_token_in(value, depth - 1) for value in by_name.values())
    return next(filter(None, inside), None)


def _nested_token(value: object, depth: int) -> str | None:
    """Return the token in ``{"token": {"value": ...}}``."""
    text = value.get("value") if isinstance(value, Mapping) else None
    return _word_in(text) if isinstance(text, str) else _token_in(value, depth)


_JWT_PARTS: Final = 3


def expiry_of(token: str) -> float | None:
    """Return when a JWT ends, in seconds since 1970, or None for any other token."""
    parts = token.split(".")
    if len(parts) != _JWT_PARTS:
        return None
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return None
    expiry = claims.get("exp") if isinstance(claims, dict) else None
    return float(expiry) if isinstance(expiry, int | float) else None


class DeathSign(Enum):
    """What an answer says of the token of its request, where it says something."""

    REFUSED = auto()
    """401: the token is refused; nothing was executed, where `launch_refusals` has 401."""
    TOLD = auto()
    """The answer speaks of a session that is over or of a login."""
    POSSIBLE = auto()
    """The answer is one that servers give to dead tokens, among other things."""


_UNAUTHORIZED: Final = 401
_BAD_REQUEST: Final = 400
_REFUSALS_OF_TOKENS: Final = frozenset({401, 403})
ENDED: Final = frozenset({419, 440, 498})
"""Statuses that say that a session has ended."""
_AMBIGUOUS: Final = frozenset({400, 403, 500})
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
"""Statuses that name another address for the request."""
_FIRST_REDIRECT: Final = 300
_LOOKED_AT: Final = 4096
_PAGE_BYTES: Final = 65_536
_PAGE: Final = re.compile(rb"(?:<\?xml[^>]*>\s*)?<(?:!doctype html|html)")
_JSON: Final = (b"{", b"[")
_PASSWORD_FIELD: Final = re.compile(
    rb"""(?i)type\s*=\s*["']?password|j_security_check|j_username|name\s*=\s*["']?password"""
)
_IN_WORDS: Final = re.compile(
    r"(?i)(?:token|jeton|session|jwt|bearer)\b\W+(?:[\w']+\W+){0,3}?"
    r"(?:expir|invalid|revoked|unknown|not\s+known|not\s+valid|timed?\s*out|over\b|p[ée]rim)"
    r"|(?:expired|invalid|revoked|unknown|missing)\W+(?:\w+\W+){0,2}?(?:token|session|jwt|bearer)"
    r"|unauthori[sz]ed|unauthenticated|not\s+(?:authenticated|logged\s+in)|non\s+authentifi"
    r"|authentication\s+(?:is\s+)?(?:required|failed|expired)|log\s*in\s+again|reconnect|reconnexion"
)
_LOGIN_PLACE: Final = re.compile(
    rb"(?i)(?:^|[/._?&=-])(?:log-?in|sign-?in|auth|oauth2?|sso|cas|connexion|session-?expired)"
    rb"(?:$|[/._?&#=;-])"
)


def executed_nothing(status: int | None, sign: DeathSign, refusals: Collection[int]) -> bool:
    """Whether it is certain that a call was not executed whose token was refused.

    Args:
        status: the status of the answer.
        sign: what the answer says of the token.
        refusals: statuses that tell that nothing was executed.
    """
    if status == _BAD_REQUEST:
        return sign is DeathSign.TOLD and status in refusals
    if status in ENDED:
        return _UNAUTHORIZED in refusals
    return status in _REFUSALS_OF_TOKENS and status in refusals


def sign_of(
    status: int,
    headers: Sequence[tuple[bytes, bytes]],
    content: bytes | None,
    *,
    is_error: bool = True,
) -> DeathSign | None:
    """Return what an answer says of the token of its request, or None when nothing.

    Args:
        status: its status.
        headers: its headers, as they came.
        content: its decoded body, None where that is too large.
        is_error: whether it was taken for an error; only then do its words count.
    """
    if status == _UNAUTHORIZED:
        return DeathSign.REFUSED
    if status in ENDED:
        return DeathSign.TOLD
    if status in REDIRECTS:
        return DeathSign.TOLD if leads_to_login(headers) else DeathSign.POSSIBLE
    if status < _FIRST_REDIRECT:
        return _sign_under_success(headers, content or b"", is_error=is_error)
    if status not in _AMBIGUOUS:
        return None
    return DeathSign.TOLD if _tells_in_words(content) else DeathSign.POSSIBLE


def _sign_under_success(
    headers: Sequence[tuple[bytes, bytes]], content: bytes, *, is_error: bool
) -> DeathSign | None:
    if is_page(headers, content):
        is_login = _PASSWORD_FIELD.search(content[:_PAGE_BYTES])
        return DeathSign.TOLD if is_login else DeathSign.POSSIBLE
    return DeathSign.TOLD if is_error and _tells_in_words(content) else None


def _tells_in_words(content: bytes | None) -> bool:
    return tells_of_token((content or b"")[:_LOOKED_AT].decode(errors="replace"))


def tells_of_token(text: str) -> bool:
    """Whether a refusal blames the token or the session of its request."""
    return _IN_WORDS.search(text) is not None


def is_page(headers: Sequence[tuple[bytes, bytes]], content: bytes = b"") -> bool:
    """Whether an answer is an HTML page, by its media type or by how it begins."""
    start = content[:_LOOKED_AT].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if _PAGE.match(start):
        return True
    types = _values(headers, b"content-type")
    return any(b"html" in value.lower() for value in types) and not start.startswith(_JSON)


def leads_to_login(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether a redirect goes to a page to log in on."""
    return any(_LOGIN_PLACE.search(value) for value in _values(headers, b"location"))


def _values(headers: Sequence[tuple[bytes, bytes]], wanted: bytes) -> Iterator[Any]:
    return (value for name, value in headers if name.lower() == wanted)


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
