"""ccxt's structures in ours: states, contracts, fees, and what an acknowledgement leaves out."""

from decimal import Decimal
from typing import Any

import pytest

from shared.contracts.portfolio.orders import OrderType, PositionAction, TradeType
from shared.exchanges.interface import AssetBalance, Fee, VenueStatus
from shared.exchanges.order_parameters import ccxt_order
from shared.exchanges.venue_balances import balances_of, futures_balances_of
from shared.exchanges.venue_orders import asked_order_of, order_of, placed_order_of, trade_of
from tests.shared.exchanges.conftest import order


def _told(**more: Any) -> dict[str, Any]:
    return {
        "id": "7", "clientOrderId": "mine", "side": "buy", "type": "limit", "status": "open", "amount": Decimal(2),
        "filled": Decimal(0), "price": Decimal(100), "average": None, "timestamp": 1000, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"status": "open"}, VenueStatus.OPEN),
        ({"status": "open", "filled": Decimal(1)}, VenueStatus.OPEN),
        ({"status": "closed", "filled": Decimal(2)}, VenueStatus.FILLED),
        ({"status": "closed", "filled": None}, VenueStatus.FILLED),
        ({"status": "closed", "filled": Decimal(1)}, VenueStatus.CANCELLED),
        ({"status": "closed", "filled": Decimal("1.99"), "type": "market"}, VenueStatus.FILLED),
        ({"status": "canceled"}, VenueStatus.CANCELLED),
        ({"status": "canceled", "filled": Decimal(1)}, VenueStatus.CANCELLED),
        ({"status": "expired"}, VenueStatus.CANCELLED),
        ({"status": "expired_in_match"}, VenueStatus.CANCELLED),
        ({"status": "rejected"}, VenueStatus.REJECTED),
        ({"status": "canceling"}, VenueStatus.OPEN),
        ({"status": None}, VenueStatus.OPEN),
        ({"status": None, "filled": Decimal(2)}, VenueStatus.FILLED),
    ],
)
def test_states(told: dict[str, Any], expected: VenueStatus) -> None:
    assert order_of(_told(**told), "A-B").status is expected


def test_a_filled_order_that_does_not_tell_how_much_is_filled_whole() -> None:
    assert order_of(_told(status="closed", filled=None), "A-B").filled == 2


def test_contracts_are_counted_in_base_units() -> None:
    made = order_of(_told(amount=Decimal(30), filled=Decimal(10), average="99.5"), "A-B", Decimal("0.001"))

    assert (made.amount, made.filled, made.average_price) == (Decimal("0.030"), Decimal("0.010"), Decimal("99.5"))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"type": "limit"}, OrderType.LIMIT),
        ({"type": "limit", "postOnly": True}, OrderType.LIMIT_MAKER),
        ({"type": "limit", "timeInForce": "PO"}, OrderType.LIMIT_MAKER),
        ({"type": "LIMIT_MAKER"}, OrderType.LIMIT_MAKER),
        ({"type": "market"}, OrderType.MARKET),
        ({"type": "stop_loss"}, None),
        ({"type": None}, None),
    ],
)
def test_types(told: dict[str, Any], expected: OrderType | None) -> None:
    assert order_of(_told(**told), "A-B").order_type is expected


def test_doubles_become_the_decimals_that_they_were_read_from() -> None:
    assert order_of(_told(price=0.1, amount=1e-8), "A-B").price == Decimal("0.1")
    assert order_of(_told(price=0.1, amount=1e-8), "A-B").amount == Decimal("0.00000001")


def test_an_acknowledgement_is_completed_by_what_was_sent() -> None:
    asked = order(Decimal(90), "0.5", client_order_id="mine")
    placed = placed_order_of({"id": 12, "clientOrderId": None, "status": None}, asked, Decimal(1), "mine")

    assert (placed.exchange_order_id, placed.client_order_id) == ("12", "mine")
    assert (placed.amount, placed.price, placed.status) == (Decimal("0.5"), Decimal(90), VenueStatus.OPEN)
    assert (placed.order_type, placed.trade_type) == (OrderType.LIMIT, TradeType.BUY)


@pytest.mark.parametrize("told", [{}, {"id": None}, {"id": ""}, {"id": "1", "clientOrderId": "another"}])
def test_an_acknowledgement_without_an_id_or_of_another_order_is_none(told: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        placed_order_of(told, order(Decimal(90), client_order_id="mine"), Decimal(1), "mine")


def test_another_order_than_asked_for_is_none() -> None:
    assert asked_order_of(_told(), "A-B", Decimal(1), "mine").exchange_order_id == "7"
    with pytest.raises(ValueError, match="asked for"):
        asked_order_of(_told(), "A-B", Decimal(1), "other")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"fee": {"cost": "0.1", "currency": "BNB"}}, Fee(Decimal("0.1"), "BNB")),
        ({"fee": {"cost": 0, "currency": "BNB"}}, Fee(Decimal(0), "BNB")),
        ({"fee": {}, "fees": [{"cost": 0.25, "currency": "USDT"}]}, Fee(Decimal("0.25"), "USDT")),
        ({"fee": None}, None),
        ({"fee": {"cost": "0.1", "currency": None}}, None),
    ],
)
def test_fees(told: dict[str, Any], expected: Fee | None) -> None:
    trade = trade_of({"id": 3, "order": 7, "side": "sell", "price": "5", "amount": "2", "timestamp": 9, **told}, "A-B")

    assert trade.fee == expected
    assert (trade.trade_id, trade.exchange_order_id, trade.trade_type) == ("3", "7", TradeType.SELL)


@pytest.mark.parametrize(
    ("fees", "first", "further"),
    [
        ([("0.1", "USDT"), ("0.02", "GT")], ("0.1", "USDT"), [("0.02", "GT")]),
        ([("0", "USDT"), ("0.02", "GT"), ("0", "POINT")], ("0.02", "GT"), []),
        ([("0.1", "USDT"), ("0.02", "GT"), ("0.3", "USDT")], ("0.4", "USDT"), [("0.02", "GT")]),
        ([("0", "USDT"), ("0", "GT")], ("0", "USDT"), []),
        ([("-0.1", "USDT"), ("0.02", None)], ("-0.1", "USDT"), []),
    ],
)
def test_several_fees_are_kept_one_sum_for_each_asset(
    fees: list[tuple[str, str | None]], first: tuple[str, str], further: list[tuple[str, str]]
) -> None:
    told = {"fee": None, "fees": [{"cost": cost, "currency": currency} for cost, currency in fees]}
    fill = trade_of({"id": 3, "side": "sell", "price": "5", "amount": "2", "timestamp": 9, **told}, "A-B")
    assert fill.fee == Fee(Decimal(first[0]), first[1])
    assert fill.further_fees == tuple(Fee(Decimal(cost), currency) for cost, currency in further)


def test_balances_without_a_free_part_are_left_out() -> None:
    told = {
        "info": {"assets": []}, "timestamp": 5, "free": {}, "used": {}, "total": {},
        "BTC": {"free": "1", "used": "0.5", "total": "1.5"}, "USDT": {"free": None, "total": "7"},
    }  # fmt: skip
    assert balances_of(told) == (AssetBalance("BTC", Decimal("1.5"), Decimal(1)),)


def test_balances_of_futures_are_those_of_the_wallet() -> None:
    told = [{"asset": "USDT", "walletBalance": "10.5", "marginBalance": "11", "availableBalance": "9"}]
    assert futures_balances_of(told, str) == (AssetBalance("USDT", Decimal("10.5"), Decimal(9)),)


_MAKER = order(Decimal(9), kind=OrderType.LIMIT_MAKER)
_CLOSE = order(Decimal(9), action=PositionAction.CLOSE)


@pytest.mark.parametrize(
    ("asked", "kind", "hedged", "expected"),
    [
        (order(Decimal(9)), "spot", False, ("limit", "buy", "0.01", "9", {})),
        (order(None, side=TradeType.SELL), "spot", False, ("market", "sell", "0.01", None, {})),
        (_MAKER, "spot", False, ("limit", "buy", "0.01", "9", {"postOnly": True})),
        (_CLOSE, "spot", False, ("limit", "buy", "0.01", "9", {})),
        (_CLOSE, "swap", False, ("limit", "buy", "0.01", "9", {"reduceOnly": True})),
        (_CLOSE, "swap", True, ("limit", "buy", "0.01", "9", {"reduceOnly": True, "hedged": True})),
        (order(Decimal(9)), "swap", True, ("limit", "buy", "0.01", "9", {"hedged": True})),
        (order(Decimal("1E+3"), "1E-7"), "spot", False, ("limit", "buy", "0.0000001", "1000", {})),
    ],
)
def test_orders_in_ccxts_words(asked: Any, kind: str, hedged: bool, expected: tuple[Any, ...]) -> None:
    made = ccxt_order(asked, Decimal(1), kind, "sent", hedged=hedged)

    params = {"clientOrderId": "sent", **expected[4]}
    assert (made.type, made.side, made.amount, made.price, made.params) == (*expected[:4], params)


def test_an_amount_is_sent_in_contracts() -> None:
    assert ccxt_order(order(Decimal(9), "0.03"), Decimal("0.001"), "swap", "id", hedged=False).amount == "30"
