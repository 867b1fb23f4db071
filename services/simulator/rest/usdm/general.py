"""Ping, time and exchange information. Source: "Market Data Endpoints" of Binance's USD-M futures documentation."""

from decimal import Decimal

from services.simulator.engine.futures_amendment import MOST_MODIFICATIONS
from services.simulator.engine.symbol import Symbol
from services.simulator.engine.units import to_units
from services.simulator.market.trade_numbers import LISTED
from services.simulator.rest.figures import amount
from services.simulator.rest.routing import Answer, Call, Route
from services.simulator.rest.spot.general import ping, rate_limits, server_time

#: When a perpetual contract is delivered at Binance: on 25 December 2100.
_NEVER = 4_133_404_800_000
ORDER_TYPES = ("LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET")


async def exchange_info(call: Call) -> Answer:
    """Answer all symbols with their filters, and the rate limits."""
    symbols = call.exchange.usdm.symbols.values()
    return {
        "timezone": "UTC",
        "serverTime": call.now,
        "futuresType": "U_MARGINED",
        "rateLimits": rate_limits(call.meter.limits),
        "exchangeFilters": [],
        "assets": [
            {"asset": asset, "marginAvailable": True, "autoAssetExchange": "0"}
            for asset in dict.fromkeys(symbol.quote for symbol in symbols)
        ],
        "symbols": [_symbol(symbol) for symbol in symbols],
    }


def _symbol(symbol: Symbol) -> dict[str, object]:
    return {
        "symbol": symbol.name,
        "pair": symbol.name,
        "contractType": "PERPETUAL",
        "deliveryDate": _NEVER,
        "onboardDate": LISTED,
        "status": "TRADING",
        "maintMarginPercent": f"{symbol.maintenance_rate * 100:.4f}",
        "requiredMarginPercent": f"{Decimal(100) / symbol.max_leverage:.4f}",
        "baseAsset": symbol.base,
        "quoteAsset": symbol.quote,
        "marginAsset": symbol.quote,
        "pricePrecision": symbol.price_precision,
        "quantityPrecision": symbol.quantity_precision,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.000000",
        "marketTakeBound": f"{symbol.bid_multiplier_up - 1:.2f}",
        "maxMoveOrderLimit": MOST_MODIFICATIONS,
        "filters": _filters(symbol),
        "orderTypes": list(ORDER_TYPES),
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
        "permissionSets": ["GRID", "COPY"],
    }


def _filters(symbol: Symbol) -> list[dict[str, object]]:
    def price(value: Decimal) -> str:
        return amount(to_units(value), symbol.price_precision)

    def quantity(value: Decimal) -> str:
        return amount(to_units(value), symbol.quantity_precision)

    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": price(symbol.min_price),
            "maxPrice": price(symbol.max_price),
            "tickSize": price(symbol.tick_size),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": quantity(symbol.min_qty),
            "maxQty": quantity(symbol.max_qty),
            "stepSize": quantity(symbol.step_size),
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": quantity(symbol.min_qty),
            "maxQty": quantity(symbol.market_max_qty),
            "stepSize": quantity(symbol.step_size),
        },
        {"filterType": "MAX_NUM_ORDERS", "limit": symbol.max_num_orders},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": symbol.max_num_algo_orders},
        {"filterType": "MIN_NOTIONAL", "notional": f"{symbol.min_notional.normalize():f}"},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": f"{symbol.bid_multiplier_up:.4f}",
            "multiplierDown": f"{symbol.ask_multiplier_down:.4f}",
            "multiplierDecimal": "4",
        },
    ]


ROUTES = (
    Route("GET", "/fapi/v1/ping", ping),
    Route("GET", "/fapi/v1/time", server_time),
    Route("GET", "/fapi/v1/exchangeInfo", exchange_info),
)
