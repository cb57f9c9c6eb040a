"""Regular expressions from users, compiled only when they cannot run for long."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from functools import lru_cache

from mediasflow_async.search.errors import SearchSyntaxError

MAX_LENGTH = 200
MAX_REPEATS = 2
"""How often a pattern may say `*`, `+` or `{}`: each multiplies the time by the text's length."""
MAX_CHOICES = 10
"""How often a pattern may say `?` or `|`: each may double the time."""

_TOKEN = re.compile(
    r"""
      (?P<plain> \\. | \[\^?\]?(?:\\.|[^\]\\])*\] )   # an escape, or a class such as [a-z]
    | (?P<open> \( (?:\?[:=!])? )
    | (?P<close> \) )
    | (?P<repeat> (?: [*+] | \{[0-9,]+\} ) [?+]? )
    | (?P<choice> [|?] )
    """,
    re.VERBOSE | re.DOTALL,
)


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile an `=re=` pattern.

    Raises:
        SearchSyntaxError: it is no regular expression, or one that could take very long: over
            200 characters, too many repeats or choices, or such inside a repeated group.
    """
    _refuse_slow(pattern)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(pattern)
    except re.error as error:
        reason = f"not a regular expression: {error.msg}"
        raise SearchSyntaxError(reason, pattern, error.pos or 0) from None
    except (OverflowError, RecursionError):
        raise SearchSyntaxError("the regular expression is too large", pattern, 0) from None


def _refuse_slow(pattern: str) -> None:
    if len(pattern) > MAX_LENGTH:
        raise SearchSyntaxError(f"more than {MAX_LENGTH} characters", pattern, MAX_LENGTH)
    counts = Counter[str]()
    groups = [False]
    closed_varying_at = -1
    for token in _TOKEN.finditer(pattern):
        kind = token.lastgroup or ""
        counts[kind] += 1
        if counts["repeat"] > MAX_REPEATS or counts["choice"] > MAX_CHOICES:
            reason = f"more than {MAX_REPEATS} repeats or {MAX_CHOICES} choices"
            raise SearchSyntaxError(reason, pattern, token.start())
        if kind == "repeat" and token.start() == closed_varying_at:
            reason = "a repeated group may hold no repeat and no choice"
            raise SearchSyntaxError(reason, pattern, token.start())
        if _close_varying(groups, kind):
            closed_varying_at = token.end()


def _close_varying(groups: list[bool], kind: str) -> bool:
    """Follow one token through the open groups; tell whether it closes one that varies."""
    if kind == "open":
        groups.append(False)
    elif kind in {"repeat", "choice"}:
        groups[-1] = True
    elif kind == "close" and len(groups) > 1:
        varies = groups.pop()
        groups[-1] |= varies
        return varies
    return False
