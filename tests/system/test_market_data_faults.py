"""Market data over HTTP while an exchange hangs or is away: who waits, what is told, and how old it may be."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.pace import within
from tests.system.fleet import Fleet, fleet
from tests.venue import SimulatedVenue

pytestmark = [pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="module")]

PAIR = "BTC-USDT"
FAULTY = "binance_perpetual"
#: What only the faulty one of the two connectors uses: requests and sockets.
PATHS = ("/fapi*", "/fstream*")
#: Seconds: the longest deadline of a question about a market, and what a caller of another market may wait; both with
#: room for a busy machine.
DEADLINE, AT_ONCE = 25.0, 8.0

Question = tuple[str, str, dict[str, Any] | None]


def questions(connector: str) -> tuple[Question, ...]:
    """Return every question that needs the exchange of `connector`."""
    one = {"connector_name": connector, "trading_pair": PAIR}
    asked: dict[str, dict[str, Any]] = {
        "order-book": one,
        "order-book/vwap-for-volume": one | {"is_buy": True, "volume": 1},
        "candles": one | {"max_records": 2},
        "historical-candles": one | {"start_time": 1_767_225_600, "end_time": 1_767_226_200},
        "prices": {"connector_name": connector, "trading_pairs": [PAIR]},
        "rates": {"trading_pairs": [PAIR], "connector": connector},
        "trading-pair/add": one | {"timeout": 5},
        **({"funding-info": one} if connector == FAULTY else {}),
    }
    return (
        *(("POST", f"/market-data/{name}", body) for name, body in asked.items()),
        ("GET", f"/market-data/tickers/{connector}", None),
        ("GET", f"/connectors/{connector}/trading-rules", None),
    )


@pytest.fixture(scope="module")
def shared_venue() -> Iterator[SimulatedVenue]:
    venue = SimulatedVenue()
    yield venue
    venue.stop()


@pytest.fixture
def venue(shared_venue: SimulatedVenue) -> Iterator[SimulatedVenue]:
    """The exchange behind both connectors."""
    yield shared_venue
    shared_venue.heal()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def it(shared_venue: SimulatedVenue) -> AsyncIterator[Fleet]:
    async with fleet(
        *("simulator", "credentials", "portfolio", "marketdata", "gateway_api"),
        binance=shared_venue.url,
        binance_perpetual=shared_venue.url,
    ) as whole:
        yield whole


@pytest_asyncio.fixture(loop_scope="module")
async def http(it: Fleet) -> AsyncIterator[httpx.AsyncClient]:
    await it.mend()
    async with it.client() as client:
        yield client


async def answers_of(http: httpx.AsyncClient, connector: str, seconds: float) -> dict[str, httpx.Response]:
    """Ask everything at once; every answer must be there within `seconds`."""
    began = time.monotonic()
    asked = questions(connector)
    found = await asyncio.gather(*(http.request(method, path, json=body) for method, path, body in asked))
    within(seconds, began)
    return {path: answer for (_, path, _), answer in zip(asked, found, strict=True)}


async def all_good(http: httpx.AsyncClient, connector: str) -> dict[str, httpx.Response]:
    """Ask everything until every answer is good: what paused after failures takes some seconds to come back."""
    async with asyncio.timeout(90):
        while True:
            found = await answers_of(http, connector, DEADLINE)
            if all(answer.status_code == 200 for answer in found.values()):
                return found
            assert {answer.status_code for answer in found.values()} <= {200, 502, 503}
            await asyncio.sleep(0.1)


async def test_who_asks_an_exchange_that_hangs_is_told_in_time_and_nobody_else_waits(
    http: httpx.AsyncClient, venue: SimulatedVenue
) -> None:
    await all_good(http, "binance")  # its rules and feeds are there: from here on it has nothing to wait for
    venue.fault("latency", path=PATHS[0], delay=60)
    hanging = asyncio.create_task(answers_of(http, FAULTY, DEADLINE))
    for path, answer in (await answers_of(http, "binance", AT_ONCE)).items():
        assert answer.status_code == 200, (path, answer.text)
    assert not hanging.done()
    for path, answer in (await hanging).items():
        assert answer.status_code in {502, 503}, (path, answer.text)
        assert f"'{FAULTY}'" in answer.json()["detail"], path
    venue.heal()
    await all_good(http, FAULTY)


async def test_while_an_exchange_is_away_the_last_state_is_told_with_its_time(
    http: httpx.AsyncClient, venue: SimulatedVenue
) -> None:
    await all_good(http, FAULTY)
    for path in PATHS:
        venue.fault("maintenance", path=path)
    away_since = time.time()
    found = await answers_of(http, FAULTY, DEADLINE)
    for path, answer in found.items():
        assert answer.status_code == 200, (path, answer.text)
    for path in ("order-book", "order-book/vwap-for-volume", "prices", "funding-info"):
        assert found[f"/market-data/{path}"].json()["timestamp"] <= away_since + 1, path
    tickers = found[f"/market-data/tickers/{FAULTY}"].json()
    assert tickers["updated_at"][FAULTY] <= away_since + 1
    # What must be asked for now, and what was never heard, cannot be told.
    for method, path, body in (
        ("GET", f"/market-data/tickers/{FAULTY}?refresh=true", None),
        ("POST", "/market-data/order-book", {"connector_name": FAULTY, "trading_pair": "ETH-USDT"}),
        (
            "POST",
            "/market-data/historical-candles",
            {"connector_name": FAULTY, "trading_pair": PAIR, "start_time": 1_760_000_000, "end_time": 1_760_000_600},
        ),
    ):
        refused = await http.request(method, path, json=body)
        assert refused.status_code in {502, 503}, (path, refused.text)
        assert FAULTY in refused.json()["detail"]
    for answer in (await answers_of(http, "binance", AT_ONCE)).values():
        assert answer.status_code == 200, answer.text
    venue.heal()
    async with asyncio.timeout(90):
        while True:
            book = (await all_good(http, FAULTY))["/market-data/order-book"].json()
            if book["timestamp"] > away_since + 1:
                break
            await asyncio.sleep(0.1)


async def test_where_rates_come_from_is_known_to_all_replicas_at_once_and_kept(
    it: Fleet, http: httpx.AsyncClient, venue: SimulatedVenue
) -> None:
    it.start("marketdata", "-2")
    await it.ready()
    asked = {"trading_pairs": ["ETH-BTC", "SOL-BTC"]}
    for source, symbol in (("paper", "a"), ("binance", "b")) * 5:
        token = {"global_token_name": "EUR", "global_token_symbol": symbol}
        changed = await http.put(
            "/rate-oracle/config", json={"rate_oracle_source": {"name": source}, "global_token": token}
        )
        assert changed.status_code == 200, changed.text
        for answer in await asyncio.gather(*(http.get("/rate-oracle/config") for _ in range(8))):
            assert answer.json()["rate_oracle_source"] == {"name": source}
            assert answer.json()["global_token"] == token
        for path in ("/rate-oracle/rates", "/market-data/rates"):
            rates = (await http.post(path, json=asked)).json()
            assert (rates["source"], rates["quote_token"]) == (source, "EUR")
            # SOL-BTC has no market of its own: over another token.
            assert all(rate > 0 for rate in rates["rates"].values())
    for replica in ("marketdata", "marketdata-2"):
        it.kill(replica)
    it.start("marketdata")
    await it.ready()
    kept = (await http.get("/rate-oracle/config")).json()
    assert (kept["rate_oracle_source"]["name"], kept["global_token"]["global_token_symbol"]) == ("binance", "b")
