"""What a socket may do: how much it may ask, how long it lasts, and how far its reader may fall behind."""

from dataclasses import dataclass, replace

#: The time for a pong, in intervals of pings: Binance pings every 20 s and waits a minute.
_PONG_INTERVALS = 3


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """The limits of each socket. Binance's figures are the defaults.

    Attributes:
        streams: subscriptions of one socket.
        spot_messages, usdm_messages: messages, pings and pongs that may come in within a second.
        api_messages: requests a second of the WebSocket API, which has its own limits at Binance.
        seconds: how long a socket may last.
        waiting: bytes that a reader may be behind.
        ping_interval: seconds between two pings.
    """

    streams: int = 1024
    spot_messages: int = 5
    usdm_messages: int = 10
    api_messages: int = 100
    seconds: float = 24 * 3600.0
    waiting: int = 4 * 1024 * 1024
    ping_interval: float = 20.0

    @property
    def ping_timeout(self) -> float:
        """Seconds within which a ping must be answered."""
        return _PONG_INTERVALS * self.ping_interval

    def times(self, factor: int) -> "SocketLimits":
        """Return limits by which `factor` times as many messages may come in."""
        return replace(
            self,
            spot_messages=self.spot_messages * factor,
            usdm_messages=self.usdm_messages * factor,
            api_messages=self.api_messages * factor,
        )
