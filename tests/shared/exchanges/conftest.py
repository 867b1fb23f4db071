"""One simulator for all tests of exchanges that do not kill theirs."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from itertools import count

import pytest

from shared.contracts.portfolio.orders import OrderType, PositionAction, TradeType
from shared.exchanges.interface import OrderRequest, TradingAccount
from shared.exchanges.registry import Exchanges
from tests.venue import SimulatedVenue

CONNECTORS = ("paper", "paper_perpetual")
PAIR = "BTC-USDT"
#: The paths of orders at both connectors.
ORDER_PATHS = {"paper": "/api/v3/order", "paper_perpetual": "/fapi/v1/order"}

_ids = count(1)

OpenAccount = Callable[..., AbstractAsyncContextManager[TradingAccount]]


@pytest.fixture(scope="package")
def shared_venue() -> Iterator[SimulatedVenue]:
    """The simulator of these tests; it ends with the last, as it would go on trading beside all others."""
    venue = SimulatedVenue()
    yield venue
    venue.stop()


@pytest.fixture
def venue(shared_venue: SimulatedVenue) -> Iterator[SimulatedVenue]:
    """The simulator of these tests, without faults before and after."""
    shared_venue.heal()
    yield shared_venue
    shared_venue.heal()


@pytest.fixture
async def exchanges(venue: SimulatedVenue) -> AsyncIterator[Exchanges]:
    """The exchanges of a process."""
    made = Exchanges(dict.fromkeys(CONNECTORS, venue.url))
    yield made
    await made.close()


@pytest.fixture(params=CONNECTORS)
def connector(request: pytest.FixtureRequest) -> str:
    """Each of the simulator's connectors."""
    return str(request.param)


@pytest.fixture
def credential(venue: SimulatedVenue) -> dict[str, str]:
    """A new account with enough of everything."""
    return venue.credential({"USDT": "100000", "BTC": "1"}, {"USDT": "100000"})


@pytest.fixture
async def account(exchanges: Exchanges, connector: str, credential: dict[str, str]) -> AsyncIterator[TradingAccount]:
    """The new account, on each connector."""
    made = exchanges.account(connector, credential)
    yield made
    await made.close()


@pytest.fixture
def opened(exchanges: Exchanges) -> OpenAccount:
    """What opens further accounts, and closes them."""

    @asynccontextmanager
    async def opening(connector: str, credential: dict[str, str]) -> AsyncIterator[TradingAccount]:
        made = exchanges.account(connector, credential)
        try:
            yield made
        finally:
            await made.close()

    return opening


async def price_near(account: TradingAccount, part: str = "1") -> Decimal:
    """Return a part of the price now, in whole quote units, which keep to every rule."""
    ticker = (await account.market.fetch_tickers((PAIR,)))[PAIR]
    return (Decimal(str(ticker.bid)) * Decimal(part)).quantize(Decimal(1))


def order(
    price: Decimal | None,
    amount: str = "0.01",
    *,
    side: TradeType = TradeType.BUY,
    kind: OrderType | None = None,
    action: PositionAction = PositionAction.OPEN,
    client_order_id: str | None = None,
    sent_ms: int | None = None,
    receive_window_ms: int = 5000,
) -> OrderRequest:
    """Return an order: at the market without a price, else with a limit."""
    return OrderRequest(
        client_order_id=client_order_id or f"test-{time.time_ns()}-{next(_ids)}"[:36],
        trading_pair=PAIR,
        trade_type=side,
        order_type=kind or (OrderType.MARKET if price is None else OrderType.LIMIT),
        amount=Decimal(amount),
        price=price,
        position_action=action,
        sent_ms=sent_ms if sent_ms is not None else int(time.time() * 1000),
        receive_window_ms=receive_window_ms,
    )
