"""Ports that tests reserve: each once, in all processes, until the process ends."""

import subprocess
import sys

from tests.ports import reserved_port

_MANY = 300


def test_nobody_gets_the_same_port_twice() -> None:
    program = f"from tests.ports import reserved_port as one; print(*[one() for _ in range({_MANY})]); input()"
    others = [
        subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    ports = [reserved_port() for _ in range(_MANY)]
    for other in others:
        assert other.stdout is not None
        ports += map(int, other.stdout.readline().split())
    assert len(ports) == 3 * _MANY
    assert len(set(ports)) == len(ports)
    for other in others:
        other.communicate("\n", timeout=30)
