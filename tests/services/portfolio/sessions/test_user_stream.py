"""The user stream of an account as a session follows it: interrupted, absent, too fast."""

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any, cast

import pytest

from services.portfolio.commits import LeaseLost
from services.portfolio.recording.facts import Facts
from services.portfolio.recording.recorder import Recorder
from services.portfolio.sessions import user_stream
from services.portfolio.sessions.desired import SessionKey
from services.portfolio.sessions.user_stream import UserStream
from shared.contracts.portfolio.orders import TradeType
from shared.errors import CommandError, ErrorCode
from shared.exchanges.errors import ExchangeDown, Unsupported
from shared.exchanges.interface import AccountUpdate, AssetBalance, Fee, TradingAccount, VenueTrade
from tests.eventually import eventually

Run = list[AccountUpdate | Exception]


def told(amount: int) -> AccountUpdate:
    return AccountUpdate(balances=(AssetBalance("BTC", Decimal(amount), Decimal(amount)),))


class Account:
    """An exchange whose stream brings, each time it is opened, the next of `runs`, and then is silent."""

    def __init__(self, *runs: Run) -> None:
        self._runs = list(runs)
        self.opened = 0

    async def updates(self) -> AsyncIterator[AccountUpdate]:
        self.opened += 1
        for item in self._runs.pop(0) if self._runs else []:
            if isinstance(item, Exception):
                raise item
            yield item
        await asyncio.Event().wait()


class Records:
    """What was recorded; `fail` raises instead, as often as it likes."""

    key = SessionKey("main", "paper")

    def __init__(self) -> None:
        self.facts: list[Facts] = []
        self.fail: Callable[[], None] = lambda: None

    async def record(self, facts: Facts) -> None:
        self.fail()
        self.facts.append(facts)

    def amounts(self) -> list[Decimal]:
        return [balance.total for facts in self.facts for balance in facts.balances]


@pytest.fixture
async def follow() -> AsyncIterator[Callable[..., tuple[UserStream, Records, list[None]]]]:
    made: list[UserStream] = []

    def start(account: Account, fail: Callable[[], None] = lambda: None) -> tuple[UserStream, Records, list[None]]:
        records, resyncs = Records(), list[None]()
        records.fail = fail
        stream = UserStream(
            cast(TradingAccount, account), cast(Recorder, cast(Any, records)), lambda: resyncs.append(None)
        )
        stream.start()
        made.append(stream)
        return stream, records, resyncs

    yield start
    for stream in made:
        await stream.stop()


Follow = Callable[..., tuple[UserStream, Records, list[None]]]


async def test_what_is_told_is_recorded_in_its_order(follow: Follow) -> None:
    stream, records, resyncs = follow(Account([AccountUpdate(resync=True), told(1), told(2), told(3)]))
    await eventually(lambda: records.amounts() == [1, 2, 3])
    assert stream.following
    assert len(resyncs) == 1


async def test_a_stream_that_breaks_is_opened_again_and_what_it_missed_is_asked_for(follow: Follow) -> None:
    account = Account(
        [AccountUpdate(resync=True), told(1), ExchangeDown("gone")], [AccountUpdate(resync=True), told(2)]
    )
    stream, records, resyncs = follow(account)
    await eventually(lambda: records.amounts() == [1, 2])
    assert stream.following
    assert len(resyncs) == 3  # it stands, it broke, it stands again
    assert account.opened == 2


async def test_without_a_stream_the_account_is_polled(follow: Follow) -> None:
    account = Account([Unsupported("no user stream")])
    stream, _, _ = follow(account)
    await eventually(stream.settled.is_set)
    assert not stream.following
    assert account.opened == 1


async def test_a_stream_that_cannot_stand_does_not_hold_the_session_up(follow: Follow) -> None:
    stream, _, _ = follow(Account([ExchangeDown("not now")]))
    await eventually(stream.settled.is_set)
    assert not stream.following


async def test_what_cannot_be_recorded_is_recorded_later(follow: Follow) -> None:
    failures = iter([CommandError(ErrorCode.UNAVAILABLE, "gone"), CommandError(ErrorCode.OUTCOME_UNKNOWN, "who knows")])

    def fail() -> None:
        error = next(failures, None)
        if error is not None:
            raise error

    _, records, _ = follow(Account([told(1), told(2)]), fail)
    await eventually(lambda: records.amounts() == [1, 2])


async def test_what_can_never_be_recorded_does_not_stop_the_rest(follow: Follow) -> None:
    failures = iter([ValueError("rubbish")])

    def fail() -> None:
        error = next(failures, None)
        if error is not None:
            raise error

    account = Account([told(1), ExchangeDown("gone")], [told(2)])
    _, records, resyncs = follow(account, fail)
    await eventually(lambda: records.amounts() == [2])
    assert resyncs


async def test_without_the_lease_nothing_more_is_recorded(follow: Follow) -> None:
    tries: list[None] = []

    def fail() -> None:
        tries.append(None)
        if len(tries) == 1:
            raise LeaseLost("session.main.paper")

    account = Account([told(1), ExchangeDown("gone")], [told(2), ExchangeDown("gone")], [])
    _, records, _ = follow(account, fail)
    await eventually(lambda: account.opened == 3)
    assert (len(tries), records.facts) == (1, [])


async def test_a_stream_that_is_too_fast_is_asked_for_instead(follow: Follow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_stream, "_QUEUE", 10)
    _, records, resyncs = follow(Account([told(number) for number in range(25)]))
    await eventually(lambda: bool(records.facts) and bool(resyncs))
    assert records.amounts()[-1] == 24


def fill(number: str, fee: Fee | None) -> VenueTrade:
    return VenueTrade(number, "BTC-USDT", "1", None, TradeType.BUY, Decimal(100), Decimal(1), fee, 0)


async def test_fills_without_their_fees_are_not_recorded_but_asked_for_once(
    follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_stream, "_FEE_DELAY", 0.05)
    with_fee = fill("3", Fee(Decimal("0.1"), "USDT"))
    run: Run = [AccountUpdate(trades=(fill("1", None),)), AccountUpdate(trades=(fill("2", None), with_fee))]
    _, records, resyncs = follow(Account(run))
    await eventually(lambda: bool(records.facts) and bool(resyncs))
    assert [facts.trades for facts in records.facts] == [(with_fee,)]
    assert len(resyncs) == 1
