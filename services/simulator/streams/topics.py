"""Who listens to what: a topic frames an update once and hands the same bytes to all its subscribers."""

from typing import Protocol

from shared.http.websocket_frames import text_frame


class Subscriber(Protocol):
    """A connection. `combined` is whether it wants to be told the stream of each update."""

    @property
    def combined(self) -> bool: ...

    def deliver(self, name: str, frame: bytes, api_key: str | None) -> None:
        """Send an update of the stream `name` (user streams: of that account); never raises, and never waits."""

    def stream_ended(self, name: str) -> None:
        """Take note that a stream is no more."""


class Topic:
    """One stream with its subscribers. Faults know it as `known_as`; `api_key` is of the account of a user stream."""

    __slots__ = ("_api_key", "_combined_head", "_known_as", "subscribers")

    def __init__(self, name: str, known_as: str = "", api_key: str | None = None) -> None:
        self._known_as = known_as or name
        self._api_key = api_key
        self.subscribers: dict[Subscriber, None] = {}
        self._combined_head = f'{{"stream":"{name}","data":'.encode()

    def publish(self, payload: bytes) -> None:
        """Send `payload`, a JSON value."""
        raw = combined = b""
        for subscriber in tuple(self.subscribers):
            if subscriber.combined:
                combined = combined or text_frame(b"%b%b}" % (self._combined_head, payload))
                subscriber.deliver(self._known_as, combined, self._api_key)
            else:
                raw = raw or text_frame(payload)
                subscriber.deliver(self._known_as, raw, self._api_key)
