"""Loading an exchange's markets in a thread: reading Binance's takes 0.4 s of processor time."""

import asyncio
from typing import Any

from shared.exchanges.clients import Blueprint
from shared.exchanges.traffic import Traffic
from shared.exchanges.unanswered import Unanswered


async def load(blueprint: Blueprint, traffic: Traffic) -> Any:
    """Return an object of ccxt's that has loaded the markets, without connections; the caller's loop goes on meanwhile.

    Others take the markets from it with `set_markets_from_exchange`.
    """
    return await asyncio.to_thread(_load, blueprint, traffic)


def _load(blueprint: Blueprint, traffic: Traffic) -> Any:
    async def loaded() -> Any:
        client = blueprint.observer(traffic)
        try:
            await client.load_markets()
        finally:
            await client.close()
        if not client.markets:
            raise Unanswered("it lists no markets")
        return client

    return asyncio.run(loaded())
