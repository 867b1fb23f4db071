"""The events of futures user streams, as JSON. Source: "User Data Streams" of Binance's USD-M futures documentation."""

from collections.abc import Iterator, Mapping

import msgspec

from services.simulator.engine.events import (
    AccountChange,
    Event,
    OrderRow,
    OrderUpdate,
    PositionRow,
    Reason,
    SettingsChange,
)
from services.simulator.engine.futures_views import entry_price
from services.simulator.engine.positions import DEFAULT_LEVERAGE
from services.simulator.engine.terms import OPEN_STATUSES, Execution, OrderStatus
from services.simulator.engine.units import to_units
from services.simulator.rest.figures import Figures, amount
from services.simulator.streams.texts import plain

_encode = msgspec.json.encode

_ORDER, _ALGO = "ORDER_TRADE_UPDATE", "ALGO_UPDATE"
#: Why an order expired, as `er` says it.
_EXPIRED_SELF_TRADE = "1"
_EXPIRED_REST = {True: "9", False: "2"}  # of a market order, of another


def usdm_events(event: Event, figures: Mapping[str, Figures], now: int) -> Iterator[bytes]:
    """Yield what the account of `event` is told of it; `now` is the exchange's time in ms."""
    match event:
        case OrderUpdate():
            for name, order in _orders(event, figures[event.order.symbol]):
                yield _encode({"e": name, "T": event.time, "E": now, "o": order})
        case AccountChange():
            yield _encode({"e": "ACCOUNT_UPDATE", "T": event.time, "E": now, "a": _account(event, figures)})
        case SettingsChange() if event.symbol:
            leverage = event.settings.leverages.get(event.symbol)
            default = min(DEFAULT_LEVERAGE, figures[event.symbol].symbol.max_leverage)
            setting = {"s": event.symbol, "l": default if leverage is None else leverage}
            yield _encode({"e": "ACCOUNT_CONFIG_UPDATE", "E": now, "T": event.time, "ac": setting})
        case _:
            pass


def _orders(update: OrderUpdate, figures: Figures) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the events of an order and what each says of it.

    A conditional order is the algo service's until it is triggered; then it is an order, and the algo service says
    once more when that has ended.
    """
    order, execution = update.order, update.execution
    if order.stop_price:
        if not order.working or execution is Execution.REJECTED:
            yield _ALGO, _algo_order(update, figures, order.status)
            return
        if execution is Execution.TRIGGERED:
            yield _ALGO, _algo_order(update, figures, "TRIGGERED")
    yield _ORDER, _order(update, figures)
    if order.stop_price and order.status not in OPEN_STATUSES:
        yield _ALGO, _algo_order(update, figures, "FINISHED")


def _algo_order(update: OrderUpdate, figures: Figures, status: str) -> dict[str, object]:
    order = update.order
    triggered = order.working and status != OrderStatus.REJECTED
    return {
        "caid": order.client_order_id,
        "aid": order.order_id,
        "at": "CONDITIONAL",
        "o": order.original_type,
        "s": order.symbol,
        "S": order.side,
        "ps": order.position_side,
        "f": order.time_in_force,
        "q": figures.quantity(order.quantity),
        "X": status,
        "ai": str(order.order_id) if triggered else "",
        "ap": figures.average(order.cumulative_quote, order.executed),
        "aq": figures.quantity(order.executed),
        "act": order.type if triggered else "0",
        "tp": figures.price(order.stop_price),
        "p": figures.price(order.price),
        "V": order.self_trade,
        "wt": order.working_type,
        "pm": "NONE",
        "cp": order.close_position,
        "pP": False,
        "R": order.reduce_only,
        "tt": order.working_time if triggered else 0,
        "gtd": 0,
        "rm": update.reason if update.execution is Execution.REJECTED else "",
    }


def _order(update: OrderUpdate, figures: Figures) -> dict[str, object]:
    order, execution = update.order, update.execution
    said: dict[str, object] = {
        "s": order.symbol,
        "c": order.client_order_id,
        "S": order.side,
        "o": order.type,
        "f": order.time_in_force,
        "q": figures.quantity(order.quantity),
        "p": figures.price(order.price),
        "ap": figures.average(order.cumulative_quote, order.executed),
        "sp": figures.price(order.stop_price),
        "x": _TOLD_AS.get(execution, execution),
        "X": order.status,
        "i": order.order_id,
        "l": figures.quantity(update.last_quantity),
        "z": figures.quantity(order.executed),
        "L": figures.price(update.last_price),
        "T": update.time,
        "t": max(0, update.trade_id),
        "b": "0",
        "a": "0",
        "m": update.is_maker,
        "R": order.reduce_only,
        "wt": order.working_type,
        "ot": order.original_type,
        "ps": order.position_side,
        "cp": order.close_position,
        "rp": plain(update.realized_profit),
        "pP": False,
        "si": 0,
        "ss": 0,
        "V": order.self_trade,
        "pm": "NONE",
        "gtd": 0,
        "er": _expire_reason(update, order),
    }
    if update.commission_asset:
        said["N"], said["n"] = update.commission_asset, plain(update.commission)
    return said


_TOLD_AS = {Execution.TRIGGERED: Execution.NEW, Execution.TRADE_PREVENTION: Execution.EXPIRED}


def _expire_reason(update: OrderUpdate, order: OrderRow) -> str:
    if update.execution is Execution.TRADE_PREVENTION:
        return _EXPIRED_SELF_TRADE
    if update.execution is Execution.EXPIRED and not order.reduce_only:
        return _EXPIRED_REST[not order.price]
    return "0"


def _account(change: AccountChange, figures: Mapping[str, Figures]) -> dict[str, object]:
    balances = [
        {"a": row.asset, "wb": amount(row.free), "cw": amount(row.free), "bc": plain(row.change)}
        for row in change.balances
    ]
    # Funding of a crossed position tells its asset alone.
    rows = () if change.reason is Reason.FUNDING_FEE else change.positions
    return {"m": change.reason, "B": balances, "P": [_position(row, figures[row.symbol]) for row in rows]}


def _position(row: PositionRow, figures: Figures) -> dict[str, object]:
    entry = plain(to_units(entry_price(figures.symbol, row.quantity, row.cost)))
    return {
        "s": row.symbol,
        "pa": figures.quantity(row.quantity),
        "ep": entry,
        "bep": entry,
        "cr": plain(row.realized),
        "up": amount(row.unrealized),
        "mt": "cross",
        "iw": "0",
        "ps": row.position_side,
    }
