"""What an account is told of an order that it changes while it rests."""

from tests.services.simulator.streams.running import Running
from tests.services.simulator.streams.talk import told, user_stream


async def far_price(simulator: Running, path: str) -> int:
    """Return a price at which an order rests."""
    depth = await simulator.get(path, symbol="BTCUSDT", limit=5)
    return int(float(depth["bids"][0][0]) * 0.95)


async def test_an_amended_spot_order_is_replaced(simulator: Running) -> None:
    account = await simulator.account(USDT="100000")
    key = await simulator.listen_key("spot", account)
    async with user_stream(simulator, "spot", key) as socket:
        price = await far_price(simulator, "/api/v3/depth")
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": price}
        await simulator.signed("POST", "/api/v3/order", account, **order, quantity="0.5", newClientOrderId="mine")
        await told(socket, lambda event: event["e"] == "outboundAccountPosition")
        amended = {"symbol": "BTCUSDT", "origClientOrderId": "mine", "newQty": "0.4", "newClientOrderId": "less"}
        await simulator.signed("PUT", "/api/v3/order/amend/keepPriority", account, **amended)
        report, position = await told(socket), await told(socket)
        said = {field: report[field] for field in ("x", "X", "c", "C", "q", "w")}
        assert said == {"x": "REPLACED", "X": "NEW", "c": "less", "C": "mine", "q": "0.40000000", "w": True}
        locked = price * 0.4
        assert position["B"] == [{"a": "USDT", "f": f"{100000 - locked:.8f}", "l": f"{locked:.8f}"}]


async def test_a_modified_futures_order_is_an_amendment(simulator: Running) -> None:
    account = await simulator.account(USDT="100000")
    key = await simulator.listen_key("usdm", account)
    async with user_stream(simulator, "usdm", key) as socket:
        price = await far_price(simulator, "/fapi/v1/depth")
        order = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.5", "price": price}
        placed = await simulator.signed("POST", "/fapi/v1/order", account, **order, type="LIMIT", timeInForce="GTC")
        await told(socket)
        changed = order | {"quantity": "0.3", "price": price - 10, "orderId": placed["orderId"]}
        await simulator.signed("PUT", "/fapi/v1/order", account, **changed)
        update = (await told(socket))["o"]
        assert {field: update[field] for field in ("x", "X", "q", "p", "i")} == {
            "x": "AMENDMENT",
            "X": "NEW",
            "q": "0.300",
            "p": f"{price - 10}.00",
            "i": placed["orderId"],
        }
