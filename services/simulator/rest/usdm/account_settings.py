"""Position mode, leverage, margin type and other settings of a futures account.

Source: "Account" and "Trade Endpoints" of Binance's USD-M futures documentation.
"""

from services.simulator.engine import refusal
from services.simulator.engine.positions import DEFAULT_LEVERAGE
from services.simulator.engine.symbol import Symbol
from services.simulator.rest import refusals
from services.simulator.rest.instruments import known
from services.simulator.rest.routing import Answer, Call, Route, Security
from services.simulator.rest.spot.accounts import none, order_rate
from services.simulator.rest.usdm.account_figures import MAX_NOTIONAL
from services.simulator.rest.usdm.order_answers import DONE


async def position_mode(call: Call) -> Answer:
    """Answer whether the account is in hedge mode."""
    return {"dualSidePosition": call.exchange.usdm.is_hedge(call.owner)}


async def set_position_mode(call: Call) -> Answer:
    """Switch between one-way and hedge mode."""
    call.parameters.needed("dualSidePosition")
    hedge = bool(call.parameters.flag("dualSidePosition"))
    engine, owner = call.exchange.usdm, call.owner
    await call.exchange.act(lambda: engine.set_position_mode(owner, hedge=hedge))
    return DONE


async def set_leverage(call: Call) -> Answer:
    """Set the leverage on a symbol."""
    symbol = known(call.exchange, "usdm", call.parameters.symbol())
    leverage = call.parameters.needed_integer("leverage")
    engine, owner = call.exchange.usdm, call.owner
    await call.exchange.act(lambda: engine.set_leverage(owner, symbol.name, leverage))
    return {"symbol": symbol.name, "leverage": leverage, "maxNotionalValue": MAX_NOTIONAL}


async def set_margin_type(call: Call) -> Answer:
    """Refuse: everybody has cross margin."""
    symbol = known(call.exchange, "usdm", call.parameters.symbol())
    kind = call.parameters.needed("marginType")
    if kind not in {"ISOLATED", "CROSSED"}:
        raise refusals.invalid_data("marginType")
    engine, owner = call.exchange.usdm, call.owner
    await call.exchange.act(lambda: engine.set_margin_type(owner, symbol.name, isolated=kind == "ISOLATED"))
    return DONE


async def leverage_brackets(call: Call) -> Answer:
    """Answer the tiers of leverage: one for each symbol."""
    name = call.parameters.optional_symbol()
    symbols = [known(call.exchange, "usdm", name)] if name else list(call.exchange.usdm.symbols.values())
    return [
        {
            "symbol": symbol.name,
            "notionalCoef": 1.0,
            "brackets": [
                {
                    "bracket": 1,
                    "initialLeverage": symbol.max_leverage,
                    "notionalCap": int(MAX_NOTIONAL),
                    "notionalFloor": 0,
                    "maintMarginRatio": float(symbol.maintenance_rate),
                    "cum": 0.0,
                }
            ],
        }
        for symbol in symbols
    ]


async def multi_assets_mode(_: Call) -> Answer:
    """Answer that margin is in one asset."""
    return {"multiAssetsMargin": False}


async def set_multi_assets_mode(call: Call) -> Answer:
    """Refuse: margin is in one asset."""
    call.parameters.needed("multiAssetsMargin")
    if call.parameters.flag("multiAssetsMargin"):
        raise refusal.unsupported_operation()
    raise refusal.Refusal(-4171, "Adjusted asset mode is currently set and does not need to be adjusted repeatedly.")


async def account_settings(call: Call) -> Answer:
    """Answer what the account may do, and its modes."""
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": False,
        "canWithdraw": False,
        "dualSidePosition": call.exchange.usdm.is_hedge(call.owner),
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
    }


async def symbol_settings(call: Call) -> Answer:
    """Answer margin type and leverage, on a symbol or on all."""
    name = call.parameters.optional_symbol()
    engine = call.exchange.usdm
    symbols = [known(call.exchange, "usdm", name)] if name else list(engine.symbols.values())
    set_ones = {view.position.symbol: view.leverage for view in engine.positions(call.owner)}

    def leverage(symbol: Symbol) -> int:
        return set_ones.get(symbol.name) or min(DEFAULT_LEVERAGE, symbol.max_leverage)

    return [
        {
            "symbol": symbol.name,
            "marginType": "CROSSED",
            "isAutoAddMargin": "false",
            "leverage": leverage(symbol),
            "maxNotionalValue": MAX_NOTIONAL,
        }
        for symbol in symbols
    ]


async def trading_status(call: Call) -> Answer:
    """Answer that nothing is wrong with how the account trades."""
    return {"indicators": {}, "updateTime": call.now}


async def fee_burn(_: Call) -> Answer:
    """Answer that fees are not paid in BNB."""
    return {"feeBurn": False}


ROUTES = (
    Route("GET", "/fapi/v1/positionSide/dual", position_mode, Security.SIGNED, weight=30),
    Route("POST", "/fapi/v1/positionSide/dual", set_position_mode, Security.SIGNED),
    Route("POST", "/fapi/v1/leverage", set_leverage, Security.SIGNED),
    Route("POST", "/fapi/v1/marginType", set_margin_type, Security.SIGNED),
    Route("GET", "/fapi/v1/leverageBracket", leverage_brackets, Security.SIGNED),
    Route("GET", "/fapi/v1/multiAssetsMargin", multi_assets_mode, Security.SIGNED, weight=30),
    Route("POST", "/fapi/v1/multiAssetsMargin", set_multi_assets_mode, Security.SIGNED),
    Route("GET", "/fapi/v1/accountConfig", account_settings, Security.SIGNED, weight=5),
    Route("GET", "/fapi/v1/symbolConfig", symbol_settings, Security.SIGNED, weight=5),
    Route("GET", "/fapi/v1/apiTradingStatus", trading_status, Security.SIGNED),
    Route("GET", "/fapi/v1/feeBurn", fee_burn, Security.SIGNED, weight=30),
    Route("GET", "/fapi/v1/rateLimit/order", order_rate, Security.SIGNED),
    Route("GET", "/fapi/v1/forceOrders", none, Security.SIGNED, weight=20),
)
