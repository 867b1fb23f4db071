"""Market data against the whole stack: every method of the official client, its socket, and a program on the bus."""

import asyncio
import inspect
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import nats
import pytest
from hummingbot_api_client import HummingbotAPIClient
from hummingbot_api_client.routers import MarketDataRouter
from nats.aio.msg import Msg

from tests.running_stack import RunningStack
from tests.system.conftest import Login

SPOT, PERPETUAL, PAIR = "paper", "paper_perpetual", "BTC-USDT"
BOOK = {"connector_name": SPOT, "trading_pair": PAIR}

#: Fields and types of answers as the contract has them; None beside a type: it may be null.
CANDLE = dict.fromkeys(
    (
        *("timestamp", "open", "high", "low", "close", "volume", "quote_asset_volume", "n_trades"),
        *("taker_buy_base_volume", "taker_buy_quote_volume"),
    ),
    float,
)
ANSWER = {"trading_pair": str, "is_buy": bool, "timestamp": float}
NUMBERS_OR_NULL = (
    *("query_volume", "query_price", "result_price", "result_volume", "result_quote_volume", "average_price"),
    *("vwap", "avg_price"),
)
TRACKED = {"success": bool, "connector_name": str, "trading_pair": str, "message": str}
DIAGNOSIS = {
    "connector_type": str,
    "connector_name": str,
    "has_order_book_tracker": bool,
    "tracker_ready": bool,
    "tasks": dict,
    "trading_pairs": list,
    "order_books": dict,
    "metrics": dict,
    "websocket_status": str,
}


@pytest.fixture
async def client(system: RunningStack, login: Login) -> AsyncIterator[HummingbotAPIClient]:
    async with HummingbotAPIClient(system.url, login.username, login.password) as client:
        yield client


def has(answer: dict[str, Any], fields: Mapping[str, type]) -> bool:
    """Return whether `answer` has exactly these fields, of these types; a float may be written without a fraction."""
    assert set(answer) == set(fields), answer
    for name, kind in fields.items():
        kinds = (int, float) if kind is float else (kind,)
        assert type(answer[name]) in kinds, (name, answer[name])
    return True


def has_answer(answer: dict[str, Any], *told: str) -> bool:
    """Return whether a question to a book has its answer, with numbers in `told` at least."""
    assert set(answer) == {*ANSWER, *NUMBERS_OR_NULL}
    assert all(type(answer[name]) in (int, float, type(None)) for name in NUMBERS_OR_NULL)
    assert all(answer[name] is not None for name in told)
    assert (answer["vwap"], answer["avg_price"]) == (answer["average_price"],) * 2
    return has({name: answer[name] for name in ANSWER}, ANSWER)


def test_none_of_its_methods_is_left_out() -> None:
    """The tests below name each; a client that has more of them wants more tests."""
    methods = {name for name, _ in inspect.getmembers(MarketDataRouter, inspect.isfunction) if name[0] != "_"}
    here = "".join(inspect.getsource(test) for name, test in globals().items() if name.startswith("test_its_"))
    assert {name for name in methods if f"market.{name}(" not in here} == set()


async def test_its_candles(client: HummingbotAPIClient) -> None:
    market = client.market_data
    live = await market.get_candles(SPOT, PAIR, "1m", 5)
    assert len(live) == 5
    assert [row["timestamp"] for row in live] == [live[0]["timestamp"] + 60 * number for number in range(5)]
    start = 1_767_225_600
    past = await market.get_historical_candles(SPOT, PAIR, "5m", start, start + 3600)
    assert [row["timestamp"] for row in past] == list(range(start, start + 3601, 300))
    assert len(await market.get_historical_candles(SPOT, PAIR)) == 500
    days = await market.get_candles_last_days(SPOT, PAIR, 2, "1h")
    assert 48 <= len(days) <= 49
    for row in (*live, *past, *days):
        assert has(row, CANDLE)
        assert row["low"] <= min(row["open"], row["close"]) <= max(row["open"], row["close"]) <= row["high"]
    named = await market.get_available_candle_connectors()
    assert {SPOT, PERPETUAL, "binance", "binance_perpetual"} <= set(named)
    assert "binance_paper_trade" not in named  # of bots: it would be refused


async def test_its_feeds(client: HummingbotAPIClient) -> None:
    market = client.market_data
    await market.get_candles(SPOT, PAIR, "1m", 1)
    feeds = await market.get_active_feeds()
    fields = {"last_access_time": float, "seconds_since_access": float, "will_expire_in": float, "config": str}
    for feed in feeds.values():
        assert has(feed, {"feed_type": str, **fields})
    assert feeds[f"candles_{SPOT}_{PAIR}_1m"]["feed_type"] == "candles"
    settings = await market.get_market_data_settings()
    assert has(settings, {"cleanup_interval": int, "feed_timeout": int, "description": str})


async def test_its_books(client: HummingbotAPIClient) -> None:
    market = client.market_data
    # A diagnosis is whole also where nothing is followed.
    assert has(await market.get_order_book_diagnostics("binance"), DIAGNOSIS)
    assert has(await market.add_trading_pair(SPOT, PAIR, timeout=20), TRACKED)
    book = await market.get_order_book(SPOT, PAIR, depth=3)
    assert has(book, {"trading_pair": str, "bids": list, "asks": list, "timestamp": float})
    for level in (*book["bids"], *book["asks"]):
        assert has(level, {"price": float, "amount": float})
    found = await market.get_order_book_diagnostics(SPOT, account_name="master_account")
    assert has(found, DIAGNOSIS)
    assert PAIR in found["trading_pairs"]
    anew = await market.restart_order_book_tracker(SPOT)
    assert anew["success"] is True
    assert PAIR in anew["trading_pairs"]
    assert (await market.remove_trading_pair(SPOT, PAIR))["success"] is True
    assert (await market.remove_trading_pair(SPOT, PAIR))["success"] is False
    assert await market.get_order_book_diagnostics("nowhere") == {
        "connector_name": "nowhere",
        "error": "Connector 'nowhere' not found",
    }
    assert (await market.restart_order_book_tracker("nowhere"))["success"] is False


async def test_its_questions_to_books(client: HummingbotAPIClient) -> None:
    market = client.market_data
    for buys in (True, False):
        price = await market.get_price_for_volume(SPOT, PAIR, 0.5, buys)
        assert has_answer(price, "query_volume", "result_price", "result_volume")
        average = await market.get_vwap_for_volume(SPOT, PAIR, 0.5, buys)
        assert has_answer(average, "query_volume", "average_price")
        assert average["result_volume"] == 0.5
        assert average["average_price"] * 0.5 == pytest.approx(average["result_quote_volume"])
        worst = price["result_price"]
        for answer in (
            await market.get_volume_for_price(SPOT, PAIR, worst * (1.02 if buys else 0.98), buys),
            await market.get_quote_volume_for_price(SPOT, PAIR, worst * (1.02 if buys else 0.98), buys),
        ):
            assert has_answer(answer, "query_price", "result_price", "result_volume", "result_quote_volume")
            assert answer["result_volume"] > 0
        paid = await market.get_price_for_quote_volume(SPOT, PAIR, 1000, buys)
        assert has_answer(paid, "query_volume", "result_price", "result_volume")
        assert paid["result_quote_volume"] == pytest.approx(1000)
        # More than there is: what there is.
        most = await market.get_price_for_volume(SPOT, PAIR, 1e12, buys)
        assert 0 < most["result_volume"] < 1e12
        # Better than the best price: nothing.
        none = await market.get_volume_for_price(SPOT, PAIR, 1 if buys else 1e9, buys)
        assert (none["result_volume"], none["result_price"]) == (0, None)


async def test_its_prices_and_rates(client: HummingbotAPIClient) -> None:
    market = client.market_data
    prices = await market.get_prices(SPOT, [PAIR, "ETH-USDT", "NO-SUCH"])
    assert set(prices) == {"connector", "prices", "timestamp", PAIR, "ETH-USDT"}
    assert has(prices[PAIR], {"price": float, "timestamp": float})
    rates = await market.get_rates(["ETH-BTC", "SOL-BTC", "NO-SUCH"], connector=SPOT)
    assert (rates["quote_token"], rates["connector"]) == ("USDT", SPOT)
    assert rates["rates"]["NO-SUCH"] is None
    assert "NO" in rates["reasons"]["NO-SUCH"]
    tickers = await market.get_tickers([SPOT, "binance"])
    assert set(tickers) == {"tickers", "counts", "updated_at", "errors"}
    for row in tickers["tickers"][SPOT].values():
        assert has(row, {"price": float, "base_volume": float, "quote_volume": float, "timestamp": float})
    assert tickers["counts"][SPOT] == len(tickers["tickers"][SPOT])
    # SOL-BTC has no market here: over another token.
    worth = {pair: tickers["tickers"][SPOT][pair]["price"] for pair in ("SOL-USDT", PAIR)}
    assert rates["rates"]["SOL-BTC"] == pytest.approx(worth["SOL-USDT"] / worth[PAIR], rel=0.01)


async def test_its_funding(client: HummingbotAPIClient) -> None:
    market = client.market_data
    funding = await market.get_funding_info(PERPETUAL, PAIR)
    numbers = dict.fromkeys(("funding_rate", "next_funding_time", "mark_price", "index_price", "timestamp"), float)
    assert has(funding, {"trading_pair": str, **numbers})
    assert funding["timestamp"] <= time.time() + 1 < funding["next_funding_time"]
    with pytest.raises(aiohttp.ClientResponseError, match="not a perpetual"):
        await market.get_funding_info(SPOT, PAIR)


async def test_its_socket(client: HummingbotAPIClient) -> None:
    async with asyncio.timeout(30), client.ws.market_data() as socket:
        ids = {
            await socket.subscribe_candles(SPOT, PAIR, "1m", max_records=3, update_interval=0.25),
            await socket.subscribe_order_book(SPOT, PAIR, depth=2, update_interval=0.25),
            await socket.subscribe_trades(SPOT, PAIR, update_interval=0.25),
        }
        assert ids == {f"candles_{SPOT}_{PAIR}_1m", f"order_book_{SPOT}_{PAIR}", f"trades_{SPOT}_{PAIR}"}
        with pytest.raises(RuntimeError, match="404"):
            await socket.subscribe_order_book(SPOT, "NO-SUCH")
        frames: dict[str, Any] = {}
        async for frame in socket:
            assert frame["subscription_id"] in ids
            frames[frame["type"]] = frame["data"]
            if frames.keys() >= {"candles", "candle_update", "order_book", "trades"}:
                break
        assert len(frames["candles"]) == 3
        assert all(has(row, CANDLE) for row in (*frames["candles"], frames["candle_update"]))
        assert [len(side) for side in frames["order_book"].values()] == [2, 2]
        for trade in frames["trades"]:
            trade.pop("id", None)  # where the exchange tells one
            assert has(trade, {"timestamp": float, "price": float, "amount": float, "side": str})
        for one in ids:
            await socket.unsubscribe(one)
    # Alone: the client takes the next frame for the answer, and one may have been on its way when it asked.
    async with asyncio.timeout(30), client.ws.market_data() as quiet:
        assert (await quiet.ping())["type"] == "pong"


async def test_a_program_on_the_bus_follows_the_market(system: RunningStack) -> None:
    """As docs/bus.md says: nothing of ours but names."""
    bus = await nats.connect(
        system.run().nats_url, nkeys_seed=str(system.data / "outside.nk"), inbox_prefix="_INBOX.hb.outside"
    )

    async def ask(name: str, **request: object) -> Msg:
        asked = json.dumps(request).encode()
        return await bus.request(f"hb.cmd.outside.marketdata.{name}", asked, timeout=20)

    try:
        heard = {kind: asyncio.Event() for kind in ("ticker", "book", "trades", "funding", "candle")}

        async def note(message: Msg) -> None:
            assert PAIR in json.loads(message.data)["trading_pair"]
            heard[message.subject.split(".")[2]].set()

        for kind, more in (("ticker", ""), ("book", ""), ("trades", ""), ("candle", ".1m")):
            await bus.subscribe(f"hb.live.{kind}.{SPOT}.{PAIR}{more}", cb=note)
        await bus.subscribe("hb.live.funding.*.*", cb=note)
        for kind, connector, interval in (
            ("ticker", SPOT, None),
            ("order_book", SPOT, None),
            ("trades", SPOT, None),
            ("candles", SPOT, "1m"),
            ("funding", PERPETUAL, None),
        ):
            which = {"kind": kind, "connector_name": connector, "trading_pair": PAIR, "interval": interval}
            assert json.loads((await ask("feed.follow", **which)).data)["seconds"] > 0
        async with asyncio.timeout(20):
            await asyncio.gather(*(event.wait() for event in heard.values()))

        start = 1_767_225_600
        piece = await ask("candle.history", **BOOK, interval="1m", start_time=start, end_time=start + 60 * 9999)
        whole = piece.data
        while piece.reply:
            piece = await bus.request(piece.reply, b"", timeout=20)
            whole += piece.data
        assert [row["timestamp"] for row in json.loads(whole)] == list(range(start, start + 600_000, 60))

        for name, request, code in (
            ("book.get", BOOK | {"depth": 0}, "invalid"),
            ("book.get", BOOK | {"trading_pair": "NO-SUCH"}, "not_found"),
            ("pair.remove", BOOK | {"connector_name": "nowhere"}, "not_found"),
            ("candle.recent", BOOK | {"interval": "2m"}, "refused"),
            ("rate.configure", {"quote_token": "US D"}, "invalid"),
            ("rate.configure", {"source": "nowhere"}, "refused"),
        ):
            refused = await ask(name, **request)
            assert json.loads(refused.data)["code"] == code
            assert (refused.headers or {})["Nats-Service-Error-Code"] == code
    finally:
        await bus.close()
