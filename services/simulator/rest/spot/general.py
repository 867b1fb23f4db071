"""Ping, time and exchange information. Source: "General endpoints" of Binance's spot `rest-api.md`, `filters.md`."""

from decimal import Decimal

from services.simulator.engine import refusal
from services.simulator.engine.spot_amendment import MOST_AMENDMENTS
from services.simulator.engine.symbol import Symbol
from services.simulator.engine.units import to_units
from services.simulator.rest import refusals
from services.simulator.rest.figures import amount
from services.simulator.rest.routing import Answer, Call, Route, names
from services.simulator.rest.weights import VenueLimits

_ORDER_TYPES = (
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
)
_PERMISSIONS = frozenset({"SPOT", "MARGIN", "LEVERAGED"})


async def ping(_: Call) -> Answer:
    """Answer nothing."""
    return b"{}"


async def server_time(call: Call) -> Answer:
    """Answer the exchange's clock."""
    return {"serverTime": call.now}


async def exchange_info(call: Call) -> Answer:
    """Answer the symbols that are asked for with their filters, and the rate limits."""
    parameters = call.parameters
    one, several, permissions = parameters.optional_symbol(), parameters.symbols(), _permissions(call)
    if (one is not None) + (several is not None) + (permissions is not None) > 1:
        raise refusal.bad_combination()
    if parameters.flag("showPermissionSets") is False and permissions is not None:
        raise refusal.bad_combination()
    symbols = call.exchange.spot.symbols
    wanted = [one] if one is not None else several
    if wanted is not None:
        if any(name not in symbols for name in wanted):
            raise refusal.invalid_symbol()
        chosen = [symbols[name] for name in wanted]
    else:
        chosen = list(symbols.values())
    if permissions is not None and "SPOT" not in permissions:
        chosen = []
    status = parameters.text("symbolStatus")
    if status is not None:
        if status not in {"TRADING", "HALT", "BREAK"}:
            raise refusal.Refusal(-1122, "Invalid symbolStatus.")
        if wanted is not None:
            raise refusal.bad_combination()
        chosen = chosen if status == "TRADING" else []
    return {
        "timezone": "UTC",
        "serverTime": call.now,
        "rateLimits": rate_limits(call.meter.limits),
        "exchangeFilters": [],
        "symbols": [_symbol(symbol) for symbol in chosen],
    }


def _permissions(call: Call) -> tuple[str, ...] | None:
    """Return the permissions that are asked for: one word, or a JSON array of them."""
    sent = call.parameters.text("permissions")
    if sent is None:
        return None
    words = call.parameters.texts("permissions") if sent.startswith("[") else (sent,)
    if words is None or not _PERMISSIONS.issuperset(words):
        raise refusals.invalid_data("permissions")
    return words


def rate_limits(limits: VenueLimits) -> list[dict[str, object]]:
    """Return the limits as exchange information tells them."""
    return [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": limits.weight},
        *(
            {"rateLimitType": "ORDERS", "interval": one.interval, "intervalNum": one.number, "limit": one.limit}
            for one in limits.orders
        ),
    ]


def _symbol(symbol: Symbol) -> dict[str, object]:
    return {
        "symbol": symbol.name,
        "status": "TRADING",
        "baseAsset": symbol.base,
        "baseAssetPrecision": 8,
        "quoteAsset": symbol.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": list(_ORDER_TYPES),
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(symbol),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    }


def _filters(symbol: Symbol) -> list[dict[str, object]]:
    def text(value: Decimal) -> str:
        return amount(to_units(value))

    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": text(symbol.min_price),
            "maxPrice": text(symbol.max_price),
            "tickSize": text(symbol.tick_size),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": text(symbol.min_qty),
            "maxQty": text(symbol.max_qty),
            "stepSize": text(symbol.step_size),
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": "0.00000000",
            "maxQty": text(symbol.market_max_qty),
            "stepSize": "0.00000000",
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": f"{symbol.bid_multiplier_up:f}",
            "bidMultiplierDown": f"{symbol.bid_multiplier_down:f}",
            "askMultiplierUp": f"{symbol.ask_multiplier_up:f}",
            "askMultiplierDown": f"{symbol.ask_multiplier_down:f}",
            "avgPriceMins": symbol.average_minutes,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": text(symbol.min_notional),
            "applyMinToMarket": True,
            "maxNotional": text(symbol.max_notional),
            "applyMaxToMarket": False,
            "avgPriceMins": symbol.average_minutes,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": symbol.max_num_orders},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": symbol.max_num_algo_orders},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": MOST_AMENDMENTS},
    ]


ROUTES = (
    Route("GET", "/api/v3/ping", ping, names=names()),
    Route("GET", "/api/v3/time", server_time, names=names()),
    Route(
        "GET",
        "/api/v3/exchangeInfo",
        exchange_info,
        weight=20,
        names=names("symbol", "symbols", "permissions", "showPermissionSets", "symbolStatus"),
    ),
)
