"""What ccxt's `binanceusdm` does with the simulator's futures exchange."""

from itertools import pairwise
from typing import Any

import ccxt
import pytest

from tests.services.simulator.rest.ccxt_clients import connect
from tests.services.simulator.rest.venue_server import VenueServer

PAIR = "BTC/USDT:USDT"


@pytest.fixture
def exchange(server: VenueServer) -> Any:
    connected = connect("binanceusdm", server.url, server.account({"USDT": "1"}, {"USDT": "100000"}))
    connected.load_markets()
    return connected


@pytest.fixture
def price(exchange: Any) -> float:
    """The price now, rounded to whole quote units."""
    return float(round(exchange.fetch_ticker(PAIR)["last"]))


def test_it_loads_the_perpetuals(exchange: Any) -> None:
    market = exchange.load_markets()[PAIR]

    assert market["swap"] is True
    assert market["linear"] is True
    assert market["precision"]["price"] == 0.1
    assert market["precision"]["amount"] == 0.001
    assert market["limits"]["cost"]["min"] == 100.0


def test_it_fetches_market_data(exchange: Any) -> None:
    ticker = exchange.fetch_ticker(PAIR)
    book = exchange.fetch_order_book(PAIR, 20)
    trades = exchange.fetch_trades(PAIR, limit=20)

    assert 0 < ticker["low"] <= ticker["last"] <= ticker["high"]
    assert {PAIR, "ETH/USDT:USDT"} <= set(exchange.fetch_tickers())
    assert book["bids"][0][0] < book["asks"][0][0]
    assert len(book["bids"]) == 20
    assert len(trades) == 20
    assert abs(exchange.fetch_time() - exchange.milliseconds()) < 5_000
    assert exchange.fetch_bids_asks([PAIR])[PAIR]["ask"] > 0


def test_it_pages_through_candles_of_all_prices(exchange: Any) -> None:
    start = exchange.milliseconds() // 86_400_000 * 86_400_000 - 10 * 86_400_000
    first = exchange.fetch_ohlcv(PAIR, "1m", since=start, limit=1000)
    second = exchange.fetch_ohlcv(PAIR, "1m", since=first[-1][0] + 60_000, limit=1000)

    assert [row[0] for row in first + second] == list(range(start, start + 2000 * 60_000, 60_000))
    for kind in ("mark", "index", "premiumIndex"):
        rows = exchange.fetch_ohlcv(PAIR, "1h", since=start, limit=24, params={"price": kind})
        assert [row[0] for row in rows] == list(range(start, start + 24 * 3_600_000, 3_600_000))
        assert all(row[3] <= row[1] <= row[2] for row in rows)


def test_it_fetches_funding(exchange: Any) -> None:
    rate = exchange.fetch_funding_rate(PAIR)
    history = exchange.fetch_funding_rate_history(PAIR, limit=10)

    assert abs(rate["fundingRate"]) < 0.0076
    assert rate["markPrice"] == pytest.approx(rate["indexPrice"], rel=0.01)
    assert rate["fundingTimestamp"] > exchange.milliseconds()
    assert len(history) == 10
    assert {later["timestamp"] - earlier["timestamp"] for earlier, later in pairwise(history)} == {8 * 3_600_000}
    assert PAIR in exchange.fetch_funding_rates()
    since = history[-3]["timestamp"]
    assert exchange.fetch_funding_rate_history(PAIR, since=since)[0]["timestamp"] == since


def test_a_position_is_opened_and_closed(exchange: Any, price: float) -> None:
    bought = exchange.create_order(PAIR, "market", "buy", 0.1)
    [position] = exchange.fetch_positions([PAIR])

    assert bought["status"] == "closed"
    assert bought["average"] == pytest.approx(price, rel=0.01)
    assert (position["side"], position["contracts"]) == ("long", 0.1)
    assert position["entryPrice"] == pytest.approx(bought["average"])
    assert position["marginMode"] == "cross"
    assert position["initialMargin"] > 0
    balance = exchange.fetch_balance()["USDT"]
    assert 0 < balance["free"] < balance["total"] < 100_000
    assert [one["contracts"] for one in exchange.fetch_account_positions([PAIR])] == [0.1]

    closed = exchange.create_order(PAIR, "market", "sell", 0.5, None, {"reduceOnly": True})

    assert closed["filled"] == 0.1
    assert exchange.fetch_positions([PAIR]) == []
    assert {trade["order"] for trade in exchange.fetch_my_trades(PAIR)} == {bought["id"], closed["id"]}
    kinds = {row["info"]["incomeType"] for row in exchange.fetch_ledger("USDT")}
    assert {"TRANSFER", "COMMISSION"} <= kinds
    with pytest.raises(ccxt.ExchangeError):
        exchange.create_order(PAIR, "market", "sell", 0.1, None, {"reduceOnly": True})


def test_a_limit_order_is_placed_found_and_cancelled(exchange: Any, price: float) -> None:
    order = exchange.create_order(PAIR, "limit", "buy", 0.1, price - 2000)

    assert order["status"] == "open"
    assert exchange.fetch_order(order["id"], PAIR)["price"] == price - 2000
    assert exchange.fetch_open_order(order["id"], PAIR)["amount"] == 0.1
    assert [one["id"] for one in exchange.fetch_open_orders(PAIR)] == [order["id"]]
    assert exchange.cancel_order(order["id"], PAIR)["status"] == "canceled"
    assert exchange.fetch_orders(PAIR)[-1]["status"] == "canceled"
    exchange.create_order(PAIR, "limit", "sell", 0.1, price + 2000, {"postOnly": True})
    exchange.cancel_all_orders(PAIR)
    assert exchange.fetch_open_orders(PAIR) == []


def test_an_order_is_edited_in_place(exchange: Any, price: float) -> None:
    order = exchange.create_order(PAIR, "limit", "buy", 0.1, price - 2000)
    edited = exchange.edit_order(order["id"], PAIR, "limit", "buy", 0.2, price - 2500)

    assert edited["id"] == order["id"]
    assert (edited["amount"], edited["price"]) == (0.2, price - 2500)
    assert [one["amount"] for one in exchange.fetch_open_orders(PAIR)] == [0.2]
    again = exchange.edit_orders(
        [{"id": order["id"], "symbol": PAIR, "type": "limit", "side": "buy", "amount": 0.3, "price": price - 2600}]
    )
    assert [one["amount"] for one in again] == [0.3]
    exchange.cancel_order(order["id"], PAIR)


def test_open_interest_is_told(exchange: Any) -> None:
    assert exchange.fetch_open_interest(PAIR)["openInterestAmount"] > 0


@pytest.mark.parametrize(
    ("kind", "offset", "parameters", "expected"),
    [
        ("limit", -2500, {"stopLossPrice": -2000}, "STOP"),
        ("market", None, {"stopLossPrice": -2000}, "STOP_MARKET"),
        ("limit", 2500, {"takeProfitPrice": 2000}, "TAKE_PROFIT"),
        ("market", None, {"takeProfitPrice": 2000}, "TAKE_PROFIT_MARKET"),
    ],
)
def test_a_conditional_order_waits_in_the_algo_service(
    exchange: Any, price: float, *, kind: str, offset: float | None, parameters: dict[str, float], expected: str
) -> None:
    prices = {name: price + value for name, value in parameters.items()}
    order = exchange.create_order(PAIR, kind, "sell", 0.1, None if offset is None else price + offset, prices)

    assert order["info"]["orderType"] == expected
    assert exchange.fetch_open_orders(PAIR) == []
    [waiting] = exchange.fetch_open_orders(PAIR, params={"trigger": True})
    assert waiting["id"] == order["id"]
    assert exchange.fetch_order(order["id"], PAIR, {"trigger": True})["status"] == "open"
    exchange.cancel_order(order["id"], PAIR, {"trigger": True})
    assert exchange.fetch_open_orders(PAIR, params={"trigger": True}) == []
    assert exchange.fetch_orders(PAIR, params={"trigger": True})[-1]["status"] == "canceled"


def test_a_triggered_order_becomes_an_order_that_trades(exchange: Any, price: float) -> None:
    exchange.create_order(PAIR, "market", "buy", 0.1)
    order = exchange.create_order(
        PAIR, "market", "sell", None, None, {"stopLossPrice": price - 3000, "closePosition": True}
    )
    assert order["info"]["closePosition"] is True
    exchange.cancel_all_orders(PAIR, {"trigger": True})
    assert exchange.fetch_open_orders(PAIR, params={"trigger": True}) == []


def test_leverage_is_set_and_told(exchange: Any) -> None:
    exchange.set_leverage(7, PAIR)

    assert exchange.fetch_leverage(PAIR)["longLeverage"] == 7
    assert exchange.fetch_leverage_tiers([PAIR])[PAIR][0]["maxLeverage"] == 125
    with pytest.raises(ccxt.ExchangeError):
        exchange.set_leverage(126, PAIR, {"leverage": 126})
    exchange.set_margin_mode("cross", PAIR)  # refused as it is so already, which ccxt takes for done
    with pytest.raises(ccxt.ExchangeError):
        exchange.set_margin_mode("isolated", PAIR)


def test_hedge_mode_has_two_positions(exchange: Any) -> None:
    assert exchange.fetch_position_mode(PAIR)["hedged"] is False
    exchange.set_position_mode(True, PAIR)
    assert exchange.fetch_position_mode(PAIR)["hedged"] is True
    exchange.create_order(PAIR, "market", "buy", 0.1, None, {"positionSide": "LONG"})
    exchange.create_order(PAIR, "market", "sell", 0.2, None, {"positionSide": "SHORT"})

    sides = {one["side"]: one["contracts"] for one in exchange.fetch_positions([PAIR])}

    assert sides == {"long": 0.1, "short": 0.2}
    with pytest.raises(ccxt.ExchangeError):
        exchange.set_position_mode(False, PAIR)
    exchange.create_order(PAIR, "market", "sell", 0.1, None, {"positionSide": "LONG"})
    exchange.create_order(PAIR, "market", "buy", 0.2, None, {"positionSide": "SHORT"})
    assert exchange.fetch_positions([PAIR]) == []


def test_several_orders_are_placed_and_cancelled_together(exchange: Any, price: float) -> None:
    placed = exchange.create_orders(
        [
            {"symbol": PAIR, "type": "limit", "side": "buy", "amount": 0.1, "price": price - 2000},
            {"symbol": PAIR, "type": "limit", "side": "buy", "amount": 0.2, "price": price - 2100},
            {"symbol": PAIR, "type": "limit", "side": "buy", "amount": 90000, "price": price - 2100},
        ]
    )

    assert sorted(order["info"].get("code", "") for order in placed) == ["", "", "-4005"]
    ids = [order["id"] for order in placed if order["id"]]
    cancelled = exchange.cancel_orders(ids, PAIR)
    assert [order["status"] for order in cancelled] == ["canceled", "canceled"]


def test_fees_are_told(exchange: Any) -> None:
    assert exchange.fetch_trading_fee(PAIR)["maker"] == 0.0002
    assert PAIR in exchange.fetch_trading_fees()


def test_margin_that_is_not_there_is_refused(exchange: Any, price: float) -> None:
    # ccxt has its error classes for futures by Binance's own addresses alone.
    with pytest.raises(ccxt.ExchangeError, match="-2019"):
        exchange.create_order(PAIR, "limit", "buy", 100, price - 1000)
