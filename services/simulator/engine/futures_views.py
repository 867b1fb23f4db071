"""What a futures account looks like at the mark price: the risk of a position, the margin of an asset."""

from decimal import Decimal

import msgspec

from services.simulator.engine.events import PositionRow
from services.simulator.engine.positions import Exposure, FuturesAccount
from services.simulator.engine.symbol import Symbol
from services.simulator.engine.terms import PositionSide
from services.simulator.engine.units import ONE, RATE_ONE, to_decimal


class PositionView(msgspec.Struct, frozen=True):
    """A position at mark price. `entry_price` is in quote, `mark` in ticks, the rest in units of the quote asset."""

    position: PositionRow
    entry_price: Decimal
    mark: int
    leverage: int
    notional: int
    initial_margin: int
    maintenance_margin: int


class AssetView(msgspec.Struct, frozen=True):
    """The margin of an account in one asset, in units.

    margin balance = wallet + unrealized; initial margin = that of positions and that of orders; available is what is
    free for new orders, never below 0.
    """

    asset: str
    wallet: int
    unrealized: int
    margin_balance: int
    initial_margin: int
    position_margin: int
    order_margin: int
    maintenance_margin: int
    available: int


def entry_price(symbol: Symbol, quantity: int, cost: int) -> Decimal:
    """Return the average entry price in quote, rounded down to 10^-8; 0 without a position."""
    if not quantity:
        return Decimal(0)
    return to_decimal(abs(cost) * ONE // (abs(quantity) * symbol.base_unit))


def position_view(exposure: Exposure, side: PositionSide) -> PositionView:
    """Return the risk of one position."""
    position, instrument = exposure.positions[side], exposure.instrument
    notional = position.quantity * exposure.mark_quote
    return PositionView(
        position=position.row(exposure.mark_quote),
        entry_price=entry_price(instrument.symbol, position.quantity, position.cost),
        mark=instrument.mark or instrument.last_price,
        leverage=exposure.leverage,
        notional=notional,
        initial_margin=-(-abs(notional) // exposure.leverage),
        maintenance_margin=-(-abs(notional) * instrument.maintenance_rate // RATE_ONE),
    )


def asset_view(account: FuturesAccount, asset: str) -> AssetView:
    """Return the margin of `asset`."""
    wallet = account.wallet(asset).balance
    exposures = account.exposures_in(asset)
    unrealized = sum(exposure.unrealized() for exposure in exposures)
    initial = sum(exposure.initial_margin() for exposure in exposures)
    in_positions = sum(-(-exposure.position_notional() // exposure.leverage) for exposure in exposures)
    return AssetView(
        asset=asset,
        wallet=wallet,
        unrealized=unrealized,
        margin_balance=wallet + unrealized,
        initial_margin=initial,
        position_margin=in_positions,
        order_margin=max(0, initial - in_positions),
        maintenance_margin=sum(exposure.maintenance_margin() for exposure in exposures),
        available=max(0, wallet + unrealized - initial),
    )
