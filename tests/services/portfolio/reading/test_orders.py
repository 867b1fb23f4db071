"""Orders and trades over the bus: who has placed one sees it."""

from shared.contracts.portfolio.orders import ACTIVE_ORDERS, SEARCH_ORDERS, OrderFilter, OrderSearch, OrderStatus
from shared.contracts.portfolio.trades import SEARCH_TRADES, TradeSearch
from shared.errors import ErrorCode
from tests.services.portfolio.reading.replica import Asker, Replica
from tests.services.portfolio.recorded import Recorder, order, trade


async def test_who_has_placed_an_order_sees_it(replica: Replica, recorder: Recorder, ask: Asker) -> None:
    for number in range(20):
        event_ids = await recorder(order(f"o{number:02}"))
        found = await ask(ACTIVE_ORDERS, OrderFilter(limit=1000), after=event_ids)
        assert found.total == number + 1
    event_ids = await recorder(order("o00", version=2, status=OrderStatus.FILLED))
    found = await ask(ACTIVE_ORDERS, OrderFilter(limit=2), after=event_ids)
    assert [one.client_order_id for one in found.orders] == ["o01", "o02"]
    assert (found.total, found.next_cursor) == (19, "o02")


async def test_orders_and_trades_are_searched(replica: Replica, recorder: Recorder, ask: Asker) -> None:
    await recorder(order("a"), order("b", status=OrderStatus.FILLED), trade(order_id="b"))
    found = await ask(SEARCH_ORDERS, OrderSearch(limit=1))
    assert (found.total, found.orders[0].client_order_id) == (2, "b")
    rest = await ask(SEARCH_ORDERS, OrderSearch(cursor=found.next_cursor))
    assert [one.client_order_id for one in rest.orders] == ["a"]
    assert (await ask(SEARCH_TRADES, TradeSearch())).trades == (trade(order_id="b"),)
    assert await ask.refused(SEARCH_ORDERS, OrderSearch(cursor="rubbish")) is ErrorCode.INVALID
    assert await ask.refused(SEARCH_TRADES, TradeSearch(cursor="1:\0")) is ErrorCode.INVALID
