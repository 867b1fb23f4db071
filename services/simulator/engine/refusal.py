"""Refusals: the code and the text that Binance answers with when it does not do what was asked.

Sources: `errors.md` and `filters.md` of Binance's public spot API documentation, the error codes of the USD-M futures
documentation, and texts that clients of the live exchange report.
"""

#: The code of what was done, or may have been, but is not known to be stored.
OUTCOME_UNKNOWN = -1007
_NOTIONAL_TOO_SMALL = -4164


class Refusal(Exception):
    """A command that was refused and has changed nothing. `code` is negative, `message` is Binance's text."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def outcome_unknown() -> Refusal:
    return Refusal(
        OUTCOME_UNKNOWN,
        "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    )


def overloaded() -> Refusal:
    return Refusal(-1008, "Server is currently overloaded with other requests. Please try again in a few minutes.")


def invalid_symbol() -> Refusal:
    return Refusal(-1121, "Invalid symbol.")


def missing(parameter: str) -> Refusal:
    return Refusal(-1102, f"Mandatory parameter '{parameter}' was not sent, was empty/null, or malformed.")


def not_required(parameter: str) -> Refusal:
    return Refusal(-1106, f"Parameter '{parameter}' sent when not required.")


def bad_combination() -> Refusal:
    return Refusal(-1128, "Combination of optional parameters invalid.")


def invalid_side() -> Refusal:
    return Refusal(-1117, "Invalid side.")


def invalid_time_in_force() -> Refusal:
    return Refusal(-1115, "Invalid timeInForce.")


def invalid_order_type() -> Refusal:
    return Refusal(-1116, "Invalid orderType.")


def illegal_client_order_id(parameter: str, legal: str) -> Refusal:
    return Refusal(-1100, f"Illegal characters found in parameter '{parameter}'; legal range is '{legal}'.")


def unsupported_operation() -> Refusal:
    return Refusal(-1020, "This operation is not supported.")


# Spot: what the filters and the matching engine refuse.


def too_precise(parameter: str) -> Refusal:
    return Refusal(-1111, f"Parameter '{parameter}' has too much precision.")


def invalid_value(parameter: str) -> Refusal:
    return Refusal(-1013, f"Invalid {parameter}.")


def filter_failure(name: str) -> Refusal:
    return Refusal(-1013, f"Filter failure: {name}")


def order_rejected(message: str) -> Refusal:
    """Return the refusal of a new order by the matching engine, whose reason is in the text alone."""
    return Refusal(-2010, message)


def duplicate_order() -> Refusal:
    return order_rejected("Duplicate order sent.")


def insufficient_balance() -> Refusal:
    return order_rejected("Account has insufficient balance for requested action.")


def would_trigger() -> Refusal:
    return order_rejected("Order would trigger immediately.")


def would_take() -> Refusal:
    return order_rejected("Order would immediately match and take.")


def unknown_order() -> Refusal:
    return Refusal(-2011, "Unknown order sent.")


def no_such_order() -> Refusal:
    return Refusal(-2013, "Order does not exist.")


def amendment_rejected(message: str) -> Refusal:
    """Return the refusal of an amendment by the matching engine, whose reason is in the text alone."""
    return Refusal(-2038, message)


# Futures.


def precision_over_maximum() -> Refusal:
    return Refusal(-1111, "Precision is over the maximum defined for this asset.")


def margin_insufficient() -> Refusal:
    return Refusal(-2019, "Margin is insufficient.")


def futures_would_trigger() -> Refusal:
    return Refusal(-2021, "Order would immediately trigger.")


def reduce_only_rejected() -> Refusal:
    return Refusal(-2022, "ReduceOnly Order is rejected.")


def too_many_orders() -> Refusal:
    return Refusal(-2025, "Reach max open order limit.")


def leverage_too_small() -> Refusal:
    return Refusal(-2028, "Leverage is smaller than permitted: insufficient margin balance.")


def price_not_positive() -> Refusal:
    return Refusal(-4001, "Price less than 0.")


def price_above_maximum() -> Refusal:
    return Refusal(-4002, "Price greater than max price.")


def quantity_not_positive() -> Refusal:
    return Refusal(-4003, "Quantity less than or equal to zero.")


def quantity_below_minimum() -> Refusal:
    return Refusal(-4004, "Quantity less than min quantity.")


def quantity_above_maximum() -> Refusal:
    return Refusal(-4005, "Quantity greater than max quantity.")


def stop_price_not_positive() -> Refusal:
    return Refusal(-4006, "Stop price less than zero.")


def stop_price_above_maximum() -> Refusal:
    return Refusal(-4007, "Stop price greater than max price.")


def price_below_minimum() -> Refusal:
    return Refusal(-4013, "Price less than min price.")


def price_off_tick() -> Refusal:
    return Refusal(-4014, "Price not increased by tick size.")


def client_order_id_too_long() -> Refusal:
    return Refusal(-4015, "Client order id length should not be more than 36 chars")


def price_above_cap(limit: str) -> Refusal:
    return Refusal(-4016, f"Limit price can't be higher than {limit}.")


def quantity_off_step() -> Refusal:
    return Refusal(-4023, "Qty not increased by step size.")


def price_below_floor(limit: str) -> Refusal:
    return Refusal(-4024, f"Limit price can't be lower than {limit}.")


def invalid_leverage(leverage: int) -> Refusal:
    return Refusal(-4028, f"Leverage {leverage} is not valid")


def too_many_stop_orders() -> Refusal:
    return Refusal(-4045, "Reach max stop order limit.")


def no_need_to_change_margin_type() -> Refusal:
    return Refusal(-4046, "No need to change margin type.")


def no_need_to_change_position_side() -> Refusal:
    return Refusal(-4059, "No need to change position side.")


def position_side_mismatch() -> Refusal:
    return Refusal(-4061, "Order's position side does not match user's setting.")


def open_orders_forbid_position_side() -> Refusal:
    return Refusal(-4067, "Position side cannot be changed if there exists open orders.")


def position_forbids_position_side() -> Refusal:
    return Refusal(-4068, "Position side cannot be changed if there exists position.")


def duplicate_client_order_id() -> Refusal:
    return Refusal(-4116, "ClientOrderId is duplicated.")


def close_position_exists() -> Refusal:
    return Refusal(-4130, "An open stop or take profit order with GTE and closePosition in the direction is existing.")


def counterparty_outside_range() -> Refusal:
    return Refusal(-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit.")


def quantity_with_close_position() -> Refusal:
    return Refusal(-4137, "Quantity must be zero with closePosition equals true")


def notional_too_small(minimum: str) -> Refusal:
    return Refusal(
        _NOTIONAL_TOO_SMALL, f"Order's notional must be no smaller than {minimum} (unless you choose reduce only)."
    )


def fill_or_kill_rejected() -> Refusal:
    return Refusal(
        -5021,
        "Due to the order could not be filled immediately, the FOK order has been rejected. "
        "The order will not be recorded in the order history",
    )


def limit_order_only() -> Refusal:
    return Refusal(-5025, "Only limit order is supported.")


def too_many_modifications() -> Refusal:
    return Refusal(-5026, "Exceed maximum modify order limit.")


def same_order() -> Refusal:
    return Refusal(-5027, "No need to modify the order.")


def of_modification(refused: Refusal) -> Refusal:
    """Return the refusal of a modification for what `refused` a new order: some have a code of their own."""
    if refused.code != _NOTIONAL_TOO_SMALL:
        return refused
    return Refusal(-5029, refused.message.partition(" (unless")[0])


def post_only_rejected() -> Refusal:
    return Refusal(
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected. "
        "The order will not be recorded in the order history",
    )
