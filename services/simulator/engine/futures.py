"""The futures exchange: USD-M perpetual contracts in one-way or hedge mode, with cross margin.

Not offered now: liquidation and isolated margin. A loss greater than the wallet makes its balance negative, and orders
that need margin are refused then.

Where Binance leaves room, or we are simpler:

* Fees are a rate of the notional value, in the quote asset, cut to 10^-8, for everybody.
* An order is refused for lack of margin if the initial margin that it adds (see `positions`) and what it would lose at
  the mark price at once are more than is available. A conditional order is checked when it triggers; it is REJECTED
  then.
* A reduce-only order that is greater than the position is placed with the position's quantity; in hedge mode it is
  refused. One that rests shrinks with the position (AMENDMENT) and expires when there is none.
* IOC and market orders end EXPIRED with what they could not fill. FOK and GTX orders that can't be met are refused.
* Self-trade prevention is EXPIRE_MAKER unless the order says otherwise.
* GTD, trailing stops, price match and price protection are not offered.
"""

from services.simulator.engine import refusal
from services.simulator.engine.events import AccountRow, Outcome, SettingsChange
from services.simulator.engine.futures_amendment import FuturesAmendment
from services.simulator.engine.futures_views import AssetView, PositionView, asset_view, position_view


class FuturesEngine(FuturesAmendment):
    """A futures exchange of several perpetual contracts with common wallets.

    Attributes:
        fees: what the exchange has earned, by asset, less what the rounding of funding cost it.
        deposited: what came in from outside and has not left again, by asset. `imbalance` compares it with all wallets
            less the cost of all positions, those of unbounded and closed accounts included, and the fees.
        abandoned: (quantity, cost) that closed accounts have left open, by symbol; the exchange's own.
    """

    # Settings.

    def set_leverage(self, account: str, symbol: str, leverage: int) -> Outcome:
        """Set the leverage of a symbol, 1 to its maximum.

        Raises:
            Refusal: -4028 for a leverage out of range, -2028 if the margin it needs is not there.
        """
        owner, instrument = self._account(account), self._instrument(symbol)
        if not 1 <= leverage <= instrument.symbol.max_leverage:
            raise refusal.invalid_leverage(leverage)
        exposure = owner.exposure(instrument)
        margin, before = exposure.initial_margin(), exposure.leverage
        exposure.leverage = leverage
        if exposure.initial_margin() > margin and owner.available(instrument.symbol.quote) < 0:
            exposure.leverage = before
            raise refusal.leverage_too_small()
        self._events.append(SettingsChange(self._settings(account), self.now, symbol))
        return self._finish()

    def set_position_mode(self, account: str, *, hedge: bool) -> Outcome:
        """Switch between one-way and hedge mode.

        Raises:
            Refusal: -4059 if it is so already, -4067 or -4068 if there are open orders or positions.
        """
        owner = self._account(account)
        if owner.hedge == hedge:
            raise refusal.no_need_to_change_position_side()
        if any(owner.open.values()):
            raise refusal.open_orders_forbid_position_side()
        if any(exposure.has_position() for exposure in owner.exposures.values()):
            raise refusal.position_forbids_position_side()
        owner.hedge = hedge
        self._events.append(SettingsChange(self._settings(account), self.now))
        return self._finish()

    def set_margin_type(self, account: str, symbol: str, *, isolated: bool) -> Outcome:
        """Refuse: cross margin is what everybody has, and isolated margin is not offered.

        Raises:
            Refusal: -4046 for cross, -1020 for isolated.
        """
        self._account(account)
        self._instrument(symbol)
        raise refusal.unsupported_operation() if isolated else refusal.no_need_to_change_margin_type()

    def is_hedge(self, account: str) -> bool:
        """Return whether the account is in hedge mode."""
        return self._account(account).hedge

    def leverage(self, account: str, symbol: str) -> int:
        """Return the leverage of an account on a symbol."""
        return self._account(account).exposure(self._instrument(symbol)).leverage

    def _settings(self, name: str) -> AccountRow:
        account = self._accounts[name]
        leverages = {
            symbol: exposure.leverage
            for symbol, exposure in account.exposures.items()
            if exposure.leverage != exposure.default_leverage
        }
        return AccountRow(name, account.unbounded, account.hedge, leverages)

    # Mark price.

    def set_mark_price(self, symbol: str, mark: int) -> Outcome:
        """Set the mark price in ticks, and execute the conditional orders that this triggers.

        Raises:
            ValueError: if it is not positive.
        """
        if mark <= 0:
            raise ValueError(f"expected a positive mark price, was {mark}")
        instrument = self._instrument(symbol)
        instrument.mark = mark
        while (order := instrument.mark_triggers.pop_due(mark, mark)) is not None:
            self._activate(instrument, order)
        self._fire(instrument)
        return self._finish()

    def open_interest(self, symbol: str) -> int:
        """Return how many steps users hold of a contract, bought or sold, whichever is more."""
        self._instrument(symbol)
        exposures = [a.exposures.get(symbol) for a in self._accounts.values() if not a.unbounded]
        held = [p.quantity for one in exposures if one is not None for p in one.positions.values()]
        bought = sum(quantity for quantity in held if quantity > 0)
        return max(bought, bought - sum(held))

    def mark_price(self, symbol: str) -> int:
        """Return the mark price in ticks, the last price while there is none."""
        instrument = self._instrument(symbol)
        return instrument.mark or instrument.last_price

    # What an account has.

    def positions(self, account: str, symbol: str | None = None) -> tuple[PositionView, ...]:
        """Return the risk of the positions of an account, on one symbol or on all that it ever touched.

        In one-way mode that is BOTH, in hedge mode LONG and SHORT; empty positions are included.

        Raises:
            Refusal: -1121 for an unknown symbol.
        """
        owner = self._account(account)
        chosen = [owner.exposure(self._instrument(symbol))] if symbol else list(owner.exposures.values())
        return tuple(position_view(exposure, side) for exposure in chosen for side in owner.position_sides)

    def assets(self, account: str) -> tuple[AssetView, ...]:
        """Return the margin of an account by asset."""
        owner = self._account(account)
        return tuple(asset_view(owner, asset) for asset in owner.wallets)
