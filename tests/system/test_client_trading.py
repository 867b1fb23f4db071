"""Connectors, market data, portfolio and trading through the official client, unmodified, against the whole stack."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import httpx
import pytest
from hummingbot_api_client import HummingbotAPIClient, SyncHummingbotAPIClient

from shared.connectors.catalogue import CONNECTORS
from tests.running_stack import RunningStack
from tests.system.conftest import SIMULATOR, Login
from tests.system.exchange import Exchange, binance_credential

PAIR = "BTC-USDT"
#: Trades, and one whose orders meet the first one's.
TRADER, OTHER = "client-trader", "client-other"
PAPER = ("paper", "paper_perpetual")

T = TypeVar("T")


@pytest.fixture(scope="module", autouse=True)
def accounts(system: RunningStack, login: Login) -> Iterator[None]:
    """Two accounts with paper credentials."""
    with SyncHummingbotAPIClient(system.url, login.username, login.password) as client:
        for account in (TRADER, OTHER):
            client.accounts.add_account(account)
            for connector, balances in zip(PAPER, ("USDT=1000000,BTC=5", "USDT=100000"), strict=True):
                added = client.accounts.add_credential(account, connector, {"starting_balances": balances})
                assert "the exchange has confirmed the keys" in added["message"]
        yield
        for account in (TRADER, OTHER):
            client.accounts.delete_account(account)


@pytest.fixture
async def client(system: RunningStack, login: Login) -> AsyncIterator[HummingbotAPIClient]:
    async with HummingbotAPIClient(system.url, login.username, login.password) as client:
        yield client


@pytest.fixture(scope="module")
def exchange(system: RunningStack) -> Exchange:
    token = Path(system.data / "simulator.token").read_text().strip()
    port, admin_port = SIMULATOR["SIMULATOR_PORT"], SIMULATOR["SIMULATOR_ADMIN_PORT"]
    return Exchange(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{admin_port}", token)


async def until(look: Callable[[], Awaitable[T]], seconds: float = 30.0) -> T:
    """Look until there is something; return it."""
    async with asyncio.timeout(seconds):
        while not (found := await look()):
            await asyncio.sleep(0.05)
    return found


async def refused(work: Awaitable[Any]) -> aiohttp.ClientResponseError:
    with pytest.raises(aiohttp.ClientResponseError) as caught:
        await work
    return caught.value


async def price(client: HummingbotAPIClient, connector: str) -> float:
    prices: dict[str, float] = (await client.market_data.get_prices(connector, PAIR))["prices"]
    return prices[PAIR]


async def balances(client: HummingbotAPIClient, account: str, connector: str) -> dict[str, dict[str, Any]]:
    """Return what an account has, by token, once its session is ready."""

    async def known() -> dict[str, dict[str, Any]]:
        rows = (await client.portfolio.get_state([account], [connector])).get(account, {}).get(connector, [])
        return {row["token"]: row for row in rows if not row.get("stale_since")}

    return await until(known)


async def order(client: HummingbotAPIClient, order_id: str, status: str) -> dict[str, Any]:
    """Return an order as it is stored, once it is in `status`."""

    async def reached() -> dict[str, Any] | None:
        rows = (await client.trading.search_orders(status=status))["data"]
        return next((row for row in rows if row["order_id"] == order_id), None)

    found = await until(reached)
    assert found is not None
    return found


# Connectors


@pytest.mark.parametrize("connector", [*PAPER, "binance", "binance_perpetual"])
async def test_rules_and_order_types(client: HummingbotAPIClient, connector: str) -> None:
    everything = await client.connectors.get_trading_rules(connector)
    assert {PAIR, "ETH-USDT"} <= set(everything)
    some = await client.connectors.get_trading_rules(connector, [PAIR, "NOPE-USDT"])
    assert some[PAIR] == everything[PAIR]
    assert "NOPE-USDT" in some["NOPE-USDT"]["error"]
    assert some[PAIR]["min_order_size"] > 0
    assert some[PAIR]["min_price_increment"] > 0
    assert some[PAIR]["min_notional_size"] >= 5
    types = await client.connectors.get_supported_order_types(connector)
    assert set(types["supported_order_types"]) == {"LIMIT", "LIMIT_MAKER", "MARKET"}


async def test_what_is_refused_of_rules(client: HummingbotAPIClient) -> None:
    untraded = next(one.name for one in CONNECTORS.values() if one.trades and not one.ccxt_id)
    for ask in (client.connectors.get_trading_rules, client.connectors.get_supported_order_types):
        assert (await refused(ask("nowhere"))).status == 404
        assert (await refused(ask(untraded))).status == 400
    assert (await refused(client.connectors.get_trading_rules("paper", ["NOPE-USDT"]))).status == 404
    assert (await refused(client.connectors.get_trading_rules("paper", ["../x", "*.>"]))).status == 404
    away = await refused(client.connectors.get_trading_rules("kraken"))
    assert away.status in {502, 503}
    assert "kraken" in away.message


# Market data


@pytest.mark.parametrize("connector", PAPER)
async def test_prices_and_books(client: HummingbotAPIClient, connector: str) -> None:
    prices = await client.market_data.get_prices(connector, [PAIR, "ETH-USDT", "NOPE-USDT"])
    assert set(prices["prices"]) == {PAIR, "ETH-USDT"}
    assert prices["connector"] == connector
    book = await client.market_data.get_order_book(connector, PAIR, depth=5)
    bids, asks = ([level["price"] for level in book[side]] for side in ("bids", "asks"))
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert len(bids) == len(asks) == 5
    assert bids[0] < asks[0]
    assert prices["prices"][PAIR] == pytest.approx(bids[0], rel=0.02)


async def test_what_is_refused_of_markets(client: HummingbotAPIClient) -> None:
    market = client.market_data
    assert set(await market.get_market_data_settings()) == {"cleanup_interval", "feed_timeout", "description"}
    assert (await refused(market.get_prices("nowhere", PAIR))).status == 404
    assert (await refused(market.get_prices("paper", "NOPE-USDT"))).status == 404
    assert (await refused(market.get_prices("paper", []))).status == 422
    assert (await refused(market.get_order_book("paper", "NOPE-USDT"))).status == 404
    assert (await refused(market.get_order_book("nowhere", PAIR))).status == 404
    for depth in (0, -1, 10**9):
        assert (await refused(market.get_order_book("paper", PAIR, depth=depth))).status == 422


# Portfolio


async def test_balances_and_their_value(client: HummingbotAPIClient) -> None:
    for account in (TRADER, OTHER):
        for connector in PAPER:
            await balances(client, account, connector)

    async def valued() -> bool:
        state = await client.portfolio.get_state([OTHER])
        return all(row.get("priced", True) for rows in state[OTHER].values() for row in rows)

    await until(valued)
    state = await client.portfolio.get_state([OTHER], ["paper"], skip_gateway=True, refresh=True)
    rows = {row["token"]: row for row in state[OTHER]["paper"]}
    assert rows["BTC"]["value"] == pytest.approx(rows["BTC"]["units"] * rows["BTC"]["price"], abs=1e-5)
    assert rows["USDT"]["price"] == 1
    assert OTHER in await client.portfolio.get_state()

    total = sum(row["value"] for row in rows.values())
    assert await client.portfolio.get_total_value(OTHER, "paper") == pytest.approx(total, rel=0.05)
    holdings = await client.portfolio.get_token_holdings("btc", OTHER)
    assert [place["connector"] for place in holdings["locations"]] == ["paper"]
    assert holdings["total_units"] == rows["BTC"]["units"]
    summary = await client.portfolio.get_portfolio_summary(OTHER)
    assert (summary["connector_count"], summary["token_count"]) == (2, 2)
    assert [token["token"] for token in summary["top_tokens"]] == ["USDT", "BTC"]

    tokens = await client.portfolio.get_distribution([OTHER])
    assert sum(share["percentage"] for share in tokens["distribution"]) == pytest.approx(100, abs=0.01)
    assert tokens["account_filter"] == OTHER
    shares = (await client.portfolio.get_accounts_distribution())["distribution"]
    assert {TRADER, OTHER} <= {share["account"] for share in shares}
    assert sum(share["percentage"] for share in shares) == pytest.approx(100, abs=0.01)


async def test_a_portfolio_of_nobody(client: HummingbotAPIClient) -> None:
    assert await client.portfolio.get_state(["nobody"]) == {}
    assert await client.portfolio.get_total_value("nobody") == 0
    assert (await client.portfolio.get_distribution(["nobody"]))["token_count"] == 0
    assert (await refused(client.portfolio.get_state(["a.b"]))).status == 422


# Trading


@pytest.mark.parametrize("connector", PAPER)
async def test_an_order_from_placing_to_its_trade(client: HummingbotAPIClient, connector: str) -> None:
    trading, market = client.trading, await price(client, connector)
    before = await balances(client, TRADER, connector)
    resting = await trading.place_order(
        TRADER, connector, PAIR, "BUY", 0.0123456, "LIMIT", price=round(market * 0.8, 1)
    )
    assert resting["status"] == "submitted"
    assert resting["amount"] == ("0.01234" if connector == "paper" else "0.012")  # rounded down to the rules
    active = await trading.get_active_orders([TRADER], [connector], [PAIR])
    assert [(row["order_id"], row["status"]) for row in active["data"]] == [(resting["order_id"], "OPEN")]
    assert (await trading.get_active_orders([OTHER]))["data"] == []

    cancelled = await trading.cancel_order(TRADER, connector, resting["order_id"])
    assert cancelled["success"]
    await order(client, resting["order_id"], "CANCELLED")
    assert (await trading.get_active_orders([TRADER], [connector]))["data"] == []

    maker = await trading.place_order(TRADER, connector, PAIR, "SELL", 0.01, "LIMIT_MAKER", price=round(market * 1.2))
    await trading.cancel_order(TRADER, connector, maker["order_id"])
    bought = await trading.place_order(TRADER, connector, PAIR, "BUY", 0.01)
    filled = await order(client, bought["order_id"], "FILLED")
    assert filled["filled_amount"] == 0.01
    assert filled["average_fill_price"] == pytest.approx(market, rel=0.05)

    async def traded() -> list[dict[str, Any]]:
        trades = (await trading.get_trades([TRADER], [connector], [PAIR], ["BUY"]))["data"]
        found = [trade for trade in trades if trade["order_id"] == bought["order_id"]]
        return found if sum(trade["amount"] for trade in found) == pytest.approx(0.01) else []

    ours = await until(traded)
    assert all(trade["fee_paid"] > 0 for trade in ours)
    assert (await trading.get_trades([TRADER], [connector], trade_types=["SELL"]))["data"] == []

    async def changed() -> bool:
        return bool((await balances(client, TRADER, connector))["USDT"]["units"] < before["USDT"]["units"])

    await until(changed)


async def test_a_credential_can_be_traded_with_as_soon_as_it_is_added(client: HummingbotAPIClient) -> None:
    account, below = "client-newcomer", round(await price(client, "paper") * 0.7)
    await client.accounts.add_account(account)
    for _ in range(3):  # the second and the third replace it
        await client.accounts.add_credential(account, "paper", {})
        placed = await client.trading.place_order(account, "paper", PAIR, "BUY", 0.001, "LIMIT", price=below)
        assert placed["status"] == "submitted"
        state = await client.portfolio.get_state([account], refresh=True)
        assert all(row["available_units"] < row["units"] for row in state[account]["paper"] if row["token"] == "USDT")
        assert (await client.trading.cancel_order(account, "paper", placed["order_id"]))["success"]
    await client.accounts.delete_account(account)


async def test_pages_of_orders(client: HummingbotAPIClient) -> None:
    below = round(await price(client, "paper") * 0.7)
    placed = [
        (await client.trading.place_order(OTHER, "paper", PAIR, "BUY", 0.001, "LIMIT", price=below - step))["order_id"]
        for step in range(5)
    ]
    seen: list[str] = []
    cursor = None
    while True:
        page = await client.trading.search_orders([OTHER], ["paper"], [PAIR], limit=2, cursor=cursor)
        seen += [row["order_id"] for row in page["data"]]
        assert page["pagination"]["total_count"] == 5
        if not (cursor := page["pagination"]["next_cursor"]):
            break
    assert seen == placed[::-1]
    first = await client.trading.get_active_orders([OTHER], limit=3)
    rest = await client.trading.get_active_orders([OTHER], limit=3, cursor=first["pagination"]["next_cursor"])
    assert {row["order_id"] for row in first["data"] + rest["data"]} == set(placed)
    for order_id in placed:
        await client.trading.cancel_order(OTHER, "paper", order_id)


def placing(**changes: Any) -> dict[str, Any]:
    """Return a good order with `changes`."""
    values: dict[str, Any] = {
        "account_name": TRADER, "connector_name": "paper", "trading_pair": PAIR, "trade_type": "BUY", "amount": 0.01,
        "order_type": "LIMIT", "price": 50_000,
    }  # fmt: skip
    return values | changes


@pytest.mark.parametrize("connector", PAPER)
@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"amount": math.nan}, 422, ""),
        ({"amount": math.inf}, 422, ""),
        ({"amount": -1}, 422, "amount"),
        ({"amount": 0}, 422, "amount"),
        ({"price": math.nan}, 422, ""),
        ({"price": -50_000}, 422, "price"),
        ({"price": 0}, 422, "price"),
        ({"amount": 0.000001}, 400, "minimum order size"),
        ({"amount": 1e20}, 422, "amount"),
        ({"amount": 1e9}, 400, "maximum order size"),
        ({"price": 1e-9}, 400, "price increment"),
        ({"amount": 0.001, "price": 10}, 400, "minimum notional"),
        ({"price": None}, 400, "price is required"),
        ({"trading_pair": "NOPE-USDT"}, 400, "NOPE-USDT"),
        ({"trading_pair": "*.>"}, 400, "not found"),
        ({"trading_pair": ""}, 422, "trading_pair"),
        ({"account_name": "nobody"}, 404, "nobody"),
        ({"account_name": "master_account"}, 404, "no credential"),
        ({"account_name": "a.b"}, 422, "account_name"),
        ({"connector_name": "nowhere"}, 404, "nowhere"),
        ({"trade_type": "HOLD"}, 422, "trade_type"),
        ({"order_type": "STOP"}, 422, "order_type"),
        ({"position_action": "HALVE"}, 422, "position_action"),
        ({"amount": 100}, 400, "insufficient"),
        ({"trade_type": "SELL", "order_type": "LIMIT_MAKER"}, 400, ""),
    ],
    ids=str,
)
async def test_what_is_refused_of_orders(
    client: HummingbotAPIClient, connector: str, changes: dict[str, Any], status: int, reason: str
) -> None:
    wish = placing(**{"connector_name": connector, **changes})
    error = await refused(client.trading.place_order(**wish))
    assert error.status == status, error.message
    assert reason.lower() in str(error.message).lower()  # a list of fields where it is a 422
    assert (await client.trading.get_active_orders([TRADER]))["data"] == []


@pytest.mark.parametrize("field", ["amount", "price"])
@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "1e-400", "NaN", "Infinity", '"1e400"', '"NaN"', "9" * 400, "{}"]
)
async def test_numbers_that_are_none(system: RunningStack, login: Login, field: str, number: str) -> None:
    values = {"amount": "0.01", "price": "50000", field: number}
    body = (
        f'{{"account_name": "{TRADER}", "connector_name": "paper", "trading_pair": "{PAIR}", "trade_type": "BUY",'
        f' "order_type": "LIMIT", "amount": {values["amount"]}, "price": {values["price"]}}}'
    )
    async with httpx.AsyncClient(base_url=system.url, auth=(login.username, login.password), timeout=30) as http:
        answer = await http.post("/trading/orders", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text


async def test_what_is_refused_of_cancels_and_searches(client: HummingbotAPIClient) -> None:
    trading = client.trading
    filled = await trading.place_order(TRADER, "paper", PAIR, "BUY", 0.001)
    await order(client, filled["order_id"], "FILLED")
    assert (await refused(trading.cancel_order(TRADER, "paper", filled["order_id"]))).status == 404
    assert (await refused(trading.cancel_order(TRADER, "paper", "never-placed"))).status == 404
    assert (await refused(trading.cancel_order(OTHER, "paper", filled["order_id"]))).status == 404
    assert (await refused(trading.cancel_order("nobody", "paper", filled["order_id"]))).status == 404
    assert (await refused(trading.search_orders(status="SOMEHOW"))).status == 422
    assert (await refused(trading.search_orders(limit=0))).status == 422
    assert (await refused(trading.search_orders(cursor="of another kind"))).status == 422
    assert (await trading.search_orders(["nobody"]))["data"] == []


async def test_the_same_order_twice_is_one(system: RunningStack, login: Login, client: HummingbotAPIClient) -> None:
    wish = placing(client_order_id="client-twice", price=round(await price(client, "paper") * 0.7))
    async with httpx.AsyncClient(base_url=system.url, auth=(login.username, login.password), timeout=20) as http:
        answers = await asyncio.gather(*(http.post("/trading/orders", json=wish) for _ in range(5)))
        assert {answer.status_code for answer in answers} == {201}
        assert (await http.post("/trading/orders", json=wish | {"amount": 0.02})).status_code == 409
    rows = (await client.trading.search_orders([TRADER]))["data"]
    assert [row["amount"] for row in rows if row["order_id"] == "client-twice"] == [0.01]
    await client.trading.cancel_order(TRADER, "paper", "client-twice")


# Keys


async def test_keys_of_an_exchange(client: HummingbotAPIClient, exchange: Exchange) -> None:
    account = exchange.account({"USDT": "5000"})
    good = binance_credential(account)
    for wrong in (good | {"binance_api_secret": "wrong-secret-zQ81"}, good | {"binance_api_key": "wrong-key-Vx93"}):
        error = await refused(client.accounts.add_credential(OTHER, "binance", wrong))
        assert error.status == 400
        assert "The exchange refuses the keys for 'binance'" in error.message
        assert not any(secret in error.message for secret in wrong.values())
        assert "binance" not in await client.accounts.list_account_credentials(OTHER)
    added = await client.accounts.add_credential(OTHER, "binance", good)
    assert "the exchange has confirmed the keys" in added["message"]
    # Wrong keys leave those that are there alone.
    assert (await refused(client.accounts.add_credential(OTHER, "binance", wrong))).status == 400
    assert (await balances(client, OTHER, "binance"))["USDT"]["units"] == 5000
    below = round(await price(client, "binance") * 0.8)
    placed = await client.trading.place_order(OTHER, "binance", PAIR, "BUY", 0.01, "LIMIT", price=below)
    there = exchange.client(account).ok("GET", "/api/v3/openOrders")
    assert [one["clientOrderId"] for one in there] == [placed["order_id"]]
    await client.accounts.delete_credential(OTHER, "binance")

    async def is_gone() -> bool:
        # As long as the session has not ended, the order is refused by the rules.
        wish = placing(account_name=OTHER, connector_name="binance", amount=0.000001)
        error = await refused(client.trading.place_order(**wish))
        return error.status == 404 and "no credential" in error.message

    await until(is_gone)


@pytest.mark.parametrize("connector", PAPER)
async def test_a_paper_credential_that_is_added_again_starts_afresh(
    client: HummingbotAPIClient, connector: str
) -> None:
    account = f"client-fresh-{connector}"
    await client.accounts.add_account(account)
    for start in (7000, 8000):
        await client.accounts.add_credential(account, connector, {"starting_balances": f"USDT={start}"})

        async def begun(start: int = start) -> bool:
            found = await balances(client, account, connector)
            return found.keys() == {"USDT"} and found["USDT"]["units"] == start

        await until(begun)
        below = round(await price(client, connector) * 0.8)
        await client.trading.place_order(account, connector, PAIR, "BUY", 0.01, "LIMIT", price=below)

        async def only_the_new_one() -> bool:
            # The order of the account before ends when its session, on the new one, has asked for it.
            return len((await client.trading.get_active_orders([account]))["data"]) == 1

        await until(only_the_new_one)
        await client.accounts.delete_credential(account, connector)

        async def ended() -> bool:
            active = (await client.trading.get_active_orders([account]))["data"]
            return not active and bool(await client.portfolio.get_state([account]) == {account: {}})

        await until(ended)
    await client.accounts.delete_account(account)

    async def forgotten() -> bool:
        return account not in await client.portfolio.get_state()

    await until(forgotten)
