"""An exchange that answers rubbish: never an exception of another kind, never a certainty that is none."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from shared.exchanges.errors import ExchangeDown, ExchangeError, OutcomeUnknown
from shared.exchanges.registry import Exchanges
from tests.shared.exchanges.conftest import ORDER_PATHS, order, price_near
from tests.venue import SimulatedVenue

RUBBISH = (
    b"",
    b"not json",
    b"<html><body>502 Bad Gateway</body></html>",
    b"[]",
    b"[1, 2]",
    b"{}",
    b'"text"',
    b"null",
    b"12",
    b'{"code": {"a": 1}, "msg": 7}',
    b'{"orderId": null, "symbol": 5, "status": []}',
    b'{"symbol": "BTCUSDT", "orderId": 1, "price": "x", "origQty": "NaN", "status": "NEW", "side": "BUY"}',
)


@asynccontextmanager
async def proxy(
    venue: SimulatedVenue, rubbish: Callable[[str, str], bytes | None], status: str = "200 OK"
) -> AsyncIterator[str]:
    """Stand between us and the simulator; `rubbish` gives the body to answer with for a method and path, if any."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            method, path = head.split(b" ", 2)[:2]
            length = next(
                (
                    int(line.split(b":")[1])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length")
                ),
                0,
            )
            body = await reader.readexactly(length)
            answer = rubbish(method.decode(), path.decode().partition("?")[0])
            if answer is None:
                upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", venue.port)
                head = b"\r\n".join(
                    line for line in head.split(b"\r\n") if not line.lower().startswith((b"connection", b"accept-enc"))
                )
                upstream.write(head.removesuffix(b"\r\n\r\n").rstrip(b"\r\n") + b"\r\nConnection: close\r\n\r\n" + body)
                writer.write(await upstream_reader.read())
                upstream.close()
            else:
                writer.write(
                    b"HTTP/1.1 "
                    + status.encode()
                    + b"\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: "
                    + str(len(answer)).encode()
                    + b"\r\n\r\n"
                    + answer
                )
            await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@pytest.mark.parametrize("body", RUBBISH, ids=range(len(RUBBISH)))
async def test_rubbish_after_an_order_is_an_unknown_outcome(
    venue: SimulatedVenue, connector: str, credential: dict[str, str], body: bytes
) -> None:
    spoiled: list[str] = []

    def rubbish(method: str, path: str) -> bytes | None:
        if spoiled and path == ORDER_PATHS[connector]:
            return body
        return None

    async with proxy(venue, rubbish) as url:
        exchanges = Exchanges({connector: url})
        account = exchanges.account(connector, credential)
        price = await price_near(account, "0.9")
        await account.balances()
        await account.place(order(price))
        spoiled.append("now")

        with pytest.raises(OutcomeUnknown):
            await account.place(order(price))
        with pytest.raises(ExchangeDown):
            await account.order("BTC-USDT", "some-id", None)

        await account.close()
        await exchanges.close()


@pytest.mark.parametrize("body", RUBBISH, ids=range(len(RUBBISH)))
async def test_rubbish_instead_of_markets_balances_or_books_is_an_error_of_ours(
    venue: SimulatedVenue, connector: str, credential: dict[str, str], body: bytes
) -> None:
    spoiled = ["exchangeInfo"]

    def rubbish(method: str, path: str) -> bytes | None:
        return body if spoiled and path.endswith(spoiled[0]) else None

    async with proxy(venue, rubbish) as url:
        exchanges = Exchanges({connector: url})
        account = exchanges.account(connector, credential)
        with pytest.raises(ExchangeDown):
            await account.market.rules()
        spoiled.clear()
        await exchanges.close()
        await account.close()
        exchanges = Exchanges({connector: url})
        account = exchanges.account(connector, credential)
        await account.balances()
        for path, ask in (
            ("account", account.balances),
            ("depth", lambda: account.market.fetch_book("BTC-USDT", 10)),
            ("openOrders", account.open_orders),
        ):
            spoiled[:] = [path]
            try:
                await ask()
            except ExchangeError:
                continue
        await account.close()
        await exchanges.close()


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
async def test_a_firewall_before_an_exchange_says_nothing_of_keys(
    venue: SimulatedVenue, connector: str, credential: dict[str, str], status: str
) -> None:
    def refused(method: str, path: str) -> bytes | None:
        return b"<html><body>Request blocked.</body></html>" if path.endswith("account") else None

    async with proxy(venue, refused, status) as url:
        exchanges = Exchanges({connector: url})
        account = exchanges.account(connector, credential)

        with pytest.raises(ExchangeDown, match="refuses this address"):
            await account.check()

        await account.close()
        await exchanges.close()
