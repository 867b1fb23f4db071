"""Faults on demand: which of them meet a request or a stream's message, for how often and how long.

The rules are pure: time comes from the clock that is handed in, and waiting is left to the caller, but for the one hook
that REST calls. A fault applies where its path, method and account fit; what it leaves out, fits anything.
"""

import asyncio
from collections.abc import Callable
from enum import StrEnum

import msgspec

#: Seconds that a delayed request or message waits at most.
MOST_DELAY = 600.0


class FaultKind(StrEnum):
    """What goes wrong. The first six meet requests, the next five streams; the clock goes wrong for all, or for some
    requests.
    """

    LATENCY = "latency"
    TOO_MANY_REQUESTS = "too_many_requests"  # 429
    BANNED = "banned"  # 418
    SERVER_ERROR = "server_error"  # 5xx, nothing is done
    MAINTENANCE = "maintenance"  # 503; sockets are dropped and refused as well
    LOST_ANSWER = "lost_answer"  # done, and the connection closed instead of an answer
    DROPPED_SOCKET = "dropped_socket"
    MISSED_MESSAGE = "missed_message"
    DUPLICATED_MESSAGE = "duplicated_message"
    DELAYED_MESSAGE = "delayed_message"
    REORDERED_MESSAGE = "reordered_message"
    CLOCK_OFFSET = "clock_offset"


REFUSALS = frozenset({FaultKind.TOO_MANY_REQUESTS, FaultKind.BANNED, FaultKind.SERVER_ERROR, FaultKind.MAINTENANCE})
_REQUESTS = REFUSALS | {FaultKind.LATENCY, FaultKind.LOST_ANSWER, FaultKind.CLOCK_OFFSET}
_MESSAGES = frozenset(
    {
        FaultKind.DROPPED_SOCKET,
        FaultKind.MISSED_MESSAGE,
        FaultKind.DUPLICATED_MESSAGE,
        FaultKind.DELAYED_MESSAGE,
        FaultKind.REORDERED_MESSAGE,
    }
)
#: These close sockets, and refuse new ones where they last.
_CLOSING = frozenset({FaultKind.DROPPED_SOCKET, FaultKind.MAINTENANCE})


class NewFault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault as it is asked for.

    Attributes:
        path: of requests a path such as `/api/v3/order`, of streams a name such as `btcusdt@depth` or the path of the
            socket; with `*` at its end everything that begins so. For user streams the name is `userData`.
        method: GET, POST, PUT or DELETE; requests alone.
        api_key: of the account that it is to meet.
        count: how many requests or messages it meets; without one all, while it lasts.
        seconds: how long it lasts from now on.
        delay: seconds, of `latency` and `delayed_message`.
        status: of `server_error`, 500 to 599.
        retry_after: seconds, of `too_many_requests` and `banned`.
        offset: of `clock_offset`, ms that the exchange's clock is ahead: to requests where it says which, else to all
            and everywhere.
    """

    kind: FaultKind
    path: str | None = None
    method: str | None = None
    api_key: str | None = None
    count: int | None = None
    seconds: float | None = None
    delay: float = 1.0
    status: int = 500
    retry_after: int = 1
    offset: int = 0

    def __post_init__(self) -> None:
        if self.count is not None and self.count < 1:
            raise ValueError(f"expected a count of at least 1, was {self.count}")
        if self.seconds is not None and not 0 < self.seconds <= 10**9:
            raise ValueError(f"expected seconds above 0, was {self.seconds}")
        if not 0 <= self.delay <= MOST_DELAY:
            raise ValueError(f"expected a delay of 0 to {MOST_DELAY:.0f} s, was {self.delay}")
        if not 500 <= self.status <= 599:
            raise ValueError(f"expected a status of 500 to 599, was {self.status}")
        if not 0 <= self.retry_after <= 10**6:
            raise ValueError(f"expected retry_after of 0 to 1000000 s, was {self.retry_after}")
        if abs(self.offset) > 10**12:
            raise ValueError(f"expected an offset below 10^12 ms, was {self.offset}")

    @property
    def is_of_requests(self) -> bool:
        """Whether it says which requests it meets, or how many."""
        return any(said is not None for said in (self.path, self.method, self.api_key, self.count))


class Fault(msgspec.Struct, frozen=True):
    """A fault that is there: what was asked for, its id, how often it met something and will still."""

    id: int
    asked: NewFault
    until: int | None
    left: int | None
    met: int = 0


class RequestFault(msgspec.Struct, frozen=True):
    """What is to go wrong with a request.

    With a `status` it is answered so, without being served. A `lost` answer is not sent: the connection is closed.
    The clock that it is checked by and told is `offset` ms ahead of everybody else's.
    """

    status: int = 0
    body: bytes = b""
    retry_after: int | None = None
    lost: bool = False
    offset: int = 0


class MessageFault(msgspec.Struct, frozen=True):
    """What is to become of a message: sent `copies` times (0: not at all) after `delay` seconds.

    With `swap` it is sent after the next message of the same socket. With `close` the socket is closed instead.
    """

    copies: int = 1
    delay: float = 0.0
    swap: bool = False
    close: bool = False


_UNHARMED = MessageFault()


class Faults:
    """All faults that are there, oldest first."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._faults: dict[int, Fault] = {}
        self._last_id = 0
        self._listeners: list[Callable[[Fault], None]] = []

    def __bool__(self) -> bool:
        return bool(self._faults)

    def listen(self, listener: Callable[[Fault], None]) -> None:
        """Have `listener` told of every new fault, so that it can close sockets at once."""
        self._listeners.append(listener)

    def add(self, asked: NewFault) -> Fault:
        """Let a fault begin."""
        self._last_id += 1
        until = None if asked.seconds is None else self._now() + round(asked.seconds * 1000)
        fault = self._faults[self._last_id] = Fault(self._last_id, asked, until, asked.count)
        for listener in self._listeners:
            listener(fault)
        return fault

    def all(self) -> tuple[Fault, ...]:
        """Return the faults that are there, oldest first."""
        now = self._now()
        self._faults = {
            fault.id: fault
            for fault in self._faults.values()
            if (fault.until is None or now < fault.until) and fault.left != 0
        }
        return tuple(self._faults.values())

    def remove(self, fault_id: int | None = None) -> int:
        """End one fault, or all; return how many there were."""
        if fault_id is not None:
            return 0 if self._faults.pop(fault_id, None) is None else 1
        count = len(self.all())
        self._faults.clear()
        return count

    # Hooks of the protocols.

    async def before_request(self, path: str, api_key: str | None, method: str = "") -> RequestFault | None:
        """Wait as long as the request is to be delayed; return what else is to go wrong with it."""
        if not self._faults:
            return None
        delay, fault = self.request_fault(path, api_key, method)
        if delay:
            await asyncio.sleep(delay)
        return fault

    def request_fault(self, path: str, api_key: str | None, method: str = "") -> tuple[float, RequestFault | None]:
        """Return the seconds that a request is to wait, and what is to go wrong with it then.

        Delays add up, and so do offsets of the clock; of refusals the oldest counts, and a request that is refused
        loses no answer.
        """
        delay, offset, result = 0.0, 0, None
        for fault in self.all():
            kind = fault.asked.kind
            if kind not in _REQUESTS or not _fits(fault, path, api_key, method):
                continue
            if kind is FaultKind.LATENCY:
                delay = min(MOST_DELAY, delay + fault.asked.delay)
            elif kind is FaultKind.CLOCK_OFFSET:
                if not fault.asked.is_of_requests:
                    continue
                offset += fault.asked.offset
            elif result is None:
                result = _request_fault(fault.asked)
            else:
                continue
            self._count(fault)
        if offset:
            result = msgspec.structs.replace(result or RequestFault(), offset=offset)
        return delay, result

    def on_message(self, path: str, stream: str, api_key: str | None = None) -> MessageFault:
        """Return what becomes of a message of `stream` on a socket at `path`; user streams have an `api_key`."""
        if not self._faults:
            return _UNHARMED
        copies, delay, swap = 1, 0.0, False
        for fault in self.all():
            kind = fault.asked.kind
            if kind not in _MESSAGES or not (_fits(fault, path, api_key) or _fits(fault, stream, api_key)):
                continue
            self._count(fault)
            match kind:
                case FaultKind.DROPPED_SOCKET:
                    return MessageFault(close=True)
                case FaultKind.MISSED_MESSAGE:
                    copies = 0
                case FaultKind.DUPLICATED_MESSAGE:
                    copies *= 2
                case FaultKind.DELAYED_MESSAGE:
                    delay = min(MOST_DELAY, delay + fault.asked.delay)
                case _:
                    swap = True
        return MessageFault(copies, delay, swap)

    def refuses_socket(self, path: str, api_key: str | None = None) -> bool:
        """Return whether a socket may not be opened now: in maintenance. Nothing is counted."""
        return any(fault.asked.kind is FaultKind.MAINTENANCE and _fits(fault, path, api_key) for fault in self.all())

    def closes_socket(self, fault: Fault, path: str, api_key: str | None = None) -> bool:
        """Return whether `fault`, which is new, closes an open socket, and count it if so.

        A socket is known by its path and by each of its streams; ask for one after the other until it is closed.
        """
        if fault.asked.kind not in _CLOSING or not _fits(fault, path, api_key):
            return False
        current = self._faults.get(fault.id)
        if current is None or current.left == 0:
            return False
        self._count(current)
        return True

    def clock_offset(self) -> int:
        """Return by how many ms the exchange's clock is ahead to everybody; offsets add up."""
        if not self._faults:
            return 0
        asked = (fault.asked for fault in self.all())
        return sum(one.offset for one in asked if one.kind is FaultKind.CLOCK_OFFSET and not one.is_of_requests)

    def _count(self, fault: Fault) -> None:
        left = None if fault.left is None else fault.left - 1
        self._faults[fault.id] = msgspec.structs.replace(fault, left=left, met=fault.met + 1)


def _fits(fault: Fault, name: str, api_key: str | None, method: str = "") -> bool:
    asked = fault.asked
    if asked.api_key is not None and asked.api_key != api_key:
        return False
    if asked.method is not None and asked.method.upper() != method.upper():
        return False
    if asked.path is None:
        return True
    if asked.path.endswith("*"):
        return name.startswith(asked.path[:-1])
    return name == asked.path


def _request_fault(asked: NewFault) -> RequestFault:
    match asked.kind:
        case FaultKind.TOO_MANY_REQUESTS:
            text = b'{"code":-1003,"msg":"Too many requests; current limit exceeded."}'
            return RequestFault(429, text, asked.retry_after)
        case FaultKind.BANNED:
            text = b'{"code":-1003,"msg":"Way too much request weight used; IP banned. Please use WebSocket Streams."}'
            return RequestFault(418, text, asked.retry_after)
        case FaultKind.SERVER_ERROR:
            text = b'{"code":-1000,"msg":"An unknown error occurred while processing the request."}'
            return RequestFault(asked.status, text)
        case FaultKind.MAINTENANCE:
            return RequestFault(503, b'{"code":-1016,"msg":"This service is no longer available."}')
        case _:
            return RequestFault(lost=True)
