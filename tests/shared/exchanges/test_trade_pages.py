"""All fills since a time, from exchanges that give them in pages."""

from decimal import Decimal
from typing import Any

import pytest

from shared.contracts.portfolio.orders import TradeType
from shared.exchanges.interface import VenueTrade
from shared.exchanges.trade_pages import Page, all_trades


def _trade(number: int, at_ms: int) -> VenueTrade:
    return VenueTrade(str(number), "A-B", "1", None, TradeType.BUY, Decimal(1), Decimal(1), None, at_ms)


class ByTime:
    """An exchange that gives `size` fills from a time on, oldest first."""

    def __init__(self, trades: list[VenueTrade], size: int) -> None:
        self.trades = trades
        self.size = size
        self.asked = 0

    async def __call__(self, since: int | None, params: dict[str, Any]) -> Page:
        self.asked += 1
        return tuple(one for one in self.trades if since is None or one.at_ms >= since)[: self.size]


class ById(ByTime):
    """Binance: by time, or from an id on."""

    async def __call__(self, since: int | None, params: dict[str, Any]) -> Page:
        self.asked += 1
        first = params.get("fromId")
        assert (since is None) != (first is None), "expected a time or an id"
        if first is not None:
            return tuple(one for one in self.trades if int(one.trade_id) >= first)[: params["limit"]]
        return tuple(one for one in self.trades if one.at_ms >= (since or 0))[: params["limit"]]


@pytest.mark.parametrize("size", [2, 3, 7, 100])
async def test_pages_by_time_are_joined_each_fill_once(size: int) -> None:
    trades = [_trade(number, 1000 + number // 2) for number in range(40)]
    exchange = ByTime(trades, size)

    assert await all_trades("kraken", exchange, 1005) == tuple(trades[10:])
    assert exchange.asked < 45


async def test_more_fills_of_one_moment_than_a_page_has_do_not_hold_it_up() -> None:
    trades = [*(_trade(number, 1000) for number in range(5)), _trade(9, 1001)]

    found = await all_trades("kraken", ByTime(trades, 3), 1000)

    assert found[-1] == trades[-1]
    assert len(found) == 4, "expected what the exchange can be made to tell"


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500])
async def test_pages_by_id_are_joined(count: int) -> None:
    now = 4_000_000_000_000
    trades = [_trade(number, now + number // 100) for number in range(count)]

    assert await all_trades("binance", ById(trades, 1000), now) == tuple(trades)


async def test_binance_is_asked_for_week_after_week_until_there_is_a_fill() -> None:
    week = 7 * 24 * 3600 * 1000
    since = 1_700_000_000_000

    class Weekly(ById):
        async def __call__(self, since: int | None, params: dict[str, Any]) -> Page:
            page = await super().__call__(since, params)
            return page if since is None else tuple(one for one in page if one.at_ms < since + week)

    trades = [_trade(1, since + 3 * week + 5), _trade(2, since + 9 * week)]
    assert await all_trades("binance", Weekly(trades, 1000), since) == tuple(trades)
