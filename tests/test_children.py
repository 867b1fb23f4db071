"""What tests start ends with them."""

import asyncio
import subprocess
import sys

import psutil

from hummingbus.stack.processes import gone

_PARENT = """
import subprocess, sys, time
from tests.children import ends_with_us
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], preexec_fn=ends_with_us())
print(child.pid, flush=True)
time.sleep(600)
"""


def test_a_child_ends_when_its_test_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert asyncio.run(gone([child], 30))
