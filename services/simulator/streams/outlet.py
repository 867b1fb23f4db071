"""The way out to one socket: what faults do to its messages, and how far its reader may fall behind."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from services.simulator.streams.socket_limits import SocketLimits
from shared.http.websocket import Line
from shared.telemetry.logs import logger

_log = logger("simulator")

#: The close code of whoever breaks a rule (RFC 6455: policy violation), which Binance uses too.
POLICY = 1008
#: Seconds after which a message that is to change places with the next goes out alone.
_LONGEST_SWAP = 5.0


class MessageFault(Protocol):
    """What is to become of a message; see `faults.MessageFault`."""

    @property
    def copies(self) -> int: ...
    @property
    def delay(self) -> float: ...
    @property
    def swap(self) -> bool: ...
    @property
    def close(self) -> bool: ...


class MessageFaults(Protocol):
    """The faults, as far as they meet messages; see `faults.Faults`."""

    def __bool__(self) -> bool: ...
    def on_message(self, path: str, stream: str, api_key: str | None = None) -> MessageFault: ...


class Outlet:
    """Sends frames over `line`, in order but for what faults do."""

    def __init__(self, line: Line, path: str, faults: MessageFaults, limits: SocketLimits) -> None:
        self.path = path
        self._line = line
        self._faults = faults
        self._limits = limits
        self._held: deque[tuple[bytes, float]] = deque()  # frame and when it is to go, the delayed and those behind
        self._swapped: list[bytes] = []
        self._timers: set[asyncio.TimerHandle] = set()
        self._release: asyncio.TimerHandle | None = None
        self._held_bytes = 0
        self._ended = False

    def send(self, name: str, frame: bytes, api_key: str | None = None) -> None:
        """Send a frame of the stream `name`; `api_key` is of the account of a user stream."""
        if self._faults:
            self._send_faulty(name, frame, api_key)
        elif self._held or self._swapped:
            self._in_turn(frame, 0.0)
        else:
            self._write(frame)

    def close(self, code: int, reason: str) -> None:
        """Close the socket in an orderly way."""
        self.end()
        self._line.finish(code, reason)

    def drop(self) -> None:
        """Cut the socket off."""
        self.end()
        self._line.abort()

    def end(self) -> None:
        """Send nothing any more."""
        self._ended = True
        self._held.clear()
        self._swapped.clear()
        if self._release is not None:
            self._release.cancel()
        for timer in self._timers:
            timer.cancel()

    def _write(self, frame: bytes) -> None:
        if self._ended:
            return
        self._line.write(frame)
        if self._line.waiting > self._limits.waiting:
            self._too_slow()

    def _too_slow(self) -> None:
        _log.warning(
            "a stream's reader is too slow and was dropped", path=_public(self.path), behind=self._line.waiting
        )
        self.close(POLICY, "Too slow: the messages waiting for this connection were too many")

    # Faults.

    def _send_faulty(self, name: str, frame: bytes, api_key: str | None) -> None:
        fault = self._faults.on_message(self.path, name, api_key)
        if fault.close:
            self.drop()
            return
        if fault.swap and fault.copies:
            self._swapped += [frame] * fault.copies
            self._later(_LONGEST_SWAP, self._release_swapped)
            return
        for _ in range(fault.copies):
            self._in_turn(frame, fault.delay)

    def _in_turn(self, frame: bytes, delay: float) -> None:
        """Send a frame after `delay` seconds, behind the delayed ones; then those that change places with it."""
        frames = [frame, *self._swapped]
        self._swapped.clear()
        if not delay and not self._held:
            for each in frames:
                self._write(each)
            return
        due = asyncio.get_running_loop().time() + delay
        for each in frames:
            self._held.append((each, due))
            self._held_bytes += len(each)
        if self._held_bytes > self._limits.waiting:
            self._too_slow()
        elif self._release is None:
            self._arm()

    def _arm(self) -> None:
        self._release = asyncio.get_running_loop().call_at(self._held[0][1], self._release_due)

    def _release_due(self) -> None:
        self._release = None
        now = asyncio.get_running_loop().time()
        while self._held and self._held[0][1] <= now:
            frame, _ = self._held.popleft()
            self._held_bytes -= len(frame)
            self._write(frame)
        if self._held:
            self._arm()

    def _release_swapped(self) -> None:
        frames, self._swapped = self._swapped, []
        for frame in frames:
            self._write(frame)

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        def run() -> None:
            self._timers.discard(timer)
            call()

        timer = asyncio.get_running_loop().call_later(seconds, run)
        self._timers.add(timer)


def _public(path: str) -> str:
    """Return a path without what may be a listen key."""
    return path if "@" in path or len(path) < 24 else path[:16] + "…"
