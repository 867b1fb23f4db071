"""FastStream's broker over our own way to connect."""

from collections.abc import Awaitable, Callable
from types import TracebackType

from faststream.nats import NatsBroker
from nats.errors import Error as NatsError

from shared.bus.connection import Client, close, connect
from shared.settings import Settings


class Broker(NatsBroker):
    """A broker as the NATS user `user`; `start` waits for the server."""

    def __init__(
        self, settings: Settings, user: str, on_reconnect: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        super().__init__(apply_types=False, logger=None)
        self._settings = settings
        self._user = user
        self._on_reconnect = on_reconnect

    async def _connect(self) -> Client:
        connection = await connect(self._settings, self._user, on_reconnect=self._on_reconnect)
        self.config.connect(connection)
        return connection

    async def stop(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> None:
        """Send what waits to be sent, and close. While the server is away it is given up: the library would raise."""
        try:
            await super().stop(exc_type, exc_val, exc_tb)
        except NatsError:
            await close(self.connection)
            self._connection = None
            self.config.disconnect()

    @property
    def connection(self) -> Client:
        """The connection; there is one once the broker has started."""
        assert isinstance(self._connection, Client)
        return self._connection

    @property
    def connected(self) -> bool:
        """Whether the server can be reached now."""
        return isinstance(self._connection, Client) and self._connection.is_connected
