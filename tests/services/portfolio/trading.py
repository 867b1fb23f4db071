"""Accounts on a simulated exchange, the portfolio service that trades on them, and somebody who asks it."""

import itertools
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from shared.bus.client import Bus
from shared.contracts.declaration import Command, Req, Res
from shared.contracts.portfolio.orders import (
    CANCEL_ORDER,
    PLACE_ORDER,
    SEARCH_ORDERS,
    Order,
    OrderCancel,
    OrderPlace,
    OrderSearch,
    OrderStatus,
    OrderType,
    PositionAction,
    TradeType,
)
from shared.contracts.portfolio.sessions import GET_SESSION, REFRESH_SESSION, Session, SessionRef, SessionState
from shared.contracts.portfolio.trades import SEARCH_TRADES, Trade, TradeSearch
from shared.errors import CommandError, ErrorCode
from tests.eventually import eventually
from tests.services.portfolio.credentials_stand_in import CredentialsStandIn
from tests.services.simulator.rest.venue_server import Client, VenueServer

PAIR = "BTC-USDT"
_numbers = itertools.count(1)


def order_id() -> str:
    """Return a client order id that no other test uses."""
    return f"t{next(_numbers)}-{uuid4().hex[:12]}"


class Trader:
    """One account on the exchange, asked both through the portfolio service and, as `venue`, directly."""

    def __init__(self, bus: Bus, server: VenueServer, account_name: str, connector: str, venue: Client) -> None:
        self.bus = bus
        self.server = server
        self.account_name = account_name
        self.connector = connector
        self.venue = venue

    async def ask(self, command: Command[Req, Res], request: Req, **more: Any) -> Res:
        return await self.bus.request(command, request, actor="outside", **more)

    async def session(self) -> Session:
        return await self.ask(GET_SESSION, SessionRef(self.account_name, self.connector))

    async def is_ready(self) -> bool:
        """Return whether the session takes orders; a service that is not there yet has none."""
        try:
            return (await self.session()).state is SessionState.READY
        except CommandError as error:
            if error.code not in {ErrorCode.UNAVAILABLE, ErrorCode.NOT_FOUND}:
                raise
            return False

    async def ready(self, seconds: float = 30.0) -> None:
        await eventually(self.is_ready, seconds=seconds)

    def order(self, **changes: Any) -> OrderPlace:
        """Return a wish for a purchase far below the market."""
        values: dict[str, Any] = {
            "account_name": self.account_name,
            "connector_name": self.connector,
            "trading_pair": PAIR,
            "trade_type": TradeType.BUY,
            "amount": Decimal("0.01"),
            "client_order_id": order_id(),
            "order_type": OrderType.LIMIT,
            "price": self.below(),
            "position_action": PositionAction.OPEN,
        }
        return OrderPlace(**{**values, **changes})

    async def place(self, request: OrderPlace | None = None, **changes: Any) -> Order:
        return await self.ask(PLACE_ORDER, request or self.order(**changes))

    async def refused(self, command: Command[Req, Res], request: Req, **more: Any) -> CommandError:
        with pytest.raises(CommandError) as caught:
            await self.ask(command, request, **more)
        return caught.value

    async def cancel(self, client_order_id: str) -> Order:
        request = OrderCancel(self.account_name, self.connector, client_order_id)
        return (await self.ask(CANCEL_ORDER, request)).order

    async def refresh(self) -> Session:
        return await self.ask(REFRESH_SESSION, SessionRef(self.account_name, self.connector))

    async def stored(self, client_order_id: str) -> Order | None:
        """Return the order as it is stored."""
        page = await self.ask(SEARCH_ORDERS, OrderSearch((self.account_name,), limit=1000))
        return next((one for one in page.orders if one.client_order_id == client_order_id), None)

    async def status(self, client_order_id: str) -> OrderStatus | None:
        stored = await self.stored(client_order_id)
        return None if stored is None else stored.status

    async def until(self, client_order_id: str, status: OrderStatus, seconds: float = 90.0) -> None:
        """Wait until the order is stored with this status."""

        async def has_it() -> bool:
            return await self.status(client_order_id) is status

        await eventually(has_it, seconds=seconds)

    async def trades(self) -> tuple[Trade, ...]:
        page = await self.ask(SEARCH_TRADES, TradeSearch((self.account_name,), limit=1000))
        return page.trades

    def below(self) -> Decimal:
        """Return a price a few percent below the market."""
        return (self.last() * Decimal("0.97")).quantize(Decimal("0.1"))

    def last(self) -> Decimal:
        path = "/api/v3/ticker/price" if self.connector == "paper" else "/fapi/v1/ticker/price"
        return Decimal(self.venue.public(path, symbol="BTCUSDT").json()["price"])

    def venue_orders(self) -> dict[str, dict[str, Any]]:
        """Return all orders that the exchange has of the account, by client order id."""
        path = "/api/v3/allOrders" if self.connector == "paper" else "/fapi/v1/allOrders"
        orders = self.venue.ok("GET", path, symbol="BTCUSDT", limit=1000)
        found = {order["clientOrderId"]: order for order in orders}
        assert len(found) == len(orders), "expected an order once"
        return found

    def venue_trades(self) -> list[dict[str, Any]]:
        path = "/api/v3/myTrades" if self.connector == "paper" else "/fapi/v1/userTrades"
        trades: list[dict[str, Any]] = self.venue.ok("GET", path, symbol="BTCUSDT", limit=1000)
        return trades

    def venue_balances(self) -> dict[str, Decimal]:
        """Return what the exchange says the account has on spot, without zeros."""
        balances = self.venue.ok("GET", "/api/v3/account")["balances"]
        held = {one["asset"]: Decimal(one["free"]) + Decimal(one["locked"]) for one in balances}
        return {asset: amount for asset, amount in held.items() if amount}


async def new_trader(
    bus: Bus, server: VenueServer, credentials: CredentialsStandIn, connector: str = "paper", name: str = "main"
) -> Trader:
    """Make an account on the exchange and store its keys as a credential."""
    account = server.account({"USDT": "1000000", "BTC": "5"}, {"USDT": "1000000"})
    await credentials.put(name, connector, {"paper_api_key": account.api_key, "paper_api_secret": account.api_secret})
    return Trader(bus, server, name, connector, Client(server, account))
