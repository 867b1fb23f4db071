"""FastStream's broker over our own way to connect."""

from collections.abc import Awaitable, Callable

from faststream.nats import NatsBroker

from shared.bus.connection import Client, connect
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

    @property
    def connection(self) -> Client:
        """The connection; there is one once the broker has started."""
        assert isinstance(self._connection, Client)
        return self._connection

    @property
    def connected(self) -> bool:
        """Whether the server can be reached now."""
        return isinstance(self._connection, Client) and self._connection.is_connected
