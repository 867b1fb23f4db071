"""Orders through the bus to the simulated exchange and back: placed, filled, cancelled, refused, repeated."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from shared.contracts.portfolio.balances import PORTFOLIO_STATE, PortfolioStateFilter
from shared.contracts.portfolio.orders import (
    ACTIVE_ORDERS,
    CANCEL_ORDER,
    PLACE_ORDER,
    SEARCH_ORDERS,
    OrderCancel,
    OrderFilter,
    OrderPlace,
    OrderSearch,
    OrderStatus,
    OrderType,
    PositionAction,
    TradeType,
)
from shared.errors import ErrorCode
from tests.eventually import eventually
from tests.services.portfolio.conftest import Start
from tests.services.portfolio.credentials_stand_in import CredentialsStandIn
from tests.services.portfolio.trading import Trader, new_trader


async def test_a_limit_order_is_acknowledged_and_rests(trader: Trader) -> None:
    placed = await trader.place()
    assert placed.status is OrderStatus.OPEN
    at_venue = trader.venue_orders()[placed.client_order_id]
    assert str(at_venue["orderId"]) == placed.exchange_order_id
    assert Decimal(at_venue["price"]) == placed.price
    assert await trader.stored(placed.client_order_id) == placed
    active = await trader.ask(ACTIVE_ORDERS, OrderFilter())
    assert [order.client_order_id for order in active.orders] == [placed.client_order_id]


async def test_a_market_order_fills_and_its_trades_and_balances_are_recorded(trader: Trader) -> None:
    placed = await trader.place(order_type=OrderType.MARKET, price=None, amount=Decimal("0.0123"))
    await eventually(lambda: is_settled(trader, placed.client_order_id))
    order = await trader.stored(placed.client_order_id)
    assert order is not None
    assert order.status is OrderStatus.FILLED
    assert order.price is None
    assert order.filled_amount == Decimal("0.0123")
    trades = await trader.trades()
    at_venue = trader.venue_trades()
    assert {trade.trade_id for trade in trades} == {f"main:paper:BTC-USDT:{trade['id']}" for trade in at_venue}
    assert sum(trade.amount for trade in trades) == order.filled_amount
    assert order.average_fill_price is not None
    value = sum(trade.amount * trade.price for trade in trades)
    assert abs(order.average_fill_price - value / order.filled_amount) < Decimal("1e-9")
    assert (order.fee_currency, order.fee_paid) == ("BTC", sum(Decimal(trade["commission"]) for trade in at_venue))
    await eventually(lambda: balances_agree(trader))


async def is_settled(trader: Trader, client_order_id: str) -> bool:
    order = await trader.stored(client_order_id)
    traded = sum(trade.amount for trade in await trader.trades() if trade.order_id == client_order_id)
    return order is not None and order.status.is_final and traded == order.filled_amount


async def balances(trader: Trader) -> dict[str, Decimal]:
    state = await trader.ask(PORTFOLIO_STATE, PortfolioStateFilter())
    return {one.token: one.units for one in state[trader.account_name][trader.connector]}


async def balances_agree(trader: Trader) -> bool:
    return await balances(trader) == trader.venue_balances()


async def test_an_order_that_rests_locks_balance_and_gives_it_back(trader: Trader) -> None:
    placed = await trader.place()
    assert placed.price is not None
    locked = placed.amount * placed.price

    async def available() -> Decimal:
        state = await trader.ask(PORTFOLIO_STATE, PortfolioStateFilter())
        return next(one.available_units for one in state["main"]["paper"] if one.token == "USDT")

    async def is_locked() -> bool:
        return await available() == 1_000_000 - locked

    async def is_free() -> bool:
        return await available() == 1_000_000

    await eventually(is_locked)
    await trader.cancel(placed.client_order_id)
    await eventually(is_free)


@pytest.mark.parametrize("by", ["client", "exchange"])
async def test_an_order_is_cancelled(trader: Trader, by: str) -> None:
    placed = await trader.place()
    assert placed.exchange_order_id is not None
    cancelled = await trader.cancel(placed.client_order_id if by == "client" else placed.exchange_order_id)
    assert cancelled.status is OrderStatus.CANCELLED
    assert trader.venue_orders()[placed.client_order_id]["status"] == "CANCELED"
    refusal = await trader.refused(CANCEL_ORDER, OrderCancel("main", "paper", placed.client_order_id))
    assert refusal.code is ErrorCode.NOT_FOUND
    assert "cancelled" in refusal.detail


async def test_an_order_that_does_not_exist_cannot_be_cancelled(trader: Trader) -> None:
    refusal = await trader.refused(CANCEL_ORDER, OrderCancel("main", "paper", "no-such"))
    assert refusal.code is ErrorCode.NOT_FOUND


async def test_a_cancel_right_behind_its_order_waits_for_it(trader: Trader) -> None:
    trader.server.add_fault("latency", path="/api/v3/order", method="POST", delay=0.3, count=1)
    request = trader.order()
    placing = asyncio.create_task(trader.place(request))
    await asyncio.sleep(0)  # the bus keeps the order of what is sent
    cancelled = await trader.cancel(request.client_order_id)
    await placing
    assert cancelled.status is OrderStatus.CANCELLED
    assert trader.venue_orders()[request.client_order_id]["status"] == "CANCELED"


async def test_the_same_order_again_is_its_first_outcome(trader: Trader) -> None:
    request = trader.order(amount=Decimal("0.010"))
    first = await trader.place(request)
    again = await trader.place(OrderPlace(**{**fields(request), "amount": Decimal("0.01")}))
    assert (again.exchange_order_id, again.version) == (first.exchange_order_id, first.version)
    assert list(trader.venue_orders()) == [request.client_order_id]


async def test_the_same_order_twice_at_once_is_sent_once(trader: Trader) -> None:
    request = trader.order()
    first, second = await asyncio.gather(trader.place(request), trader.place(request))
    assert first.exchange_order_id == second.exchange_order_id is not None
    assert len(trader.venue_orders()) == 1


@pytest.mark.parametrize("change", [{"amount": Decimal("0.02")}, {"trade_type": TradeType.SELL}, {"price": Decimal(9)}])
async def test_another_order_under_the_same_id_is_a_conflict(trader: Trader, change: dict[str, Any]) -> None:
    request = trader.order()
    await trader.place(request)
    refusal = await trader.refused(PLACE_ORDER, OrderPlace(**{**fields(request), **change}))
    assert refusal.code in {ErrorCode.CONFLICT, ErrorCode.REFUSED}
    assert len(trader.venue_orders()) == 1


async def test_an_id_is_unique_over_all_accounts(trader: Trader, credentials: CredentialsStandIn) -> None:
    other = await new_trader(trader.bus, trader.server, credentials, name="other")
    await other.ready()
    request = trader.order()
    await trader.place(request)
    refusal = await other.refused(PLACE_ORDER, OrderPlace(**{**fields(request), "account_name": "other"}))
    assert refusal.code is ErrorCode.CONFLICT
    assert other.venue_orders() == {}


def fields(request: OrderPlace) -> dict[str, Any]:
    return {name: getattr(request, name) for name in request.__struct_fields__}


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-1", "0", "1e400", "1e-400"])
@pytest.mark.parametrize("field", ["amount", "price"])
async def test_what_is_no_number_of_a_market_is_invalid(trader: Trader, field: str, value: str) -> None:
    refusal = await trader.refused(PLACE_ORDER, trader.order(**{field: Decimal(value)}))
    assert refusal.code is ErrorCode.INVALID
    assert [fault.loc for fault in refusal.fields] == [(field,)]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"amount": Decimal("0.000000001")}, "minimum order size"),
        ({"amount": Decimal("100000")}, "maximum order size"),
        ({"amount": Decimal("0.00001")}, "minimum notional"),
        ({"price": None}, "price is required"),
        ({"price": Decimal("0.000001")}, "price increment"),
        ({"trading_pair": "NO-SUCH"}, "not found"),
    ],
)
async def test_an_order_against_a_rule_is_refused_with_the_rule(
    trader: Trader, changes: dict[str, Any], rule: str
) -> None:
    request = trader.order(**changes)
    refusal = await trader.refused(PLACE_ORDER, request)
    assert refusal.code is ErrorCode.REFUSED
    assert rule in refusal.detail
    assert await trader.stored(request.client_order_id) is None


async def test_what_the_exchange_refuses_is_kept_as_failed(trader: Trader) -> None:
    request = trader.order(amount=Decimal(60))
    refusal = await trader.refused(PLACE_ORDER, request)
    assert refusal.code is ErrorCode.REFUSED
    order = await trader.stored(request.client_order_id)
    assert order is not None
    assert order.status is OrderStatus.FAILED
    assert order.error_message == refusal.detail
    again = await trader.refused(PLACE_ORDER, request)
    assert (again.code, again.detail) == (refusal.code, refusal.detail)


async def test_a_perpetual_is_opened_and_closed(start: Start, credentials: CredentialsStandIn, trader: Trader) -> None:
    futures = await new_trader(trader.bus, trader.server, credentials, "paper_perpetual", "futures")
    await futures.ready()
    opened = await futures.place(order_type=OrderType.MARKET, price=None, amount=Decimal("0.01"))
    await eventually(lambda: is_settled(futures, opened.client_order_id))
    closed = await futures.place(
        order_type=OrderType.MARKET, price=None, amount=Decimal("0.01"), trade_type=TradeType.SELL,
        position_action=PositionAction.CLOSE,
    )  # fmt: skip
    await eventually(lambda: is_settled(futures, closed.client_order_id))
    assert {trade.trade_id.rpartition(":")[2] for trade in await futures.trades()} == {
        str(trade["id"]) for trade in futures.venue_trades()
    }
    positions = futures.venue.ok("GET", "/fapi/v2/positionRisk", symbol="BTCUSDT")
    assert all(Decimal(position["positionAmt"]) == 0 for position in positions)


@pytest.mark.parametrize("order_type", [OrderType.MARKET, OrderType.LIMIT])
async def test_an_order_that_closes_more_than_the_position_ends_with_the_amount_that_it_has_closed(
    start: Start, credentials: CredentialsStandIn, trader: Trader, order_type: OrderType
) -> None:
    futures = await new_trader(trader.bus, trader.server, credentials, "paper_perpetual", "futures")
    await futures.ready()
    opened = await futures.place(order_type=OrderType.MARKET, price=None, amount=Decimal("0.01"))
    await eventually(lambda: is_settled(futures, opened.client_order_id))
    request = futures.order(
        order_type=order_type, price=None if order_type is OrderType.MARKET else futures.below(),
        amount=Decimal("0.05"), trade_type=TradeType.SELL, position_action=PositionAction.CLOSE,
    )  # fmt: skip
    await futures.place(request)
    await eventually(lambda: is_settled(futures, request.client_order_id))
    closed = await futures.stored(request.client_order_id)
    assert closed is not None
    assert (closed.status, closed.amount, closed.filled_amount) == (
        OrderStatus.FILLED, Decimal("0.01"), Decimal("0.01"),
    )  # fmt: skip
    assert Decimal(futures.venue_orders()[request.client_order_id]["origQty"]) == closed.amount
    assert (await futures.place(request)) == closed  # the same content as before


async def test_orders_of_others_on_the_exchange_are_not_ours_but_their_balances_count(trader: Trader) -> None:
    trader.venue.ok("POST", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.05")
    await eventually(lambda: balances_agree(trader))
    await trader.refresh()
    found = await trader.ask(SEARCH_ORDERS, OrderSearch())
    assert found.orders == ()
    assert await trader.trades() == ()
