"""Futures positions and the margin that they and the open orders of an account need. Cross margin only.

Formulas (Binance's "How to Calculate Cost/Initial Margin", simplified to one tier a symbol), in units of the quote
asset:

* unrealised profit = quantity * mark price - cost, with quantity and cost negative for a short position;
* initial margin of a symbol, one-way = max(|P + B|, |P - A|) / leverage, with P the signed position at mark price,
  B and A the notional values of the open buys and sells that may open a position;
* initial margin of a symbol, hedge mode = (|long| + B + |short| + A) / leverage;
* maintenance margin = |P| * maintenance rate;
* available = wallet balance + unrealised profit - initial margin, over all symbols with the same quote asset.
"""

from services.simulator.engine.events import PositionRow
from services.simulator.engine.instrument import Instrument
from services.simulator.engine.order import Account, Order
from services.simulator.engine.terms import OrderTerms, PositionSide
from services.simulator.engine.units import RATE_ONE, toward_zero

#: What Binance sets for a symbol whose leverage was never changed.
DEFAULT_LEVERAGE = 20


class Wallet:
    """What a futures account has of a margin asset, in units, without unrealised profit."""

    __slots__ = ("account", "asset", "balance", "change")

    def __init__(self, account: str, asset: str) -> None:
        self.account = account
        self.asset = asset
        self.balance = 0
        self.change = 0  # of the command under way, by transfers and funding alone


class Position:
    """A position: signed `quantity` in steps, signed `cost` and `realized` in units.

    `reducers` are the reduce-only orders on the book that must shrink when it does.
    """

    __slots__ = ("account", "cost", "quantity", "realized", "reducers", "side", "symbol", "updated")

    def __init__(self, account: str, symbol: str, side: PositionSide) -> None:
        self.account = account
        self.symbol = symbol
        self.side = side
        self.quantity = 0
        self.cost = 0
        self.realized = 0
        self.updated = 0
        self.reducers: dict[int, FuturesOrder] = {}

    def apply(self, steps: int, step_quote: int) -> int:
        """Count a fill of signed `steps` at `step_quote` units a step; return the profit it realises.

        A fill against the position closes it in proportion: the cost that is closed is rounded toward zero, what is cut
        off stays in the cost of the rest. What goes beyond the position opens the other side.
        """
        before = self.quantity
        profit = 0
        if before and (before > 0) != (steps > 0):
            closing = min(abs(steps), abs(before)) * (1 if steps > 0 else -1)
            closed_cost = toward_zero(self.cost * abs(closing), abs(before))
            profit = -closing * step_quote - closed_cost
            self.quantity += closing
            self.cost -= closed_cost
            self.realized += profit
            steps -= closing
        self.quantity += steps
        self.cost += steps * step_quote
        return profit

    def closable(self, is_buy: bool) -> int:
        """Return how many steps an order of that side can close."""
        return max(0, -self.quantity if is_buy else self.quantity)

    def unrealized(self, mark_quote: int) -> int:
        """Return the unrealised profit; `mark_quote` is the price of one step in units."""
        return self.quantity * mark_quote - self.cost

    def row(self, mark_quote: int) -> PositionRow:
        return PositionRow(
            self.account,
            self.symbol,
            self.side,
            self.quantity,
            self.cost,
            self.realized,
            self.unrealized(mark_quote),
            self.updated,
        )


class Exposure:
    """What one account has on one symbol: positions, leverage, and the notional values of its opening orders."""

    __slots__ = ("asks", "bids", "instrument", "leverage", "owner", "positions")

    def __init__(self, owner: "FuturesAccount", instrument: Instrument["FuturesOrder"]) -> None:
        self.owner = owner
        self.instrument = instrument
        self.leverage = self.default_leverage
        self.bids = 0
        self.asks = 0
        self.positions = {side: Position(owner.name, instrument.symbol.name, side) for side in PositionSide}

    @property
    def default_leverage(self) -> int:
        """The leverage before it is set."""
        return min(DEFAULT_LEVERAGE, self.instrument.symbol.max_leverage)

    @property
    def mark_quote(self) -> int:
        """Units of one step at the mark price, or at the last price while there is no mark price."""
        return (self.instrument.mark or self.instrument.last_price) * self.instrument.quote_unit

    def has_position(self) -> bool:
        """Return whether any position is open."""
        return any(position.quantity for position in self.positions.values())

    def unrealized(self) -> int:
        """Return the unrealised profit of all positions."""
        mark_quote = self.mark_quote
        return sum(position.unrealized(mark_quote) for position in self.positions.values())

    def position_notional(self) -> int:
        """Return the notional value of all positions at mark price, without sign."""
        return sum(abs(position.quantity) for position in self.positions.values()) * self.mark_quote

    def initial_margin(self, more_bids: int = 0, more_asks: int = 0) -> int:
        """Return the initial margin of positions and orders, were there more of the latter; rounded up."""
        bids, asks = self.bids + more_bids, self.asks + more_asks
        if self.owner.hedge:
            notional = self.position_notional() + bids + asks
        else:
            signed = self.positions[PositionSide.BOTH].quantity * self.mark_quote
            notional = max(abs(signed + bids), abs(signed - asks))
        return -(-notional // self.leverage)

    def maintenance_margin(self) -> int:
        """Return the maintenance margin of the positions, rounded up."""
        return -(-self.position_notional() * self.instrument.maintenance_rate // RATE_ONE)


class FuturesAccount(Account):
    """An account with its wallets by asset, its exposures by symbol, and its position mode."""

    __slots__ = ("exposures", "hedge", "wallets")

    def __init__(self, name: str, unbounded: bool) -> None:
        super().__init__(name, unbounded)
        self.hedge = False
        self.wallets: dict[str, Wallet] = {}
        self.exposures: dict[str, Exposure] = {}

    @property
    def position_sides(self) -> tuple[PositionSide, ...]:
        """The sides of the positions that it can have in its mode."""
        return (PositionSide.LONG, PositionSide.SHORT) if self.hedge else (PositionSide.BOTH,)

    def wallet(self, asset: str) -> Wallet:
        """Return the wallet of `asset`, an empty one if there was none."""
        wallet = self.wallets.get(asset)
        if wallet is None:
            wallet = self.wallets[asset] = Wallet(self.name, asset)
        return wallet

    def exposure(self, instrument: Instrument["FuturesOrder"]) -> Exposure:
        """Return the exposure on a symbol, an empty one if there was none."""
        name = instrument.symbol.name
        exposure = self.exposures.get(name)
        if exposure is None:
            exposure = self.exposures[name] = Exposure(self, instrument)
        return exposure

    def exposures_in(self, asset: str) -> list[Exposure]:
        """Return the exposures whose margin is in `asset`."""
        return [one for one in self.exposures.values() if one.instrument.symbol.quote == asset]

    def available(self, asset: str) -> int:
        """Return what is free for new margin, in units; negative when the account is short of it."""
        free = self.wallet(asset).balance
        for exposure in self.exposures_in(asset):
            free += exposure.unrealized() - exposure.initial_margin()
        return free


class FuturesOrder(Order):
    """An order with the wallet, the exposure and the position that it moves."""

    __slots__ = ("exposure", "owner", "position", "wallet")

    def __init__(
        self,
        account: FuturesAccount,
        instrument: Instrument["FuturesOrder"],
        order_id: int,
        terms: OrderTerms,
        now: int,
    ) -> None:
        super().__init__(account, instrument.symbol.name, order_id, terms, now)
        self.owner = account
        self.wallet = account.wallet(instrument.symbol.quote)
        self.exposure = account.exposure(instrument)
        self.position = self.exposure.positions[terms.position_side]

    @property
    def notional(self) -> int:
        """What remains of it at its own price, in units."""
        return self.price * self.remaining * self.exposure.instrument.quote_unit
