"""Limits of time that stand for a promise: as long as they say, or in proportion longer on a machine that is slow now.

How long things take is measured in `bench/`. Here it tells what ends by itself from what only a deadline ends.
"""

import subprocess
import sys
import time

#: Seconds that the yardstick takes on a machine of two cores with nothing else to do.
USUAL = 0.4
#: What starting a service takes time for: a process, files, fresh memory, computing.
_YARDSTICK = "import asyncpg, httpx, litestar, pydantic, structlog"


def slowness() -> float:
    """Return how many times longer than usual the yardstick takes now, 1 at least."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", _YARDSTICK], check=True)
    return max(1.0, (time.monotonic() - began) / USUAL)


def within(seconds: float, began: float, what: str = "") -> None:
    """Fail unless less than `seconds` of the usual pace have gone by since `began` (monotonic clock)."""
    took = time.monotonic() - began
    if took < seconds:
        return
    slow = slowness()
    assert took < seconds * slow, f"expected {what or 'it'} within {seconds:g} s, took {took:.1f} s (pace 1/{slow:.1f})"
