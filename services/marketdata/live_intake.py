"""Live data of other replicas, from the bus."""

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeVar

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from shared.bus.connection import Client, close, connect
from shared.bus.subjects import Subjects
from shared.contracts.declaration import Live
from shared.exchanges.errors import ExchangeDown
from shared.settings import Settings

P = TypeVar("P")

#: Messages of one subject that may lie unread.
MOST_UNREAD = 1000


class LiveIntake:
    """Follows subjects as `user`."""

    def __init__(self, settings: Settings, user: str) -> None:
        self._settings = settings
        self._user = user
        self._subjects = Subjects(settings.namespace)
        self._connection: Client | None = None

    async def start(self) -> None:
        """Connect, waiting for the server."""
        self._connection = await connect(self._settings, self._user)

    async def stop(self) -> None:
        """Close the connection."""
        await close(self._connection)

    async def watch(self, live: Live[P], connector: str, pair: str, *keys: str) -> AsyncGenerator[P, None]:
        """Yield what is sent on a subject, all of it, in order.

        Raises:
            ExchangeDown: if the bus is not there, or what comes is not read fast enough.
        """
        connection = self._connection
        if connection is None or not connection.is_connected:
            raise ExchangeDown("the bus is away")
        unread: asyncio.Queue[bytes] = asyncio.Queue(MOST_UNREAD)
        too_many = False

        async def take(message: Msg) -> None:
            nonlocal too_many
            if unread.full():
                too_many = True
            else:
                unread.put_nowait(message.data)

        decode = msgspec.json.Decoder(live.payload).decode
        subject = self._subjects.live(live, connector, pair, *keys)
        try:
            subscription = await connection.subscribe_directly(subject, take)
        except NatsError as error:
            raise ExchangeDown("the bus is away") from error
        try:
            while not too_many:
                yield decode(await unread.get())
            raise ExchangeDown("live data of another replica were not read fast enough")
        finally:
            try:
                await subscription.unsubscribe()
            except NatsError:
                # The connection is gone or reconnecting: the library forgets the subscription by itself.
                connection._remove_sub(subscription._id)
