"""Price-time priority against a naive reference, and book changes against the book."""

from decimal import Decimal
from random import Random

from services.simulator.engine.events import BookChange, Trade
from services.simulator.engine.requests import NewOrder
from services.simulator.engine.spot import SpotEngine
from services.simulator.engine.symbols import spot_symbols
from services.simulator.engine.terms import OrderType, SelfTrade, Side, TimeInForce
from tests.services.simulator.engine.desk import START, SYMBOL, of
from tests.services.simulator.engine.naive_book import NaiveBook

ACCOUNTS = ("alice", "bob", "carol")


class FollowedBook:
    """A book that a client keeps from the changes alone, by the rules of Binance's diff streams."""

    def __init__(self) -> None:
        self.update_id = 0
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}

    def apply(self, change: BookChange) -> None:
        assert change.first_update_id == self.update_id + 1
        assert change.last_update_id >= change.first_update_id
        self.update_id = change.last_update_id
        for side, levels in ((self.bids, change.bids), (self.asks, change.asks)):
            for price, steps in levels:
                assert side.get(price, 0) != steps, "a change must change something"
                side[price] = steps
                if not steps:
                    del side[price]

    def levels(self) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
        return tuple(sorted(self.bids.items(), reverse=True)), tuple(sorted(self.asks.items()))


def test_fills_are_those_of_the_reference(seed: int) -> None:
    random = Random(seed)
    engine = SpotEngine(spot_symbols(1))
    engine.advance(START)
    for name in ACCOUNTS:
        engine.open_account(name)
        engine.set_balances(name, {"USDT": 10**20, "BTC": 10**18})
    symbol, naive, followed = engine.symbols[SYMBOL], NaiveBook(), FollowedBook()
    for _ in range(600):
        account = random.choice(ACCOUNTS)
        if random.random() < 0.25 and (open_orders := engine.open_orders(account)):
            order_id = random.choice(open_orders).order_id
            outcome = engine.cancel(account, SYMBOL, order_id=order_id)
            naive.cancel(order_id)
        else:
            side = random.choice((Side.BUY, Side.SELL))
            kind = random.choice(("GTC", "GTC", "GTC", "IOC", "MARKET"))
            price = 0 if kind == "MARKET" else 6_000_000 + random.randrange(-8, 9)
            steps = random.randrange(100, 1000)
            outcome = engine.place(
                NewOrder(
                    account=account,
                    symbol=SYMBOL,
                    side=side,
                    type=OrderType.LIMIT if price else OrderType.MARKET,
                    time_in_force=TimeInForce(kind) if price else None,
                    quantity=symbol.quantity(steps),
                    price=symbol.price(price) if price else None,
                    self_trade=SelfTrade.NONE,
                )
            )
            assert outcome.order is not None
            expected = naive.place(outcome.order.order_id, side is Side.BUY, price, steps, rests=kind == "GTC")
            fills = [
                (one.seller_order_id if side is Side.BUY else one.buyer_order_id, one.price, one.quantity)
                for one in of(Trade, outcome)
            ]
            assert fills == expected
        for change in of(BookChange, outcome):
            followed.apply(change)
        depth = engine.depth(SYMBOL, 1000)
        assert (depth.bids, depth.asks) == (naive.levels(is_buy=True), naive.levels(is_buy=False))
        assert (depth.bids, depth.asks) == followed.levels()
        assert depth.last_update_id == followed.update_id
        assert not (depth.bids and depth.asks) or depth.bids[0][0] < depth.asks[0][0], "the book is crossed"
    assert engine.last_price(SYMBOL) > 0


def test_depth_is_cut_to_the_best_levels() -> None:
    engine = SpotEngine(spot_symbols(1))
    engine.open_account("alice")
    engine.set_balances("alice", {"USDT": 10**18, "BTC": 10**18})
    for level in range(1, 6):
        for side, price in ((Side.BUY, 60_000 - level), (Side.SELL, 60_000 + level)):
            engine.place(
                NewOrder(
                    account="alice",
                    symbol=SYMBOL,
                    side=side,
                    type=OrderType.LIMIT,
                    time_in_force=TimeInForce.GTC,
                    quantity=Decimal(1),
                    price=Decimal(price),
                )
            )
    depth = engine.depth(SYMBOL, 2)
    assert depth.bids == ((5_999_900, 100_000), (5_999_800, 100_000))
    assert depth.asks == ((6_000_100, 100_000), (6_000_200, 100_000))
    assert depth.last_update_id == 10
