"""Request weights, order counts and bans."""

import json
from collections.abc import Iterator

import pytest

from services.simulator.engine.refusal import Refusal
from services.simulator.rest.refusals import TooManyRequests
from services.simulator.rest.weights import BINANCE, Meter, VenueLimits
from tests.services.simulator.rest.venue_server import Client, VenueServer

MINUTE = 60_000
NOW = 1_700_000_040_000 // MINUTE * MINUTE


def test_weight_counts_for_an_address_and_a_minute() -> None:
    meter = Meter(BINANCE.spot)

    assert meter.spend("a", 5000, NOW) == 5000
    assert meter.spend("b", 10, NOW) == 10
    with pytest.raises(TooManyRequests) as refused:
        meter.spend("a", 1001, NOW + 15_500)
    assert (refused.value.status, refused.value.retry_after, refused.value.code) == (429, 45, -1003)
    assert meter.spend("a", 1, NOW + MINUTE) == 1


def test_who_goes_on_is_banned_longer_each_time() -> None:
    meter = Meter(VenueLimits(1, (), "used up: {}", "banned until {}"))
    lengths = []
    now = NOW
    for _ in range(3):
        statuses = []
        for _ in range(110):
            try:
                meter.spend("a", 1, now)
            except TooManyRequests as refused:
                statuses.append(refused.status)
                last = refused
        assert statuses == [429] * 100 + [418] * 9
        lengths.append(last.retry_after)
        now += last.retry_after * 1000
    assert lengths == [120, 240, 480]
    assert meter.spend("b", 1, now) == 1


def test_new_orders_count_for_an_account_and_an_interval() -> None:
    meter = Meter(BINANCE.spot)
    for _ in range(100):
        meter.count_orders("a", 1, NOW)

    with pytest.raises(Refusal, match=r"-1015: Too many new orders; current limit is 100 orders per 10 SECOND\."):
        meter.count_orders("a", 1, NOW)
    meter.count_orders("b", 1, NOW)
    meter.count_orders("a", 1, NOW + 10_000)
    assert list(meter.orders("a", NOW + 10_000).values()) == [1, 101]


def test_asking_with_another_time_forgets_nothing() -> None:
    meter = Meter(BINANCE.spot)
    meter.count_orders("a", 3, NOW)
    meter.spend("b", 7, NOW)

    assert list(meter.orders("a", NOW + 86_400_000).values()) == [0, 0]
    assert meter.used("b", NOW - 3_600_000) == 0
    assert list(meter.orders("a", NOW).values()) == [3, 3]
    assert meter.used("b", NOW) == 7


@pytest.fixture
def strict() -> Iterator[VenueServer]:
    """A simulator with Binance's limits."""
    running = VenueServer(SIMULATOR_LIMITS="1")
    yield running
    running.stop()


def test_headers_say_what_is_used_and_when_to_come_back(strict: VenueServer) -> None:
    client = Client(strict, strict.account({"USDT": "1000"}, {"USDT": "1000"}))
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0"}

    first = client.signed("POST", "/api/v3/order", **order, price="1")
    assert first.status_code == 400
    assert first.headers["x-mbx-used-weight-1m"] == "1"
    assert first.headers["x-mbx-order-count-10s"] == first.headers["x-mbx-order-count-1d"] == "1"
    usdm = client.signed("POST", "/fapi/v1/order", **order, price="1")
    assert (usdm.headers["x-mbx-used-weight-1m"], usdm.headers["x-mbx-order-count-1m"]) == ("0", "1")
    batch = json.dumps([{**order, "price": "1"}] * 4)
    several = client.signed("POST", "/fapi/v1/batchOrders", batchOrders=batch)
    assert (several.status_code, several.headers["x-mbx-order-count-1m"]) == (200, "5")
    for _ in range(2 * 75 + 1):  # of weight 80; a minute may end meanwhile
        last = client.signed("GET", "/api/v3/openOrders")
        if last.status_code != 200:
            break
    assert last.status_code == 429
    assert 0 < int(last.headers["retry-after"]) <= 60
    assert last.json()["code"] == -1003
    for _ in range(2 * 101):
        last = client.public("/api/v3/ping")
        if last.status_code == 418:
            break
    assert last.status_code == 418
    assert 60 < int(last.headers["retry-after"]) <= 120
    assert client.public("/fapi/v1/ping").status_code == 200
