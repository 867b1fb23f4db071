"""Messages of Binance's user streams that ccxt leaves lying, or reads wrongly.

Sources: "User Data Stream" of Binance's spot documentation (`eventStreamTerminated`, `balanceUpdate`,
`externalLockUpdate`) and "User Data Streams" of the USD-M futures documentation (`listenKeyExpired`).
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from shared.exchanges.errors import ExchangeDown

#: After these nothing comes any more, though the socket stays open.
_ENDS = frozenset({"eventStreamTerminated", "listenKeyExpired"})
#: These tell differences, which ccxt adds to balances that it does not know.
_DIFFERENCES = frozenset({"balanceUpdate", "externalLockUpdate"})


def attend(client: Any, balances_wanted: asyncio.Event) -> None:
    """Have an object of ccxt's end its streams when the exchange does, and balances asked for after differences."""
    handle = client.handle_message

    def handled(socket: Any, message: Any) -> None:
        wrapped = message.get("event") if isinstance(message, Mapping) else None
        inner = wrapped if isinstance(wrapped, Mapping) else message
        kind = inner.get("e") if isinstance(inner, Mapping) else None
        if kind in _ENDS:
            socket.reject(ExchangeDown("the exchange has ended the user stream"))
        elif kind in _DIFFERENCES:
            balances_wanted.set()
        else:
            handle(socket, message)

    client.handle_message = handled
