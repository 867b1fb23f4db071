"""All fills of a pair since a time, page by page."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from shared.exchanges.interface import VenueTrade

Page = tuple[VenueTrade, ...]
Ask = Callable[[int | None, dict[str, Any]], Awaitable[Page]]

#: Pages after which something is wrong: a million fills of one pair.
_MOST_PAGES = 1000
_BINANCE_PAGE = 1000


async def all_trades(ccxt_id: str, ask: Ask, since_ms: int) -> Page:
    """Return the fills from `since_ms` on, oldest first, each once."""
    return await (_by_id(ask, since_ms) if ccxt_id == "binance" else _by_time(ask, since_ms))


async def _by_id(ask: Ask, since_ms: int) -> Page:
    """Ask Binance by time until there is a first fill, then by its id, which no two fills of a pair share.

    Source: "Account Trade List" of the spot and USD-M documentation: with `fromId` come the fills from that id on;
    a question for futures by time reaches a week from its start, as ccxt sends it.
    """
    found: Page = ()
    start = since_ms
    week = 7 * 24 * 3600 * 1000
    while not found:
        found = await ask(start, {"limit": _BINANCE_PAGE})
        if not found:
            if time.time() * 1000 - start < week:
                return ()
            start += week
    for _ in range(_MOST_PAGES):
        page = await ask(None, {"fromId": int(found[-1].trade_id) + 1, "limit": _BINANCE_PAGE})
        found = (*found, *page)
        if len(page) < _BINANCE_PAGE:
            break
    return found


async def _by_time(ask: Ask, since_ms: int) -> Page:
    """Ask from the time of the last fill known, until nothing new comes."""
    known: dict[str, VenueTrade] = {}
    since = since_ms
    for _ in range(_MOST_PAGES):
        page = await ask(since, {})
        new = [one for one in page if one.trade_id not in known]
        if not new:
            break
        known.update({one.trade_id: one for one in new})
        since = max(since + 1, *(one.at_ms for one in new))
    return tuple(sorted((one for one in known.values() if one.at_ms >= since_ms), key=lambda one: one.at_ms))
