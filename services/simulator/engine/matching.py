"""Matching: an incoming order against the book, in price-time priority. What a fill moves is the ledger's.

`Matching` is the lower half of an engine: `engine.Engine` adds the commands, `spot` and `futures` rules and ledgers.
"""

from abc import ABC, abstractmethod
from typing import Generic

from services.simulator.engine.book import Ladder, O
from services.simulator.engine.events import Event, OrderUpdate, Trade
from services.simulator.engine.instrument import Instrument
from services.simulator.engine.terms import OPEN_STATUSES, Execution, OrderStatus, SelfTrade, TimeInForce


class Matching(ABC, Generic[O]):
    """Matches orders, keeps the register of users' open orders, and collects the events of the command under way.

    Attributes:
        now: milliseconds since the epoch, as `Engine.advance` was last told.
    """

    def __init__(self) -> None:
        self.now = 0
        self._events: list[Event] = []
        self._orders: dict[int, O] = {}
        self._touched_books: dict[Instrument[O], None] = {}
        self._last_execution_id = 0
        self._last_priority = 0

    # What the ledger has to do.

    @abstractmethod
    def _settle(self, instrument: Instrument[O], taker: O, maker: O, trade: Trade) -> None:
        """Move what a fill moves, and tell it to both sides. The orders' own quantities are already counted."""

    @abstractmethod
    def _hold(self, instrument: Instrument[O], order: O) -> None:
        """Set aside what `order` needs while it waits on the book or for its trigger."""

    @abstractmethod
    def _release(self, instrument: Instrument[O], order: O) -> None:
        """Give back what is still set aside for `order`, before what remains of it is cut off."""

    @abstractmethod
    def _can_execute(self, instrument: Instrument[O], order: O) -> str | None:
        """Make a triggered `order` ready to trade; return why it can't, if it can't."""

    # Telling.

    def _tell(self, order: O, execution: Execution, *, reason: str = "", request_id: str = "") -> None:
        if order.account.unbounded:
            return
        order.updated = self.now
        self._last_execution_id += 1
        self._events.append(
            OrderUpdate(
                order.snapshot(),
                execution,
                self._last_execution_id,
                self.now,
                reason=reason,
                request_client_order_id=request_id,
            )
        )

    def _tell_fill(
        self, order: O, trade: Trade, *, commission: int, asset: str, is_maker: bool, realized: int = 0
    ) -> None:
        order.updated = self.now
        self._last_execution_id += 1
        self._events.append(
            OrderUpdate(
                order.snapshot(),
                Execution.TRADE,
                self._last_execution_id,
                self.now,
                trade.quantity,
                trade.price,
                trade.quote,
                commission,
                asset,
                trade.trade_id,
                is_maker,
                realized,
            )
        )

    # The register of open orders.

    def _register(self, order: O) -> None:
        account = order.account
        if account.unbounded:
            return
        self._orders[order.id] = order
        account.open.setdefault(order.symbol, {})[order.client_order_id] = order

    def _forget(self, order: O) -> None:
        if self._orders.pop(order.id, None) is not None:
            del order.account.open[order.symbol][order.client_order_id]

    # Executing.

    def _execute(self, instrument: Instrument[O], order: O) -> None:
        """Match a working order, then let the rest of it stand on the book or expire."""
        self._touched_books[instrument] = None
        if order.time_in_force is TimeInForce.FOK and not self._fills_at_once(instrument, order):
            self._expire(instrument, order, reason="FOK order could not be filled at once")
            return
        self._match(instrument, order)
        if order.status not in OPEN_STATUSES:
            self._forget(order)
        elif order.rests:
            self._rest(instrument, order)
        else:
            self._expire(instrument, order, reason="not filled completely")

    def _start_working(self, order: O) -> None:
        """Give `order` its place in time, from when on it trades or stands on the book."""
        self._last_priority += 1
        order.priority = self._last_priority
        order.working, order.working_time = True, self.now

    def _rest(self, instrument: Instrument[O], order: O) -> None:
        self._hold(instrument, order)
        instrument.book.side(order.is_buy).add(order)
        self._register(order)

    def _fills_at_once(self, instrument: Instrument[O], order: O) -> bool:
        wanted = order.remaining
        for _, steps in instrument.book.matches(order.is_buy, order.limit_key, order.account, order.self_trade):
            wanted -= steps
            if wanted <= 0:
                return True
        return False

    def _match(self, instrument: Instrument[O], taker: O) -> None:
        book = instrument.book
        ladder = book.asks if taker.is_buy else book.bids
        keys, levels, sign, limit = ladder.keys, ladder.levels, ladder.sign, taker.limit_key
        while taker.remaining and keys and keys[-1] >= limit:
            price = keys[-1] * sign
            maker = levels[price].first()
            if maker.account is taker.account and taker.self_trade is not SelfTrade.NONE:
                self._prevent(instrument, ladder, taker, maker)
                continue
            self._fill(instrument, ladder, taker, maker, min(maker.remaining, taker.remaining))

    def _fill(self, instrument: Instrument[O], ladder: Ladder[O], taker: O, maker: O, steps: int) -> None:
        price = maker.price
        quote = price * steps * instrument.quote_unit
        ladder.reduce(maker, steps)
        taker.remaining -= steps
        for order in (maker, taker):
            order.executed += steps
            order.cumulative_quote += quote
            order.status = OrderStatus.PARTIALLY_FILLED if order.remaining else OrderStatus.FILLED
        instrument.record_trade(taker.id, price, quote, steps * instrument.base_unit, self.now)
        buyer, seller = (taker, maker) if taker.is_buy else (maker, taker)
        trade = Trade(
            instrument.symbol.name,
            self.now,
            instrument.last_trade_id,
            instrument.last_aggregate_id,
            price,
            steps,
            quote,
            buyer.account.name,
            seller.account.name,
            buyer.id,
            seller.id,
            maker.is_buy,
        )
        self._events.append(trade)
        if not maker.remaining:
            self._forget(maker)
        self._settle(instrument, taker, maker, trade)

    def _prevent(self, instrument: Instrument[O], ladder: Ladder[O], taker: O, maker: O) -> None:
        """Expire what the taker's mode says, instead of trading an account with itself."""
        if taker.self_trade is not SelfTrade.EXPIRE_TAKER:
            self._release(instrument, maker)
            maker.prevented += maker.remaining
            ladder.reduce(maker, maker.remaining)
            maker.status = OrderStatus.EXPIRED_IN_MATCH
            self._forget(maker)
            self._tell(maker, Execution.TRADE_PREVENTION)
        if taker.self_trade is not SelfTrade.EXPIRE_MAKER:
            taker.prevented += taker.remaining
            taker.remaining = 0
            taker.status = OrderStatus.EXPIRED_IN_MATCH
            self._tell(taker, Execution.TRADE_PREVENTION)

    def _expire(self, instrument: Instrument[O], order: O, *, reason: str) -> None:
        """End an order that is not on the book and has nothing set aside."""
        order.remaining = 0
        order.status = OrderStatus.EXPIRED
        self._forget(order)
        self._tell(order, Execution.EXPIRED, reason=reason)

    def _withdraw(self, instrument: Instrument[O], order: O) -> None:
        """Take an open order off the book or out of the triggers, with what is set aside for it."""
        self._release(instrument, order)
        if order.working:
            self._touched_books[instrument] = None
            instrument.book.side(order.is_buy).reduce(order, order.remaining)
        else:
            for triggers in (instrument.triggers, instrument.mark_triggers):
                if order in triggers:
                    triggers.remove(order)
            order.remaining = 0
        self._forget(order)

    # Conditional orders.

    def _fire(self, instrument: Instrument[O]) -> None:
        """Execute what the trades of this command have triggered, until nothing more is due."""
        while instrument.last_price:
            order = instrument.triggers.pop_due(instrument.low, instrument.high)
            if order is None:
                break
            self._activate(instrument, order)
        instrument.low = instrument.high = instrument.last_price

    def _activate(self, instrument: Instrument[O], order: O) -> None:
        self._release(instrument, order)
        self._start_working(order)
        trouble = self._can_execute(instrument, order)
        if trouble is not None:
            order.remaining = 0
            order.status = OrderStatus.REJECTED
            self._forget(order)
            self._tell(order, Execution.REJECTED, reason=trouble)
            return
        self._tell(order, Execution.TRIGGERED)
        self._execute(instrument, order)
