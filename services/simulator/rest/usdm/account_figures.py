"""An account's margin and positions in figures, as several answers have them.

Source: "Account Endpoints" of Binance's USD-M futures documentation.
"""

from services.simulator.engine.futures_views import AssetView, PositionView
from services.simulator.engine.terms import PositionSide
from services.simulator.engine.units import to_units
from services.simulator.rest.figures import amount, figures
from services.simulator.rest.instruments import known
from services.simulator.rest.routing import Call

#: More than any position here is worth: each symbol has one tier of leverage.
MAX_NOTIONAL = "1000000000"


class PositionFigures:
    """A position with the orders that may add to it, as decimal texts."""

    def __init__(self, call: Call, view: PositionView, bids: int, asks: int) -> None:
        self.view = view
        self.symbol = known(call.exchange, "usdm", view.position.symbol)
        self._bids, self._asks = bids, asks

    @property
    def is_open(self) -> bool:
        """Whether there is a position or an order."""
        return bool(self.view.position.quantity or self._bids or self._asks)

    def size(self) -> dict[str, object]:
        """Return which position it is, how great, and since when."""
        position = self.view.position
        return {
            "symbol": position.symbol,
            "positionSide": position.position_side,
            "positionAmt": figures(self.symbol).quantity(position.quantity),
            "updateTime": position.updated,
        }

    def margins(self) -> dict[str, object]:
        """Return the margin of the position and of its orders."""
        initial, for_orders = self.view.initial_margin, self._order_margin()
        return {
            "initialMargin": amount(initial + for_orders),
            "maintMargin": amount(self.view.maintenance_margin),
            "positionInitialMargin": amount(initial),
            "openOrderInitialMargin": amount(for_orders),
        }

    def notionals(self) -> dict[str, object]:
        """Return what the orders are worth."""
        return {"bidNotional": _plain(self._bids), "askNotional": _plain(self._asks)}

    def entry(self) -> dict[str, object]:
        """Return the entry price. Break-even leaves fees out here."""
        price = amount(to_units(self.view.entry_price)) if self.view.position.quantity else "0.0"
        return {"entryPrice": price, "breakEvenPrice": price}

    @property
    def mark_price(self) -> str:
        """The mark price."""
        return amount(self.view.mark * self.symbol.tick_unit)

    @property
    def unrealized(self) -> str:
        """The profit that is not realised."""
        return amount(self.view.position.unrealized)

    @property
    def notional(self) -> str:
        """What the position is worth at the mark price, negative for a short one."""
        return _plain(self.view.notional)

    def _order_margin(self) -> int:
        """Return the margin that the orders add to the position's own, in units; see `engine.positions`."""
        notional = self.view.notional
        if self.view.position.position_side is PositionSide.BOTH:
            worst = max(abs(notional + self._bids), abs(notional - self._asks))
        else:
            worst = abs(notional) + self._bids + self._asks
        return max(0, -(-worst // self.view.leverage) - self.view.initial_margin)


def _plain(units: int) -> str:
    return amount(units) if units else "0"


def positions(call: Call, symbol: str | None = None) -> list[PositionFigures]:
    """Return the positions of an account on a symbol, or on all that it ever touched."""
    engine = call.exchange.usdm
    symbols = engine.symbols
    worth: dict[tuple[str, PositionSide, bool], int] = {}
    for row in engine.open_orders(call.owner, symbol):
        if row.working and not row.reduce_only:
            key = (row.symbol, row.position_side, row.side is row.side.BUY)
            left = row.price * (row.quantity - row.executed - row.prevented) * symbols[row.symbol].quote_unit
            worth[key] = worth.get(key, 0) + left
    return [
        PositionFigures(
            call,
            view,
            worth.get((view.position.symbol, view.position.position_side, True), 0),
            worth.get((view.position.symbol, view.position.position_side, False), 0),
        )
        for view in engine.positions(call.owner, symbol)
    ]


def assets(call: Call) -> list[AssetView]:
    """Return the margin of each asset, of those that the account never had as well."""
    engine = call.exchange.usdm
    views = {view.asset: view for view in engine.assets(call.owner)}
    offered = dict.fromkeys(symbol.quote for symbol in engine.symbols.values())
    return [views.get(asset) or AssetView(asset, 0, 0, 0, 0, 0, 0, 0, 0) for asset in {**offered, **views}]


def withdrawable(view: AssetView) -> int:
    """Return how much of an asset can be taken out, in units."""
    return min(view.available, max(0, view.wallet))


def asset_figures(view: AssetView, updated: int) -> dict[str, object]:
    """Return the margin of an asset."""
    return {
        "asset": view.asset,
        "walletBalance": amount(view.wallet),
        "unrealizedProfit": amount(view.unrealized),
        "marginBalance": amount(view.margin_balance),
        "maintMargin": amount(view.maintenance_margin),
        "initialMargin": amount(view.initial_margin),
        "positionInitialMargin": amount(view.position_margin),
        "openOrderInitialMargin": amount(view.order_margin),
        "crossWalletBalance": amount(view.wallet),
        "crossUnPnl": amount(view.unrealized),
        "availableBalance": amount(view.available),
        "maxWithdrawAmount": amount(withdrawable(view)),
        "updateTime": updated,
    }


def totals(views: list[AssetView]) -> dict[str, object]:
    """Return the sums over all assets, each of which counts as a dollar."""

    def total(name: str) -> str:
        return amount(sum(getattr(view, name) for view in views))

    return {
        "totalInitialMargin": total("initial_margin"),
        "totalMaintMargin": total("maintenance_margin"),
        "totalWalletBalance": total("wallet"),
        "totalUnrealizedProfit": total("unrealized"),
        "totalMarginBalance": total("margin_balance"),
        "totalPositionInitialMargin": total("position_margin"),
        "totalOpenOrderInitialMargin": total("order_margin"),
        "totalCrossWalletBalance": total("wallet"),
        "totalCrossUnPnl": total("unrealized"),
        "availableBalance": total("available"),
        "maxWithdrawAmount": amount(sum(withdrawable(view) for view in views)),
    }
