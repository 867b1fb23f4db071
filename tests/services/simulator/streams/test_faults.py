"""Faults on demand, as they meet sockets and their messages."""

import json
from itertools import pairwise
from typing import Any

import pytest
import websockets

from tests.services.simulator.conftest import StartSimulator
from tests.services.simulator.rest.venue_server import Account
from tests.services.simulator.streams.running import Running, now_ms, signed
from tests.services.simulator.streams.talk import call, closed, subscribe, told, user_stream

_PATH = "/ws/btcusdt@trade"


@pytest.fixture
async def trader(simulator: Running) -> Account:
    """Somebody who makes trades happen."""
    return await simulator.account(USDT="100000", BTC="10")


async def _odd_steps(socket: Any, first: Any, count: int) -> list[int]:
    """Return by how much the ids of trades from `first` on differ, from the first to the `count`-th that is not one.

    Any number may be sent before a fault begins; the five after what it did are as always.
    """
    ids = [first["t"]]
    steps: list[int] = []
    while sum(step != 1 for step in steps) < count or steps[-5:] != [1] * 5:
        ids.append((await told(socket))["t"])
        steps = [after - before for before, after in pairwise(ids)]
    odd = [number for number, step in enumerate(steps) if step != 1]
    return steps[odd[0] : odd[-1] + 1]


async def test_messages_are_missed(simulator: Running, trader: Account) -> None:
    async with simulator.socket(_PATH) as socket:
        first = await told(socket)
        await simulator.add_fault("missed_message", path="btcusdt@trade", count=2)
        await simulator.trade(trader, orders=11)
        assert await _odd_steps(socket, first, 1) == [3]


async def test_messages_are_duplicated(simulator: Running, trader: Account) -> None:
    async with simulator.socket(_PATH) as socket:
        first = await told(socket)
        await simulator.add_fault("duplicated_message", path=_PATH, count=1)
        await simulator.trade(trader, orders=9)
        assert await _odd_steps(socket, first, 1) == [0]


async def test_messages_change_places(simulator: Running, trader: Account) -> None:
    async with simulator.socket(_PATH) as socket:
        first = await told(socket)
        await simulator.add_fault("reordered_message", count=1)
        await simulator.trade(trader, orders=9)
        assert await _odd_steps(socket, first, 3) == [2, -1, 2]


async def test_messages_are_delayed_in_their_order(simulator: Running, trader: Account) -> None:
    async with simulator.socket(_PATH) as socket:
        await told(socket)
        await simulator.add_fault("delayed_message", count=1, delay=0.7)
        delays: list[int] = []
        ids: list[int] = []
        await simulator.trade(trader, orders=5)
        while max(delays, default=0) < 700 or delays[-1] >= 500:  # some may have been sent before the fault began
            message = await told(socket)
            ids.append(message["t"])
            delays.append(now_ms() - message["E"])
        assert ids == list(range(ids[0], ids[0] + len(ids)))


async def test_a_socket_is_dropped_at_once_and_others_are_not(simulator: Running) -> None:
    async with simulator.socket(_PATH) as socket, simulator.socket("/ws/ethusdt@trade") as other:
        await told(socket)
        await simulator.add_fault("dropped_socket", path=_PATH, count=1)
        assert await closed(socket) is None
        await told(other)


async def test_the_sockets_of_a_stream_are_dropped_at_once(simulator: Running) -> None:
    """The stream says nothing before a day is over."""
    async with simulator.socket("/stream?streams=btcusdt@kline_1d/nousdt@trade") as socket:
        await simulator.add_fault("dropped_socket", path="nousdt@*", count=1)
        assert await closed(socket) is None
    assert await simulator.faults() == []


async def test_the_sockets_of_one_account_are_dropped_at_once(simulator: Running) -> None:
    """Nothing happens to the accounts, so that no message of theirs could have done it."""
    one, other = await simulator.account(USDT="1000"), await simulator.account(USDT="1000")
    keys = [await simulator.listen_key("spot", account) for account in (one, other)]
    async with (
        user_stream(simulator, "spot", keys[0]) as dropped,
        user_stream(simulator, "spot", keys[1]) as kept,
        simulator.socket("/ws-api/v3") as dropped_api,
        simulator.socket("/ws-api/v3") as dropped_trading,
        simulator.socket("/ws-api/v3") as kept_api,
    ):
        await subscribe(dropped_api, one)
        assert (await call(dropped_trading, "account.status", signed(one)))["status"] == 200
        await subscribe(kept_api, other)
        await simulator.add_fault("dropped_socket", api_key=one.api_key, count=3)
        for socket in (dropped, dropped_api, dropped_trading):
            assert await closed(socket) is None
        assert await simulator.faults() == [], "it has met its three"
        await simulator.hold(other, spot=500)
        assert (await told(kept))["e"] == "balanceUpdate"
        assert (await told(kept_api))["event"]["e"] == "balanceUpdate"


async def test_the_user_streams_of_one_account_are_dropped_and_its_trading_goes_on(simulator: Running) -> None:
    account = await simulator.account(USDT="1000")
    async with (
        user_stream(simulator, "usdm", await simulator.listen_key("usdm", account)) as dropped,
        simulator.socket("/ws-fapi/v1") as kept,
    ):
        assert (await call(kept, "account.status", signed(account)))["status"] == 200
        await simulator.add_fault("dropped_socket", path="userData", api_key=account.api_key)
        assert await closed(dropped) is None
        assert (await call(kept, "account.status", signed(account)))["status"] == 200


async def test_in_maintenance_no_socket_is_opened(simulator: Running) -> None:
    async with simulator.socket(_PATH) as socket:
        await simulator.add_fault("maintenance")
        assert await closed(socket) is None
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with simulator.socket(_PATH):
            pass
    assert refused.value.response.status_code == 503
    await simulator.remove_faults()
    async with simulator.socket(_PATH) as socket:
        await told(socket)


async def test_a_refused_socket_is_no_error_of_the_simulator(start_simulator: StartSimulator) -> None:
    simulator = await start_simulator()
    await simulator.admin("POST", "/faults", {"kind": "maintenance"})
    url = f"ws://127.0.0.1:{simulator.port}"
    for path, status in ((_PATH, 503), ("/ws-api/v3", 503), ("/nowhere", 404)):
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with websockets.connect(url + path):
                pass
        assert refused.value.response.status_code == status
    await simulator.stop()  # after which all that it has to say is there
    said = [json.loads(line) for line in simulator.output if line.startswith("{")]
    assert said
    assert [line for line in said if line["level"] == "error"] == []


async def test_in_maintenance_for_one_account_its_streams_are_closed_and_not_opened(simulator: Running) -> None:
    one, other = await simulator.account(USDT="1000"), await simulator.account(USDT="1000")
    keys = [await simulator.listen_key("spot", account) for account in (one, other)]
    async with (
        user_stream(simulator, "spot", keys[0]) as streaming,
        user_stream(simulator, "usdm", await simulator.listen_key("usdm", one)) as futures,
        simulator.socket("/ws-api/v3") as subscribed,
        simulator.socket("/ws-fapi/v1") as trading,
    ):
        await subscribe(subscribed, one)
        assert (await call(trading, "account.status", signed(one)))["status"] == 200
        await simulator.add_fault("maintenance", api_key=one.api_key)
        for socket in (streaming, futures, subscribed, trading):
            assert await closed(socket) is None
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with simulator.socket(f"/ws/{keys[0]}"):
            pass
    assert refused.value.response.status_code == 503
    async with user_stream(simulator, "spot", keys[1]) as socket:
        await simulator.hold(other, spot=500)
        assert (await told(socket))["e"] == "balanceUpdate"


async def test_the_messages_of_one_account_are_met(simulator: Running) -> None:
    one, other = await simulator.account(USDT="1000"), await simulator.account(USDT="1000")
    keys = [await simulator.listen_key("spot", account) for account in (one, other)]
    async with user_stream(simulator, "spot", keys[0]) as met, user_stream(simulator, "spot", keys[1]) as unmet:
        await simulator.add_fault("missed_message", path="userData", api_key=one.api_key, count=1)
        for account in (one, other):
            await simulator.hold(account, spot=500)
        assert (await told(unmet))["e"] == "balanceUpdate"
        assert (await told(met))["e"] == "outboundAccountPosition"


async def test_the_clock_is_wrong_to_one_account_on_the_websocket_api(simulator: Running, trader: Account) -> None:
    async with simulator.socket("/ws-api/v3") as socket:
        await simulator.add_fault("clock_offset", api_key=trader.api_key, offset=60_000, count=1)
        refused = await call(socket, "account.status", signed(trader))
        assert (refused["status"], refused["error"]["code"]) == (400, -1021)
        assert (await call(socket, "account.status", signed(trader)))["status"] == 200


async def test_an_answer_of_the_websocket_api_is_lost(simulator: Running) -> None:
    depth = {"symbol": "BTCUSDT", "limit": 5}
    async with simulator.socket("/ws-api/v3") as socket:
        await simulator.add_fault("server_error", path="/api/v3/depth", count=1, status=502)
        assert (await call(socket, "depth", depth))["status"] == 502
        assert (await call(socket, "depth", depth))["status"] == 200
        await simulator.add_fault("too_many_requests", path="/api/v3/depth", count=1, retry_after=7)
        refused = await call(socket, "depth", depth)
        assert (refused["status"], refused["error"]["code"]) == (429, -1003)
        said = refused["error"]["data"]
        assert said["retryAfter"] - said["serverTime"] == 7000
        await simulator.add_fault("lost_answer", path="/api/v3/depth", count=1)
        with pytest.raises(websockets.ConnectionClosed):
            await call(socket, "depth", depth)
