"""What the exchange refuses by a rule of its own: the caller reads which, and the order is kept with that reason."""

from decimal import Decimal

from shared.contracts.portfolio.orders import PLACE_ORDER, OrderPlace, OrderStatus, OrderType, PositionAction, TradeType
from shared.errors import ErrorCode
from tests.services.portfolio.credentials_stand_in import CredentialsStandIn
from tests.services.portfolio.trading import Trader, new_trader


async def refusal(trader: Trader, request: OrderPlace) -> str:
    refused = await trader.refused(PLACE_ORDER, request)
    assert refused.code is ErrorCode.REFUSED
    order = await trader.stored(request.client_order_id)
    assert order is not None
    assert (order.status, order.error_message) == (OrderStatus.FAILED, refused.detail)
    return refused.detail


async def test_an_order_at_the_market_that_is_worth_too_little(trader: Trader) -> None:
    said = await refusal(trader, trader.order(order_type=OrderType.MARKET, price=None, amount=Decimal("0.00001")))
    assert said.startswith("The order is worth less than the minimum notional size of BTC-USDT, which is ")


async def test_a_price_far_above_the_market(trader: Trader) -> None:
    said = await refusal(trader, trader.order(price=Decimal(900_000)))
    assert said.startswith("The price is too far from the market's.")


async def test_an_order_that_closes_no_position(trader: Trader, credentials: CredentialsStandIn) -> None:
    futures = await new_trader(trader.bus, trader.server, credentials, "paper_perpetual", "futures")
    await futures.ready()
    request = futures.order(
        order_type=OrderType.MARKET, price=None, trade_type=TradeType.SELL, position_action=PositionAction.CLOSE
    )
    assert (await refusal(futures, request)).startswith("The order would close nothing: BTC-USDT has no such position")
