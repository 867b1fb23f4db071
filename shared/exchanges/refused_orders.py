"""Why Binance refuses an order, in plain sentences that name the rule; its own words stand behind them.

Its filters refuse with the name of a filter or with half a sentence. Sources:
https://developers.binance.com/docs/binance-spot-api-docs/filters and
https://developers.binance.com/docs/derivatives/usds-margined-futures/error-code
"""

from shared.contracts.marketdata.rules import TradingRule
from shared.exchanges.errors import Refused
from shared.exchanges.interface import OrderRequest

#: The code of a filter of spot, and how its text begins.
_FILTER_CODE, _FILTER = "-1013", "Filter failure: "
#: Those of the order's value.
_VALUES = frozenset({"NOTIONAL", "MIN_NOTIONAL"})

_TOO_FAR = "The price is too far from the market's"
_OFF_PRICE = "The price is not one that {pair} has: it is too low, too high, or not a multiple of the price increment"
_OFF_AMOUNT = "The amount is not one that {pair} has: it is too small, too large, or not a multiple of the increment"

_BY_FILTER = {
    "PRICE_FILTER": _OFF_PRICE,
    "PERCENT_PRICE": _TOO_FAR,
    "PERCENT_PRICE_BY_SIDE": _TOO_FAR,
    "LOT_SIZE": _OFF_AMOUNT,
    "MARKET_LOT_SIZE": "The amount is not one that {pair} has for market orders: it is too small or too large",
    "MAX_POSITION": "The account would hold more of the base token of {pair} than the exchange allows",
    "MAX_NUM_ORDERS": "The account has as many open orders on {pair} as the exchange allows",
    "EXCHANGE_MAX_NUM_ORDERS": "The account has as many open orders as the exchange allows",
}
_BY_CODE = {
    "-2022": "The order would close nothing: {pair} has no such position, or other orders close it already",
    "-2025": "The account has as many open orders as the exchange allows",
    "-2027": "The position would be larger than the exchange allows at the current leverage",
    "-4001": _OFF_PRICE,
    "-4002": "The price is above the highest one of {pair}",
    "-4003": _OFF_AMOUNT,
    "-4004": "The amount is below the minimum order size of {pair}",
    "-4005": "The amount is above the maximum order size of {pair}",
    "-4013": "The price is below the lowest one of {pair}",
    "-4014": "The price is not a multiple of the price increment of {pair}",
    "-4016": "The price is above the highest one that the exchange takes at the moment",
    "-4023": "The amount is not a multiple of the amount increment of {pair}",
    "-4024": "The price is below the lowest one that the exchange takes at the moment",
    "-4131": "The best price of the other side is too far from the market's",
}
#: The smallest value, of futures.
_LEAST_VALUE = "-4164"


def reason_of(refused: Refused, order: OrderRequest, rule: TradingRule | None) -> str:
    """Return why `order` was refused; the exchange's own words alone where they are not of a rule that is known here.

    `rule` is that of the order's pair, None where it is not at hand.
    """
    said = str(refused)
    sentence = _sentence(refused.code, said, order, rule)
    return said if sentence is None else f"{sentence}. The exchange says: {said}"


def _sentence(code: str | None, said: str, order: OrderRequest, rule: TradingRule | None) -> str | None:
    if code == _LEAST_VALUE:
        return _below_least(order, rule)
    if code == _FILTER_CODE and said.startswith(_FILTER):
        name = said.removeprefix(_FILTER)
        if name in _VALUES:
            return _outside(name, order, rule)
        known = _BY_FILTER.get(name)
    else:
        known = None if code is None else _BY_CODE.get(code)
    return None if known is None else known.format(pair=order.trading_pair)


def _outside(name: str, order: OrderRequest, rule: TradingRule | None) -> str:
    """Return beyond which end of the value's limits the order is: NOTIONAL has two of them, MIN_NOTIONAL one."""
    least = _below_least(order, rule)
    if name == "MIN_NOTIONAL":
        return least
    if order.price is None or rule is None:
        # What the exchange takes for the price of an order at the market is not known here.
        return f"{least}, or more than its maximum"
    if order.amount * order.price < rule.min_notional_size:
        return least
    return f"The order is worth more than the maximum notional size of {order.trading_pair}"


def _below_least(order: OrderRequest, rule: TradingRule | None) -> str:
    least = "" if rule is None or not rule.min_notional_size else f", which is {rule.min_notional_size.normalize():f}"
    return f"The order is worth less than the minimum notional size of {order.trading_pair}{least}"
