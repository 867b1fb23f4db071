"""Why an order was refused: a sentence that names the rule, with the exchange's own words behind it."""

from decimal import Decimal

import pytest

from shared.contracts.marketdata.rules import TradingRule
from shared.contracts.portfolio.orders import OrderType, PositionAction, TradeType
from shared.exchanges.errors import NotEnoughBalance, Refused
from shared.exchanges.interface import OrderRequest, TradingAccount
from shared.exchanges.refused_orders import reason_of
from shared.exchanges.registry import Exchanges
from tests.shared.exchanges.conftest import PAIR, order, price_near

_RULE = TradingRule(
    min_order_size=Decimal("0.001"),
    max_order_size=None,
    min_price_increment=Decimal("0.1"),
    min_base_amount_increment=Decimal("0.001"),
    min_quote_amount_increment=Decimal(0),
    min_notional_size=Decimal(50),
    min_order_value=Decimal(50),
    max_price_significant_digits=Decimal(0),
    supports_limit_orders=True,
    supports_market_orders=True,
    buy_order_collateral_token="USDT",
    sell_order_collateral_token="BTC",
)


@pytest.mark.parametrize(
    ("code", "said", "price", "reason"),
    [
        (
            "-1013", "Filter failure: NOTIONAL", None,
            "The order is worth less than the minimum notional size of BTC-USDT, which is 50, or more than its maximum",
        ),
        (
            "-1013", "Filter failure: NOTIONAL", "1000000",
            "The order is worth more than the maximum notional size of BTC-USDT",
        ),
        (
            "-1013", "Filter failure: NOTIONAL", "4000",
            "The order is worth less than the minimum notional size of BTC-USDT, which is 50",
        ),
        (
            "-1013", "Filter failure: MIN_NOTIONAL", None,
            "The order is worth less than the minimum notional size of BTC-USDT, which is 50",
        ),
        ("-1013", "Filter failure: PERCENT_PRICE_BY_SIDE", "1", "The price is too far from the market's"),
        (
            "-4164", "Order's notional must be no smaller than 50 (unless you choose reduce only).", None,
            "The order is worth less than the minimum notional size of BTC-USDT, which is 50",
        ),
        (
            "-4005", "Quantity greater than max quantity.", None,
            "The amount is above the maximum order size of BTC-USDT",
        ),
        (
            "-2022", "ReduceOnly Order is rejected.", None,
            "The order would close nothing: BTC-USDT has no such position, or other orders close it already",
        ),
    ],
)  # fmt: skip
def test_a_rule_that_is_known_is_named(code: str, said: str, price: str | None, reason: str) -> None:
    asked = order(None if price is None else Decimal(price))

    assert reason_of(Refused(said, code), asked, _RULE) == f"{reason}. The exchange says: {said}"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("-1013", "Filter failure: SOMETHING_NEW"),
        ("-1013", "Invalid quantity."),
        ("-987654", "Something new"),
        (None, "Filter failure: NOTIONAL"),
    ],
)
def test_of_what_is_not_known_the_exchanges_words_are_left_alone(code: str | None, said: str) -> None:
    assert reason_of(Refused(said, code), order(None), _RULE) == said


def test_without_a_rule_at_hand_the_sentence_names_no_figure() -> None:
    said = "Order's notional must be no smaller than 50 (unless you choose reduce only)."

    assert reason_of(Refused(said, "-4164"), order(None), None) == (
        f"The order is worth less than the minimum notional size of BTC-USDT. The exchange says: {said}"
    )


async def refusal(account: TradingAccount, asked: OrderRequest) -> str:
    with pytest.raises(Refused) as caught:
        await account.place(asked)
    assert type(caught.value) is Refused
    return str(caught.value)


async def test_an_order_at_the_market_that_is_worth_too_little_is_told_how_much_it_takes(
    account: TradingAccount,
) -> None:
    rule = (await account.market.rules())[PAIR]
    too_small = {"paper": "0.00001", "paper_perpetual": "0.001"}[account.connector]
    least = f"the minimum notional size of {PAIR}, which is {rule.min_notional_size.normalize():f}"

    said = await refusal(account, order(None, too_small))

    assert least in said
    assert "The exchange says: " in said
    assert await account.open_orders() == ()


@pytest.mark.parametrize(("side", "part"), [(TradeType.BUY, "7"), (TradeType.SELL, "0.05")])
async def test_a_price_that_is_too_far_from_the_markets_is_told_so(
    account: TradingAccount, side: TradeType, part: str
) -> None:
    asked = order(await price_near(account, part), "0.1", side=side)
    word = {TradeType.BUY: "above", TradeType.SELL: "below"}[side]

    said = await refusal(account, asked)

    if account.connector == "paper":
        assert said.startswith("The price is too far from the market's.")
    else:
        assert said.startswith(f"The price is {word} the ")
    assert "The exchange says: " in said


@pytest.mark.parametrize("kind", [OrderType.MARKET, OrderType.LIMIT])
async def test_an_order_that_closes_nothing_is_told_so(
    exchanges: Exchanges, credential: dict[str, str], kind: OrderType
) -> None:
    account = exchanges.account("paper_perpetual", credential)
    price = None if kind is OrderType.MARKET else await price_near(account, "1.01")

    said = await refusal(account, order(price, side=TradeType.SELL, action=PositionAction.CLOSE))

    assert said.startswith("The order would close nothing: BTC-USDT has no such position")
    assert said.endswith("ReduceOnly Order is rejected.")
    await account.close()


async def test_what_the_balance_does_not_cover_is_told_as_such(account: TradingAccount) -> None:
    with pytest.raises(NotEnoughBalance, match=r"(?i)insufficient"):
        await account.place(order(await price_near(account, "0.9"), "90"))
