"""What errors mean: Binance's by number, ccxt's by class, and no secrets in any of them."""

import ccxt
import pytest

from shared.exchanges import binance_codes
from shared.exchanges.errors import (
    DuplicateOrder,
    ExchangeDown,
    ExchangeError,
    KeysRefused,
    NotDone,
    NotEnoughBalance,
    OrderNotKnown,
    RateLimited,
    Refused,
    StaleRequest,
    Unsupported,
)
from shared.exchanges.translation import meaning_of, scrubbed
from shared.exchanges.unanswered import Unanswered


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (-1000, "An unknown error occurred while processing the request.", Unanswered),
        (-1001, "Internal error; unable to process your request. Please try again.", Unanswered),
        (-1006, "An unexpected response was received from the message bus.", Unanswered),
        (-1007, "Timeout waiting for response from backend server.", Unanswered),
        (-1003, "Too many requests queued.", RateLimited),
        (-1008, "Server is currently overloaded with other requests.", RateLimited),
        (-1015, "Too many new orders.", binance_codes.TooManyOrders),
        (-1016, "This service is no longer available.", ExchangeDown),
        (-1013, "Filter failure: LOT_SIZE", Refused),
        (-1021, "Timestamp for this request is outside of the recvWindow.", StaleRequest),
        (-1022, "Signature for this request is not valid.", KeysRefused),
        (-1121, "Invalid symbol.", Refused),
        (-2008, "Invalid Api-Key ID.", KeysRefused),
        (-2010, "Account has insufficient balance for requested action.", NotEnoughBalance),
        (-2010, "Duplicate order sent.", DuplicateOrder),
        (-2010, "Order would immediately match and take.", Refused),
        (-2011, "Unknown order sent.", OrderNotKnown),
        (-2011, "Order was not canceled due to cancel restrictions.", Refused),
        (-2013, "Order does not exist.", OrderNotKnown),
        (-2026, "Order was canceled or expired with no executed qty over 90 days ago.", OrderNotKnown),
        (-2014, "API-key format invalid.", KeysRefused),
        (-2015, "Invalid API-key, IP, or permissions for action.", KeysRefused),
        (-2018, "Balance is insufficient.", NotEnoughBalance),
        (-2019, "Margin is insufficient.", NotEnoughBalance),
        (-2022, "ReduceOnly Order is rejected.", Refused),
        (-4116, "ClientOrderId is duplicated.", DuplicateOrder),
        (-4061, "Order's position side does not match user's setting.", Refused),
        (-5022, "Due to the order could not be executed as maker, the Post Only order will be rejected.", Refused),
        (-987654, "Something new", Refused),
    ],
)
def test_binances_codes(code: int, text: str, expected: type[ExchangeError]) -> None:
    meaning = binance_codes.meaning_of(code, text)

    assert type(meaning) is expected
    assert text in str(meaning)
    if isinstance(meaning, Refused):
        assert meaning.code == str(code)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ccxt.InsufficientFunds("x"), NotEnoughBalance),
        (ccxt.OrderNotFound("x"), OrderNotKnown),
        (ccxt.DuplicateOrderId("x"), DuplicateOrder),
        (ccxt.InvalidNonce("x"), StaleRequest),
        (ccxt.AuthenticationError("x"), KeysRefused),
        (ccxt.PermissionDenied("x"), KeysRefused),
        (ccxt.AccountSuspended("x"), KeysRefused),
        (ccxt.RateLimitExceeded("x"), RateLimited),
        (ccxt.DDoSProtection("x"), RateLimited),
        (ccxt.OnMaintenance("x"), ExchangeDown),
        (ccxt.ExchangeNotAvailable("x"), Unanswered),
        (ccxt.RequestTimeout("x"), Unanswered),
        (ccxt.NetworkError("x"), Unanswered),
        (ccxt.BadResponse("x"), Unanswered),
        (ccxt.NullResponse("x"), Unanswered),
        (ccxt.InvalidOrder("x"), Refused),
        (ccxt.OrderImmediatelyFillable("x"), Refused),
        (ccxt.BadSymbol("x"), Refused),
        (ccxt.ArgumentsRequired("x"), Refused),
        (ccxt.ExchangeError("x"), Refused),
        (ccxt.NotSupported("x"), Unsupported),
        (KeyError("x"), Unanswered),
        (TypeError("x"), Unanswered),
        (ValueError("x"), Unanswered),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else type(value).__name__,
)
def test_ccxts_classes(error: Exception, expected: type[ExchangeError]) -> None:
    assert type(meaning_of(error)) is expected


def test_every_class_of_ccxts_means_something_and_what_may_have_been_done_is_never_certain() -> None:
    kinds = [kind for kind in vars(ccxt).values() if isinstance(kind, type) and issubclass(kind, ccxt.BaseError)]
    assert len(kinds) > 40
    for kind in kinds:
        meaning = meaning_of(kind("text"))
        assert isinstance(meaning, ExchangeError)
        if issubclass(kind, ccxt.RequestTimeout | ccxt.BadResponse):
            assert not isinstance(meaning, NotDone), kind


@pytest.mark.parametrize(
    ("text", "reason", "code"),
    [
        ('okx {"code":"51008","data":[],"msg":"Insufficient USDT balance"}', "Insufficient USDT balance", "51008"),
        ('bybit {"retCode":10001,"retMsg":"Qty invalid","result":{}}', "Qty invalid", "10001"),
        ('kraken {"error":["EOrder:Insufficient funds"]}', "EOrder:Insufficient funds", None),
        ('gate {"label":"INVALID_PRICE","message":"price too low"}', "price too low", None),
        ("mexc is too small", "is too small", None),
        ('htx {"status":"error","err-code":"bad-order","err-msg":"no such"}', "no such", "bad-order"),
    ],
)
def test_the_exchanges_own_words_are_kept(text: str, reason: str, code: str | None) -> None:
    meaning = meaning_of(ccxt.InvalidOrder(text))

    assert isinstance(meaning, Refused)
    assert (str(meaning), meaning.code) == (reason, code)


@pytest.mark.parametrize(
    "text",
    [
        "binance GET https://api.binance.com/api/v3/order?symbol=BTCUSDT&timestamp=1&signature=hush0",
        "bad request: apiKey=hush0&secret=hush1",
        '{"X-MBX-APIKEY": "hush0", "signature": "hush1"}',
        "the key hush0 and its passphrase: hush1 are wrong",
        "wss://stream.example/ws?listenKey=hush0",
        "token=hush0",
    ],
)
def test_no_secret_is_shown(text: str) -> None:
    assert "hush" not in scrubbed(text, ("hush0", "hush1"))
    assert "hush" not in str(meaning_of(ccxt.ExchangeError(f"x {text}"), ("hush0", "hush1")))
    unknown = scrubbed(text)
    assert "hush" not in unknown or text.startswith("the key"), "expected parameters to be known by their names"


def test_texts_are_short() -> None:
    assert len(scrubbed("word " * 1000)) <= 300
    assert len(str(meaning_of(ccxt.ExchangeError("x " + "<html>" * 1000)))) <= 300
