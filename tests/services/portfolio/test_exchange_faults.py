"""An exchange that is slow, down, loses answers or messages: nothing is lost or doubled, and only its session waits."""

import asyncio
import random
import time
from decimal import Decimal

import httpx
import pytest

from services.portfolio.app import PortfolioService
from shared.bus.client import Bus
from shared.contracts.portfolio.orders import (
    ORDER_CHANGED,
    PLACE_ORDER,
    SEARCH_ORDERS,
    OrderSearch,
    OrderStatus,
    OrderType,
)
from shared.contracts.portfolio.sessions import SessionState
from shared.database.pool import Database
from shared.errors import ErrorCode
from tests.eventually import eventually
from tests.pace import within
from tests.services.portfolio.conftest import Start
from tests.services.portfolio.credentials_stand_in import CredentialsStandIn
from tests.services.portfolio.load import Load, come_to_agree
from tests.services.portfolio.outbox import told
from tests.services.portfolio.quick import QUICK
from tests.services.portfolio.trading import Trader, new_trader
from tests.services.simulator.process import TOKEN
from tests.services.simulator.rest.venue_server import VenueServer


@pytest.fixture
async def service(start: Start) -> PortfolioService:
    return await start(**QUICK)


@pytest.fixture
async def trader(service: PortfolioService, bus: Bus, venue: VenueServer, credentials: CredentialsStandIn) -> Trader:
    assert service.health().ready
    trader = await new_trader(bus, venue, credentials)
    await trader.ready()
    return trader


def fault(trader: Trader, kind: str, **more: object) -> None:
    """Let the exchange have a fault for this account alone."""
    account = trader.venue.account
    assert account is not None
    trader.server.add_fault(kind, api_key=account.api_key, **more)


def met(trader: Trader) -> dict[str, int]:
    """Return how often each kind of fault has met something."""
    url = f"http://127.0.0.1:{trader.server.admin_port}/faults"
    faults = httpx.get(url, headers={"X-Admin-Token": TOKEN}).raise_for_status().json()
    return {fault["kind"]: fault["met"] for fault in faults}


async def test_an_order_whose_answer_was_lost_is_found(trader: Trader) -> None:
    fault(trader, "lost_answer", path="/api/v3/order", method="POST", count=1)
    request = trader.order()
    placed = await trader.place(request)
    assert placed.status in {OrderStatus.SUBMITTED, OrderStatus.OPEN}
    await trader.until(request.client_order_id, OrderStatus.OPEN)
    assert list(trader.venue_orders()) == [request.client_order_id]
    again = await trader.place(request)
    assert again.status is OrderStatus.OPEN
    assert len(trader.venue_orders()) == 1


async def test_an_order_that_an_error_of_the_exchange_met_fails_when_that_is_certain(
    trader: Trader, database: Database
) -> None:
    fault(trader, "server_error", path="/api/v3/order", method="POST", count=1)
    request = trader.order()
    placed = await trader.place(request)
    assert placed.status is OrderStatus.SUBMITTED
    await trader.until(request.client_order_id, OrderStatus.FAILED)
    statuses = [order.status for order in await told(database, ORDER_CHANGED)]
    assert statuses[-2:] == [OrderStatus.SUBMITTED, OrderStatus.FAILED]
    assert trader.venue_orders() == {}
    refusal = await trader.refused(PLACE_ORDER, request)
    assert (refusal.code, refusal.detail) == (ErrorCode.REFUSED, "The order did not reach the exchange")


async def test_a_slow_exchange_is_waited_for_two_seconds(trader: Trader) -> None:
    fault(trader, "latency", path="/api/v3/order", method="POST", delay=4.6, count=1)
    request = trader.order()
    began = time.monotonic()
    placed = await trader.place(request)
    assert time.monotonic() - began > 1.5
    within(4.4, began)
    assert placed.status is OrderStatus.SUBMITTED
    # It came outside its receive window or inside it; either way what is stored is what the exchange has.
    await come_to_agree(trader)
    assert (await trader.status(request.client_order_id)) in {OrderStatus.OPEN, OrderStatus.FAILED}


async def test_a_cancel_whose_answer_was_lost_is_found_out(trader: Trader) -> None:
    placed = await trader.place()
    fault(trader, "lost_answer", path="/api/v3/order", method="DELETE", count=1)
    await trader.cancel(placed.client_order_id)
    await trader.until(placed.client_order_id, OrderStatus.CANCELLED)
    assert trader.venue_orders()[placed.client_order_id]["status"] == "CANCELED"


async def test_a_cancel_that_failed_is_sent_again(trader: Trader) -> None:
    placed = await trader.place()
    fault(trader, "server_error", path="/api/v3/order", method="DELETE", count=2)
    await trader.cancel(placed.client_order_id)
    await trader.until(placed.client_order_id, OrderStatus.CANCELLED)
    assert trader.venue_orders()[placed.client_order_id]["status"] == "CANCELED"


@pytest.mark.parametrize("kind", ["missed_message", "duplicated_message", "reordered_message", "dropped_socket"])
async def test_a_stream_that_cannot_be_trusted(trader: Trader, kind: str) -> None:
    fault(trader, kind, path="userData" if kind != "dropped_socket" else "/ws-api*")
    load = Load(trader, seed=5)
    await load.trade(12)
    await come_to_agree(trader)
    assert met(trader)[kind] > 0
    trader.server.remove_faults()
    await load.trade(2)
    await come_to_agree(trader)


@pytest.mark.timeout(400)
async def test_everything_at_once(trader: Trader, seed: int) -> None:
    chosen = random.Random(seed)
    for kind, path, method in (
        ("lost_answer", "/api/v3/order", None),
        ("server_error", "/api/v3/order", None),
        ("latency", "/api/v3/*", None),
        ("too_many_requests", "/api/v3/openOrders", None),
        ("missed_message", "userData", None),
        ("duplicated_message", "userData", None),
        ("reordered_message", "userData", None),
    ):
        asked = {"delay": 0.3} if kind == "latency" else {}
        fault(trader, kind, path=path, method=method, count=chosen.randint(1, 6), **asked)
    load = Load(trader, seed)
    await asyncio.gather(*(load.trade(10) for _ in range(3)))
    # A fault that has met as many as it was to meet is gone; open orders need not have been asked for meanwhile.
    assert met(trader).keys() <= {"too_many_requests"}
    trader.server.remove_faults()
    await come_to_agree(trader, seconds=60)


async def test_only_the_session_of_the_exchange_that_is_down_waits(
    trader: Trader, credentials: CredentialsStandIn
) -> None:
    other = await new_trader(trader.bus, trader.server, credentials, name="other")
    await other.ready()
    fault(trader, "server_error", path="/api/*", status=503)

    async def waits() -> bool:
        session = await trader.session()
        return session.state is SessionState.WAITING and bool(session.reason)

    await eventually(waits)
    request = trader.order()
    refusal = await trader.refused(PLACE_ORDER, request)
    assert refusal.code is ErrorCode.UNAVAILABLE
    assert "waiting" in refusal.detail
    assert await trader.stored(request.client_order_id) is None  # certain: nothing was or will be sent
    assert (await other.place()).status is OrderStatus.OPEN
    assert (await trader.session()).silent_since is not None
    trader.server.remove_faults()
    await trader.ready()
    assert (await trader.session()).silent_since is None
    assert (await trader.place(request)).status is OrderStatus.OPEN


async def test_maintenance_is_waited_for(trader: Trader) -> None:
    placed = await trader.place()
    fault(trader, "maintenance", path="*")

    async def waits() -> bool:
        return (await trader.session()).state is SessionState.WAITING

    await eventually(waits)
    wished = await trader.cancel(placed.client_order_id)  # recorded, and sent when the exchange is back
    assert wished.status is OrderStatus.PENDING_CANCEL
    trader.server.remove_faults()
    await trader.ready()
    await trader.until(placed.client_order_id, OrderStatus.CANCELLED)
    await come_to_agree(trader)


async def test_what_happened_while_nobody_looked_is_found_at_the_start(
    trader: Trader, service: PortfolioService, start: Start
) -> None:
    resting = await trader.place()
    ended = await trader.place()
    await service.drain()
    for order in (ended,):
        trader.venue.ok("DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId=order.client_order_id)
    trader.venue.ok("POST", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.05")
    await start(**QUICK)
    await trader.ready()
    assert await trader.status(resting.client_order_id) is OrderStatus.OPEN
    assert await trader.status(ended.client_order_id) is OrderStatus.CANCELLED
    await trader.place(order_type=OrderType.MARKET, price=None, amount=Decimal("0.01"))
    await eventually(lambda: agree_in_orders(trader))


async def agree_in_orders(trader: Trader) -> bool:
    ours = await trader.ask(SEARCH_ORDERS, OrderSearch())
    theirs = trader.venue_orders()
    return all(
        Decimal(theirs[order.client_order_id]["executedQty"]) == order.filled_amount
        and order.status.is_final == (theirs[order.client_order_id]["status"] in {"FILLED", "CANCELED"})
        for order in ours.orders
    )
