"""Balances, from ccxt's unified structure and from Binance's own.

Source of the former's fields: https://docs.ccxt.com/#/README?id=balance-structure
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from shared.exchanges.interface import AssetBalance
from shared.exchanges.trading_rules import exact

_NO_TOKENS = frozenset({"info", "free", "used", "total", "debt", "timestamp", "datetime"})


def balances_of(balances: Mapping[str, Any]) -> tuple[AssetBalance, ...]:
    """Return the balances of which both the total and the free part are told, those of zero among them."""
    found = []
    for token, one in balances.items():
        if token in _NO_TOKENS or not isinstance(one, Mapping):
            continue
        total, free = exact(one.get("total")), exact(one.get("free"))
        if total is not None and free is not None:
            found.append(AssetBalance(token, total, free))
    return tuple(found)


def futures_balances_of(assets: Sequence[Mapping[str, Any]], code_of: Callable[[str], str]) -> tuple[AssetBalance, ...]:
    """Return the balances in an account of Binance's futures: the wallet's, and what new positions may take.

    ccxt's total is the margin balance, with the profit of open positions in it, which is no balance yet.
    Source: "Account Information V3" of the USD-M futures documentation.
    """
    return tuple(
        AssetBalance(code_of(one["asset"]), Decimal(one["walletBalance"]), Decimal(one["availableBalance"]))
        for one in assets
    )
