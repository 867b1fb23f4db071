"""What was acknowledged is there after SIGKILL, and the books are balanced."""

import asyncio
import random
from decimal import Decimal
from typing import Any

import httpx

from tests.services.simulator.conftest import StartSimulator
from tests.services.simulator.process import SimulatorProcess, Trader

PAIRS = ("BTCUSDT", "ETHUSDT", "ETHBTC")
START = {"USDT": "1000000", "BTC": "10", "ETH": "100"}
FUTURES = {"USDT": "1000000"}
_RESTING = {"BTCUSDT": "20000", "ETHUSDT": "1000", "ETHBTC": "0.02"}
_SIZE = {"BTCUSDT": "0.001", "ETHUSDT": "0.01", "ETHBTC": "0.1"}


class Load:
    """Orders of one account, several at a time, until the simulator is gone; notes what was acknowledged."""

    def __init__(self, trader: Trader, chance: random.Random) -> None:
        self.trader = trader
        self.chance = chance
        self.placed: dict[tuple[str, str, int], dict[str, Any]] = {}
        self.cancelled: set[tuple[str, str, int]] = set()
        self.acknowledged = asyncio.Event()

    async def run(self, name: int) -> None:
        number = 0
        try:
            while True:
                number += 1
                await self._one(f"w{name}n{number}")
        except httpx.HTTPError:
            return  # it was killed; what was under way was not acknowledged

    async def _one(self, client_id: str) -> None:
        futures = self.chance.random() < 0.3
        prefix = "/fapi/v1" if futures else "/api/v3"
        symbol = self.chance.choice(PAIRS[:2] if futures else PAIRS)
        side = self.chance.choice(("BUY", "SELL"))
        order: dict[str, object] = {"symbol": symbol, "side": side, "newClientOrderId": client_id}
        size = "0.02" if futures else _SIZE[symbol]
        if self.chance.random() < 0.5:
            order |= {"type": "MARKET", "quantity": size}
        else:
            size = "0.1" if futures else size
            price = {"BTCUSDT": "76000", "ETHUSDT": "3500"}[symbol] if futures else _RESTING[symbol]
            order |= {"type": "LIMIT", "timeInForce": "GTC", "quantity": size, "price": price, "side": "BUY"}
        status, answer = await self.trader.ask("POST", f"{prefix}/order", **order)
        if status != 200:
            return
        key = (prefix, symbol, answer["orderId"])
        self.placed[key] = answer
        if len(self.placed) > 40:
            self.acknowledged.set()
        if self.chance.random() < 0.3:
            status, _ = await self.trader.ask("DELETE", f"{prefix}/order", symbol=symbol, orderId=answer["orderId"])
            if status == 200:
                self.cancelled.add(key)


async def test_every_acknowledged_order_survives_sigkill(
    start_simulator: StartSimulator, simulator_database: str, seed: int
) -> None:
    chance = random.Random(seed)
    simulator = await start_simulator(DATABASE_URL=simulator_database, SIMULATOR_LIMITS="1000")
    trader = await simulator.account(START, FUTURES)
    load = Load(trader, chance)
    workers = [asyncio.create_task(load.run(number)) for number in range(8)]
    await asyncio.wait_for(load.acknowledged.wait(), 30)
    await asyncio.sleep(chance.random() * 0.3)  # any moment will do
    await simulator.kill()
    await asyncio.gather(*workers)
    await simulator.start()
    await _check_orders(load)
    await _check_spot_balances(simulator, trader)
    await _check_wallet(trader)
    # It goes on from there: ids are new, and the money can be used.
    status, order = await trader.ask(
        "POST", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001"
    )
    assert status == 200, order
    assert order["orderId"] > max(order_id for prefix, _, order_id in load.placed if prefix == "/api/v3")
    await trader.close()


async def _check_orders(load: Load) -> None:
    for (prefix, symbol, order_id), answer in load.placed.items():
        status, order = await load.trader.ask("GET", f"{prefix}/order", symbol=symbol, orderId=order_id)
        assert status == 200, (prefix, symbol, order_id, order)
        assert order["clientOrderId"] == answer["clientOrderId"]
        assert Decimal(order["executedQty"]) >= Decimal(answer["executedQty"])
        if (prefix, symbol, order_id) in load.cancelled:
            assert order["status"] == "CANCELED"


async def _check_spot_balances(simulator: SimulatorProcess, trader: Trader) -> None:
    """Balances are what was deposited, moved by all trades; what is locked is what open orders need."""
    expected = {asset: Decimal(amount) for asset, amount in START.items()}
    locked = dict.fromkeys(expected, Decimal(0))
    for symbol in PAIRS:
        base, quote = symbol[:3], symbol[3:]
        _, trades = await trader.ask("GET", "/api/v3/myTrades", symbol=symbol, limit=1000)
        assert len(trades) < 1000
        for trade in trades:
            sign = 1 if trade["isBuyer"] else -1
            expected[base] += sign * Decimal(trade["qty"])
            expected[quote] -= sign * Decimal(trade["quoteQty"])
            expected[trade["commissionAsset"]] -= Decimal(trade["commission"])
        _, orders = await trader.ask("GET", "/api/v3/openOrders", symbol=symbol)
        for order in orders:
            left = Decimal(order["origQty"]) - Decimal(order["executedQty"])
            locked[quote] += left * Decimal(order["price"])
    _, account = await trader.ask("GET", "/api/v3/account")
    rows = {row["asset"]: row for row in account["balances"]}
    for asset, total in expected.items():
        free, held = Decimal(rows[asset]["free"]), Decimal(rows[asset]["locked"])
        assert (asset, free + held) == (asset, total)
        assert (asset, held) == (asset, locked[asset])


async def _check_wallet(trader: Trader) -> None:
    """The futures wallet is the sum of its incomes, and positions are the sum of the fills."""
    _, incomes = await trader.ask("GET", "/fapi/v1/income", limit=1000, startTime=0)
    assert len(incomes) < 1000
    _, balances = await trader.ask("GET", "/fapi/v2/balance")
    wallet = next(Decimal(row["balance"]) for row in balances if row["asset"] == "USDT")
    assert wallet == sum(Decimal(income["income"]) for income in incomes)
    _, positions = await trader.ask("GET", "/fapi/v2/positionRisk")
    for symbol in PAIRS[:2]:
        _, fills = await trader.ask("GET", "/fapi/v1/userTrades", symbol=symbol, limit=1000)
        signed = sum(Decimal(fill["qty"]) * (1 if fill["side"] == "BUY" else -1) for fill in fills)
        assert signed == sum(Decimal(row["positionAmt"]) for row in positions if row["symbol"] == symbol)


async def test_accounts_and_candles_are_the_same_after_a_stop(
    start_simulator: StartSimulator, simulator_database: str
) -> None:
    simulator = await start_simulator(DATABASE_URL=simulator_database)
    trader = await simulator.account(START)
    status, order = await trader.ask(
        "POST", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="3.33333"
    )
    assert status == 200, order
    second = order["transactTime"] // 1000 * 1000
    await asyncio.sleep(max(0.0, (second + 1100 - await _time(trader)) / 1000))  # until the second is over
    before = await trader.public("/api/v3/klines", symbol="BTCUSDT", interval="1s", startTime=second, endTime=second)
    assert Decimal(before[0][5]) > Decimal("3.33333")
    _, account = await trader.ask("GET", "/api/v3/account")
    assert next(row["free"] for row in account["balances"] if row["asset"] == "BTC") == "13.32999667"
    await simulator.stop()
    await simulator.start()
    again = await trader.public("/api/v3/klines", symbol="BTCUSDT", interval="1s", startTime=second, endTime=second)
    assert again == before
    _, restored = await trader.ask("GET", "/api/v3/account")
    assert restored["balances"] == account["balances"]
    await trader.close()


async def _time(trader: Trader) -> int:
    answer = await trader.public("/api/v3/time")
    return int(answer["serverTime"])


async def test_a_simulator_that_was_replaced_acknowledges_nothing_more(
    start_simulator: StartSimulator, simulator_database: str
) -> None:
    first = await start_simulator(DATABASE_URL=simulator_database)
    trader = await first.account(START)
    await start_simulator(DATABASE_URL=simulator_database)
    status, answer = await trader.ask(
        "POST", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.1"
    )
    assert status != 200, answer
    await trader.close()
