"""What an exchange that fails leaves certain, and what not."""

import asyncio
import logging
import time
import traceback
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from shared.exchanges import clients
from shared.exchanges.asking import Asking
from shared.exchanges.circuit import FAILURES, Circuit
from shared.exchanges.errors import (
    Closed,
    ExchangeDown,
    KeysRefused,
    NotDone,
    OrderNotKnown,
    OutcomeUnknown,
    RateLimited,
)
from shared.exchanges.interface import TradingAccount, VenueStatus
from shared.exchanges.registry import Exchanges
from shared.exchanges.traffic import Patience, waiting_as
from tests.pace import within
from tests.shared.exchanges.conftest import CONNECTORS, ORDER_PATHS, PAIR, OpenAccount, order, price_near
from tests.venue import SimulatedVenue


def _path(account: TradingAccount) -> str:
    return ORDER_PATHS[account.connector]


@pytest.fixture
def mortal() -> Iterator[SimulatedVenue]:
    """A simulator to be killed."""
    venue = SimulatedVenue()
    yield venue
    venue.stop()


async def test_a_lost_answer_is_an_unknown_outcome_and_the_order_is_found_by_its_id(
    venue: SimulatedVenue, account: TradingAccount
) -> None:
    asked = order(await price_near(account, "0.9"))
    await account.balances()
    venue.fault("lost_answer", path=_path(account), method="POST", count=1)

    with pytest.raises(OutcomeUnknown):
        await account.place(asked)

    assert (await account.order(PAIR, asked.client_order_id, None)).status is VenueStatus.OPEN
    assert len(await account.open_orders()) == 1


async def test_what_comes_after_the_end_of_an_account_is_never_sent(
    credential: dict[str, str], opened: OpenAccount, connector: str
) -> None:
    async with opened(connector, credential) as account:
        asked = order(await price_near(account, "0.9"))
        await account.balances()
        # One is on its way already when the account is closed.
        placing = asyncio.create_task(account.place(asked))
        await account.close()
        with pytest.raises((Closed, OutcomeUnknown)):
            await placing
        for question in (account.balances, account.open_orders, account.check):
            with pytest.raises(Closed):
                await question()
        with pytest.raises(Closed):
            await account.place(order(asked.price))
        client: Any = vars(account)["_client"]
        assert client.session is None
    async with opened(connector, credential) as another:
        assert len(await another.open_orders()) <= 1  # at most what was on its way


async def test_a_closed_account_says_nothing_of_the_exchange() -> None:
    circuit = Circuit("exchange", lambda: now)
    now = 0.0
    for _ in range(FAILURES):
        circuit.failed()

    async def closed() -> None:
        raise Closed("closed")

    now = 1000.0
    with pytest.raises(Closed):
        await Asking(circuit).question(closed)
    assert circuit.is_open
    circuit.succeeded()
    for _ in range(FAILURES):
        with pytest.raises(Closed):
            await Asking(circuit).change(closed)
    assert not circuit.is_open


async def test_a_server_error_is_an_unknown_outcome_that_asking_resolves(
    venue: SimulatedVenue, account: TradingAccount
) -> None:
    asked = order(await price_near(account, "0.9"))
    await account.balances()
    for status in (500, 502, 504):
        venue.fault("server_error", path=_path(account), method="POST", status=status, count=1)
        with pytest.raises(OutcomeUnknown):
            await account.place(asked)
        with pytest.raises(OrderNotKnown):
            await account.order(PAIR, asked.client_order_id, None)


async def test_a_lost_answer_to_a_cancel_leaves_it_open_what_has_become_of_the_order(
    venue: SimulatedVenue, account: TradingAccount
) -> None:
    asked = order(await price_near(account, "0.9"))
    await account.place(asked)
    venue.fault("lost_answer", path=_path(account), method="DELETE", count=2)

    # HTTP lets a client repeat a DELETE on a connection that was closed, and then the order is not open any more.
    with pytest.raises((OutcomeUnknown, OrderNotKnown)):
        await account.cancel(PAIR, asked.client_order_id, None)

    venue.heal()
    assert (await account.order(PAIR, asked.client_order_id, None)).status is VenueStatus.CANCELLED


async def test_an_exchange_that_is_slow_is_given_up_and_the_outcome_unknown(
    venue: SimulatedVenue, connector: str, credential: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "TIMEOUT_MS", 300)
    exchanges = Exchanges({connector: venue.url})
    account = exchanges.account(connector, credential)
    asked = order(await price_near(account, "0.9"))
    await account.balances()
    venue.fault("latency", path=_path(account), delay=1.0, count=2)

    with pytest.raises(OutcomeUnknown):
        await account.place(asked)
    with pytest.raises(ExchangeDown):
        await account.order(PAIR, asked.client_order_id, None)

    await account.close()
    await exchanges.close()


async def test_what_the_spot_market_was_asked_does_not_hold_up_the_perpetual() -> None:
    venue = SimulatedVenue(SIMULATOR_LIMITS="1")
    exchanges = Exchanges(dict.fromkeys(CONNECTORS, venue.url))
    account = exchanges.account("paper_perpetual", venue.credential({"USDT": "1"}, {"USDT": "1"}))
    try:
        async with httpx.AsyncClient(base_url=venue.url) as client:
            for _ in range(31):  # 80 each: more than perpetuals may be asked, not more than the spot market
                (await client.get("/api/v3/ticker/24hr")).raise_for_status()
        assert (await account.check()).can_trade, "expected an answer from the spot market's part"
        with waiting_as(Patience(0.0, 1.0)):
            await account.balances()
    finally:
        await account.close()
        await exchanges.close()
        venue.stop()


async def test_nothing_is_sent_for_as_long_as_an_exchange_that_refuses_more_says(
    venue: SimulatedVenue, account: TradingAccount, opened: OpenAccount
) -> None:
    asked = order(await price_near(account, "0.9"))
    await account.balances()
    venue.fault("too_many_requests", path=_path(account), method="POST", retry_after=30, count=1)

    with pytest.raises(RateLimited) as limited:
        await account.place(asked)
    assert limited.value.retry_after == 30

    venue.heal()
    venue.fault("latency", path="/*", delay=0.01)
    async with opened(account.connector, venue.credential({"USDT": "1"}, {"USDT": "1"})) as another:
        for ask in (account.open_orders, another.balances):
            with pytest.raises(RateLimited) as limited:
                await ask()
            assert 25 < (limited.value.retry_after or 0) <= 30
    assert venue.faults_met() == 0, "expected nothing to be sent"


async def test_a_short_refusal_is_waited_for_by_questions(venue: SimulatedVenue, account: TradingAccount) -> None:
    await account.balances()
    venue.fault("too_many_requests", retry_after=1, count=1)
    began = time.monotonic()
    with pytest.raises(RateLimited):
        await account.balances()

    assert await account.balances()
    assert time.monotonic() - began > 0.5
    within(5, began)


async def test_a_dead_exchange_is_down_at_once_and_found_again_when_it_is_back(mortal: SimulatedVenue) -> None:
    venue = mortal
    exchanges = Exchanges(dict.fromkeys(CONNECTORS, venue.url))
    account = exchanges.account("paper", venue.credential({"USDT": "100000"}))
    price = await price_near(account, "0.9")
    venue.kill()

    for _ in range(FAILURES + 3):
        began = time.monotonic()
        with pytest.raises(ExchangeDown):
            await account.place(order(price))
        within(2, began)
    venue.start()
    # The simulator alone forgets its accounts: that the keys are refused is an answer.
    async with asyncio.timeout(30):
        while True:
            try:
                await account.balances()
            except KeysRefused:
                break
            except ExchangeDown:
                await asyncio.sleep(0.05)
    rights = exchanges.account("paper", venue.credential({"USDT": "7"}))
    assert (await rights.balances())[0].total == 7
    for one in (account, rights):
        await one.close()
    await exchanges.close()


async def test_an_exchange_that_fails_does_not_hold_up_another(
    venue: SimulatedVenue, exchanges: Exchanges, opened: OpenAccount
) -> None:
    credential = venue.credential({"USDT": "100000"}, {"USDT": "100000"})
    async with opened("paper", credential) as spot, opened("paper_perpetual", credential) as perpetual:
        await asyncio.gather(spot.balances(), perpetual.balances())
        venue.fault("server_error", path="/api/*", status=503)
        for _ in range(FAILURES + 2):
            with pytest.raises(ExchangeDown):
                await spot.balances()
        began = time.monotonic()
        assert await perpetual.balances()
        within(3, began)
        met = venue.faults_met()
        with pytest.raises(ExchangeDown, match="asked again in a moment"):
            await spot.open_orders()
        assert venue.faults_met() == met, "expected an answer without a request"


async def test_a_wrong_key_does_not_make_an_exchange_count_as_down(
    venue: SimulatedVenue, account: TradingAccount, opened: OpenAccount
) -> None:
    async with opened(account.connector, {"paper_api_key": "f" * 64, "paper_api_secret": "0" * 64}) as wrong:
        for _ in range(FAILURES * 2):
            with pytest.raises(KeysRefused):
                await wrong.balances()
    assert await account.balances()


async def test_no_error_has_a_key_or_a_signature_in_its_text_or_its_traceback(
    venue: SimulatedVenue, account: TradingAccount, credential: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    price = await price_near(account, "0.9")
    await account.place(order(price))
    texts = []
    for kind, more in (
        ("lost_answer", {}),
        ("server_error", {"status": 500}),
        ("too_many_requests", {"retry_after": 0}),
        ("maintenance", {}),
    ):
        venue.fault(kind, count=1, **more)
        for call in (lambda: account.place(order(price)), account.balances):
            try:
                await call()
            except (NotDone, OutcomeUnknown) as error:
                texts.append("".join(traceback.format_exception(error)))
        venue.heal()

    assert len(texts) >= 4
    for text in (*texts, caplog.text, repr(account)):
        assert credential["paper_api_key"] not in text
        assert credential["paper_api_secret"] not in text
        assert "signature=" not in text
