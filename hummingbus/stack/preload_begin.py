"""First import of the process that all groups are forked from: sets it apart from the terminal and ties it to us.

Imported by name in `group_process.py`, for its effect, and nowhere else: in a session of its own Ctrl-C does not reach
it (nor the groups, which are stopped in order instead), and it ends when the supervisor does.
"""

import os
import signal

from hummingbus.stack.processes import end_with_parent

signal.signal(signal.SIGINT, signal.SIG_IGN)
os.setsid()
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
end_with_parent(signal.SIGTERM, os.getppid())
