"""An account on the simulator: orders from being placed to their fills, on both venues."""

import hashlib
import hmac
import json
import time
from decimal import Decimal
from urllib.parse import urlencode

import httpx
import pytest

from shared.contracts.portfolio.orders import OrderType, PositionAction, TradeType
from shared.exchanges.errors import (
    DuplicateOrder,
    KeysRefused,
    NotEnoughBalance,
    OrderNotKnown,
    RateLimited,
    Refused,
    StaleRequest,
)
from shared.exchanges.interface import AssetBalance, TradingAccount, VenueStatus
from shared.exchanges.registry import Exchanges
from tests.shared.exchanges.conftest import PAIR, OpenAccount, order, price_near
from tests.shared.exchanges.proxy import proxy
from tests.venue import SimulatedVenue


async def test_a_limit_order_is_placed_found_and_cancelled(account: TradingAccount) -> None:
    asked = order(await price_near(account, "0.9"))
    placed = await account.place(asked)

    assert placed.status is VenueStatus.OPEN
    assert (placed.client_order_id, placed.trading_pair) == (asked.client_order_id, PAIR)
    assert (placed.amount, placed.price, placed.filled) == (asked.amount, asked.price, Decimal(0))
    assert (placed.order_type, placed.trade_type) == (OrderType.LIMIT, TradeType.BUY)
    found = await account.order(PAIR, asked.client_order_id, None)
    assert found.exchange_order_id == placed.exchange_order_id
    assert (await account.order(PAIR, "", placed.exchange_order_id)).client_order_id == asked.client_order_id
    assert [one.client_order_id for one in await account.open_orders(PAIR)] == [asked.client_order_id]
    assert [one.client_order_id for one in await account.open_orders()] == [asked.client_order_id]

    await account.cancel(PAIR, asked.client_order_id, None)

    assert await account.open_orders() == ()
    assert (await account.order(PAIR, asked.client_order_id, None)).status is VenueStatus.CANCELLED
    with pytest.raises(OrderNotKnown):
        await account.cancel(PAIR, asked.client_order_id, None)


async def test_an_order_at_the_market_is_filled_and_its_fills_carry_fees(account: TradingAccount) -> None:
    began = int(time.time() * 1000) - 1000
    asked = order(None, "0.02")
    placed = await account.place(asked)

    assert (placed.status, placed.filled, placed.price) == (VenueStatus.FILLED, Decimal("0.02"), None)
    trades = await account.trades(PAIR, began)
    assert sum(trade.amount for trade in trades) == Decimal("0.02")
    assert {trade.exchange_order_id for trade in trades} == {placed.exchange_order_id}
    assert {trade.trade_type for trade in trades} == {TradeType.BUY}
    cost = sum(trade.amount * trade.price for trade in trades)
    assert placed.average_price is not None
    assert abs(placed.average_price - cost / Decimal("0.02")) < Decimal("0.1")
    for trade in trades:
        assert trade.fee is not None
        if account.connector == "paper":
            assert (trade.fee.currency, trade.fee.amount) == ("BTC", trade.amount * Decimal("0.001"))
        else:
            assert trade.fee.currency == "USDT"
            assert trade.fee.amount == trade.amount * trade.price * Decimal("0.0005")
    assert trades == tuple(sorted(trades, key=lambda trade: int(trade.trade_id)))


async def test_balances_are_exact_and_those_of_zero_are_left_out(account: TradingAccount) -> None:
    usdt = AssetBalance("USDT", Decimal(100_000), Decimal(100_000))
    expected = {usdt, AssetBalance("BTC", Decimal(1), Decimal(1))} if account.connector == "paper" else {usdt}
    assert set(await account.balances()) == expected

    price = await price_near(account, "0.9")
    await account.place(order(price, "0.01"))

    (left,) = [one for one in await account.balances() if one.token == "USDT"]
    assert left.total == 100_000
    if account.connector == "paper":
        assert left.available == 100_000 - price * Decimal("0.01")
    else:
        assert 0 < left.available < 100_000


async def test_a_maker_order_that_would_take_is_refused_or_expires(account: TradingAccount) -> None:
    price = await price_near(account, "1.1")
    asked = order(price, kind=OrderType.LIMIT_MAKER)
    try:
        placed = await account.place(asked)
    except Refused:
        return
    assert placed.status in (VenueStatus.CANCELLED, VenueStatus.REJECTED)


async def test_a_maker_order_rests_and_is_told_as_one(account: TradingAccount) -> None:
    placed = await account.place(order(await price_near(account, "0.9"), kind=OrderType.LIMIT_MAKER))

    assert (placed.status, placed.order_type) == (VenueStatus.OPEN, OrderType.LIMIT_MAKER)


async def test_a_second_order_under_an_open_ones_id_is_refused(account: TradingAccount) -> None:
    price = await price_near(account, "0.9")
    asked = order(price)
    await account.place(asked)

    with pytest.raises(DuplicateOrder):
        await account.place(order(price, client_order_id=asked.client_order_id))
    assert len(await account.open_orders()) == 1


async def test_an_order_above_the_balance_is_refused(account: TradingAccount) -> None:
    with pytest.raises(NotEnoughBalance):
        await account.place(order(await price_near(account, "0.9"), "20" if account.connector == "paper" else "90"))


async def test_an_order_against_the_rules_is_refused_with_the_exchanges_reason(account: TradingAccount) -> None:
    with pytest.raises(Refused) as refused:
        await account.place(order(await price_near(account, "0.00001")))
    assert refused.value.code is not None
    assert "PERCENT" in str(refused.value) or "rice" in str(refused.value)


async def test_unknown_orders_and_pairs_are_told(account: TradingAccount) -> None:
    with pytest.raises(OrderNotKnown):
        await account.order(PAIR, "never-placed", None)
    with pytest.raises(OrderNotKnown):
        await account.cancel(PAIR, "never-placed", None)
    with pytest.raises(Refused, match="no pair NOPE-USDT"):
        await account.order("NOPE-USDT", "never-placed", None)


async def test_an_order_that_comes_too_late_is_refused_by_the_exchange_itself(account: TradingAccount) -> None:
    assert account.has_receive_window
    price = await price_near(account, "0.9")
    late = order(price, sent_ms=int(time.time() * 1000) - 3000, receive_window_ms=2000)

    with pytest.raises(StaleRequest):
        await account.place(late)
    assert await account.open_orders() == ()
    in_time = order(price, sent_ms=int(time.time() * 1000) - 3000, receive_window_ms=5000)
    assert (await account.place(in_time)).status is VenueStatus.OPEN


async def test_a_clock_that_goes_wrong_does_not_hinder(venue: SimulatedVenue, account: TradingAccount) -> None:
    venue.fault("clock_offset", offset=-60_000)
    price = await price_near(account, "0.9")

    placed = await account.place(order(price))

    assert placed.status is VenueStatus.OPEN
    venue.heal()
    # The offset is known no more: a question measures it again and is answered.
    assert len(await account.open_orders()) == 1
    late = order(price, sent_ms=int(time.time() * 1000) - 3000, receive_window_ms=2000)
    with pytest.raises(StaleRequest):
        await account.place(late)


async def test_a_position_is_closed_and_never_turned(
    exchanges: Exchanges, venue: SimulatedVenue, opened: OpenAccount
) -> None:
    async with opened("paper_perpetual", venue.credential({}, {"USDT": "100000"})) as account:
        await account.place(order(None, "0.01"))
        closed = await account.place(
            order(None, "0.05", side=TradeType.SELL, action=PositionAction.CLOSE),
        )
        assert closed.filled == Decimal("0.01")
        with pytest.raises(Refused):
            await account.place(order(None, "0.01", side=TradeType.SELL, action=PositionAction.CLOSE))


async def test_keys_are_checked(account: TradingAccount, credential: dict[str, str], opened: OpenAccount) -> None:
    rights = await account.check()
    assert (rights.can_trade, rights.can_withdraw) == (True, False)

    wrong = [
        credential | {"paper_api_secret": "0" * 64},
        credential | {"paper_api_key": "f" * 64},
    ]
    for keys in wrong:
        async with opened(account.connector, keys) as refused:
            with pytest.raises(KeysRefused) as error:
                await refused.check()
            assert not any(value in str(error.value) for value in keys.values())
    with pytest.raises(KeysRefused, match="paper_api_secret"):
        async with opened(account.connector, {"paper_api_key": "f" * 64}):
            pass


async def test_all_pages_of_fills_are_taken_oldest_first(account: TradingAccount) -> None:
    began = int(time.time() * 1000) - 1000
    placed = [await account.place(order(None, "0.01")) for _ in range(5)]

    trades = await account.trades(PAIR, began)

    assert {trade.exchange_order_id for trade in trades} == {one.exchange_order_id for one in placed}
    assert len({trade.trade_id for trade in trades}) == len(trades)
    assert sum(trade.amount for trade in trades) == Decimal("0.05")
    assert await account.trades(PAIR, int(time.time() * 1000) + 3_600_000) == ()


async def test_orders_are_counted_by_the_limits_that_the_exchange_tells(account: TradingAccount) -> None:
    """The session's simulator tells of limits far wider than Binance's 100, or 300, orders in ten seconds."""
    price = await price_near(account, "0.9")

    for _ in range(310):
        asked = order(price, "0.002")
        await account.place(asked)
        await account.cancel(PAIR, asked.client_order_id, None)


async def test_no_more_orders_are_sent_than_the_exchange_allows() -> None:
    venue = SimulatedVenue(SIMULATOR_LIMITS="1")
    exchanges = Exchanges({"paper": venue.url})
    credential = venue.credential({"USDT": "1000000"})
    # However often an account is opened, the exchange counts its orders together.
    accounts = [exchanges.account("paper", credential) for _ in range(2)]
    try:
        price = await price_near(accounts[0], "0.9")
        venue.fault("latency", path="/api/v3/order", method="POST", delay=0)

        async def place_many() -> None:
            for number in range(120):
                await accounts[number % 2].place(order(price, "0.001"))

        with pytest.raises(RateLimited) as limited:
            await place_many()
        assert "limit of new orders reached; nothing was sent" in str(limited.value)
        assert 0 < (limited.value.retry_after or 0) <= 10
        assert venue.faults_met() == 100
        assert await accounts[0].balances(), "expected questions to be asked all the same"
    finally:
        for one in accounts:
            await one.close()
        await exchanges.close()
        venue.stop()


async def test_an_account_with_two_positions_a_pair_opens_and_closes_each(
    venue: SimulatedVenue, opened: OpenAccount
) -> None:
    """An account in hedge mode, which its user may turn on at any time."""
    credential = venue.credential({}, {"USDT": "100000"})
    async with opened("paper_perpetual", credential) as account:
        await account.place(order(None, "0.01"))
        await account.place(order(None, "0.01", side=TradeType.SELL, action=PositionAction.CLOSE))
        _turn_on_hedge_mode(venue, credential)

        with pytest.raises(Refused):
            await account.place(order(None, "0.01"))
        for side in TradeType:
            assert (await account.place(order(None, "0.01", side=side))).filled == Decimal("0.01")
        for side in TradeType:
            closed = await account.place(order(None, "0.01", side=side, action=PositionAction.CLOSE))
            assert closed.filled == Decimal("0.01")
        with pytest.raises(Refused):
            await account.place(order(None, "0.01", action=PositionAction.CLOSE))


async def test_orders_of_a_pair_that_takes_none_any_more_are_still_seen_and_cancelled(
    venue: SimulatedVenue, opened: OpenAccount
) -> None:
    credential = venue.credential({"USDT": "100000"})
    async with httpx.AsyncClient(base_url=venue.url) as client:
        listed = (await client.get("/api/v3/exchangeInfo")).json()
    for symbol in listed["symbols"]:
        symbol["status"] = "BREAK" if symbol["symbol"] == "BTCUSDT" else symbol["status"]
    halted = json.dumps(listed).encode()
    async with opened("paper", credential) as account:
        resting = await account.place(order(await price_near(account, "0.9")))

    async with proxy(venue, lambda _, path: halted if path.endswith("exchangeInfo") else None) as url:
        exchanges = Exchanges({"paper": url})
        account = exchanges.account("paper", credential)

        rules = await account.market.rules()
        assert PAIR not in rules
        assert "ETH-USDT" in rules
        assert [one.client_order_id for one in await account.open_orders()] == [resting.client_order_id]
        assert resting.client_order_id is not None
        await account.cancel(PAIR, resting.client_order_id, None)
        assert await account.open_orders() == ()

        await account.close()
        await exchanges.close()


def _turn_on_hedge_mode(venue: SimulatedVenue, credential: dict[str, str]) -> None:
    query = urlencode({"dualSidePosition": "true", "timestamp": int(time.time() * 1000)})
    signature = hmac.new(credential["paper_api_secret"].encode(), query.encode(), hashlib.sha256).hexdigest()
    answer = httpx.post(
        f"{venue.url}/fapi/v1/positionSide/dual?{query}&signature={signature}",
        headers={"X-MBX-APIKEY": credential["paper_api_key"]},
    )
    answer.raise_for_status()
