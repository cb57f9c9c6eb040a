"""What a stretch of work cost this process: CPU, time, page faults and memory."""

from __future__ import annotations

import gc
import resource
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

from attrs import field, frozen

__all__ = ["Meter", "Reading"]

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")
_FORGET_THE_PEAK = "5"


@frozen(kw_only=True)
class Reading:
    """What a stretch of work cost.

    Attributes:
        count: units of work: requests, rows, items.
        cpu_seconds: time on the processor in user code and kernel, all threads and the child
            processes that ended.
        wall_seconds: time on the clock.
        minor_faults: pages that the kernel had to give.
        peak_growth_bytes: highest resident memory during the work, less that at its start; None
            where the system does not tell.
        figures: what the work reported of itself.
    """

    count: int
    cpu_seconds: float
    wall_seconds: float
    minor_faults: int
    peak_growth_bytes: int | None
    figures: Mapping[str, float] = field(factory=dict)


class Meter:
    """Reads the counters at its start, and what they grew by at `stop`."""

    def __init__(self) -> None:
        gc.collect()
        self._resident_bytes = _forgotten_peak_bytes()
        self._cpu_seconds, self._faults = _used()
        self._started = perf_counter()

    def stop(self, count: int, figures: Mapping[str, float] | None = None) -> Reading:
        """Return what was used since the start, for `count` units of work."""
        wall_seconds = perf_counter() - self._started
        cpu_seconds, faults = _used()
        return Reading(
            count=count,
            cpu_seconds=cpu_seconds - self._cpu_seconds,
            wall_seconds=wall_seconds,
            minor_faults=faults - self._faults,
            peak_growth_bytes=self._peak_growth_bytes(),
            figures=figures or {},
        )

    def _peak_growth_bytes(self) -> int | None:
        peak = _status_bytes("VmHWM")
        if peak is None or self._resident_bytes is None:
            return None
        return max(0, peak - self._resident_bytes)


def _used() -> tuple[float, int]:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent), sum(one.ru_minflt for one in spent)


def _forgotten_peak_bytes() -> int | None:
    """Start the peak anew and return the memory that is resident now; None where it cannot."""
    try:
        _CLEAR_REFS.write_text(_FORGET_THE_PEAK, encoding="ascii")
    except OSError:
        return None
    return _status_bytes("VmRSS")


def _status_bytes(name: str) -> int | None:
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kilobytes = next((line.split()[1] for line in lines if line.startswith(f"{name}:")), None)
    return None if kilobytes is None else int(kilobytes) * 1024
