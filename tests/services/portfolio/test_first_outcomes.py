"""Orders asked for again, and cancels, while something fails: the answer is the first outcome, or not certain."""

import pytest

from services.portfolio.orders.cancelling import Cancelling
from services.portfolio.repository import Repository
from services.portfolio.rows import StoredOrder
from shared.contracts.marketdata.rules import TradingRule
from shared.contracts.portfolio.orders import PLACE_ORDER, OrderStatus
from shared.contracts.portfolio.sessions import REFRESH_SESSION, SessionRef, SessionState
from shared.database.failures import unavailable
from shared.errors import ErrorCode
from shared.exchanges.account import CcxtAccount
from shared.exchanges.errors import NotEnoughBalance
from shared.exchanges.interface import OrderRequest, VenueOrder
from shared.exchanges.market import CcxtMarket
from tests.eventually import eventually
from tests.services.portfolio.trading import Trader


async def database_is_away(*_: object) -> StoredOrder | None:
    raise unavailable("portfolio")


async def test_an_order_is_known_again_when_its_pair_is_halted(trader: Trader, monkeypatch: pytest.MonkeyPatch) -> None:
    request = trader.order()
    placed = await trader.place(request)

    async def no_rules(_: CcxtMarket) -> dict[str, TradingRule]:
        return {}

    monkeypatch.setattr(CcxtMarket, "rules", no_rules)
    assert await trader.place(request) == placed
    refusal = await trader.refused(PLACE_ORDER, trader.order())
    assert refusal.code is ErrorCode.REFUSED


async def test_an_order_is_known_again_when_its_exchange_is_down(trader: Trader) -> None:
    request = trader.order()
    placed = await trader.place(request)
    assert trader.venue.account is not None
    trader.server.add_fault("server_error", path="/api/*", status=503, api_key=trader.venue.account.api_key)

    async def waits() -> bool:
        await trader.refused(REFRESH_SESSION, SessionRef(trader.account_name, trader.connector))
        return (await trader.session()).state is SessionState.WAITING

    await eventually(waits)
    assert await trader.place(request) == placed
    refusal = await trader.refused(PLACE_ORDER, trader.order())
    assert refusal.code is ErrorCode.UNAVAILABLE


async def test_an_order_that_the_exchange_has_shown_is_not_answered_as_refused(
    trader: Trader, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = CcxtAccount.place

    async def placed_twice(account: CcxtAccount, order: OrderRequest) -> VenueOrder:
        await place(account, order)
        await trader.until(order.client_order_id, OrderStatus.OPEN)
        raise NotEnoughBalance("Account has insufficient balance for requested action.", "-2010")

    monkeypatch.setattr(CcxtAccount, "place", placed_twice)
    assert (await trader.place()).status is OrderStatus.OPEN


async def test_of_an_order_that_was_placed_before_nobody_says_that_it_was_not(
    trader: Trader, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = trader.order()
    await trader.place(request)
    monkeypatch.setattr(Repository, "order", database_is_away)
    refusal = await trader.refused(PLACE_ORDER, request)
    assert refusal.code is ErrorCode.OUTCOME_UNKNOWN


async def test_of_a_cancel_that_was_sent_nobody_says_that_it_was_not(
    trader: Trader, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = await trader.place()
    send = Cancelling._send

    async def sent(cancelling: Cancelling, order_id: str) -> None:
        await send(cancelling, order_id)
        monkeypatch.setattr(Repository, "order", database_is_away)

    monkeypatch.setattr(Cancelling, "_send", sent)
    cancelled = await trader.cancel(placed.client_order_id)
    assert cancelled.status is OrderStatus.PENDING_CANCEL
    assert trader.venue_orders()[placed.client_order_id]["status"] == "CANCELED"
