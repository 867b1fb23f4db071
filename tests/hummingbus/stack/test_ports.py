"""What is proposed in place of a port that is taken."""

import socket

import pytest

from hummingbus.stack.errors import StartError
from hummingbus.stack.ports import Listener, check_port


@pytest.mark.parametrize(("beside", "proposed"), [((), 1), ((1,), 2), ((1, 2), 3)])
def test_the_next_port_that_nothing_else_of_ours_has_is_proposed(beside: tuple[int, ...], proposed: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        listener = Listener(
            "the simulator", "127.0.0.1", "SIMULATOR_HOST", port, "SIMULATOR_PORT", ", or SIMULATOR=off"
        )
        with pytest.raises(StartError, match=rf"SIMULATOR_PORT={port + proposed} ./run.sh, or SIMULATOR=off"):
            check_port(listener, [port, *(port + one for one in beside)])
