"""No process outlives the one that started it, however that ended."""

from __future__ import annotations

import os
import threading
import time
from typing import Final

__all__ = ["end_with"]

_LOOK_EVERY_SECONDS: Final = 0.5


def end_with(parent: int) -> None:
    """End this process soon after its parent, of that number, has ended."""
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_SECONDS)
    os._exit(1)
