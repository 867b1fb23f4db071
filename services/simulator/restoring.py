"""Building the exchange again from what was kept of it."""

from typing import TYPE_CHECKING

import msgspec

from services.simulator.batch import Batch
from services.simulator.engine.records import State
from services.simulator.engine.terms import OrderStatus
from services.simulator.interest import Interest
from services.simulator.participants import MAKERS, TAKERS
from services.simulator.store import Kept
from services.simulator.venue import VENUES, Venue

if TYPE_CHECKING:
    from services.simulator.exchange import Exchange

#: Order ids that a crash may have lost, as those of synthetic orders are not stored.
_ORDER_IDS_LOST = 1_000_000


def restore(exchange: "Exchange", kept: Kept, interest: Interest) -> Batch:
    """Bring a new exchange to the state that was kept; return what must be stored of what could not be taken over.

    Orders of symbols that are not offered any more have expired, and what they had locked is free.
    """
    changes = Batch()
    exchange.accounts.restore(kept.accounts)
    for venue, state in (("spot", kept.spot), ("usdm", kept.usdm)):
        _restore(exchange, venue, state, changes)  # type: ignore[arg-type]
    for venue in VENUES:
        engine = exchange.engine(venue)
        for name in (MAKERS, TAKERS):
            engine.open_account(name, unbounded=True)
        for symbol in list(engine.symbols)[:1]:
            engine.skip_ids(symbol, order_id=engine.counters().order_id + _ORDER_IDS_LOST)
        for order in engine.export().orders:
            interest.order(venue, order)
    interest.positions("usdm", kept.usdm.positions)
    return changes


def _restore(exchange: "Exchange", venue: Venue, state: State, changes: Batch) -> None:
    engine = exchange.engine(venue)
    left_out = engine.restore(state)
    for row in left_out:
        changes.of(venue).orders[row.order_id] = msgspec.structs.replace(row, status=OrderStatus.EXPIRED)
        for balance in engine.balances(row.account):
            changes.of(venue).balances[balance.account, balance.asset] = balance
        changes.durable = True
