"""Pairs by our names (`BTC-USDT`) and by ccxt's (`BTC/USDT`, `BTC/USDT:USDT`)."""

from collections.abc import Iterable, Mapping
from typing import Any


def name_of(market: Mapping[str, Any]) -> str:
    """Return our name of a market: base and quote in ccxt's unified codes, as Hummingbot's connectors have them."""
    return f"{market['base']}-{market['quote']}"


def is_active(market: Mapping[str, Any]) -> bool:
    """Return whether a market takes orders; one whose exchange does not say so does."""
    return market.get("active") is not False


def markets_by_pair(markets: Iterable[Mapping[str, Any]], kind: str) -> dict[str, Mapping[str, Any]]:
    """Return the markets of a connector of this kind (`spot`, `swap`) by our names; of swaps the linear ones.

    Those that take no orders at the moment are among them: what is open there can still be asked for and cancelled.
    Where an exchange has several of one base and quote, an active one comes first, and then one settled in its quote.
    """
    named: dict[str, Mapping[str, Any]] = {}
    for market in markets:
        if not _is_of_kind(market, kind):
            continue
        name = name_of(market)
        if name not in named or _rank(market) > _rank(named[name]):
            named[name] = market
    return named


def _is_of_kind(market: Mapping[str, Any], kind: str) -> bool:
    if not market.get("base") or not market.get("quote"):
        return False
    if kind == "spot":
        return bool(market.get("spot"))
    return bool(market.get("swap")) and bool(market.get("linear"))


def _rank(market: Mapping[str, Any]) -> tuple[bool, bool]:
    return is_active(market), market.get("settle") == market.get("quote")
