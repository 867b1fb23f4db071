"""Random operations on a spot exchange: nothing is lost or made, locks fit orders, rows tell everything, time is no
matter.

`--seeds 200` runs many of them.
"""

from collections.abc import Callable
from decimal import Decimal
from random import Random

from services.simulator.engine.events import OrderRow, Outcome
from services.simulator.engine.refusal import Refusal
from services.simulator.engine.requests import NewOrder
from services.simulator.engine.spot import SpotEngine
from services.simulator.engine.symbol import Symbol
from services.simulator.engine.symbols import spot_symbols
from services.simulator.engine.terms import OrderType, SelfTrade, Side, TimeInForce
from services.simulator.engine.units import ONE
from tests.services.simulator.engine.desk import START
from tests.services.simulator.engine.kept_rows import KeptRows

USERS = ("alice", "bob", "carol")
Operation = Callable[[SpotEngine], Outcome]


def made() -> SpotEngine:
    engine = SpotEngine(spot_symbols())
    engine.advance(START)
    return engine


def random_order(random: Random, symbol: Symbol, account: str) -> NewOrder:
    kind = random.choice(
        (OrderType.LIMIT,) * 6
        + (OrderType.LIMIT_MAKER, OrderType.MARKET, OrderType.MARKET, OrderType.STOP_LOSS)
        + (OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT)
    )
    reference = symbol.ticks(symbol.reference_price)

    def price() -> Decimal:
        return symbol.price(reference + random.randrange(-20, 21))

    limited = kind not in {OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT}
    quantity = symbol.quantity(random.randrange(1, 40) * int(30 / symbol.reference_price / symbol.step_size + 1))
    by_quote = kind is OrderType.MARKET and random.random() < 0.5
    return NewOrder(
        account=account,
        symbol=symbol.name,
        side=random.choice((Side.BUY, Side.SELL)),
        type=kind,
        time_in_force=random.choice((TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK))
        if limited and kind is not OrderType.LIMIT_MAKER
        else None,
        quantity=None if by_quote else quantity,
        quote_quantity=round(quantity * symbol.reference_price, 6) if by_quote else None,
        price=price() if limited else None,
        stop_price=price() if kind.startswith(("STOP", "TAKE")) else None,
        client_order_id=random.choice((None, None, "one", "two")),
        self_trade=random.choice((None, *SelfTrade)),
    )


def random_operation(random: Random, engine: SpotEngine, *, synthetic: bool = True) -> Operation:
    """Return an operation that the caller applies, to one engine or to several that should agree."""
    symbol = random.choice(list(engine.symbols.values()))
    account = random.choice(USERS)
    reference = symbol.ticks(symbol.reference_price)
    choice = random.random()
    if choice < 0.6 or (choice < 0.85 and not synthetic):
        order = random_order(random, symbol, account)
        return lambda one: one.place(order)
    if choice < 0.7:
        middle = reference + random.randrange(-15, 16)
        bids = [(middle - random.randrange(1, 6), random.randrange(1, 2000)) for _ in range(4)]
        asks = [(middle + random.randrange(1, 6), random.randrange(1, 2000)) for _ in range(4)]
        return lambda one: one.requote("makers", symbol.name, dict(bids).items(), dict(asks).items())
    if choice < 0.85:
        side, steps = random.choice((Side.BUY, Side.SELL)), random.randrange(1, 4000)
        return lambda one: one.take("takers", symbol.name, side, steps)
    return random_change(random, engine, account, symbol)


def random_change(random: Random, engine: SpotEngine, account: str, symbol: Symbol) -> Operation:
    """Return an operation on what is there: an amendment, a cancellation, a deposit."""
    choice = random.random()
    if choice < 0.3 and (orders := engine.open_orders(account)):
        chosen = random.choice(orders)
        quantity = engine.symbols[chosen.symbol].quantity(max(1, int(chosen.quantity * random.random() * 1.1)))
        name = random.choice((None, "one", "amended", chosen.client_order_id))
        return lambda one: one.amend(
            account, chosen.symbol, quantity, order_id=chosen.order_id, new_client_order_id=name
        )
    if choice < 0.7 and (orders := engine.open_orders(account)):
        chosen = random.choice(orders)
        return lambda one: one.cancel(account, chosen.symbol, order_id=chosen.order_id)
    if choice < 0.8:
        return lambda one: one.cancel_all(account, symbol.name)
    asset = random.choice((symbol.base, symbol.quote))
    locked = next((row.locked for row in engine.balances(account) if row.asset == asset), 0)
    total = locked + random.randrange(20_000 * ONE)
    return lambda one: one.set_balances(account, {asset: total})


def apply(operation: Operation, engine: SpotEngine) -> Outcome | tuple[int, str]:
    """Return the outcome, or the code and text of the refusal."""
    try:
        return operation(engine)
    except Refusal as refused:
        return refused.code, refused.message


def needs(engine: SpotEngine, row: OrderRow) -> tuple[str, int]:
    """Return what an open order must have locked, by its definition."""
    symbol = engine.symbols[row.symbol]
    remaining = row.quantity - row.executed - row.prevented
    if row.side is Side.SELL:
        return symbol.base, remaining * symbol.base_unit
    return symbol.quote, remaining * (row.price or row.stop_price) * symbol.quote_unit


def check(engine: SpotEngine) -> None:
    assert engine.imbalance() == {}
    for account in USERS:
        expected: dict[str, int] = {}
        for row in engine.open_orders(account):
            asset, amount = needs(engine, row)
            expected[asset] = expected.get(asset, 0) + amount
        for balance in engine.balances(account):
            assert balance.free >= 0
            assert balance.locked == expected.get(balance.asset, 0)
    for name in engine.symbols:
        depth = engine.depth(name, 1)
        assert not (depth.bids and depth.asks) or depth.bids[0][0] < depth.asks[0][0]


def set_up(engine: SpotEngine, kept: KeptRows) -> None:
    for name in USERS:
        kept.write(engine.open_account(name))
        kept.write(engine.set_balances(name, {"USDT": 10_000 * ONE, "BTC": ONE, "ETH": 10 * ONE, "SOL": 50 * ONE}))
    for name in ("makers", "takers"):
        assert engine.open_account(name, unbounded=True).events == ()


def test_nothing_is_lost_and_everything_is_told(seed: int) -> None:
    random, engine, kept = Random(seed), made(), KeptRows()
    set_up(engine, kept)
    refused = 0
    for number in range(400):
        engine.advance(engine.now + random.randrange(2000))
        before = engine.export()
        outcome = apply(random_operation(random, engine), engine)
        if isinstance(outcome, Outcome):
            kept.write(outcome)
        else:
            refused += 1
            assert engine.export() == before
        check(engine)
        if number % 10 == 0:
            kept.check_against(engine.export())
    kept.check_fills()
    assert len(kept.fills) > 50, "the operations must make trades"
    assert 0 < refused < 300, "the operations must be refused now and then"


def test_a_restored_engine_goes_on_as_the_first(seed: int) -> None:
    random, engine, kept = Random(seed), made(), KeptRows()
    set_up(engine, kept)
    for _ in range(200):
        engine.advance(engine.now + random.randrange(2000))
        apply(random_operation(random, engine), engine)
    for name in engine.symbols:
        engine.requote("makers", name, [], [])
    state = engine.export()
    restored = SpotEngine(spot_symbols())
    assert restored.restore(state) == ()
    assert restored.export() == state
    for name in engine.symbols:
        assert restored.depth(name, 1000) == engine.depth(name, 1000)
    for _ in range(200):
        now = engine.now + random.randrange(2000)
        engine.advance(now)
        restored.advance(now)
        operation = random_operation(random, engine, synthetic=False)
        assert apply(operation, restored) == apply(operation, engine)
    assert restored.export() == engine.export()
    check(restored)


def test_users_rows_alone_are_enough(seed: int) -> None:
    random, engine, kept = Random(seed), made(), KeptRows()
    set_up(engine, kept)
    for _ in range(200):
        outcome = apply(random_operation(random, engine), engine)
        if isinstance(outcome, Outcome):
            kept.write(outcome)
    whole = engine.export()
    restored = SpotEngine(spot_symbols())
    restored.restore(
        type(whole)(
            now=whole.now,
            counters=whole.counters,
            instruments=whole.instruments,
            accounts=tuple(kept.accounts.values()),
            balances=tuple(kept.balances.values()),
            orders=tuple(kept.open_orders.values()),
        )
    )
    kept.check_against(restored.export())
    check(restored)
