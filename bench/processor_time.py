"""Processor time of another process, to the nanosecond: ticks of 10 ms are too coarse for small loads."""

import time


def processor_seconds(pid: int) -> float:
    """Return the seconds that all threads of a process have used, those that have ended included. Linux only.

    The clock's number is that of clock_getcpuclockid(3): the inverted process id, then the kind (2: as scheduled).
    """
    return time.clock_gettime((~pid << 3) | 2)
