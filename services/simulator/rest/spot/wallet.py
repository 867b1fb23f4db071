"""The wallet endpoints that clients ask for on their way, /sapi, and the empty coin-margined exchange, /dapi.

Source: "Wallet" of Binance's public documentation.
"""

from services.simulator.engine.units import to_units
from services.simulator.rest.figures import amount
from services.simulator.rest.instruments import known
from services.simulator.rest.routing import Answer, Call, Route, Security
from services.simulator.rest.spot.accounts import none
from services.simulator.rest.spot.general import ping, server_time


async def coins(call: Call) -> Answer:
    """Answer all assets with their balances. Nothing is deposited or withdrawn over a network here."""
    engine = call.exchange.spot
    held = {row.asset: row for row in engine.balances(call.owner)}
    symbols = engine.symbols.values()
    assets = dict.fromkeys(asset for symbol in symbols for asset in (symbol.base, symbol.quote)) | dict.fromkeys(held)
    return [
        {
            "coin": asset,
            "depositAllEnable": False,
            "free": _plain(held[asset].free) if asset in held else "0",
            "freeze": "0",
            "ipoable": "0",
            "ipoing": "0",
            "isLegalMoney": False,
            "locked": _plain(held[asset].locked) if asset in held else "0",
            "name": asset,
            "networkList": [],
            "storage": "0",
            "trading": True,
            "withdrawAllEnable": False,
            "withdrawing": "0",
        }
        for asset in assets
    ]


def _plain(units: int) -> str:
    return amount(units).rstrip("0").rstrip(".")


async def trade_fees(call: Call) -> Answer:
    """Answer the commissions on a symbol or on all."""
    name = call.parameters.optional_symbol()
    symbols = [known(call.exchange, "spot", name)] if name else list(call.exchange.spot.symbols.values())
    return [
        {
            "symbol": symbol.name,
            "makerCommission": _plain(to_units(symbol.maker_fee)),
            "takerCommission": _plain(to_units(symbol.taker_fee)),
        }
        for symbol in symbols
    ]


async def key_permissions(call: Call) -> Answer:
    """Answer what a key is good for: reading and trading."""
    return {
        "ipRestrict": False,
        "createTime": call.account.created,
        "enableReading": True,
        "enableSpotAndMarginTrading": True,
        "enableWithdrawals": False,
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": True,
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
        "enablePortfolioMarginTrading": False,
    }


async def user_assets(call: Call) -> Answer:
    """Answer the assets that the account has something of."""
    return [
        {
            "asset": row.asset,
            "free": _plain(row.free),
            "locked": _plain(row.locked),
            "freeze": "0",
            "withdrawing": "0",
            "ipoable": "0",
            "btcValuation": "0",
        }
        for row in call.exchange.spot.balances(call.owner)
        if row.free or row.locked
    ]


async def system_status(_: Call) -> Answer:
    """Answer that all is well."""
    return {"status": 0, "msg": "normal"}


async def account_status(_: Call) -> Answer:
    """Answer that all is well with the account."""
    return {"data": "Normal"}


async def trading_status(_: Call) -> Answer:
    """Answer that the account is not restricted."""
    return {
        "data": {
            "isLocked": False,
            "plannedRecoverTime": 0,
            "triggerCondition": {"GCR": 150, "IFER": 150, "UFR": 300},
            "updateTime": 0,
        }
    }


async def no_symbols(call: Call) -> Answer:
    """Answer the exchange information of an exchange that trades nothing."""
    return {
        "timezone": "UTC",
        "serverTime": call.now,
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": [],
    }


ROUTES = (
    Route("GET", "/sapi/v1/system/status", system_status),
    Route("GET", "/sapi/v1/capital/config/getall", coins, Security.SIGNED, weight=10),
    Route("GET", "/sapi/v1/asset/tradeFee", trade_fees, Security.SIGNED),
    Route("GET", "/sapi/v1/account/apiRestrictions", key_permissions, Security.SIGNED),
    Route("GET", "/sapi/v1/account/status", account_status, Security.SIGNED),
    Route("GET", "/sapi/v1/account/apiTradingStatus", trading_status, Security.SIGNED),
    Route("POST", "/sapi/v1/asset/get-funding-asset", none, Security.SIGNED),
    Route("POST", "/sapi/v3/asset/getUserAsset", user_assets, Security.SIGNED, weight=5),
    Route("GET", "/sapi/v1/margin/allPairs", none, Security.KEY),
    Route("GET", "/sapi/v1/margin/isolated/allPairs", none, Security.KEY),
    Route("GET", "/sapi/v1/margin/allAssets", none, Security.KEY),
    Route("GET", "/sapi/v1/capital/deposit/hisrec", none, Security.SIGNED),
    Route("GET", "/sapi/v1/capital/withdraw/history", none, Security.SIGNED),
    Route("GET", "/dapi/v1/ping", ping),
    Route("GET", "/dapi/v1/time", server_time),
    Route("GET", "/dapi/v1/exchangeInfo", no_symbols),
)
