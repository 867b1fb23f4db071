"""What a spot account has and may do. Source: "Account endpoints" of Binance's spot `rest-api.md`."""

import zlib

from services.simulator.engine.symbol import Symbol
from services.simulator.engine.units import to_units
from services.simulator.rest.figures import amount
from services.simulator.rest.instruments import known
from services.simulator.rest.routing import Answer, Call, Route, Security, names

_NOTHING = {"maker": "0.00000000", "taker": "0.00000000", "buyer": "0.00000000", "seller": "0.00000000"}


def uid(account: str) -> int:
    """Return the number that stands for an account."""
    return zlib.crc32(account.encode())


def commission_rates(symbol: Symbol) -> dict[str, str]:
    """Return the rates of commission on a symbol."""
    return {
        "maker": amount(to_units(symbol.maker_fee)),
        "taker": amount(to_units(symbol.taker_fee)),
        "buyer": "0.00000000",
        "seller": "0.00000000",
    }


async def account(call: Call) -> Answer:
    """Answer the balances and what the account may do."""
    omit = call.parameters.flag("omitZeroBalances")
    engine = call.exchange.spot
    held = {row.asset: row for row in engine.balances(call.owner)}
    symbols = list(engine.symbols.values())
    assets = dict.fromkeys(asset for symbol in symbols for asset in (symbol.base, symbol.quote)) | dict.fromkeys(held)
    balances = []
    for asset in assets:
        row = held.get(asset)
        free, locked = (row.free, row.locked) if row else (0, 0)
        if free or locked or not omit:
            balances.append({"asset": asset, "free": amount(free), "locked": amount(locked)})
    maker, taker = to_units(symbols[0].maker_fee), to_units(symbols[0].taker_fee)
    return {
        "makerCommission": maker // 10_000,
        "takerCommission": taker // 10_000,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": commission_rates(symbols[0]),
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": call.account.created,
        "accountType": "SPOT",
        "balances": balances,
        "permissions": ["SPOT"],
        "uid": uid(call.owner),
    }


async def commission(call: Call) -> Answer:
    """Answer the rates of commission on a symbol."""
    symbol = known(call.exchange, "spot", call.parameters.symbol())
    return {
        "symbol": symbol.name,
        "standardCommission": commission_rates(symbol),
        "specialCommission": _NOTHING,
        "taxCommission": _NOTHING,
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": "BNB",
            "discount": "0.00000000",
        },
    }


async def order_rate(call: Call) -> Answer:
    """Answer how many new orders were sent in each interval."""
    return [
        {
            "rateLimitType": "ORDERS",
            "interval": limit.interval,
            "intervalNum": limit.number,
            "limit": limit.limit,
            "count": count,
        }
        for limit, count in call.meter.orders(call.owner, call.now).items()
    ]


async def none(_: Call) -> Answer:
    """Answer an empty list: there is nothing of this kind here."""
    return b"[]"


ROUTES = (
    Route("GET", "/api/v3/account", account, Security.SIGNED, weight=20, names=names("omitZeroBalances")),
    Route("GET", "/api/v3/account/commission", commission, Security.SIGNED, weight=20, names=names("symbol")),
    Route("GET", "/api/v3/rateLimit/order", order_rate, Security.SIGNED, weight=40, names=names()),
    Route("GET", "/api/v3/openOrderList", none, Security.SIGNED, weight=6, names=names()),
    Route(
        "GET",
        "/api/v3/allOrderList",
        none,
        Security.SIGNED,
        weight=20,
        names=names("fromId", "startTime", "endTime", "limit"),
    ),
)
