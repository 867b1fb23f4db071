"""Objects of ccxt's that several streams share, as ccxt puts all that one object follows on few sockets.

A client takes so many streams in its life and is closed with the last of them: not every exchange lets go of a single
stream, so what is left over ends with the client.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from shared.tasks import to_its_end

#: Streams of one client: what a socket that dies takes with it. Exchanges limit the subscriptions of a socket, and how
#: many may be asked for at once.
MOST_STREAMS = 30


class SharedClients:
    """The clients of one exchange. `make` returns a new one."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._open: _Shared | None = None

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Any]:
        """Lend a client for one stream. When a stream fails, no other one begins on its client."""
        if self._open is None or self._open.lent >= MOST_STREAMS:
            self._open = _Shared(self._make())
        shared = self._open
        shared.lent += 1
        shared.users += 1
        try:
            yield shared.client
        except Exception:
            if self._open is shared:
                self._open = None
            raise
        finally:
            shared.users -= 1
            if not shared.users:
                if self._open is shared:
                    self._open = None
                await to_its_end(shared.client.close())


class _Shared:
    def __init__(self, client: Any) -> None:
        self.client = client
        self.lent = 0
        self.users = 0
