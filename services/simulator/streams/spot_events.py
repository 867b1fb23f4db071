"""The events of spot user streams, as JSON. Source: `user-data-stream.md` of Binance's spot documentation."""

from collections.abc import Iterator, Mapping

import msgspec

from services.simulator.engine.events import AccountChange, Event, OrderUpdate
from services.simulator.engine.terms import OPEN_STATUSES, Execution
from services.simulator.rest.figures import Figures, amount

_encode = msgspec.json.encode
_TOLD_AS = {Execution.TRIGGERED: "NEW", Execution.AMENDMENT: "REPLACED"}


def spot_events(event: Event, figures: Mapping[str, Figures], now: int) -> Iterator[bytes]:
    """Yield what the account of `event` is told of it; `now` is the exchange's time in ms."""
    match event:
        case OrderUpdate():
            yield _encode(_report(event, figures[event.order.symbol], now))
        case AccountChange():
            for row in event.balances:
                if row.change:
                    update = {"e": "balanceUpdate", "E": now, "a": row.asset, "d": amount(row.change), "T": event.time}
                    yield _encode(update)
            balances = [{"a": row.asset, "f": amount(row.free), "l": amount(row.locked)} for row in event.balances]
            yield _encode({"e": "outboundAccountPosition", "E": now, "u": event.time, "B": balances})
        case _:
            pass


def _report(update: OrderUpdate, figures: Figures, now: int) -> dict[str, object]:
    order, execution = update.order, update.execution
    cancelled = execution is Execution.CANCELED and update.request_client_order_id
    before = update.request_client_order_id if execution is Execution.AMENDMENT else ""
    report: dict[str, object] = {
        "e": "executionReport",
        "E": now,
        "s": order.symbol,
        "c": update.request_client_order_id if cancelled else order.client_order_id,
        "S": order.side,
        "o": order.type,
        "f": order.time_in_force,
        "q": figures.quantity(order.quantity),
        "p": figures.price(order.price),
        "P": figures.price(order.stop_price),
        "F": figures.quantity(0),
        "g": -1,
        "C": order.client_order_id if cancelled else before,
        "x": _TOLD_AS.get(execution, execution),
        "X": order.status,
        "r": _reason(update),
        "i": order.order_id,
        "l": figures.quantity(update.last_quantity),
        "z": figures.quantity(order.executed),
        "L": figures.price(update.last_price),
        "n": amount(update.commission) if update.commission_asset else "0",
        "N": update.commission_asset or None,
        "T": update.time,
        "t": update.trade_id,
        "I": update.execution_id,
        "w": order.working and order.status in OPEN_STATUSES,
        "m": update.is_maker,
        "M": False,
        "O": order.created,
        "Z": amount(order.cumulative_quote),
        "Y": amount(update.last_quote),
        "Q": amount(order.quote_quantity),
        "V": order.self_trade,
    }
    if order.working:
        report["W"] = order.working_time
    if order.prevented:
        report["A"] = figures.quantity(order.prevented)
    return report


def _reason(update: OrderUpdate) -> str:
    if update.execution is not Execution.REJECTED:
        return "NONE"
    return update.reason.upper().replace(" ", "_")
