"""Balances, margin and positions of a futures account.

Source: "Account Endpoints" of Binance's USD-M futures documentation.
"""

from services.simulator.engine.positions import DEFAULT_LEVERAGE
from services.simulator.engine.symbol import Symbol
from services.simulator.engine.terms import PositionSide
from services.simulator.rest.figures import amount, figures
from services.simulator.rest.instruments import known
from services.simulator.rest.routing import Answer, Call, Route, Security
from services.simulator.rest.usdm.account_figures import (
    MAX_NOTIONAL,
    asset_figures,
    assets,
    positions,
    totals,
    withdrawable,
)


async def balances(call: Call) -> Answer:
    """Answer the wallet of each asset."""
    return [
        {
            "accountAlias": call.owner,
            "asset": view.asset,
            "balance": amount(view.wallet),
            "crossWalletBalance": amount(view.wallet),
            "crossUnPnl": amount(view.unrealized),
            "availableBalance": amount(view.available),
            "maxWithdrawAmount": amount(withdrawable(view)),
            "marginAvailable": True,
            "updateTime": call.account.created,
        }
        for view in assets(call)
    ]


async def account_v2(call: Call) -> Answer:
    """Answer settings, wallets, and the positions on all symbols."""
    views, created = assets(call), call.account.created
    return {
        "feeTier": 0,
        "feeBurn": False,
        "canTrade": True,
        "canDeposit": False,
        "canWithdraw": False,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
        **totals(views),
        "assets": [{**asset_figures(view, created), "marginAvailable": True} for view in views],
        "positions": [
            {
                **one.size(),
                **one.margins(),
                **one.entry(),
                **one.notionals(),
                "unrealizedProfit": one.unrealized,
                "leverage": str(one.view.leverage),
                "isolated": False,
                "maxNotional": MAX_NOTIONAL,
            }
            for one in positions(call)
        ]
        + [
            {
                **_nothing(symbol, side),
                "initialMargin": "0",
                "maintMargin": "0",
                "positionInitialMargin": "0",
                "openOrderInitialMargin": "0",
                "bidNotional": "0",
                "askNotional": "0",
                "unrealizedProfit": "0.00000000",
                "isolated": False,
                "maxNotional": MAX_NOTIONAL,
            }
            for symbol, side in _untouched(call)
        ],
    }


async def account_v3(call: Call) -> Answer:
    """Answer wallets, and the positions that are open or have orders."""
    views = assets(call)
    return {
        **totals(views),
        "assets": [asset_figures(view, call.account.created) for view in views],
        "positions": [
            {
                **one.size(),
                "unrealizedProfit": one.unrealized,
                "isolatedMargin": "0",
                "notional": one.notional,
                "isolatedWallet": "0",
                "initialMargin": one.margins()["initialMargin"],
                "maintMargin": one.margins()["maintMargin"],
            }
            for one in positions(call)
            if one.is_open
        ],
    }


async def position_risk_v2(call: Call) -> Answer:
    """Answer the positions on a symbol or on all, empty ones as well."""
    name = call.parameters.optional_symbol()
    if name is not None:
        known(call.exchange, "usdm", name)
    found = [
        {
            **one.size(),
            **one.entry(),
            **_risk(),
            "markPrice": one.mark_price,
            "unRealizedProfit": one.unrealized,
            "leverage": str(one.view.leverage),
            "notional": one.notional,
        }
        for one in positions(call, name)
    ]
    if name is not None:
        return found
    return found + [
        {
            **_nothing(symbol, side),
            **_risk(),
            "markPrice": amount(call.exchange.usdm.mark_price(symbol.name) * symbol.tick_unit),
            "unRealizedProfit": "0.00000000",
            "notional": "0",
        }
        for symbol, side in _untouched(call)
    ]


def _risk() -> dict[str, object]:
    """Return what is the same of all positions, which are never isolated and never liquidated."""
    return {
        "liquidationPrice": "0",
        "maxNotionalValue": MAX_NOTIONAL,
        "marginType": "cross",
        "isolatedMargin": "0.00000000",
        "isAutoAddMargin": "false",
        "isolatedWallet": "0",
    }


async def position_risk_v3(call: Call) -> Answer:
    """Answer the positions that are open or have orders, on a symbol or on all."""
    name = call.parameters.optional_symbol()
    if name is not None:
        known(call.exchange, "usdm", name)
    return [
        {
            **one.size(),
            **one.entry(),
            **one.margins(),
            **one.notionals(),
            "markPrice": one.mark_price,
            "unRealizedProfit": one.unrealized,
            "liquidationPrice": "0",
            "isolatedMargin": "0",
            "notional": one.notional,
            "marginAsset": one.symbol.quote,
            "isolatedWallet": "0",
            "adl": 0,
        }
        for one in positions(call, name)
        if one.is_open
    ]


def _untouched(call: Call) -> list[tuple[Symbol, PositionSide]]:
    """Return the positions that the account could have on the symbols that it never touched."""
    engine = call.exchange.usdm
    touched = {view.position.symbol for view in engine.positions(call.owner)}
    hedge = engine.is_hedge(call.owner)
    sides = (PositionSide.LONG, PositionSide.SHORT) if hedge else (PositionSide.BOTH,)
    return [(symbol, side) for name, symbol in engine.symbols.items() if name not in touched for side in sides]


def _nothing(symbol: Symbol, side: PositionSide) -> dict[str, object]:
    return {
        "symbol": symbol.name,
        "positionSide": side,
        "positionAmt": figures(symbol).quantity(0),
        "updateTime": 0,
        "entryPrice": "0.0",
        "breakEvenPrice": "0.0",
        "leverage": str(min(DEFAULT_LEVERAGE, symbol.max_leverage)),
    }


ROUTES = (
    Route("GET", "/fapi/v2/balance", balances, Security.SIGNED, weight=5),
    Route("GET", "/fapi/v3/balance", balances, Security.SIGNED, weight=5),
    Route("GET", "/fapi/v2/account", account_v2, Security.SIGNED, weight=5),
    Route("GET", "/fapi/v3/account", account_v3, Security.SIGNED, weight=5),
    Route("GET", "/fapi/v1/positionRisk", position_risk_v2, Security.SIGNED, weight=5),
    Route("GET", "/fapi/v2/positionRisk", position_risk_v2, Security.SIGNED, weight=5),
    Route("GET", "/fapi/v3/positionRisk", position_risk_v3, Security.SIGNED, weight=5),
)
