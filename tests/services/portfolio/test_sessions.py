"""Sessions come and go with credentials, whatever the neighbours do; only their owner answers."""

import asyncio
from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from hummingbus.stack.postgres_server import PostgresServer
from services.portfolio.sessions.session import OwnedSession
from shared.bus.client import Bus, NoResponders
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Reply
from shared.contracts.declaration import AnyCommand
from shared.contracts.portfolio.balances import PORTFOLIO_STATE, PortfolioStateFilter
from shared.contracts.portfolio.orders import (
    CANCEL_ORDER,
    ORDER_CHANGED,
    PLACE_ORDER,
    SEARCH_ORDERS,
    Order,
    OrderCancel,
    OrderSearch,
    OrderStatus,
    OrderType,
)
from shared.contracts.portfolio.sessions import REFRESH_SESSION, SessionRef, SessionState
from shared.contracts.portfolio.trades import TRADE_RECORDED
from shared.database.pool import Database
from shared.errors import CommandError, ErrorCode
from tests.eventually import eventually
from tests.services.portfolio.conftest import Start
from tests.services.portfolio.credentials_stand_in import CredentialsStandIn
from tests.services.portfolio.load import come_to_agree
from tests.services.portfolio.outbox import told
from tests.services.portfolio.quick import QUICK
from tests.services.portfolio.trading import Trader, new_trader
from tests.services.simulator.rest.venue_server import Client, VenueServer


async def code_of(trader: Trader) -> ErrorCode | None:
    """Return what asking for the session is refused with, if it is."""
    try:
        await trader.session()
    except CommandError as error:
        return error.code
    return None


async def test_a_session_begins_with_a_credential_and_ends_with_it(
    trader: Trader, credentials: CredentialsStandIn
) -> None:
    await trader.place()
    await credentials.delete("main", "paper")

    async def is_gone() -> bool:
        return await code_of(trader) is ErrorCode.NOT_FOUND

    await eventually(is_gone)

    async def has_no_owner() -> bool:
        refusal = await trader.refused(PLACE_ORDER, trader.order())
        return refusal.code is ErrorCode.UNAVAILABLE and "not running" in refusal.detail

    await eventually(has_no_owner)
    state = await trader.ask(PORTFOLIO_STATE, PortfolioStateFilter())
    assert state == {"main": {}}


async def test_another_credential_begins_the_session_anew(
    trader: Trader, credentials: CredentialsStandIn, venue: VenueServer
) -> None:
    before = await trader.place()
    account = venue.account({"USDT": "777"})
    await credentials.put("main", "paper", {"paper_api_key": account.api_key, "paper_api_secret": account.api_secret})
    other = Trader(trader.bus, venue, "main", "paper", Client(venue, account))

    async def has_other_balances() -> bool:
        state = await trader.ask(PORTFOLIO_STATE, PortfolioStateFilter())
        return [(one.token, one.units) for one in state["main"].get("paper", ())] == [("USDT", Decimal(777))]

    await eventually(has_other_balances)
    await other.ready()
    # The account behind the new keys has no such order.
    await other.until(before.client_order_id, OrderStatus.CANCELLED)
    assert (await other.place(amount=trader.order().amount / 2)).status is OrderStatus.OPEN


async def test_who_has_replaced_the_keys_trades_with_the_new_ones_alone(
    trader: Trader, credentials: CredentialsStandIn, venue: VenueServer
) -> None:
    for _ in range(4):
        # Both accounts can trade: whichever gets the order takes it.
        account = venue.account({"USDT": "1000000"})
        keys = {"paper_api_key": account.api_key, "paper_api_secret": account.api_secret}
        changed = await credentials.put("main", "paper", keys)
        wish, placed = trader.order(), None
        while placed is None:
            try:
                placed = await trader.ask(PLACE_ORDER, wish, after_others={"credentials": (changed,)})
            except CommandError as error:
                if error.code is not ErrorCode.UNAVAILABLE:  # nobody owns it while it is opened
                    raise
        other = Trader(trader.bus, venue, "main", "paper", Client(venue, account))
        assert wish.client_order_id not in trader.venue_orders()
        assert wish.client_order_id in other.venue_orders()
        # And so does the next one, from somebody else, as it is the only session.
        assert (await other.place()).status is OrderStatus.OPEN
        trader = other


async def test_an_order_that_comes_while_the_session_opens_waits_for_it(
    trader: Trader, credentials: CredentialsStandIn, venue: VenueServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Dispatcher.own

    async def own_slowly(dispatcher: Dispatcher, commands: Iterable[AnyCommand], keys: tuple[str, ...]) -> None:
        await own(dispatcher, commands, keys)
        await asyncio.sleep(0.3)  # it answers, and is not open yet

    monkeypatch.setattr(Dispatcher, "own", own_slowly)
    newcomer = await new_trader(trader.bus, venue, credentials, name="newcomer")
    wish, placed = newcomer.order(), None
    while placed is None:
        try:
            placed = await newcomer.place(wish)
        except NoResponders:
            await asyncio.sleep(0.02)
    assert placed.status is OrderStatus.OPEN


async def test_who_deletes_a_credential_and_adds_it_again_trades_at_once(
    trader: Trader, credentials: CredentialsStandIn, venue: VenueServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, closing = Dispatcher.release, asyncio.Event()

    async def release_slowly(dispatcher: Dispatcher, keys: tuple[str, ...]) -> None:
        closing.set()
        await asyncio.sleep(0.3)  # commands still come to who had the session
        await release(dispatcher, keys)

    monkeypatch.setattr(Dispatcher, "release", release_slowly)
    account = venue.account({"USDT": "1000000"})
    await credentials.delete("main", "paper")
    await closing.wait()
    keys = {"paper_api_key": account.api_key, "paper_api_secret": account.api_secret}
    after = {"credentials": (await credentials.put("main", "paper", keys),)}
    wishes = [trader.order() for _ in range(2)]
    await trader.ask(REFRESH_SESSION, SessionRef("main", "paper"), after_others=after)
    for wish in wishes:
        assert (await trader.ask(PLACE_ORDER, wish, after_others=after)).status is OrderStatus.OPEN
    other = Trader(trader.bus, venue, "main", "paper", Client(venue, account))
    assert other.venue_orders().keys() == {wish.client_order_id for wish in wishes}


async def test_where_nobody_can_say_which_keys_are_the_latest_nothing_is_sent(
    trader: Trader, credentials: CredentialsStandIn
) -> None:
    first = trader.order()
    known = await trader.place(first)
    await credentials.stop()
    later = {"credentials": (10**9,)}
    wish = trader.order()
    asked: tuple[tuple[AnyCommand, Any], ...] = (
        (PLACE_ORDER, wish),
        (CANCEL_ORDER, OrderCancel("main", "paper", known.client_order_id)),
        (REFRESH_SESSION, SessionRef("main", "paper")),
    )
    for command, request in asked:
        refusal = await trader.refused(command, request, after_others=later)
        assert refusal.code is ErrorCode.UNAVAILABLE
        assert "nothing was done" in refusal.detail
    assert await trader.status(wish.client_order_id) is None
    assert trader.venue_orders().keys() == {known.client_order_id}
    # An order that was placed before is known all the same, and who knows of no change trades on.
    assert (await trader.ask(PLACE_ORDER, first, after_others=later)).status is OrderStatus.OPEN
    assert (await trader.place()).status is OrderStatus.OPEN


async def test_a_change_that_was_heard_of_need_not_be_asked_for(
    trader: Trader, credentials: CredentialsStandIn
) -> None:
    credentials.delay = 1.1  # longer than a question is held up, and an order is worth waiting for
    keys = {"paper_api_key": "x" * 64, "paper_api_secret": "y" * 64}
    changed = await credentials.put("other", "paper", keys)
    after = {"credentials": (changed,)}
    assert (await trader.ask(PLACE_ORDER, trader.order(), after_others=after)).status is OrderStatus.OPEN
    credentials.delay = 0.0
    changed = await credentials.delete("other", "paper")
    await eventually(lambda: credentials.told["other"] == ())  # nobody else asks
    await credentials.stop()
    after = {"credentials": (changed,)}
    assert (await trader.ask(PLACE_ORDER, trader.order(), after_others=after)).status is OrderStatus.OPEN


async def test_who_has_deleted_the_credential_is_told_that_it_is_gone(
    trader: Trader, credentials: CredentialsStandIn
) -> None:
    changed = await credentials.delete("main", "paper")
    refusal = await trader.refused(PLACE_ORDER, trader.order(), after_others={"credentials": (changed,)})
    assert refusal.code in {ErrorCode.NOT_FOUND, ErrorCode.UNAVAILABLE}  # UNAVAILABLE once nobody listens any more
    assert trader.venue_orders() == {}


async def test_a_session_that_takes_long_to_be_closed_holds_up_no_other(
    trader: Trader, credentials: CredentialsStandIn, venue: VenueServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    closing, goes_on = asyncio.Event(), asyncio.Event()
    stop = OwnedSession.stop

    async def slow(session: OwnedSession) -> None:
        if session.key.account_name == "main":
            closing.set()
            await goes_on.wait()
        await stop(session)

    monkeypatch.setattr(OwnedSession, "stop", slow)
    await credentials.delete("main", "paper")
    await closing.wait()
    other = await new_trader(trader.bus, venue, credentials, name="other")
    await other.ready()
    # What comes next for the slow one waits for its turn, and its last state is what counts.
    again = await new_trader(trader.bus, venue, credentials, name="main")
    await credentials.delete("main", "paper")
    last = await new_trader(trader.bus, venue, credentials, name="main")
    goes_on.set()
    wish = last.order()

    async def is_placed() -> bool:
        try:
            return (await last.place(wish)).status is OrderStatus.OPEN
        except CommandError as error:
            if error.code not in {ErrorCode.UNAVAILABLE, ErrorCode.NOT_FOUND}:
                raise
            return False

    await eventually(is_placed)
    assert last.venue_orders().keys() == {wish.client_order_id}
    assert trader.venue_orders() == again.venue_orders() == {}


async def test_wrong_keys_are_said_by_the_session(
    start: Start, bus: Bus, credentials: CredentialsStandIn, venue: VenueServer
) -> None:
    await start()
    await credentials.put("main", "paper", {"paper_api_key": "x" * 64, "paper_api_secret": "y" * 64})
    account = venue.account({"USDT": "1"})
    trader = Trader(bus, venue, "main", "paper", Client(venue, account))

    async def is_refused() -> bool:
        if await code_of(trader) is not None:
            return False
        session = await trader.session()
        return session.state is SessionState.REFUSED and bool(session.reason) and "y" * 64 not in session.reason

    await eventually(is_refused)
    await credentials.put("main", "paper", {"paper_api_key": account.api_key, "paper_api_secret": account.api_secret})
    await trader.ready()


@pytest.mark.parametrize("how", ["slow", "rubbish", "dead"])
async def test_credentials_that_do_not_answer_are_waited_for(
    how: str, start: Start, bus: Bus, credentials: CredentialsStandIn, venue: VenueServer
) -> None:
    trader = await new_trader(bus, venue, credentials)
    match how:
        case "slow":
            credentials.delay = 6.0  # longer than anybody waits
        case "rubbish":
            credentials.instead = Reply(b'{"accounts": "none of your business"}')
        case "dead":
            await credentials.stop()
    service = await start()
    assert service.health().ready  # it does its work: to say what it does not know
    assert await code_of(trader) is ErrorCode.UNAVAILABLE
    credentials.delay, credentials.instead = 0.0, None
    if how == "dead":
        return
    await trader.ready()
    assert (await trader.place()).status is OrderStatus.OPEN


async def test_a_session_goes_on_without_credentials(trader: Trader, credentials: CredentialsStandIn) -> None:
    await credentials.stop()
    assert (await trader.place()).status is OrderStatus.OPEN
    await come_to_agree(trader)


async def test_a_drained_replica_hands_its_sessions_over_at_once(
    start: Start, bus: Bus, credentials: CredentialsStandIn, venue: VenueServer
) -> None:
    traders = [await new_trader(bus, venue, credentials, name=f"account-{number}") for number in range(4)]
    long = {**QUICK, "PORTFOLIO_LEASE_SECONDS": "60"}  # nobody waits for the end of a lease
    first = await start(**long)
    for trader in traders:
        await trader.ready()
    await start(**long)
    placed = [await trader.place() for trader in traders]
    await first.drain()
    for trader in traders:
        await trader.ready()
    for trader, order in zip(traders, placed, strict=True):
        await eventually(lambda: takes_cancel(trader, order))  # noqa: B023 - awaited right here
        await trader.until(order.client_order_id, OrderStatus.CANCELLED)


async def takes_cancel(trader: Trader, order: Order) -> bool:
    """Cancel an order; return False where nobody takes commands of its session yet, whatever was heard of it last."""
    try:
        await trader.cancel(order.client_order_id)
    except CommandError as error:
        if error.code is not ErrorCode.UNAVAILABLE:
            raise
        return False
    return True


async def test_orders_under_way_are_answered_while_their_owner_drains(
    start: Start, bus: Bus, credentials: CredentialsStandIn, venue: VenueServer
) -> None:
    trader = await new_trader(bus, venue, credentials)
    service = await start()
    await trader.ready()
    venue.add_fault("latency", path="/api/v3/order", method="POST", delay=0.5, count=10)
    requests = [trader.order() for _ in range(10)]
    placing = [asyncio.create_task(trader.place(request)) for request in requests]
    await eventually(lambda: recorded(trader, 10))
    await service.drain()
    placed = await asyncio.gather(*placing)
    assert all(order.exchange_order_id for order in placed)
    assert trader.venue_orders().keys() == {request.client_order_id for request in requests}


async def recorded(trader: Trader, count: int) -> bool:
    return (await trader.ask(SEARCH_ORDERS, OrderSearch())).total == count


async def test_events_tell_the_state_that_is_stored(trader: Trader, database: Database) -> None:
    """The last event of each order, and of the balances, is what the tables hold; versions have no holes backwards."""
    await trader.place(order_type=OrderType.MARKET, price=None)
    placed = await trader.place()
    await trader.cancel(placed.client_order_id)
    refusal = await trader.refused(PLACE_ORDER, trader.order(amount=Decimal(60)))
    assert refusal.code is ErrorCode.REFUSED
    await come_to_agree(trader)
    last: dict[str, Order] = {}
    for order in await told(database, ORDER_CHANGED):
        before = last.get(order.client_order_id)
        assert order.version > (before.version if before else 0)
        last[order.client_order_id] = order
    stored = await trader.ask(SEARCH_ORDERS, OrderSearch())
    assert {order.client_order_id: order for order in stored.orders} == last
    assert len(await told(database, TRADE_RECORDED)) == len(await trader.trades()) > 0


async def test_a_database_that_is_gone_for_a_while(
    trader: Trader, database_url: str, postgres_server: PostgresServer
) -> None:
    """What cannot be recorded is not sent; afterwards everything goes on, and what happened meanwhile is found."""
    resting = await trader.place()
    name = urlsplit(database_url).path.lstrip("/")
    admin = await asyncpg.connect(postgres_server.url)
    try:
        await admin.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        request = trader.order()
        refusal = await trader.refused(PLACE_ORDER, request)
        assert refusal.code in {ErrorCode.UNAVAILABLE, ErrorCode.INTERNAL}
        assert request.client_order_id not in trader.venue_orders()
        trader.venue.ok("DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId=resting.client_order_id)
    finally:
        await admin.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
        await admin.close()
    await trader.ready(30)
    await trader.until(resting.client_order_id, OrderStatus.CANCELLED, seconds=30)
    assert (await trader.place(request)).status is OrderStatus.OPEN
    await come_to_agree(trader)
