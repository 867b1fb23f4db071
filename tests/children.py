"""Processes that tests start end with the tests, also when those are killed and clean up nothing."""

import os
import signal
import threading
from collections.abc import Callable

from hummingbus.stack.processes import end_with_parent


def ends_with_us(number: signal.Signals = signal.SIGKILL) -> Callable[[], None] | None:
    """Return a `preexec_fn` that has the kernel send `number` to the child when this process ends (Linux only).

    For the kernel the parent is the thread: from another one than the main thread there is none. What runs in the child
    before the program touches nothing that another thread may hold.
    """
    if threading.current_thread() is not threading.main_thread():
        return None
    parent = os.getpid()
    return lambda: end_with_parent(number, parent)
