"""What an exchange says that keys may do."""

from collections.abc import Mapping
from typing import Any

import ccxt

from shared.exchanges.errors import ExchangeError
from shared.exchanges.interface import KeyRights


async def rights_of(client: Any, ccxt_id: str, kind: str, account: object) -> KeyRights:
    """Return the rights of the keys of an object of ccxt's; unknown (None) where the exchange does not tell.

    Args:
        client: the object of ccxt's.
        ccxt_id: the exchange.
        kind: of markets, `spot` or `swap`.
        account: the exchange's own words on the account, from a balance.
    """
    if ccxt_id != "binance":
        return KeyRights(None, None)
    told = account if isinstance(account, Mapping) else {}
    can_trade, can_withdraw = _flag(told, "canTrade"), _flag(told, "canWithdraw")
    if can_withdraw is not False:
        # The account's flag is of the account, not of the key.
        restrictions = await _restrictions(client)
        can_withdraw = _flag(restrictions, "enableWithdrawals")
        of_key = _flag(restrictions, "enableSpotAndMarginTrading" if kind == "spot" else "enableFutures")
        can_trade = of_key if of_key is not None else can_trade
    return KeyRights(can_trade, can_withdraw)


async def _restrictions(client: Any) -> Mapping[str, Any]:
    """Ask Binance for the rights of the key itself; its test sites and the simulator have no such question.

    Source: "Get API Key Permission" of Binance's wallet documentation.
    """
    try:
        told = await client.sapi_get_account_apirestrictions()
    except (ccxt.BaseError, ExchangeError):
        # The keys are right, or the balance would not have been told; what more they may do stays unknown.
        return {}
    return told if isinstance(told, Mapping) else {}


def _flag(told: Mapping[str, Any], name: str) -> bool | None:
    value = told.get(name)
    return value if isinstance(value, bool) else None
