"""Keys tried on the exchange for credentials: right, wrong, unknown, and a secret that goes to nobody else."""

from typing import Any

import msgspec
import pytest

from services.portfolio.app import PortfolioService
from shared.bus.client import Bus
from shared.contracts.credentials import CredentialRef
from shared.contracts.portfolio.keys import ASK_KEY, CHECK_KEY, KeyAsk, KeyCheck, KeyChecked, KeyVerdict
from shared.errors import CommandError, ErrorCode
from shared.secrets.sealing import seal
from tests.services.portfolio.conftest import Start
from tests.services.simulator.rest.venue_server import VenueServer


@pytest.fixture
async def service(start: Start) -> PortfolioService:
    return await start()


@pytest.fixture
async def keys(service: PortfolioService, bus: Bus, venue: VenueServer) -> dict[str, Any]:
    """Keys that are right."""
    assert service.health().ready
    account = venue.account({"USDT": "1"})
    return {"paper_api_key": account.api_key, "paper_api_secret": account.api_secret}


async def asked(bus: Bus, connector: str = "paper") -> KeyAsk:
    return await bus.request(ASK_KEY, CredentialRef("main", connector), actor="credentials")


async def check(bus: Bus, given: KeyCheck) -> KeyChecked:
    return await bus.request(CHECK_KEY, given, actor="credentials")


async def tried(bus: Bus, values: dict[str, Any], connector: str = "paper") -> KeyChecked:
    ask = await asked(bus, connector)
    assert (ask.request.service, ask.request.connector_name) == ("portfolio", connector)
    sealed = seal(values, ask.request).sealed
    return await check(bus, KeyCheck(ask.checker, "main", connector, ask.request.nonce, sealed))


async def test_right_keys(bus: Bus, keys: dict[str, Any]) -> None:
    assert (await tried(bus, keys)).verdict is KeyVerdict.GOOD
    assert (await tried(bus, keys, "paper_perpetual")).verdict is KeyVerdict.GOOD


@pytest.mark.parametrize("wrong", ["paper_api_key", "paper_api_secret"])
async def test_wrong_keys_are_said_to_be_wrong_without_being_told(bus: Bus, keys: dict[str, Any], wrong: str) -> None:
    checked = await tried(bus, {**keys, wrong: "x" * 64})
    assert checked.verdict is KeyVerdict.WRONG
    assert checked.reason
    assert not any(value in checked.reason for value in keys.values())


async def test_an_exchange_that_is_down_says_nothing(bus: Bus, keys: dict[str, Any], venue: VenueServer) -> None:
    venue.add_fault("maintenance", path="*", api_key=keys["paper_api_key"])
    checked = await tried(bus, keys)
    assert checked.verdict is KeyVerdict.UNKNOWN
    assert checked.reason


async def test_an_exchange_that_is_slow_is_not_waited_for_long(
    bus: Bus, keys: dict[str, Any], venue: VenueServer
) -> None:
    venue.add_fault("latency", path="/api/*", api_key=keys["paper_api_key"], delay=20)
    assert (await tried(bus, keys)).verdict is KeyVerdict.UNKNOWN


async def test_a_connector_without_trading_cannot_be_tried(bus: Bus, keys: dict[str, Any]) -> None:
    assert (await tried(bus, keys, "vertex")).verdict is KeyVerdict.UNKNOWN


async def test_a_question_is_good_for_one_answer(bus: Bus, keys: dict[str, Any]) -> None:
    ask = await asked(bus)
    given = KeyCheck(ask.checker, "main", "paper", ask.request.nonce, seal(keys, ask.request).sealed)
    assert (await check(bus, given)).verdict is KeyVerdict.GOOD
    with pytest.raises(CommandError) as caught:
        await check(bus, given)
    assert caught.value.code is ErrorCode.NOT_FOUND


@pytest.mark.parametrize("change", [{"account_name": "other"}, {"connector_name": "binance"}, {"sealed": b"rubbish"}])
async def test_values_for_another_question_are_refused(bus: Bus, keys: dict[str, Any], change: dict[str, Any]) -> None:
    ask = await asked(bus)
    given = KeyCheck(ask.checker, "main", "paper", ask.request.nonce, seal(keys, ask.request).sealed)
    with pytest.raises(CommandError) as caught:
        await check(bus, msgspec.structs.replace(given, **change))
    assert caught.value.code is ErrorCode.FORBIDDEN


async def test_each_replica_is_asked_by_its_own_name(bus: Bus, start: Start, keys: dict[str, Any]) -> None:
    await start()
    for _ in range(6):
        assert (await tried(bus, keys)).verdict is KeyVerdict.GOOD
    ask = await asked(bus)
    elsewhere = KeyCheck("portfolio-gone", "main", "paper", ask.request.nonce, b"")
    with pytest.raises(CommandError) as caught:
        await check(bus, elsewhere)
    assert caught.value.code is ErrorCode.UNAVAILABLE
