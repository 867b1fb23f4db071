"""A market without keys: rules, books, tickers, the clock, and that a process loads it once."""

import asyncio
import time
from contextlib import aclosing
from decimal import Decimal
from typing import Any

import pytest

from shared.contracts.portfolio.orders import OrderType
from shared.exchanges.errors import ExchangeDown, Refused, Unsupported
from shared.exchanges.registry import Exchanges
from tests.shared.exchanges.conftest import PAIR
from tests.venue import SimulatedVenue


async def test_rules_are_exact(exchanges: Exchanges, connector: str) -> None:
    rules = await exchanges.market(connector).rules()

    spot = connector == "paper"
    rule = rules[PAIR]
    assert rule.min_base_amount_increment == Decimal("0.00001" if spot else "0.001")
    assert rule.min_price_increment == Decimal("0.01" if spot else "0.1")
    assert rule.min_order_size == Decimal("0.00001" if spot else "0.001")
    assert rule.min_notional_size == rule.min_order_value == Decimal(5 if spot else 100)
    assert rule.max_order_size == Decimal(9000 if spot else 1000)
    assert rule.min_quote_amount_increment == rule.min_price_increment * rule.min_base_amount_increment
    assert (rule.buy_order_collateral_token, rule.sell_order_collateral_token) == ("USDT", "BTC" if spot else "USDT")
    assert rule.supports_limit_orders
    assert rule.supports_market_orders
    wanted = {"BTC-USDT", "ETH-USDT"} | ({"SOL-USDT", "ETH-BTC", "BTC-USDC"} if spot else set())
    assert wanted <= set(rules)


async def test_everybody_in_a_process_has_the_same_market_loaded_once(
    exchanges: Exchanges, connector: str, venue: SimulatedVenue
) -> None:
    venue.fault("latency", path="/api/v3/exchangeInfo" if connector == "paper" else "/fapi/v1/exchangeInfo", delay=0.01)
    market = exchanges.market(connector)
    assert exchanges.market(connector) is market

    rules = await asyncio.gather(*(market.rules() for _ in range(20)))

    assert all(one is rules[0] for one in rules)
    assert venue.faults_met() == 1
    account = exchanges.account(connector, venue.credential({"USDT": "5"}, {"USDT": "5"}))
    await account.balances()
    assert account.market is market
    assert venue.faults_met() == 1
    await account.close()


async def test_one_who_gives_up_waiting_for_a_load_does_not_end_it(exchanges: Exchanges, connector: str) -> None:
    market = exchanges.market(connector)
    given_up = asyncio.create_task(market.rules())
    await asyncio.sleep(0)
    others = asyncio.create_task(market.rules())
    given_up.cancel()

    assert PAIR in await others


async def test_books_and_tickers_are_fetched(exchanges: Exchanges, connector: str) -> None:
    market = exchanges.market(connector)
    book = await market.fetch_book(PAIR, 15)
    one = await market.fetch_tickers((PAIR,))
    all_of_them = await market.fetch_tickers()

    assert len(book.bids) >= 15
    assert len(book.asks) >= 15
    assert [level[0] for level in book.bids] == sorted((level[0] for level in book.bids), reverse=True)
    assert book.bids[0][0] < book.asks[0][0]
    assert set(one) == {PAIR}
    for tickers in (one, all_of_them):
        ticker = tickers[PAIR]
        assert (ticker.connector_name, ticker.trading_pair) == (connector, PAIR)
        assert 0 < ticker.bid < ticker.ask
        assert ticker.bid_amount > 0
        assert ticker.last == pytest.approx(ticker.bid, rel=0.01)
        assert abs(ticker.timestamp - time.time()) < 90
    assert {"BTC-USDT", "ETH-USDT"} <= set(all_of_them)
    assert await market.fetch_tickers(()) == {}


async def test_a_book_is_followed(exchanges: Exchanges, connector: str) -> None:
    books = []
    async with asyncio.timeout(20), aclosing(_generator(exchanges.market(connector).watch_book(PAIR))) as stream:
        async for book in stream:
            books.append(book.best(100))
            if len(books) == 5:
                break

    assert all(book.bids[0][0] < book.asks[0][0] for book in books)
    assert len({(book.bids, book.asks) for book in books}) > 1


async def test_tickers_are_followed_with_their_last_price(exchanges: Exchanges, connector: str) -> None:
    seen: dict[str, Any] = {}
    pairs = ("BTC-USDT", "ETH-USDT")
    async with asyncio.timeout(20), aclosing(_generator(exchanges.market(connector).watch_tickers(pairs))) as stream:
        async for ticker in stream:
            seen[ticker.trading_pair] = ticker
            if len(seen) == 2 and all(one.last and one.bid for one in seen.values()):
                break

    assert all(one.bid < one.ask and one.last == pytest.approx(one.bid, rel=0.05) for one in seen.values())


async def test_a_stream_ends_with_an_error_when_its_socket_drops(
    exchanges: Exchanges, connector: str, venue: SimulatedVenue
) -> None:
    market = exchanges.market(connector)

    async def follow_until_it_breaks() -> None:
        async for _ in market.watch_book(PAIR):
            venue.fault("dropped_socket", count=1)

    async with asyncio.timeout(20):
        with pytest.raises(ExchangeDown):
            await follow_until_it_breaks()
    venue.heal()
    async with asyncio.timeout(20), aclosing(_generator(market.watch_book(PAIR))) as stream:
        assert (await anext(stream)).bids


async def test_order_types_are_those_of_the_catalogue(exchanges: Exchanges, connector: str) -> None:
    assert set(exchanges.market(connector).order_types()) == set(OrderType)


async def test_the_exchanges_clock_is_read(exchanges: Exchanges, connector: str, venue: SimulatedVenue) -> None:
    market = exchanges.market(connector)
    assert abs(await market.server_ms() - time.time() * 1000) < 5000
    venue.fault("clock_offset", offset=90_000)
    assert abs(await market.server_ms() - time.time() * 1000 - 90_000) < 5000


async def test_unknown_pairs_are_refused(exchanges: Exchanges, connector: str) -> None:
    market = exchanges.market(connector)
    with pytest.raises(Refused, match="NOPE-USDT"):
        await market.fetch_book("NOPE-USDT", 10)
    with pytest.raises(Refused, match="NOPE-USDT"):
        await market.fetch_tickers(("NOPE-USDT",))
    with pytest.raises(Refused, match="NOPE-USDT"):
        await anext(_generator(market.watch_book("NOPE-USDT")))


@pytest.mark.parametrize("name", ["bitmart", "binance_paper_trade", "no_such_exchange", "xrpl"])
async def test_connectors_without_trading_are_unsupported(exchanges: Exchanges, name: str) -> None:
    with pytest.raises(Unsupported, match=name):
        exchanges.market(name)
    with pytest.raises(Unsupported, match=name):
        exchanges.account(name, {})


async def test_a_market_whose_first_load_failed_is_loaded_when_the_exchange_is_back(
    exchanges: Exchanges, connector: str, venue: SimulatedVenue
) -> None:
    venue.fault("maintenance")
    market = exchanges.market(connector)
    with pytest.raises(ExchangeDown):
        await market.rules()
    venue.heal()

    assert PAIR in await market.rules()


def _generator(stream: Any) -> Any:
    """Return a stream as what it is: a generator, which can be closed."""
    return stream
