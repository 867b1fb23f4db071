"""Short words for the tests of the engine: accounts on one exchange, orders in decimal text, events by kind."""

from decimal import Decimal
from typing import Any, Generic, TypeVar

from services.simulator.engine.events import BookChange, Event, OrderUpdate, Outcome
from services.simulator.engine.futures import FuturesEngine
from services.simulator.engine.requests import NewOrder
from services.simulator.engine.spot import SpotEngine
from services.simulator.engine.symbols import spot_symbols, usdm_symbols
from services.simulator.engine.terms import OrderType, SelfTrade, Side, TimeInForce, WorkingType
from services.simulator.engine.units import to_decimal, to_units

E = TypeVar("E", bound=SpotEngine | FuturesEngine)
K = TypeVar("K", bound=Event)

START = 1_700_000_000_000
SYMBOL = "BTCUSDT"


def request(account: str, side: str, quantity: str | None, price: str | None = None, **more: Any) -> NewOrder:
    """Return an order on `SYMBOL`: a GTC limit order if it has a price, else a market order."""
    if "type" not in more:
        more["type"] = "LIMIT" if price else "MARKET"
    if more["type"] in {"LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"}:
        more.setdefault("time_in_force", "GTC")
    for field in ("stop_price", "quote_quantity"):
        if more.get(field) is not None:
            more[field] = Decimal(more[field])
    for field, words in (("time_in_force", TimeInForce), ("self_trade", SelfTrade), ("working_type", WorkingType)):
        if more.get(field) is not None:
            more[field] = words(more[field])
    more["type"] = OrderType(more["type"])
    return NewOrder(
        account=account,
        symbol=more.pop("symbol", SYMBOL),
        side=Side(side),
        quantity=None if quantity is None else Decimal(quantity),
        price=None if price is None else Decimal(price),
        **more,
    )


def of(kind: type[K], outcome: Outcome) -> list[K]:
    """Return the events of one kind."""
    return [event for event in outcome.events if isinstance(event, kind)]


class Desk(Generic[E]):
    """An engine at `START` and the things that tests do with it."""

    def __init__(self, engine: E) -> None:
        self.engine = engine
        engine.advance(START)

    def open(self, name: str, **totals: str) -> None:
        """Open an account with balances in whole assets."""
        self.engine.open_account(name)
        self.engine.set_balances(name, {asset: to_units(Decimal(total)) for asset, total in totals.items()})

    def buy(self, account: str, quantity: str | None, price: str | None = None, **more: Any) -> Outcome:
        return self.engine.place(request(account, "BUY", quantity, price, **more))

    def sell(self, account: str, quantity: str | None, price: str | None = None, **more: Any) -> Outcome:
        return self.engine.place(request(account, "SELL", quantity, price, **more))

    def balance(self, account: str, asset: str) -> tuple[Any, Any]:
        """Return (free, locked) in whole assets."""
        for row in self.engine.balances(account):
            if row.asset == asset:
                return amount(row.free), amount(row.locked)
        return 0, 0

    def book(self, limit: int = 50) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Return bids and asks as decimal text, without trailing zeros."""
        symbol = self.engine.symbols[SYMBOL]
        depth = self.engine.depth(SYMBOL, limit)
        bids, asks = (
            [(plain(symbol.price(price)), plain(symbol.quantity(steps))) for price, steps in side]
            for side in (depth.bids, depth.asks)
        )
        return bids, asks


def amount(units: int) -> Any:
    """Return units as a decimal, which tests may compare with an int as well."""
    return to_decimal(units)


def plain(value: Decimal) -> str:
    """Return a decimal as text without trailing zeros or exponent."""
    return f"{value.normalize():f}"


def spot_desk() -> Desk[SpotEngine]:
    """Return a spot exchange where alice and bob each have 1,000,000 USDT and 10 BTC."""
    desk = Desk(SpotEngine(spot_symbols()))
    for name in ("alice", "bob"):
        desk.open(name, USDT="1000000", BTC="10")
    return desk


def futures_desk(*, mark: str | None = "60000") -> Desk[FuturesEngine]:
    """Return a futures exchange where alice and bob each have 1,000,000 USDT, and carol has 1,000."""
    desk = Desk(FuturesEngine(usdm_symbols()))
    for name, total in (("alice", "1000000"), ("bob", "1000000"), ("carol", "1000")):
        desk.open(name, USDT=total)
    if mark is not None:
        desk.engine.set_mark_price(SYMBOL, desk.engine.symbols[SYMBOL].ticks(Decimal(mark)))
    return desk


def executions(outcome: Outcome) -> list[tuple[str, str, str]]:
    """Return (account, execution, status) of each order update."""
    return [(one.order.account, one.execution, one.order.status) for one in of(OrderUpdate, outcome)]


def book_changes(outcome: Outcome) -> list[BookChange]:
    return of(BookChange, outcome)
