"""What an exchange says while it cannot store anything, and after."""

import asyncio
from pathlib import Path

from hummingbus.stack.postgres_server import PostgresServer
from tests.services.simulator.conftest import StartSimulator
from tests.services.simulator.process import Trader

MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}


async def test_orders_wait_or_are_refused_while_the_database_is_away(
    start_simulator: StartSimulator, folder: Path
) -> None:
    server = PostgresServer(folder / "postgres")
    await server.start()
    try:
        simulator = await start_simulator(DATABASE_URL=server.url)
        trader = await simulator.account({"USDT": "100000"})
        _, first = await trader.ask("POST", "/api/v3/order", **MARKET)
        server.kill()
        # One order finds out, and is acknowledged when it is stored; those after it are refused.
        waiting = asyncio.create_task(trader.ask("POST", "/api/v3/order", **MARKET))
        answer = await _refused(trader)
        assert answer["code"] == -1008
        assert not waiting.done()
        await server.start()
        status, second = await waiting
        assert status == 200, second
        status, third = await trader.ask("POST", "/api/v3/order", **MARKET)
        while status != 200:  # it is told within a second that the database is back
            assert third["code"] == -1008
            await asyncio.sleep(0.05)
            status, third = await trader.ask("POST", "/api/v3/order", **MARKET)
        await simulator.kill()
        await simulator.start()
        _, orders = await trader.ask("GET", "/api/v3/allOrders", symbol="BTCUSDT")
        assert {first["orderId"], second["orderId"], third["orderId"]} <= {order["orderId"] for order in orders}
        await simulator.kill()
        await trader.close()
    finally:
        await server.stop()


async def _refused(trader: Trader) -> dict[str, object]:
    """Ask for what changes nothing until it is refused because nothing can be changed."""
    async with asyncio.timeout(30):
        while True:
            status, answer = await trader.ask("DELETE", "/api/v3/openOrders", symbol="ETHUSDT")
            if answer["code"] != -2011:
                assert status >= 400
                return dict(answer)
            await asyncio.sleep(0.01)
