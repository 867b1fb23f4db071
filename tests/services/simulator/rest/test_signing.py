"""Who may ask for what: keys, signatures, timestamps, each with Binance's code."""

import time
from urllib.parse import urlencode

import pytest

from services.simulator.rest import signing
from tests.services.simulator.rest.venue_server import Client, signature

#: The example of Binance's `rest-api.md`, "SIGNED Endpoint Examples for POST /api/v3/order".
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
WHOLE = (
    b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
)
PATH = "/api/v3/account"


def _now() -> int:
    return int(time.time() * 1000)


def test_the_documented_example_has_the_documented_signature() -> None:
    assert signature(SECRET, WHOLE.decode()) == "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    assert signing.signed_text(WHOLE, b"signature=abc") == WHOLE
    assert signing.signed_text(WHOLE + b"&signature=abc", b"") == WHOLE
    assert signing.signed_text(b"signature=abc&a=1", b"b=2") == b"a=1b=2"


@pytest.mark.parametrize("split", [0, 2, 7])
def test_query_and_body_are_signed_together(trader: Client, split: int) -> None:
    assert trader.account is not None
    pairs = [
        ("symbol", "BTCUSDT"),
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", "0.01"),
        ("price", "30000"),
        ("timestamp", str(_now())),
    ]
    query, body = urlencode(pairs[:split]), urlencode(pairs[split:])
    signed = signature(trader.account.api_secret, query + body)
    for form, parameters in ((f"{body}&signature={signed}", query), (body, f"{query}&signature={signed}")):
        answer = trader.http.post(
            f"/api/v3/order/test?{parameters.lstrip('&')}",
            content=form.lstrip("&"),
            headers={"X-MBX-APIKEY": trader.account.api_key, "Content-Type": "application/x-www-form-urlencoded"},
        )
        assert (answer.status_code, answer.text) == (200, "{}")


def test_a_signature_is_checked_over_the_text_as_it_was_sent(trader: Client) -> None:
    assert trader.account is not None
    query = f"omitZeroBalances=%74rue&timestamp={_now()}"
    headers = {"X-MBX-APIKEY": trader.account.api_key}
    good = f"{PATH}?{query}&signature={signature(trader.account.api_secret, query)}"
    other = query.replace("%74", "t")
    bad = f"{PATH}?{other}&signature={signature(trader.account.api_secret, query)}"

    assert trader.http.get(good, headers=headers).status_code == 200
    assert trader.http.get(bad, headers=headers).json()["code"] == -1022


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"timestamp": None}, (400, -1102)),
        ({"timestamp": ""}, (400, -1102)),
        ({"timestamp": "x"}, (400, -1100)),
        ({"timestamp": "-5"}, (400, -1100)),
        ({"timestamp": "1e400"}, (400, -1100)),
        ({"timestamp": "٣"}, (400, -1100)),
        ({"timestamp": "9" * 20}, (400, -1108)),
        ({"timestamp": 1}, (400, -1021)),
        ({"recvWindow": "60001"}, (400, -1131)),
        ({"recvWindow": "x"}, (400, -1100)),
    ],
)
def test_a_time_that_is_wrong_is_refused(
    trader: Client, parameters: dict[str, object], expected: tuple[int, int]
) -> None:
    assert trader.refused("GET", PATH, **parameters)[:2] == expected


def test_the_window_decides_how_old_a_request_may_be(trader: Client) -> None:
    late = _now() - 7_000

    assert trader.refused("GET", PATH, timestamp=late)[1] == -1021
    assert trader.ok("GET", PATH, timestamp=late, recvWindow=10_000)
    assert trader.refused("GET", PATH, timestamp=_now() + 3_000)[2].endswith("ahead of the server's time.")
    assert trader.ok("GET", PATH, timestamp=_now() * 1000)  # microseconds


@pytest.mark.parametrize(
    ("headers", "query", "expected"),
    [
        ({}, "signature=0", (401, -2014)),
        ({"X-MBX-APIKEY": "short"}, "signature=0", (401, -2014)),
        ({"X-MBX-APIKEY": "a" * 64}, "", (400, -1102)),
        ({"X-MBX-APIKEY": "a" * 64}, "signature=0", (401, -2015)),
        ({"X-MBX-APIKEY": "\xe9" * 64}, "signature=0", (401, -2014)),
        ({"X-MBX-APIKEY": None}, "", (400, -1102)),
        ({"X-MBX-APIKEY": None}, "signature=", (400, -1102)),
        ({"X-MBX-APIKEY": None}, "signature=%C3%A9", (400, -1022)),
        ({"X-MBX-APIKEY": None}, "signature=" + "0" * 64, (400, -1022)),
    ],
)
def test_a_key_or_signature_that_is_wrong_is_refused(
    trader: Client, headers: dict[str, str | None], query: str, expected: tuple[int, int]
) -> None:
    assert trader.account is not None
    own = trader.account.api_key
    answer = trader.http.get(
        f"{PATH}?timestamp={_now()}&{query}",
        headers=[(name.encode(), (value or own).encode("latin-1")) for name, value in headers.items()],
    )

    assert (answer.status_code, answer.json()["code"]) == expected


def test_an_account_that_was_deleted_has_no_key_any_more(trader: Client) -> None:
    assert trader.account is not None
    trader.server.delete_account(trader.account)

    assert trader.refused("GET", PATH)[:2] == (401, -2015)
