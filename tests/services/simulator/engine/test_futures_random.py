"""Random operations on a futures exchange: money and positions add up, reduce-only never turns, rows tell everything.

`--seeds 200` runs many of them.
"""

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from random import Random

from services.simulator.engine.events import Income, IncomeKind, OrderUpdate, Outcome, Trade
from services.simulator.engine.futures import FuturesEngine
from services.simulator.engine.refusal import Refusal
from services.simulator.engine.requests import NewOrder
from services.simulator.engine.symbol import Symbol
from services.simulator.engine.symbols import usdm_symbols
from services.simulator.engine.terms import OrderType, PositionSide, SelfTrade, Side, TimeInForce, WorkingType
from services.simulator.engine.units import ONE
from tests.services.simulator.engine.desk import START, of
from tests.services.simulator.engine.kept_rows import KeptRows

USERS = ("alice", "bob", "hedger")
HOUR = 3_600_000
Operation = Callable[[FuturesEngine], Outcome]


def made() -> FuturesEngine:
    engine = FuturesEngine(usdm_symbols())
    engine.advance(START)
    return engine


def set_up(engine: FuturesEngine, kept: KeptRows) -> None:
    for name in USERS:
        kept.write(engine.open_account(name))
        kept.write(engine.set_balances(name, {"USDT": 20_000 * ONE}))
    kept.write(engine.set_position_mode("hedger", hedge=True))
    for name in ("makers", "takers"):
        assert engine.open_account(name, unbounded=True).events == ()
    for symbol in engine.symbols.values():
        engine.set_mark_price(symbol.name, symbol.ticks(symbol.reference_price))


def random_order(random: Random, engine: FuturesEngine, account: str) -> NewOrder:
    symbol = random.choice(list(engine.symbols.values()))
    reference = symbol.ticks(symbol.reference_price)
    kind = random.choice(
        (OrderType.LIMIT,) * 6
        + (OrderType.MARKET, OrderType.MARKET, OrderType.STOP, OrderType.STOP_MARKET)
        + (OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_MARKET)
    )
    hedged = account == "hedger"
    closes_all = kind in {OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET} and random.random() < 0.4
    unit = int(200 / symbol.reference_price / symbol.step_size) + 1
    return NewOrder(
        account=account,
        symbol=symbol.name,
        side=random.choice((Side.BUY, Side.SELL)),
        type=kind,
        time_in_force=random.choice((TimeInForce.GTC, TimeInForce.GTC, *TimeInForce))
        if kind is OrderType.LIMIT
        else None,
        quantity=None if closes_all else symbol.quantity(unit * random.randrange(1, 20)),
        price=symbol.price(reference + random.randrange(-20, 21))
        if kind in {OrderType.LIMIT, OrderType.STOP, OrderType.TAKE_PROFIT}
        else None,
        stop_price=symbol.price(reference + random.randrange(-20, 21))
        if kind not in {OrderType.LIMIT, OrderType.MARKET}
        else None,
        client_order_id=random.choice((None, None, "one", "two")),
        position_side=random.choice((PositionSide.LONG, PositionSide.SHORT)) if hedged else None,
        reduce_only=True if random.random() < 0.3 and not hedged and not closes_all else None,
        close_position=closes_all,
        working_type=random.choice((None, *WorkingType)),
        self_trade=random.choice((None, *SelfTrade)),
    )


def random_operation(random: Random, engine: FuturesEngine, *, synthetic: bool = True) -> Operation:
    """Return an operation that the caller applies, to one engine or to several that should agree."""
    symbol = random.choice(list(engine.symbols.values()))
    account = random.choice(USERS)
    reference = symbol.ticks(symbol.reference_price)
    choice = random.random()
    if choice < 0.6 or (choice < 0.78 and not synthetic):
        order = random_order(random, engine, account)
        return lambda one: one.place(order)
    if choice < 0.68:
        middle = reference + random.randrange(-15, 16)
        bids = {middle - random.randrange(1, 6): random.randrange(1, 300) for _ in range(4)}
        asks = {middle + random.randrange(1, 6): random.randrange(1, 300) for _ in range(4)}
        return lambda one: one.requote("makers", symbol.name, bids.items(), asks.items())
    if choice < 0.78:
        side, steps = random.choice((Side.BUY, Side.SELL)), random.randrange(1, 500)
        return lambda one: one.take("takers", symbol.name, side, steps)
    if choice < 0.86:
        mark = reference + random.randrange(-20, 21)
        return lambda one: one.set_mark_price(symbol.name, mark)
    return random_change(random, engine, account, symbol)


def random_change(random: Random, engine: FuturesEngine, account: str, symbol: Symbol) -> Operation:
    """Return an operation on what is there: a cancellation, a modification, another leverage, funding."""
    reference = symbol.ticks(symbol.reference_price)
    choice = random.random()
    if choice < 0.35 and (orders := engine.open_orders(account)):
        chosen = random.choice(orders)
        return lambda one: one.cancel(account, chosen.symbol, order_id=chosen.order_id)
    if choice < 0.62 and (orders := engine.open_orders(account)):
        chosen = random.choice(orders)
        offered = engine.symbols[chosen.symbol]
        quantity = offered.quantity(max(1, chosen.quantity + random.randrange(-chosen.quantity, chosen.quantity + 1)))
        price = offered.price(max(1, (chosen.price or reference) + random.randrange(-10, 11)))
        return lambda one: one.modify(account, chosen.symbol, chosen.side, quantity, price, order_id=chosen.order_id)
    if choice < 0.68:
        return lambda one: one.cancel_all(account, symbol.name)
    if choice < 0.8:
        leverage = random.choice((1, 5, 20, 125))
        return lambda one: one.set_leverage(account, symbol.name, leverage)
    rate = Decimal(random.randrange(-5000, 5001)).scaleb(-8)
    due = engine.instrument_row(symbol.name).funding_time + 8 * HOUR
    return lambda one: one.apply_funding(symbol.name, rate, due)


def apply(operation: Operation, engine: FuturesEngine) -> Outcome | tuple[int, str]:
    """Return the outcome, or the code and text of the refusal."""
    try:
        return operation(engine)
    except Refusal as refused:
        return refused.code, refused.message


def check(engine: FuturesEngine) -> None:
    assert engine.imbalance() == {}
    state = engine.export()
    for name, symbol in engine.symbols.items():
        assert sum(row.quantity for row in state.positions if row.symbol == name) == 0, "each long has its short"
        depth = engine.depth(name, 1)
        assert not (depth.bids and depth.asks) or depth.bids[0][0] < depth.asks[0][0]
        for account in USERS:
            check_margin(engine, account, symbol.quote)
    for order in state.orders:
        if order.reduce_only and order.working:
            held = sum(
                row.quantity
                for row in state.positions
                if (row.account, row.symbol, row.position_side) == (order.account, order.symbol, order.position_side)
            )
            remaining = order.quantity - order.executed - order.prevented
            assert 0 < remaining <= (held if order.side is Side.SELL else -held)


def check_margin(engine: FuturesEngine, account: str, asset: str) -> None:
    """Compare the margin of an account with its definition, from rows alone."""
    initial = 0
    for name, symbol in engine.symbols.items():
        mark = engine.mark_price(name) * symbol.quote_unit
        positions = [view.position for view in engine.positions(account, name)]
        opening = [row for row in engine.open_orders(account, name) if row.working and not row.reduce_only]
        notional = dict.fromkeys(Side, 0)
        for row in opening:
            notional[row.side] += row.price * (row.quantity - row.executed - row.prevented) * symbol.quote_unit
        if engine.is_hedge(account):
            total = sum(abs(row.quantity) for row in positions) * mark + sum(notional.values())
        else:
            held = positions[0].quantity * mark
            total = max(abs(held + notional[Side.BUY]), abs(held - notional[Side.SELL]))
        initial += -(-total // engine.leverage(account, name))
    [view] = [view for view in engine.assets(account) if view.asset == asset]
    assert view.initial_margin == initial
    assert view.order_margin >= 0


def test_money_and_positions_add_up(seed: int) -> None:
    random, engine, kept = Random(seed), made(), KeptRows()
    set_up(engine, kept)
    refused = 0
    flows: dict[str, int] = defaultdict(int)  # what trading brought into each account's wallet, by the fills
    bought: dict[tuple[str, str], int] = defaultdict(int)
    for number in range(400):
        engine.advance(engine.now + random.randrange(2000))
        before = engine.export()
        outcome = apply(random_operation(random, engine), engine)
        if isinstance(outcome, Outcome):
            kept.write(outcome)
            for trade in of(Trade, outcome):
                bought[trade.buyer_account, trade.symbol] += trade.quantity
                bought[trade.seller_account, trade.symbol] -= trade.quantity
            for update in of(OrderUpdate, outcome):
                flows[update.order.account] += update.realized_profit - update.commission
            for income in of(Income, outcome):
                if income.kind is IncomeKind.FUNDING_FEE:
                    flows[income.account] += income.amount
        else:
            refused += 1
            assert engine.export() == before
        check(engine)
        if number % 10 == 0:
            kept.check_against(engine.export())
    for account in (*USERS, "makers", "takers"):
        for name in engine.symbols:
            held = sum(view.position.quantity for view in engine.positions(account, name))
            assert held == bought[account, name], "positions are the sum of the fills"
    for account in USERS:
        [wallet] = engine.balances(account)
        assert wallet.free == 20_000 * ONE + flows[account]
        incomes = sum(income.amount for income in kept.incomes if income.account == account)
        assert wallet.free == incomes, "the income history, transfers included, is the wallet"
    kept.check_fills()
    assert len(kept.fills) > 50, "the operations must make trades"
    assert 0 < refused < 350, "the operations must be refused now and then"


def test_a_restored_engine_goes_on_as_the_first(seed: int) -> None:
    random, engine = Random(seed), made()
    set_up(engine, KeptRows())
    for _ in range(200):
        engine.advance(engine.now + random.randrange(2000))
        apply(random_operation(random, engine), engine)
    for name in engine.symbols:
        engine.requote("makers", name, [], [])
    state = engine.export()
    restored = FuturesEngine(usdm_symbols())
    assert restored.restore(state) == ()
    assert restored.export() == state
    for _ in range(200):
        now = engine.now + random.randrange(2000)
        engine.advance(now)
        restored.advance(now)
        operation = random_operation(random, engine, synthetic=False)
        assert apply(operation, restored) == apply(operation, engine)
    assert restored.export() == engine.export()
    check(restored)
