"""What orders must keep to: rounding by property, refusals by table."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.portfolio.orders.rules import Terms, check_numbers, checked_terms
from shared.contracts.marketdata.rules import TradingRule
from shared.contracts.portfolio.orders import OrderPlace, OrderType, PositionAction, TradeType
from shared.errors import CommandError, ErrorCode

RULE = TradingRule(
    min_order_size=Decimal("0.001"),
    max_order_size=Decimal(100),
    min_price_increment=Decimal("0.5"),
    min_base_amount_increment=Decimal("0.001"),
    min_quote_amount_increment=Decimal("0.01"),
    min_notional_size=Decimal(5),
    min_order_value=Decimal(0),
    max_price_significant_digits=Decimal(0),
    supports_limit_orders=True,
    supports_market_orders=True,
    buy_order_collateral_token=None,
    sell_order_collateral_token=None,
)
NO_MARKET_ORDERS = replace(RULE, supports_market_orders=False)
ALL = tuple(OrderType)


def wish(**changes: Any) -> OrderPlace:
    request = OrderPlace(
        "main", "paper", "BTC-USDT", TradeType.BUY, Decimal("0.5"), "o1", OrderType.LIMIT, Decimal(100)
    )
    return replace(request, **changes)


def refusal(request: OrderPlace, rule: TradingRule = RULE, types: tuple[OrderType, ...] = ALL) -> CommandError:
    def check() -> None:
        check_numbers(request)
        checked_terms(request, rule, types, linear=False)

    with pytest.raises(CommandError) as caught:
        check()
    return caught.value


@pytest.mark.parametrize(
    "value", ["NaN", "sNaN", "Infinity", "-Infinity", "0", "-0", "-1", "1e400", "1e-400", "9" * 41]
)
@pytest.mark.parametrize("field", ["amount", "price"])
def test_what_is_no_number_of_a_market_is_invalid(field: str, value: str) -> None:
    error = refusal(wish(**{field: Decimal(value)}))
    assert error.code is ErrorCode.INVALID
    assert [fault.loc for fault in error.fields] == [(field,)]


@pytest.mark.parametrize(
    ("request_", "rule", "types", "words"),
    [
        (wish(amount=Decimal("0.0009")), RULE, ALL, "minimum order size of BTC-USDT, which is 0.001"),
        (wish(amount=Decimal("100.001")), RULE, ALL, "maximum order size of BTC-USDT, which is 100"),
        (
            wish(amount=Decimal("0.049")),
            RULE,
            ALL,
            "worth 4.9, below the minimum notional size of BTC-USDT",
        ),
        (wish(price=Decimal("0.4")), RULE, ALL, "price increment of BTC-USDT, which is 0.5"),
        (wish(price=None), RULE, ALL, "price is required for LIMIT"),
        (wish(price=None, order_type=OrderType.LIMIT_MAKER), RULE, ALL, "price is required for LIMIT_MAKER"),
        (wish(order_type=OrderType.LIMIT_MAKER), RULE, (OrderType.LIMIT,), "LIMIT_MAKER is not supported"),
        (wish(), replace(RULE, supports_limit_orders=False), ALL, "LIMIT is not supported"),
        (
            wish(order_type=OrderType.MARKET),
            replace(RULE, supports_market_orders=False),
            ALL,
            "MARKET is not supported",
        ),
        (wish(amount=Decimal("0.0001")), replace(RULE, min_order_size=Decimal(0)), ALL, "which is 0.001"),
    ],
)
def test_a_broken_rule_is_said(
    request_: OrderPlace, rule: TradingRule, types: tuple[OrderType, ...], words: str
) -> None:
    error = refusal(request_, rule, types)
    assert error.code is ErrorCode.REFUSED
    assert words in error.detail


def test_a_closing_order_of_a_perpetual_is_free_of_the_smallest_value() -> None:
    request = wish(amount=Decimal("0.01"), position_action=PositionAction.CLOSE)
    assert checked_terms(request, RULE, ALL, linear=True).amount == Decimal("0.01")
    assert "notional" in refusal(request).detail


def test_a_market_order_has_no_price() -> None:
    terms = checked_terms(wish(order_type=OrderType.MARKET, price=Decimal(7)), RULE, ALL, linear=False)
    assert terms == Terms(Decimal("0.5"), None)


def test_prices_keep_to_the_significant_digits() -> None:
    rule = replace(RULE, min_price_increment=Decimal("0.0001"), max_price_significant_digits=Decimal(5))
    assert checked_terms(wish(price=Decimal("123.456")), rule, ALL, linear=False).price == Decimal("123.45")
    sale = wish(price=Decimal("123.456"), trade_type=TradeType.SELL)
    assert checked_terms(sale, rule, ALL, linear=False).price == Decimal("123.46")


@given(
    amount=st.decimals(Decimal("0.05"), Decimal(100), places=9),
    price=st.decimals(Decimal(101), Decimal(10**9), places=9),
    side=st.sampled_from(TradeType),
)
def test_rounding_keeps_to_the_steps_and_never_makes_an_order_worse(
    amount: Decimal, price: Decimal, side: TradeType
) -> None:
    terms = checked_terms(wish(amount=amount, price=price, trade_type=side), RULE, ALL, linear=False)
    assert terms.price is not None
    assert terms.amount % RULE.min_base_amount_increment == 0
    assert terms.price % RULE.min_price_increment == 0
    assert 0 <= amount - terms.amount < RULE.min_base_amount_increment
    away = price - terms.price if side is TradeType.BUY else terms.price - price
    assert 0 <= away < RULE.min_price_increment
    assert "E" not in f"{terms.amount}{terms.price}"
