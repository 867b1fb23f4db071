"""The starting balances of a paper account: `USDT=100000,BTC=1`, or an object of the same."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

#: Plain decimals: up to 15 digits before the point and 18 after it. No exponents: `1e999999999` is ten characters too.
_AMOUNT = re.compile(r"(?=[0-9.]*[1-9])[0-9]{1,15}(\.[0-9]{1,18})?", re.ASCII)
_ASSET = re.compile(r"[A-Z0-9]{1,20}", re.ASCII)
MAX_ASSETS = 100


class BalanceError(ValueError):
    """Starting balances that do not fit. `asset` is the part of an object that is at fault, if one is."""

    def __init__(self, reason: str, asset: str | None = None) -> None:
        super().__init__(reason)
        self.asset = asset


def parse_balances(value: object) -> dict[str, str]:
    """Return the amount of each asset as decimal text, from text such as `USDT=100000,BTC=1` or from an object.

    Names of assets are folded to upper case. In an object an amount may be text or a JSON number.

    Raises:
        BalanceError: if it is neither, if an asset is not 1 to 20 letters and digits or comes twice, or if an amount is
            not a plain decimal above zero.
    """
    if isinstance(value, str):
        return _collected(_split(part) for part in value.split(","))
    if isinstance(value, Mapping):
        return _collected((str(asset), _plain(amount)) for asset, amount in value.items())
    raise BalanceError("Expected text such as USDT=100000,BTC=1 or an object of amounts by asset")


def _split(part: str) -> tuple[str, str]:
    asset, separator, amount = part.partition("=")
    if not separator:
        raise BalanceError("Expected parts such as USDT=100000, separated by commas")
    return asset, amount


def _plain(amount: Any) -> str:
    """Return an amount of an object as text; empty, and so refused, when it is neither text nor a number."""
    match amount:
        case bool():
            return ""
        case int():
            return str(amount) if abs(amount) < 10**15 else ""
        case float():
            # The shortest text that gives the double again, which is what the sender wrote; without an exponent.
            return format(Decimal(repr(amount)), "f")
        case str():
            return amount
        case _:
            return ""


def _collected(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    balances: dict[str, str] = {}
    for raw_asset, raw_amount in pairs:
        asset, amount = raw_asset.strip().upper(), raw_amount.strip()
        if not _ASSET.fullmatch(asset):
            raise BalanceError("Expected names of assets of 1 to 20 letters and digits")
        if asset in balances:
            raise BalanceError("Expected each asset once", asset)
        if not _AMOUNT.fullmatch(amount):
            raise BalanceError("Expected a plain decimal above zero, of up to 15 digits and 18 places", asset)
        balances[asset] = amount
        if len(balances) > MAX_ASSETS:
            raise BalanceError(f"Expected at most {MAX_ASSETS} assets")
    return balances
