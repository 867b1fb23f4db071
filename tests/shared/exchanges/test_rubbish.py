"""An exchange that answers rubbish: never an exception of another kind, never a certainty that is none."""

import pytest

from shared.exchanges.errors import ExchangeDown, ExchangeError, OutcomeUnknown
from shared.exchanges.registry import Exchanges
from tests.shared.exchanges.conftest import ORDER_PATHS, order, price_near
from tests.shared.exchanges.proxy import proxy
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


async def test_a_refusal_with_the_status_of_a_failure_is_an_unknown_outcome(
    venue: SimulatedVenue, connector: str, credential: dict[str, str]
) -> None:
    def refusal(method: str, path: str) -> bytes | None:
        if method == "POST" and path == ORDER_PATHS[connector]:
            return b'{"code": -1099, "msg": "Internal error; nobody knows"}'
        return None

    async with proxy(venue, refusal, "500 Internal Server Error") as url:
        exchanges = Exchanges({connector: url})
        account = exchanges.account(connector, credential)
        price = await price_near(account, "0.9")
        with pytest.raises(OutcomeUnknown):
            await account.place(order(price))
        await account.close()
        await exchanges.close()
