"""Ports for servers that tests start: nobody else's until the process that asked ends.

A port that the system gives (port 0, `free_port`) is in the range that outgoing connections and other servers are given
theirs from, and may be gone by the time a program that is told of it listens on it, or while that program is restarted.
"""

import fcntl
import os
import random
import tempfile
from pathlib import Path

from hummingbus.stack.ports import is_free

#: Below what Linux and macOS give to those who name no port, above what servers usually have.
_RANGE = range(20_000, 32_000)
#: One byte of this empty file stands for a port; the lock on a byte ends with the process that holds it.
_locks = Path(tempfile.gettempdir(), f"hummingbus-test-ports-{os.getuid()}").open("ab")  # noqa: SIM115
_ours: set[int] = set()


def reserved_port() -> int:
    """Return a port of 127.0.0.1 that is free, and that no other test of this user gets.

    Raises:
        RuntimeError: if there is none.
    """
    for port in random.sample(_RANGE, len(_RANGE)):
        if port in _ours:
            continue
        try:
            fcntl.lockf(_locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        except (BlockingIOError, PermissionError):
            continue
        if is_free("127.0.0.1", port):
            _ours.add(port)
            return port
        fcntl.lockf(_locks, fcntl.LOCK_UN, 1, port)
    raise RuntimeError(f"expected a free port in {_RANGE}")
