"""Ports on this machine: whether one is free, and who has it."""

import errno
import socket
from collections.abc import Collection
from dataclasses import dataclass

import psutil

from hummingbus.stack.errors import StartError


@dataclass(frozen=True, slots=True)
class Listener:
    """Something of ours that is to listen, and the settings that say where.

    Args:
        name: what people call it.
        host: the address, and `host_setting` the setting that it came from.
        port: the port, and `port_setting` the setting that it came from.
        otherwise: what can be done instead of choosing another port, for the end of a sentence.
    """

    name: str
    host: str
    host_setting: str
    port: int
    port_setting: str
    otherwise: str = ""


def check_port(listener: Listener, ours: Collection[int] = ()) -> None:
    """Make sure that `listener` can listen. None of `ours`, the ports of all listeners, is proposed instead.

    Raises:
        StartError: if it can't; the text names the port and how to choose another one.
    """
    host, port = listener.host, listener.port
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise StartError(
            f"{listener.host_setting}={host} is not an address of this machine ({error.strerror})."
        ) from error
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server itself: TIME_WAIT is no obstacle
        try:
            probe.bind(address)
        except OSError as error:
            raise StartError(_why(error, listener, ours)) from error


def is_free(host: str, port: int) -> bool:
    """Return whether a server could listen on `host` and `port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _why(error: OSError, listener: Listener, ours: Collection[int]) -> str:
    host, port, setting = listener.host, listener.port, listener.port_setting
    if error.errno == errno.EADDRINUSE:
        other = next(one for one in (*range(port + 1, 65536), *range(port, 1023, -1)) if one not in {port, *ours})
        return (
            f"Port {port} on {host} is in use{_by_whom(port)}. Stop that program "
            f"or choose another port for {listener.name}: {setting}={other} ./run.sh{listener.otherwise}"
        )
    if error.errno == errno.EACCES:
        return (
            f"Port {port} needs rights that this user has not. Choose one above 1023: {setting}={port + 8000} ./run.sh"
        )
    settings = f"{listener.host_setting} and {setting}"
    return f"Can't listen on {host} port {port} for {listener.name} ({error.strerror}); see {settings}."


def _by_whom(port: int) -> str:
    """Return who listens on `port`, as far as this user may know."""
    try:
        for connection in psutil.net_connections("inet"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
            if listens and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:
        return ""
    return ""
