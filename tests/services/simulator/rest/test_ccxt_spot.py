"""What ccxt's `binance` does with the simulator's spot exchange."""

from collections.abc import Callable
from typing import Any

import ccxt
import pytest

from tests.services.simulator.rest.ccxt_clients import connect
from tests.services.simulator.rest.venue_server import VenueServer

PAIR = "BTC/USDT"


@pytest.fixture
def exchange(server: VenueServer) -> Any:
    account = server.account({"USDT": "100000", "BTC": "5"}, {"USDT": "100000"})
    connected = connect("binance", server.url, account)
    connected.load_markets()
    return connected


@pytest.fixture
def price(exchange: Any) -> float:
    """The price now, rounded to whole quote units."""
    return float(round(exchange.fetch_ticker(PAIR)["last"]))


def test_it_loads_the_markets_of_both_exchanges_with_its_own_settings(exchange: Any) -> None:
    markets = exchange.load_markets()

    assert {"BTC/USDT", "ETH/USDT", "SOL/USDT", "ETH/BTC", "BTC/USDC", "BTC/USDT:USDT"} <= set(markets)
    market = markets[PAIR]
    assert market["precision"] == {"amount": 1e-5, "price": 0.01, "base": 1e-8, "quote": 1e-8}
    assert market["limits"]["cost"]["min"] == 5.0
    assert market["limits"]["amount"]["min"] == 1e-5
    assert market["active"] is True


def test_it_fetches_currencies_status_and_time(exchange: Any) -> None:
    assert {"BTC", "USDT"} <= set(exchange.fetch_currencies())
    assert exchange.fetch_status()["status"] == "ok"
    assert abs(exchange.fetch_time() - exchange.milliseconds()) < 5_000


def test_it_fetches_tickers(exchange: Any) -> None:
    ticker = exchange.fetch_ticker(PAIR)

    assert 0 < ticker["low"] <= ticker["last"] <= ticker["high"]
    assert ticker["bid"] < ticker["ask"]
    assert ticker["quoteVolume"] > ticker["baseVolume"] > 0
    assert {PAIR, "ETH/BTC"} <= set(exchange.fetch_tickers())
    assert exchange.fetch_last_prices([PAIR])[PAIR]["price"] > 0
    assert exchange.fetch_bids_asks([PAIR])[PAIR]["bid"] > 0


def test_it_fetches_the_order_book(exchange: Any) -> None:
    book = exchange.fetch_order_book(PAIR, 20)

    assert len(book["bids"]) == len(book["asks"]) == 20
    assert book["bids"] == sorted(book["bids"], reverse=True)
    assert book["asks"] == sorted(book["asks"])
    assert book["bids"][0][0] < book["asks"][0][0]
    assert book["nonce"] > 0


def test_it_pages_through_candles(exchange: Any) -> None:
    start = exchange.milliseconds() // 86_400_000 * 86_400_000 - 10 * 86_400_000
    first = exchange.fetch_ohlcv(PAIR, "1m", since=start, limit=1000)
    second = exchange.fetch_ohlcv(PAIR, "1m", since=first[-1][0] + 60_000, limit=1000)

    times = [row[0] for row in first + second]
    assert times == list(range(start, start + 2000 * 60_000, 60_000))
    assert all(row[3] <= min(row[1], row[4]) <= max(row[1], row[4]) <= row[2] for row in first)
    assert exchange.fetch_ohlcv(PAIR, "1M", limit=12)[0][5] > 0


def test_it_fetches_public_trades(exchange: Any) -> None:
    trades = exchange.fetch_trades(PAIR, limit=50)

    assert len(trades) == 50
    assert [trade["timestamp"] for trade in trades] == sorted(trade["timestamp"] for trade in trades)
    since = exchange.milliseconds() - 3_600_000
    assert exchange.fetch_trades(PAIR, since=since, limit=10)[0]["timestamp"] >= since


def test_it_fetches_balances_and_fees(exchange: Any) -> None:
    balance = exchange.fetch_balance()

    assert balance["USDT"] == {"free": 100_000.0, "used": 0.0, "total": 100_000.0}
    assert balance["BTC"]["total"] == 5.0
    assert exchange.fetch_trading_fees()[PAIR]["maker"] == 0.001
    assert exchange.fetch_trading_fee(PAIR)["taker"] == 0.001
    assert exchange.fetch_balance({"type": "funding"})["info"] == []


def test_a_limit_order_is_placed_found_and_cancelled(exchange: Any, price: float) -> None:
    order = exchange.create_order(PAIR, "limit", "buy", 0.01, price - 5000)

    assert order["status"] == "open"
    assert order["remaining"] == 0.01
    assert exchange.fetch_balance()["USDT"]["used"] == pytest.approx(0.01 * (price - 5000))
    assert exchange.fetch_order(order["id"], PAIR)["price"] == price - 5000
    assert [one["id"] for one in exchange.fetch_open_orders(PAIR)] == [order["id"]]
    assert exchange.cancel_order(order["id"], PAIR)["status"] == "canceled"
    assert exchange.fetch_open_orders(PAIR) == []
    assert exchange.fetch_orders(PAIR)[-1]["status"] == "canceled"
    assert exchange.fetch_canceled_orders(PAIR)[-1]["id"] == order["id"]


def test_market_orders_trade_at_once_and_are_in_the_trades(exchange: Any, price: float) -> None:
    bought = exchange.create_order(PAIR, "market", "buy", 0.02)
    spent = exchange.create_market_buy_order_with_cost(PAIR, 500)
    sold = exchange.create_order(PAIR, "market", "sell", 0.01)

    assert bought["status"] == spent["status"] == sold["status"] == "closed"
    assert bought["filled"] == 0.02
    assert bought["average"] == pytest.approx(price, rel=0.01)
    assert bought["trades"][0]["fee"]["currency"] == "BTC"
    assert spent["cost"] == pytest.approx(500, abs=1)
    mine = exchange.fetch_my_trades(PAIR)
    assert {trade["order"] for trade in mine} == {bought["id"], spent["id"], sold["id"]}
    assert sum(trade["amount"] for trade in mine if trade["order"] == bought["id"]) == pytest.approx(0.02)
    assert exchange.fetch_order_trades(sold["id"], PAIR)[0]["fee"]["currency"] == "USDT"
    assert [one["id"] for one in exchange.fetch_closed_orders(PAIR)] == [bought["id"], spent["id"], sold["id"]]


@pytest.mark.parametrize(
    ("kind", "side", "offset", "parameters", "expected"),
    [
        ("limit", "buy", -4000, {"postOnly": True}, "LIMIT_MAKER"),
        ("limit", "sell", 4000, {"timeInForce": "GTC"}, "LIMIT"),
        ("limit", "sell", -3000, {"stopLossPrice": -2500}, "STOP_LOSS_LIMIT"),
        ("market", "sell", None, {"stopLossPrice": -2500}, "STOP_LOSS"),
        ("limit", "sell", 3000, {"takeProfitPrice": 2500}, "TAKE_PROFIT_LIMIT"),
        ("market", "sell", None, {"takeProfitPrice": 2500}, "TAKE_PROFIT"),
    ],
)
def test_every_type_of_order_waits_for_its_price(
    exchange: Any,
    price: float,
    *,
    kind: str,
    side: str,
    offset: float | None,
    parameters: dict[str, Any],
    expected: str,
) -> None:
    prices = {name: price + value if "Price" in name else value for name, value in parameters.items()}
    order = exchange.create_order(PAIR, kind, side, 0.01, None if offset is None else price + offset, prices)

    found = exchange.fetch_order(order["id"], PAIR)
    assert found["info"]["type"] == expected
    assert found["status"] == "open"
    assert len(exchange.cancel_all_orders(PAIR)) == 1


def test_orders_that_cannot_rest_end_at_once(exchange: Any, price: float) -> None:
    ioc = exchange.create_order(PAIR, "limit", "buy", 0.01, price - 3000, {"timeInForce": "IOC"})
    fok = exchange.create_order(PAIR, "limit", "buy", 0.01, price - 3000, {"timeInForce": "FOK"})

    assert ioc["status"] == fok["status"] == "expired"
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        exchange.create_order(PAIR, "limit", "buy", 0.01, price + 3000, {"postOnly": True})


def test_an_order_is_edited_by_cancelling_and_placing_anew(exchange: Any, price: float) -> None:
    order = exchange.create_order(PAIR, "limit", "buy", 0.01, price - 5000)
    edited = exchange.edit_order(order["id"], PAIR, "limit", "buy", 0.02, price - 6000)

    assert edited["id"] != order["id"]
    assert edited["amount"] == 0.02
    assert [one["id"] for one in exchange.fetch_open_orders(PAIR)] == [edited["id"]]


def test_an_order_is_found_by_its_client_order_id(exchange: Any, price: float) -> None:
    order = exchange.create_order(PAIR, "limit", "buy", 0.01, price - 5000, {"clientOrderId": "mine-1"})

    assert order["clientOrderId"] == "mine-1"
    assert exchange.fetch_order(None, PAIR, {"clientOrderId": "mine-1"})["id"] == order["id"]
    with pytest.raises(ccxt.InvalidOrder):
        exchange.create_order(PAIR, "limit", "buy", 0.01, price - 5000, {"clientOrderId": "mine-1"})


def test_an_order_is_tried_out_without_effect(exchange: Any, price: float) -> None:
    exchange.create_order(PAIR, "limit", "buy", 0.01, price - 5000, {"test": True})

    assert exchange.fetch_orders(PAIR) == []


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        (lambda exchange: exchange.create_order(PAIR, "limit", "buy", 90, 60_000), ccxt.InsufficientFunds),
        (lambda exchange: exchange.create_order(PAIR, "limit", "buy", 0.00001, 60_000), ccxt.BadRequest),
        (lambda exchange: exchange.cancel_order("999999999", PAIR), ccxt.OrderNotFound),
        (lambda exchange: exchange.fetch_order("999999999", PAIR), ccxt.OrderNotFound),
        (lambda exchange: exchange.public_get_depth({"symbol": "NONE"}), ccxt.BadSymbol),
    ],
)
def test_refusals_are_the_errors_that_ccxt_knows(
    exchange: Any, refused: Callable[[Any], object], expected: type[Exception]
) -> None:
    exchange.load_markets()

    with pytest.raises(expected):
        refused(exchange)


def test_wrong_keys_and_clocks_are_the_errors_that_ccxt_knows(server: VenueServer, exchange: Any) -> None:
    exchange.secret = "0" * 64
    with pytest.raises(ccxt.AuthenticationError):
        exchange.fetch_balance()
    exchange.apiKey = "f" * 64
    with pytest.raises(ccxt.AuthenticationError):
        exchange.fetch_balance()
    late = connect("binance", server.url, server.account({"USDT": "1"}))
    with pytest.raises(ccxt.InvalidNonce):
        late.private_get_account({"timestamp": late.milliseconds() - 20_000})
