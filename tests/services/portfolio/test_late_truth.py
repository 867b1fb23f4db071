"""What was believed and proves wrong, or comes late: orders that turn up, fills of long ago, clocks that differ."""

import time
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from services.portfolio.app import PortfolioService
from services.portfolio.orders import intents, placing
from shared.bus.client import Bus
from shared.contracts.portfolio.orders import SEARCH_ORDERS, Order, OrderSearch, OrderStatus, OrderType, TradeType
from shared.database.pool import Database
from shared.exchanges.account import CcxtAccount
from shared.exchanges.errors import OrderNotKnown
from shared.exchanges.interface import VenueOrder
from tests.eventually import eventually
from tests.services.portfolio.conftest import Start
from tests.services.portfolio.credentials_stand_in import CredentialsStandIn
from tests.services.portfolio.load import come_to_agree
from tests.services.portfolio.quick import QUICK
from tests.services.portfolio.recorded import Recorder, order
from tests.services.portfolio.trading import Trader, new_trader
from tests.services.simulator.rest.venue_server import VenueServer


@pytest.fixture
async def account(bus: Bus, venue: VenueServer, credentials: CredentialsStandIn) -> Trader:
    """An account whose credential is stored, before anybody opens its session."""
    return await new_trader(bus, venue, credentials)


@pytest.fixture
async def service(account: Trader, start: Start) -> PortfolioService:
    service = await start(**QUICK)
    await account.ready()
    return service


@pytest.fixture
async def trader(account: Trader, service: PortfolioService) -> Trader:
    assert service.health().ready
    return account


def stream_is_silent(trader: Trader) -> None:
    """Let the exchange tell nothing of this account by itself."""
    assert trader.venue.account is not None
    trader.server.add_fault("missed_message", path="userData", api_key=trader.venue.account.api_key)


async def market_order(trader: Trader) -> Order:
    return await trader.place(order_type=OrderType.MARKET, price=None, amount=Decimal("0.02"))


async def test_an_order_that_was_taken_for_lost_is_found_among_the_open_ones(trader: Trader) -> None:
    stream_is_silent(trader)
    trader.server.add_fault("server_error", path="/api/v3/order", method="POST", count=1)
    request = trader.order()
    await trader.place(request)
    await trader.until(request.client_order_id, OrderStatus.FAILED)
    trader.venue.ok(
        "POST", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC",
        quantity=str(request.amount), price=str(request.price), newClientOrderId=request.client_order_id,
    )  # fmt: skip
    await trader.refresh()
    assert await trader.status(request.client_order_id) is OrderStatus.OPEN
    cancelled = await trader.cancel(request.client_order_id)
    assert cancelled.status is OrderStatus.CANCELLED
    await come_to_agree(trader)


async def test_an_order_that_somebody_else_has_under_its_id_is_not_taken_for_it(trader: Trader) -> None:
    request = trader.order()
    trader.venue.ok(
        "POST", "/api/v3/order", symbol="BTCUSDT", side="SELL", type="LIMIT", timeInForce="GTC",
        quantity="0.01", price=str(trader.below() * 2), newClientOrderId=request.client_order_id,
    )  # fmt: skip
    assert request.trade_type is TradeType.BUY
    await trader.place(request)
    await trader.until(request.client_order_id, OrderStatus.FAILED)


async def test_an_order_of_a_pair_that_is_gone_keeps_no_other_from_being_placed(
    account: Trader, recorder: Recorder, start: Start
) -> None:
    await recorder(order("gone", trading_pair="GONE-USDT", exchange_order_id="1"))
    await start(**QUICK)
    await account.ready()
    assert (await account.place()).status is OrderStatus.OPEN


async def test_an_order_that_was_filled_and_is_listed_no_more_is_not_taken_for_cancelled(
    trader: Trader, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = await market_order(trader)
    await come_to_agree(trader)
    await database.execute("DELETE FROM trades")
    await database.execute(
        "UPDATE orders SET status = 'OPEN', phase = 'confirmed', version = version + 1, filled_amount = 0,"
        " reported_amount = 0, traded_amount = 0, traded_value = 0"
    )

    async def forgotten(*_: object) -> VenueOrder:
        raise OrderNotKnown("the exchange lists what ended in the last days alone")

    monkeypatch.setattr(CcxtAccount, "order", forgotten)
    await trader.until(placed.client_order_id, OrderStatus.FILLED)
    await come_to_agree(trader)


async def test_fills_that_nobody_was_there_to_ask_for_are_recorded_at_the_next_start(
    trader: Trader, service: PortfolioService, database: Database, start: Start
) -> None:
    await market_order(trader)
    await come_to_agree(trader)
    await service.drain()
    # As it is when the owner dies between the acknowledgement and the fills, and nobody comes for two hours.
    await database.execute("DELETE FROM trades")
    await database.execute(
        "UPDATE orders SET traded_amount = 0, traded_value = 0, fee_paid = NULL, fee_currency = NULL,"
        " updated_at = now() - interval '2 hours'"
    )
    await start(**QUICK)
    await trader.ready()
    await come_to_agree(trader)
    (stored,) = (await trader.ask(SEARCH_ORDERS, OrderSearch())).orders
    assert stored.fee_currency == "BTC"


async def test_fills_are_found_where_our_clock_is_ahead_of_the_exchanges(
    account: Trader, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, right_ns, right_now = time.time, time.time_ns, intents.now
    monkeypatch.setattr(time, "time", lambda: right() + 20)
    monkeypatch.setattr(time, "time_ns", lambda: right_ns() + 20_000_000_000)

    def wrong_now() -> datetime:
        return right_now() + timedelta(seconds=20)

    monkeypatch.setattr(placing, "now", wrong_now)
    await start(**QUICK)
    await account.ready()
    stream_is_silent(account)
    placed = await market_order(account)
    assert placed.status is OrderStatus.FILLED

    async def are_recorded() -> bool:
        return sum(trade.amount for trade in await account.trades()) == placed.amount

    await eventually(are_recorded)
