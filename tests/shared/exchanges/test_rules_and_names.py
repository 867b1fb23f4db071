"""Markets of ccxt's by our names, and their rules as exact decimals."""

import subprocess
import sys
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from shared.contracts.portfolio.orders import OrderType
from shared.exchanges.book_depths import depth_to_ask
from shared.exchanges.pair_names import is_active, markets_by_pair
from shared.exchanges.trading_rules import exact, increment_of, rule_of


def _market(base: str, quote: str, settle: str | None = None, **more: Any) -> dict[str, Any]:
    swap = settle is not None
    symbol = f"{base}/{quote}" + (f":{settle}" if swap else "")
    return {
        "symbol": symbol, "base": base, "quote": quote, "settle": settle, "spot": not swap, "swap": swap,
        "contract": swap, "linear": True if swap else None, "active": True, **more,
    }  # fmt: skip


def test_markets_are_named_by_base_and_quote() -> None:
    markets = [
        _market("BTC", "USDT"),
        _market("ETH", "BTC"),
        _market("OLD", "USDT", active=False),
        _market("NEW", "USDT", active=None),
        _market("BTC", "USDT", "USDT"),
        _market("BTC", "USD", "BTC", linear=False),
        _market("BTC", "USDT", "USDT", swap=False, future=True),
    ]
    spot, swap = (markets_by_pair(markets, kind) for kind in ("spot", "swap"))

    assert {pair: market["symbol"] for pair, market in spot.items()} == {
        "BTC-USDT": "BTC/USDT",
        "ETH-BTC": "ETH/BTC",
        "OLD-USDT": "OLD/USDT",
        "NEW-USDT": "NEW/USDT",
    }
    assert [pair for pair, market in spot.items() if not is_active(market)] == ["OLD-USDT"]
    assert {pair: market["symbol"] for pair, market in swap.items()} == {"BTC-USDT": "BTC/USDT:USDT"}


@pytest.mark.parametrize("turned", [False, True])
def test_of_several_swaps_the_one_settled_in_its_quote_is_taken(turned: bool) -> None:
    markets = [_market("BTC", "USD", "USD"), _market("BTC", "USD", "USDC")]

    assert markets_by_pair(reversed(markets) if turned else markets, "swap")["BTC-USD"]["settle"] == "USD"
    markets[0]["active"] = False
    assert markets_by_pair(reversed(markets) if turned else markets, "swap")["BTC-USD"]["settle"] == "USDC"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1e-8, "0.00000001"),
        (0.1, "0.1"),
        ("0.00100000", "0.001"),
        (5, "5"),
        (9000000000.0, "9000000000"),
        (0.07, "0.07"),
        (float("nan"), None),
        (float("inf"), None),
        (None, None),
        ("", None),
    ],
)
def test_numbers_are_exact(value: object, expected: str | None) -> None:
    assert exact(value) == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    ("precision", "mode", "expected"),
    [
        (0.001, ccxt.TICK_SIZE, "0.001"),
        (0.25, ccxt.TICK_SIZE, "0.25"),
        (3, ccxt.DECIMAL_PLACES, "0.001"),
        (0, ccxt.DECIMAL_PLACES, "1"),
        (-1, ccxt.DECIMAL_PLACES, "10"),
        (None, ccxt.TICK_SIZE, "0"),
    ],
)
def test_increments(precision: object, mode: int, expected: str) -> None:
    assert increment_of(precision, mode) == Decimal(expected)


def test_rules_of_contracts_are_in_base_units() -> None:
    market = _market(
        "BTC", "USDT", "USDT", contractSize=0.001, precision={"amount": 1.0, "price": 0.1},
        limits={"amount": {"min": 1.0, "max": 5000.0}, "cost": {"min": None}},
    )  # fmt: skip
    rule = rule_of(market, ccxt.TICK_SIZE, (OrderType.LIMIT,))

    assert (rule.min_order_size, rule.max_order_size) == (Decimal("0.001"), Decimal(5))
    assert rule.min_base_amount_increment == Decimal("0.001")
    assert (rule.min_notional_size, rule.supports_market_orders) == (Decimal(0), False)


def test_a_market_that_tells_nothing_has_no_rules() -> None:
    rule = rule_of(_market("A", "B"), ccxt.TICK_SIZE, tuple(OrderType))

    assert rule.max_order_size is None
    assert {
        rule.min_order_size, rule.min_price_increment, rule.min_base_amount_increment,
        rule.min_quote_amount_increment, rule.min_notional_size, rule.min_order_value,
        rule.max_price_significant_digits,
    } == {Decimal(0)}  # fmt: skip
    assert (rule.buy_order_collateral_token, rule.sell_order_collateral_token) == ("B", "A")


def test_significant_digits_are_told_as_such() -> None:
    market = _market("A", "B", precision={"amount": 5, "price": 6})
    rule = rule_of(market, ccxt.SIGNIFICANT_DIGITS, tuple(OrderType))

    assert (rule.max_price_significant_digits, rule.min_price_increment) == (Decimal(6), Decimal(0))


@pytest.mark.parametrize(
    ("ccxt_id", "depth", "expected"),
    [("binance", 1, 5), ("binance", 15, 20), ("binance", 5000, 1000), ("kucoin", 21, 100), ("gemini", 10, None)],
)
def test_depths(ccxt_id: str, depth: int, expected: int | None) -> None:
    assert depth_to_ask(ccxt_id, depth) == expected


def test_the_interface_is_imported_without_ccxt() -> None:
    program = (
        "import sys, shared.exchanges.interface, shared.exchanges.errors, shared.exchanges.settings\n"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('ccxt', 'aiohttp')]"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
