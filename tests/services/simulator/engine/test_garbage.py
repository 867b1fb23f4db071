"""Whatever is sent, it is done or refused, and nothing is lost or made."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from services.simulator.engine.futures import FuturesEngine
from services.simulator.engine.refusal import Refusal
from services.simulator.engine.requests import NewOrder
from services.simulator.engine.spot import SpotEngine
from services.simulator.engine.terms import OrderType, PositionSide, SelfTrade, Side, TimeInForce, WorkingType
from tests.services.simulator.engine.desk import Desk, futures_desk, request, spot_desk

NUMBERS = (
    st.sampled_from([Decimal(text) for text in ("0.001", "0.01", "1", "59000", "60000", "61000", "1000")])
    | st.decimals(min_value=0, max_value=70_000, places=2)
    | st.decimals()
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "account": st.sampled_from(["bob", "mallory"]),
    "symbol": st.sampled_from(["ETHUSDT", ""]),
    "side": st.sampled_from(Side),
    "type": st.sampled_from(OrderType),
    "time_in_force": st.none() | st.sampled_from(TimeInForce),
    "quantity": st.none() | NUMBERS,
    "quote_quantity": st.none() | NUMBERS,
    "price": st.none() | NUMBERS,
    "stop_price": st.none() | NUMBERS,
    "client_order_id": st.none() | st.sampled_from(["one", "two"]) | st.text(max_size=40),
    "self_trade": st.none() | st.sampled_from(SelfTrade),
    "position_side": st.none() | st.sampled_from(PositionSide),
    "reduce_only": st.none() | st.booleans(),
    "close_position": st.booleans(),
    "working_type": st.none() | st.sampled_from(WorkingType),
}
SOUND = [
    request("alice", "BUY", "0.01", "60000"),
    request("alice", "SELL", "0.01", "59999"),
    request("alice", "BUY", "0.01"),
    request("alice", "SELL", None, quote_quantity="100"),
    request("alice", "BUY", "0.01", type="STOP_LOSS", stop_price="60500"),
    request("alice", "SELL", "0.01", "59000", type="STOP_LOSS_LIMIT", stop_price="59500"),
    request("alice", "SELL", "0.01", type="STOP_MARKET", stop_price="59500"),
    request("alice", "BUY", "0.01", "60500", type="STOP", stop_price="60500"),
]


@st.composite
def spoilt(draw: st.DrawFn) -> NewOrder:
    """Return a sound order with up to three fields replaced."""
    names = draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=3, unique=True))
    return msgspec.structs.replace(draw(st.sampled_from(SOUND)), **{name: draw(FIELDS[name]) for name in names})


@settings(max_examples=100, deadline=None)
@given(st.lists(spoilt(), max_size=8), st.sampled_from([spot_desk, futures_desk]))
def test_anything_is_answered(
    requests: list[NewOrder], make: Callable[[], Desk[SpotEngine] | Desk[FuturesEngine]]
) -> None:
    desk = make()
    desk.sell("bob", "1", "60000")
    desk.buy("bob", "1", "59999")
    for new in requests:
        before = desk.engine.export()
        try:
            desk.engine.place(new)
        except Refusal:
            assert desk.engine.export() == before
        assert desk.engine.imbalance() == {}
