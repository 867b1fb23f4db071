"""What is known of a feed, and what of it a reader has not been sent yet."""

import msgspec

from services.gateway_api.sockets.states import MOST_TRADES, Push, TradesState
from shared.contracts.marketdata.trades import LiveTrades, MarketTrade


def message(*numbers: int, with_ids: bool = True) -> bytes:
    trades = tuple(MarketTrade(float(at), 1.0, 1.0, "buy", str(at) if with_ids else None) for at in numbers)
    return msgspec.json.encode(LiveTrades("paper", "BTC-USDT", trades, 1))


def sent(push: Push | None) -> list[float]:
    assert push is not None
    assert isinstance(push.data, list)
    return [trade.timestamp for trade in push.data]


def test_a_trade_that_two_replicas_tell_is_sent_once() -> None:
    state = TradesState()
    mark = state.beginning()
    for some in (message(1, 2), message(2, 3), message(1)):
        state.take(some)
    mark, push = state.after(mark, 100)
    assert sent(push) == [1, 2, 3]
    state.take(message(2, 3))
    assert state.after(mark, 100) == (mark, None)


def test_trades_without_ids_are_all_sent() -> None:
    state = TradesState()
    mark = state.beginning()
    state.take(message(1, 1, with_ids=False))
    state.take(message(1, with_ids=False))
    assert sent(state.after(mark, 100)[1]) == [1, 1, 1]


def test_ids_are_not_kept_for_ever() -> None:
    state = TradesState()
    for begin in range(0, 2 * MOST_TRADES, 1000):
        state.take(message(*range(begin, begin + 1000)))
    assert len(state._seen._seen) == MOST_TRADES
