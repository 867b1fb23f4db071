"""Orders through the simulator's matching engine alone, in one process, with every account update and event made.

    python -m bench.engine [--orders 20000]

Prints orders and trades a second by processor time, for spot and futures, and what requoting a synthetic book costs.
"""

import argparse
import time
from collections.abc import Callable
from decimal import Decimal
from random import Random

from services.simulator.engine.events import Trade
from services.simulator.engine.futures import FuturesEngine
from services.simulator.engine.refusal import Refusal
from services.simulator.engine.requests import NewOrder
from services.simulator.engine.spot import SpotEngine
from services.simulator.engine.symbols import spot_symbols, usdm_symbols
from services.simulator.engine.terms import OrderType, Side, TimeInForce
from services.simulator.engine.units import ONE

SYMBOL = "BTCUSDT"
USERS = 20
START = 1_700_000_000_000


def _crossing(random: Random, number: int) -> NewOrder:
    """Return one of a pair of limit orders: the first rests, the second takes it."""
    rests = number % 2 == 0
    return NewOrder(
        account=f"user{number // 2 % USERS if rests else (number // 2 + 7) % USERS}",
        symbol=SYMBOL,
        side=Side.SELL if (number // 2 % 2 == 0) == rests else Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity=Decimal(20 + number // 2 % 50).scaleb(-3),
        price=Decimal(60_000 + number // 2 % 40),
        client_order_id=f"order-{number}",
    )


def _random(random: Random, number: int) -> NewOrder:
    """Return a limit order within 0.1 % of the middle: about half of them trade, in part or in full."""
    return NewOrder(
        account=f"user{random.randrange(USERS)}",
        symbol=SYMBOL,
        side=random.choice((Side.BUY, Side.SELL)),
        type=OrderType.LIMIT,
        time_in_force=random.choice((TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC)),
        quantity=Decimal(random.randrange(10, 300)).scaleb(-3),
        price=Decimal(60_000 + random.randrange(-30, 31)),
    )


def _spot() -> SpotEngine:
    engine = SpotEngine(spot_symbols())
    for number in range(USERS):
        engine.open_account(f"user{number}")
        engine.set_balances(f"user{number}", {"USDT": 10**9 * ONE, "BTC": 10**5 * ONE})
    return engine


def _futures() -> FuturesEngine:
    engine = FuturesEngine(usdm_symbols())
    for number in range(USERS):
        engine.open_account(f"user{number}")
        engine.set_balances(f"user{number}", {"USDT": 10**9 * ONE})
    engine.set_mark_price(SYMBOL, 600_000)
    return engine


def _run(name: str, engine: SpotEngine | FuturesEngine, orders: list[NewOrder]) -> None:
    engine.advance(START)
    trades = refused = 0
    began = time.process_time()
    for number, order in enumerate(orders):
        if number % 64 == 0:
            engine.advance(engine.now + 3)
        try:
            outcome = engine.place(order)
        except Refusal:
            refused += 1
            continue
        trades += sum(type(event) is Trade for event in outcome.events)
    spent = time.process_time() - began
    _show(name, len(orders) / spent, f"{trades / spent:>8,.0f} trades/s", f"{refused} refused")


def _requotes(count: int) -> None:
    random = Random(7)  # noqa: S311 - not for secrets
    engine = _spot()
    engine.open_account("makers", unbounded=True)
    middle = 6_000_000
    books = []
    for _ in range(count):
        middle += random.randrange(-5, 6)
        books.append(
            (
                [(middle - 1 - 3 * level, random.randrange(1, 9) * 1000) for level in range(40)],
                [(middle + 1 + 3 * level, random.randrange(1, 9) * 1000) for level in range(40)],
            )
        )
    began = time.process_time()
    for bids, asks in books:
        engine.requote("makers", SYMBOL, bids, asks)
    spent = time.process_time() - began
    _show("requotes of 80 levels", count / spent, f"{spent / count * 1e6:>8,.0f} µs each")


def _show(name: str, rate: float, *more: str) -> None:
    print(f"{name:<28}{rate:>10,.0f} /s", *more, sep="   ")


def main() -> None:
    """Run all and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=20_000)
    count = parser.parse_args().orders
    kinds: list[tuple[str, Callable[[Random, int], NewOrder]]] = [("crossing", _crossing), ("random", _random)]
    for kind, make in kinds:
        random = Random(1)  # noqa: S311 - not for secrets
        orders = [make(random, number) for number in range(count)]
        _run(f"spot, {kind} orders", _spot(), orders)
        _run(f"futures, {kind} orders", _futures(), orders)
    _requotes(count // 20)


if __name__ == "__main__":
    main()
