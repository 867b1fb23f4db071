"""What is pushed when, to whom, and what is answered."""

import asyncio
import socket
import time
from typing import Any

import aiohttp
import msgspec
import pytest

from services.gateway_api.sockets import frames, live_feed
from shared.contracts.marketdata.candles import RECENT_CANDLES, RecentCandles
from shared.contracts.marketdata.feeds import FOLLOW_FEED, FeedKind, FeedRef
from shared.errors import CommandError, ErrorCode
from tests.eventually import eventually
from tests.services.gateway_api.conftest import Edge, StartEdge
from tests.services.gateway_api.credentials_stand_in import CredentialsStandIn
from tests.services.gateway_api.marketdata_stand_in import BOTS_ONLY, CONNECTOR, candle
from tests.services.gateway_api.sockets.conftest import (
    BOOK_ID,
    CANDLES_ID,
    PAIR,
    TRADES_ID,
    Market,
    Open,
    SocketClient,
    figures,
    quiet,
)


async def test_ids_say_what_is_subscribed(client: SocketClient, market: Market) -> None:
    assert await client.subscribe("order_book") == BOOK_ID
    assert await client.subscribe("trades", update_interval=60) == TRADES_ID
    assert await client.subscribe("candles", interval="5m", update_interval=60) == f"candles_{CONNECTOR}_BTC-USDT_5m"
    assert FeedRef(FeedKind.CANDLES, CONNECTOR, "BTC-USDT", "5m") in market.service.asked
    assert FeedRef(FeedKind.BOOK, CONNECTOR, "BTC-USDT") in market.service.asked


async def test_a_book_is_pushed_when_it_has_changed(client: SocketClient, market: Market) -> None:
    await client.subscribe("order_book", depth=2)
    first = await client.data("order_book")
    assert first == {"bids": [[64999.5, 0.5], [64998.5, 0.5]], "asks": [[65001.5, 0.25], [65002.5, 0.25]]}
    assert await quiet(client) == []
    before = time.time()
    await market.book(100.0)
    await market.book(200.0)
    # The first one may have gone out by itself, if its moment came between the two.
    frame = await client.until(lambda frame: frame["data"]["bids"][0][0] > 100)
    assert frame["subscription_id"] == BOOK_ID
    assert before <= frame["timestamp"] <= time.time()
    assert frame["data"] == {"bids": [[199.0, 0.5], [198.0, 0.5]], "asks": [[201.0, 0.25], [202.0, 0.25]]}
    assert await quiet(client) == []


async def test_a_deep_book_is_asked_for(client: SocketClient, market: Market) -> None:
    await client.subscribe("order_book", depth=60)
    assert len((await client.data("order_book"))["bids"]) == 60
    await market.book(100.0, levels=50)
    assert len((await client.data("order_book"))["asks"]) == 60


async def test_trades_are_those_since_the_last_push(client: SocketClient, market: Market) -> None:
    await client.subscribe("trades")
    await market.trades(1.0, 2.0)
    await market.trades(3.0)
    found: list[float] = []
    while len(found) < 3:
        found += [trade["price"] for trade in await client.data("trades")]
    assert found == [1, 2, 3]
    assert await quiet(client) == []
    await market.trades(4.0)
    (trade,) = await client.data("trades")
    assert trade == {"timestamp": 1767225600.25, "price": 4.0, "amount": 0.1, "side": "buy"}


async def test_who_comes_later_is_sent_no_trades_of_before(
    client: SocketClient, open_socket: Open, market: Market
) -> None:
    await client.subscribe("trades")
    await market.trades(1.0)
    await client.data("trades")
    other: SocketClient = await open_socket()
    await other.subscribe("trades")
    await market.trades(2.0)
    assert [trade["price"] for trade in await other.data("trades")] == [2]
    assert [trade["price"] for trade in await client.data("trades")] == [2]


async def test_candles_are_an_array_and_then_updates(client: SocketClient, market: Market) -> None:
    assert await client.subscribe("candles", max_records=3) == CANDLES_ID
    rows = await client.data("candles")
    assert [row["timestamp"] for row in rows] == [0, 60, 120]
    assert rows[0] == msgspec.to_builtins(candle(0))
    update = await client.next()
    assert (update["type"], update["data"]["timestamp"]) == ("candle_update", 120)  # changed or not
    await market.candle(msgspec.structs.replace(candle(120), close=1.5))
    await client.until(lambda frame: frame["type"] == "candle_update" and frame["data"]["close"] == 1.5)
    await market.candle(candle(180))
    assert [row["timestamp"] for row in await client.data("candles")] == [60, 120, 180]


async def test_more_candles_are_asked_for_when_somebody_wants_more(
    client: SocketClient, open_socket: Open, market: Market
) -> None:
    await client.subscribe("candles", max_records=3)
    assert len(await client.data("candles")) == 3
    other: SocketClient = await open_socket()
    await other.subscribe("candles", max_records=5)
    assert len(await other.data("candles")) == 5
    assert market.service.asked[-1] == RecentCandles(CONNECTOR, "BTC-USDT", "1m", 5)


async def test_candles_that_are_missing_are_asked_for(
    client: SocketClient, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_feed, "CHECK_PERIOD", 0.1)
    await client.subscribe("candles", max_records=3)
    assert [row["timestamp"] for row in await client.data("candles")] == [0, 60, 120]
    asked = [candle(60.0 * number) for number in range(5, 8)]
    market.service.instead = {RECENT_CANDLES.key: msgspec.json.encode(asked)}
    await market.candle(candle(420))
    assert [row["timestamp"] for row in await client.data("candles")] == [300, 360, 420]


async def test_the_answer_comes_before_any_push(client: SocketClient, market: Market) -> None:
    """What clients rely on: the frame after a message is its answer, also while much is pushed."""
    await client.subscribe("order_book")
    await client.data("order_book")
    release = asyncio.Event()
    market.service.before_follow = release.wait
    await client.socket.send_json({"action": "subscribe", "type": "trades", "update_interval": 0.25, **PAIR})
    await eventually(lambda: FeedRef(FeedKind.TRADES, CONNECTOR, "BTC-USDT") in market.service.asked)
    await market.book(100.0)
    assert await _nothing_for(client, 0.6)
    release.set()
    assert (await client.next())["type"] == "subscribed"
    assert (await client.data("order_book"))["bids"][0] == [99.0, 0.5]
    for _ in range(20):
        await market.book(time.time())
        await client.socket.send_json({"action": "ping"})
        await client.until(lambda frame: frame["type"] == "pong")


async def test_a_subscription_is_replaced(client: SocketClient, market: Market) -> None:
    await client.subscribe("order_book", depth=2)
    assert len((await client.data("order_book"))["bids"]) == 2
    await client.subscribe("order_book", depth=4)
    assert len((await client.data("order_book"))["bids"]) == 4
    await market.book(100.0)
    assert len((await client.data("order_book"))["bids"]) == 4
    assert await quiet(client) == []


async def test_it_ends(edge: Edge, client: SocketClient, market: Market) -> None:
    await client.subscribe("order_book")
    await client.data("order_book")
    answer = await client.ask(action="unsubscribe", subscription_id=BOOK_ID)
    assert answer == {"type": "unsubscribed", "subscription_id": BOOK_ID}
    await market.book(100.0)
    assert await quiet(client) == []
    answer = await client.ask(action="unsubscribe", subscription_id=BOOK_ID)
    assert answer["type"] == "error"
    assert figures(edge.service)["live_feeds"] == 0


async def test_a_client_that_goes_takes_its_subscriptions_along(
    edge: Edge, client: SocketClient, market: Market
) -> None:
    for kind in ("order_book", "trades", "candles"):
        await client.subscribe(kind)
    assert figures(edge.service)["live_feeds"] == 3
    transport = client.socket.get_extra_info("socket")
    transport.shutdown(socket.SHUT_RDWR)  # without a word
    await eventually(lambda: figures(edge.service)["live_feeds"] == figures(edge.service)["sockets"] == 0)


async def test_pings_and_heartbeats(start_edge: StartEdge, credentials: CredentialsStandIn, open_socket: Open) -> None:
    edge = await start_edge(MARKET_DATA_WS_HEARTBEAT_INTERVAL=0.3)
    client: SocketClient = await open_socket(edge)
    await client.socket.send_json({"action": "ping"})
    await client.until(lambda frame: frame["type"] == "pong")
    frame = await client.until(lambda frame: frame["type"] == "heartbeat")
    assert abs(frame["timestamp"] - time.time()) < 30


_SUBSCRIBE: dict[str, Any] = {"action": "subscribe", "type": "order_book", **PAIR}


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("no json", "not valid JSON"),
        ("[" * 10_000, "appears to be invalid"),
        ('{"action": 1e999}', "action"),
        (b"\xff\xfe", "not valid JSON"),
        ("[]", "appears to be invalid"),
        ("{}", "subscribe, unsubscribe, ping"),
        ({"action": "dance"}, "subscribe, unsubscribe, ping"),
        ({"action": "unsubscribe"}, "subscription_id"),
        ({"action": "unsubscribe", "subscription_id": "mine"}, "subscription_id"),
        ({**_SUBSCRIBE, "type": "funding"}, "candles, order_book, trades"),
        ({"action": "subscribe", "type": "trades", "connector": CONNECTOR}, "required"),
        ({"action": "subscribe", "type": "trades", "trading_pair": "BTC-USDT"}, "required"),
        ({**_SUBSCRIBE, "update_interval": "fast"}, "update_interval"),
        ({**_SUBSCRIBE, "depth": "all"}, "depth"),
        ({**_SUBSCRIBE, "depth": 0}, "depth"),
        ({**_SUBSCRIBE, "connector": "a.>"}, "appears to be invalid"),
        ({**_SUBSCRIBE, "trading_pair": "\x00\x00\x00"}, "appears to be invalid"),
        ({**_SUBSCRIBE, "type": "candles", "interval": "7 minutes"}, "appears to be invalid"),
        ({**_SUBSCRIBE, "type": "candles", "interval": "7m"}, "appears to be invalid"),
        ({**_SUBSCRIBE, "trading_pair": "NO-PAIR"}, "404"),
        ({**_SUBSCRIBE, "connector": "nowhere"}, "404"),
        ({**_SUBSCRIBE, "connector": BOTS_ONLY}, "appears to be invalid"),
    ],
)
async def test_what_does_not_fit_is_an_error_and_no_end(
    client: SocketClient, market: Market, message: Any, text: str
) -> None:
    if isinstance(message, bytes):
        await client.socket.send_bytes(message)
    else:
        await client.socket.send_str(message if isinstance(message, str) else msgspec.json.encode(message).decode())
    answer = await client.next()
    assert answer["type"] == "error"
    assert text in answer["message"]
    assert (await client.ask(action="ping"))["type"] == "pong"
    assert await client.subscribe("order_book") == BOOK_ID


@pytest.mark.parametrize("code", [ErrorCode.UPSTREAM, ErrorCode.BUSY])
async def test_what_passes_is_told_in_other_words(client: SocketClient, market: Market, code: ErrorCode) -> None:
    market.service.instead = {FOLLOW_FEED.key: CommandError(code, "binance: the connection was refused")}
    answer = await client.ask(**_SUBSCRIBE)
    assert answer["type"] == "error"
    assert "binance: the connection was refused" in answer["message"]
    assert not any(word in answer["message"].lower() for word in ("401", "403", "404", "appears to be invalid"))
    market.service.instead = {}
    await client.subscribe("order_book")
    await client.data("order_book")


async def test_the_interval_is_clamped(client: SocketClient, market: Market) -> None:
    for given, least in ((0, 0.25), (-5, 0.25), (1e12, 60)):
        began = time.monotonic()
        await client.subscribe("order_book", update_interval=given)
        if least < 60:
            for price in (100.0, 200.0, 300.0):
                await client.data("order_book")
                await market.book(price)
            # Three turns, of which the first may be a turn of the subscription before.
            assert time.monotonic() - began >= 1.5 * least


async def test_a_connection_has_a_number_of_subscriptions(
    start_edge: StartEdge, credentials: CredentialsStandIn, market: Market, open_socket: Open
) -> None:
    edge = await start_edge(MARKET_DATA_WS_SUBSCRIPTIONS=2)
    client: SocketClient = await open_socket(edge)
    for kind in ("order_book", "trades"):
        await client.subscribe(kind, update_interval=60)
    answer = await client.ask(action="subscribe", type="candles", **PAIR)
    assert (answer["type"], "at most 2" in answer["message"]) == ("error", True)
    await client.subscribe("trades", update_interval=30)  # one that is replaced is no more


async def test_a_push_is_made_once_for_all(open_socket: Open, market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    clients: list[SocketClient] = [await open_socket() for _ in range(20)]
    made = 0
    frame_of = frames.data

    def counted(kind: str, subscription_id: str, content: object) -> bytes:
        nonlocal made
        made += 1
        return frame_of(kind, subscription_id, content)

    for client in clients:
        await client.subscribe("order_book")
        await client.data("order_book")
    monkeypatch.setattr(frames, "data", counted)
    await market.book(100.0)
    for client in clients:
        assert (await client.data("order_book"))["bids"][0] == [99.0, 0.5]
    assert made == 1
    assert [ask for ask in market.service.asked if isinstance(ask, FeedRef)] == [
        FeedRef(FeedKind.BOOK, CONNECTOR, "BTC-USDT")
    ]


async def _nothing_for(client: SocketClient, seconds: float) -> bool:
    waiting = asyncio.ensure_future(client.socket.receive())
    done, _ = await asyncio.wait({waiting}, timeout=seconds)
    if not done:
        # The library takes one receiver at a time; this one is to find what comes.
        waiting.cancel()
        await asyncio.wait({waiting})
    return not done


@pytest.mark.usefixtures("marketdata")
async def test_a_socket_with_another_path_does_not_exist(edge: Edge) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await edge.client.ws_connect(f"{edge.url}/ws/nothing")
    assert caught.value.status == 404
