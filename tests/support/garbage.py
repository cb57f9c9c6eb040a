"""What is left to the collector of reference cycles, looked at by hand."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

__all__ = ["collected_by_hand"]

OURS = ("mediasflow_async", "tenacity", "httpx")


@contextmanager
def collected_by_hand() -> Generator[list[str], None, None]:
    """Give the names of the types of ours that only the collector of cycles could free."""
    found: list[str] = []
    gc.collect()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        kinds = [type(item) for item in gc.garbage]
        found += [
            f"{kind.__module__}.{kind.__qualname__}"
            for kind in kinds
            if _is_ours(kind) or kind.__name__ in {"traceback", "frame"}
        ]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def _is_ours(kind: type[Any]) -> bool:
    # The sandbox of other tests runs in a thread of its own, and closes their connections.
    return kind.__module__.startswith(OURS) and ".sandbox." not in kind.__module__
