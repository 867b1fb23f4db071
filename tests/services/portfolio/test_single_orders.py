"""One order asked for: by its id, and by the request that placed it, of any replica, also without an owner."""

from decimal import Decimal

import pytest

from shared.contracts.portfolio.orders import (
    GET_ORDER,
    ORDER_OUTCOME,
    PLACE_ORDER,
    OrderRef,
    OrderStatus,
    TradeType,
)
from shared.errors import ErrorCode
from tests.services.portfolio.trading import Trader


async def test_an_order_by_either_of_its_ids(trader: Trader) -> None:
    placed = await trader.place()
    assert placed.exchange_order_id is not None
    for order_id in (placed.client_order_id, placed.exchange_order_id):
        found = await trader.ask(GET_ORDER, OrderRef(trader.account_name, trader.connector, order_id))
        assert found.client_order_id == placed.client_order_id
    for account, connector, order_id in (
        (trader.account_name, trader.connector, "other"),
        ("other", trader.connector, placed.client_order_id),
        (trader.account_name, "paper_perpetual", placed.client_order_id),
    ):
        refusal = await trader.refused(GET_ORDER, OrderRef(account, connector, order_id))
        assert refusal.code is ErrorCode.NOT_FOUND


async def test_the_outcome_of_an_order_by_its_request(trader: Trader) -> None:
    request = trader.order()
    assert (await trader.refused(ORDER_OUTCOME, request)).code is ErrorCode.NOT_FOUND
    placed = await trader.place(request)
    assert await trader.ask(ORDER_OUTCOME, request) == placed
    other = trader.order(client_order_id=request.client_order_id, amount=Decimal("0.02"))
    assert (await trader.refused(ORDER_OUTCOME, other)).code is ErrorCode.CONFLICT
    assert (await trader.refused(PLACE_ORDER, other)).code is ErrorCode.CONFLICT


async def test_the_outcome_of_an_order_that_was_refused(trader: Trader) -> None:
    request = trader.order(trade_type=TradeType.SELL, amount=Decimal(50), price=Decimal(100_000))
    refusal = await trader.refused(PLACE_ORDER, request)
    assert refusal.code is ErrorCode.REFUSED
    found = await trader.ask(ORDER_OUTCOME, request)
    assert (found.status, found.error_message) == (OrderStatus.FAILED, refusal.detail)


async def test_the_outcome_is_known_without_an_owner(trader: Trader, monkeypatch: pytest.MonkeyPatch) -> None:
    request = trader.order()
    placed = await trader.place(request)
    monkeypatch.setattr("services.portfolio.sessions.sessions.Sessions.owned", lambda *_: None)
    assert await trader.ask(ORDER_OUTCOME, request) == placed
    # A command that still reaches a replica which has just lost the session.
    assert await trader.place(request) == placed
    refusal = await trader.refused(PLACE_ORDER, trader.order())
    assert refusal.code is ErrorCode.UNAVAILABLE
