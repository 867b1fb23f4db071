"""What Binance's error codes mean for us.

By number, as ccxt chooses its table by the host's name, which an endpoint setting may change. Sources:
https://developers.binance.com/docs/binance-spot-api-docs/errors and
https://developers.binance.com/docs/derivatives/usds-margined-futures/error-code
"""

from shared.exchanges.errors import (
    DuplicateOrder,
    ExchangeDown,
    ExchangeError,
    KeysRefused,
    NotEnoughBalance,
    OrderNotKnown,
    RateLimited,
    Refused,
    StaleRequest,
)
from shared.exchanges.unanswered import Unanswered


class TooManyOrders(RateLimited):
    """More new orders than an account may send; other requests go on."""


#: The exchange itself does not know whether it has done it: -1000 unknown, -1001 disconnected, -1006 unexpected
#: response, -1007 timeout ("Send status unknown; execution status unknown").
_UNKNOWN = frozenset({-1000, -1001, -1006, -1007})
#: -1003 too many requests, -1004 server busy, -1008 throttled by the system.
_LIMITED = frozenset({-1003, -1004, -1008})
_DOWN = frozenset({-1016})
#: -1002 unauthorized, -1022 signature, -2008 bad key id, -2014 key format, -2015 key, address or permission,
#: -2017 keys locked, -1109 invalid account, -4109 inactive account.
_KEYS = frozenset({-1002, -1022, -1109, -2008, -2014, -2015, -2017, -4109})
#: -2018, -2019 futures balance and margin, -4050, -4051 cross and isolated balance.
_BALANCE = frozenset({-2018, -2019, -4050, -4051})
_STALE = frozenset({-1021})
#: -2013 no such order, -2026 archived: cancelled or expired without a fill more than 90 days ago.
_NO_ORDER = frozenset({-2013, -2026})
#: -4116 client order id is duplicated, -4111 the same for a transaction.
_DUPLICATE = frozenset({-4111, -4116})


def meaning_of(code: int, text: str) -> ExchangeError:
    """Return what a refusal of Binance means; `text` is its `msg`."""
    if code in _UNKNOWN:
        return Unanswered(f"it does not know the outcome: {text}")
    if code == -1015:
        return TooManyOrders(text)
    if code in _LIMITED:
        return RateLimited(text)
    if code in _DOWN:
        return ExchangeDown(text)
    if code == -2010:
        return _order_refusal(text)
    return _refusal(code, text)(text, str(code))


def _refusal(code: int, text: str) -> type[Refused]:
    if code in _KEYS:
        return KeysRefused
    if code in _BALANCE:
        return NotEnoughBalance
    if code in _NO_ORDER or (code == -2011 and "unknown order" in text.lower()):
        return OrderNotKnown
    if code in _STALE:
        return StaleRequest
    return DuplicateOrder if code in _DUPLICATE else Refused


def _order_refusal(text: str) -> Refused:
    """Tell the reasons of -2010 apart, which have no numbers of their own (errors.md, "Messages for -1010, -2010")."""
    known = text.lower()
    if "duplicate order" in known:
        return DuplicateOrder(text, "-2010")
    if "insufficient balance" in known:
        return NotEnoughBalance(text, "-2010")
    return Refused(text, "-2010")
