"""Pairs by our names (`BTC-USDT`) and by ccxt's (`BTC/USDT`, `BTC/USDT:USDT`)."""

from collections.abc import Iterable, Mapping
from typing import Any


def name_of(market: Mapping[str, Any]) -> str:
    """Return our name of a market: base and quote in ccxt's unified codes, as Hummingbot's connectors have them."""
    return f"{market['base']}-{market['quote']}"


def offered(market: Mapping[str, Any], kind: str) -> bool:
    """Return whether a connector of this kind (`spot`, `swap`) trades a market: active, and for swaps linear."""
    if market.get("active") is False or not market.get("base") or not market.get("quote"):
        return False
    if kind == "spot":
        return bool(market.get("spot"))
    return bool(market.get("swap")) and bool(market.get("linear"))


def markets_by_pair(markets: Iterable[Mapping[str, Any]], kind: str) -> dict[str, Mapping[str, Any]]:
    """Return the markets of a connector by our names.

    Where an exchange has several swaps of one base and quote, it is the one that is settled in its quote.
    """
    named: dict[str, Mapping[str, Any]] = {}
    for market in markets:
        if not offered(market, kind):
            continue
        name = name_of(market)
        if name not in named or market.get("settle") == market.get("quote"):
            named[name] = market
    return named
