"""One socket of market and user streams: what it is subscribed to, and its requests to change that.

Source: "Live Subscribing/Unsubscribing to streams" of `web-socket-streams.md`. Errors come as `{"error": {"code",
"msg"}, "id"}`, as the exchange sends them (its documentation leaves out the outer object). A stream that does not exist
is no error, but nothing is ever sent of it.
"""

from collections.abc import Iterable, Iterator

import msgspec

from services.simulator.streams.hub import Hub
from services.simulator.streams.names import is_well_formed
from services.simulator.streams.outlet import Outlet
from services.simulator.streams.user_streams import USER_DATA, UserStreams
from shared.http.websocket_frames import text_frame

#: Under this name faults know the answers to requests.
ANSWER = "answer"

_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
_LONGEST_ID = 36


class _Wrong(Exception):
    """A request that is answered with an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class MarketConnection:
    """A subscriber to the streams of one venue."""

    def __init__(self, hub: Hub, users: UserStreams, outlet: Outlet, most_streams: int, *, combined: bool) -> None:
        self._hub = hub
        self._users = users
        self._outlet = outlet
        self._most_streams = most_streams
        self._names: dict[str, None] = {}
        self._keys: dict[str, str] = {}  # listen key to the API key of its account
        self.combined = combined

    # As a subscriber.

    def deliver(self, name: str, frame: bytes, api_key: str | None) -> None:
        """See `topics.Subscriber`."""
        self._outlet.send(name, frame, api_key)

    def stream_ended(self, name: str) -> None:
        """Forget a user stream that is no more, and close the socket if it had no other."""
        self._keys.pop(name, None)
        self._names.pop(name, None)
        if not self._names:
            self._outlet.close(1000, "the listen key is no more")

    # Subscriptions.

    def known_as(self) -> Iterator[tuple[str, str | None]]:
        """Yield what faults know the socket by: its path and its streams, with the API key of a user stream."""
        yield self._outlet.path, None
        for name in self._names:
            api_key = self._keys.get(name)
            yield name if api_key is None else USER_DATA, api_key
        for api_key in self._keys.values():
            yield self._outlet.path, api_key

    def subscribe(self, names: Iterable[str]) -> bool:
        """Subscribe to `names`; return whether that is not more than a socket may have, else nothing is done."""
        new = [name for name in dict.fromkeys(names) if name not in self._names]
        if len(self._names) + len(new) > self._most_streams:
            return False
        for name in new:
            self._names[name] = None
            if (api_key := self._users.subscribe(self._hub.venue, name, self)) is not None:
                self._keys[name] = api_key
            else:
                self._hub.subscribe(name, self)
        return True

    def unsubscribe(self, names: Iterable[str]) -> None:
        """Subscribe to `names` no more."""
        for name in names:
            self._names.pop(name, None)
            if self._keys.pop(name, None) is not None:
                self._users.unsubscribe(name, self)
            else:
                self._hub.unsubscribe(name, self)

    def end(self) -> None:
        """Leave all streams."""
        self.unsubscribe(tuple(self._names))
        self._outlet.end()

    # Requests.

    def take(self, message: str | bytes) -> None:
        """Do what a message asks for, and answer it."""
        request_id: object = None
        try:
            request = _decoded(message)
            request_id = _request_id(request)
            answer: dict[str, object] = {"result": self._result(request), "id": request_id}
        except _Wrong as wrong:
            answer = {"error": {"code": wrong.code, "msg": str(wrong)}, "id": request_id}
        self._outlet.send(ANSWER, text_frame(msgspec.json.encode(answer)))

    def _result(self, request: dict[str, object]) -> object:
        method, parameters = _method(request), request.get("params", [])
        if not isinstance(parameters, list):
            raise _Wrong(2, "Invalid request: params must be an array")
        match method:
            case "SUBSCRIBE":
                if not self.subscribe(_names(parameters)):
                    raise _Wrong(2, f"Invalid request: more than {self._most_streams} streams on one connection")
            case "UNSUBSCRIBE":
                self.unsubscribe(_names(parameters))
            case "LIST_SUBSCRIPTIONS":
                if parameters:
                    raise _Wrong(2, "Invalid request: too many parameters")
                return list(self._names)
            case "SET_PROPERTY":
                self._set_property(parameters)
            case _:
                _property_name(parameters, 1)
                return self.combined
        return None

    def _set_property(self, parameters: list[object]) -> None:
        _property_name(parameters, 2)
        value = parameters[1] if len(parameters) > 1 else None
        if not isinstance(value, bool):
            raise _Wrong(1, "Invalid value type: expected Boolean")
        self.combined = value


def _decoded(message: str | bytes) -> dict[str, object]:
    try:
        request = msgspec.json.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _Wrong(3, "Invalid JSON: expected value at line 1 column 1") from error
    if not isinstance(request, dict):
        raise _Wrong(2, "Invalid request: expected an object")
    return request


def _request_id(request: dict[str, object]) -> object:
    request_id = request.get("id")
    if isinstance(request_id, str) and len(request_id) <= _LONGEST_ID:
        return request_id
    is_number = isinstance(request_id, int) and not isinstance(request_id, bool) and abs(request_id) < 1 << 63
    if request_id is not None and not is_number:
        raise _Wrong(2, "Invalid request: request ID must be an unsigned integer")
    return request_id


def _method(request: dict[str, object]) -> str:
    method = request.get("method")
    if method is None:
        raise _Wrong(2, "Invalid request: missing field `method`")
    if not isinstance(method, str) or method not in _METHODS:
        expected = ", ".join(f"`{known}`" for known in _METHODS)
        raise _Wrong(2, f"Invalid request: unknown variant `{str(method)[:40]}`, expected one of {expected}")
    return method


def _names(parameters: list[object]) -> list[str]:
    names = [name for name in parameters if isinstance(name, str) and is_well_formed(name)]
    if not names or len(names) != len(parameters):
        raise _Wrong(2, "Invalid request: invalid stream")
    return names


def _property_name(parameters: list[object], most: int) -> None:
    if len(parameters) > most:
        raise _Wrong(2, "Invalid request: too many parameters")
    if not parameters or not isinstance(parameters[0], str):
        raise _Wrong(2, "Invalid request: property name must be a string")
    if parameters[0] != "combined":
        raise _Wrong(0, "Unknown property")
