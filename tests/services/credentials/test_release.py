"""The release of secrets: to the services that may ask, once a request, sealed, with an event."""

import json
import time
from typing import Any

import asyncpg
import msgspec
import pytest

from hummingbus.stack.nkey import Nkey
from services.credentials.app import CredentialsService
from services.credentials.release import MAX_VALIDITY, check_request
from shared.bus.client import Bus
from shared.contracts import credentials as contract
from shared.contracts.credentials import CredentialPut, SecretReleased, SecretRequest
from shared.errors import CommandError, ErrorCode
from shared.secrets.sealing import SecretAsker
from tests.services.credentials.conftest import Asker, Start

KEY = Nkey.new()
KEYS = {"portfolio": KEY.public_key}
VALUES = {"binance_api_key": "key", "binance_api_secret": "s3cret"}


@pytest.fixture
async def service(start: Start) -> CredentialsService:
    return await start(SERVICE_KEYS=json.dumps(KEYS))


@pytest.fixture
async def portfolio(service: CredentialsService, bus: Bus, ask: Asker) -> Asker:
    """The portfolio service, with a credential to ask for."""
    assert service.health().ready
    await ask(contract.PUT_CREDENTIAL, CredentialPut("master_account", "binance", VALUES))
    return Asker(bus, "portfolio")


def asked(connector: str = "binance", account: str = "master_account") -> tuple[SecretAsker, SecretRequest]:
    asker = SecretAsker("portfolio", KEY.seed)
    return asker, asker.request(account, connector, 5.0)


async def released(database_url: str) -> list[bytes]:
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT data FROM credentials.outbox WHERE kind = $1", contract.SECRET_RELEASED.kind)
    await connection.close()
    return [row["data"] for row in rows]


async def test_a_service_gets_the_values_and_an_event_tells_of_it(portfolio: Asker, database_url: str) -> None:
    asker, request = asked()
    answer = await portfolio(contract.RELEASE_SECRET, request)
    assert asker.open(answer, request) == VALUES
    (event,) = await released(database_url)
    assert msgspec.json.decode(event, type=SecretReleased) == SecretReleased("master_account", "binance", "portfolio")
    assert b"s3cret" not in event


async def test_a_request_is_good_once(portfolio: Asker, database_url: str) -> None:
    _, request = asked()
    await portfolio(contract.RELEASE_SECRET, request)
    error = await portfolio.refused(contract.RELEASE_SECRET, request)
    assert error.code is ErrorCode.FORBIDDEN
    assert "used before" in error.detail
    assert len(await released(database_url)) == 1


async def test_nobody_else_gets_them(portfolio: Asker, ask: Asker, bus: Bus, database_url: str) -> None:
    _, request = asked()
    for actor in ("outside", "gateway_api", "orchestrator", "alice"):
        assert (await Asker(bus, actor).refused(contract.RELEASE_SECRET, request)).code is ErrorCode.FORBIDDEN
    forged = SecretAsker("portfolio", Nkey.new().seed).request("master_account", "binance", 5.0)
    assert (await portfolio.refused(contract.RELEASE_SECRET, forged)).code is ErrorCode.FORBIDDEN
    assert await released(database_url) == []


async def test_what_is_not_there_is_named(portfolio: Asker, database_url: str) -> None:
    for connector, account, named in (
        ("nowhere", "master_account", "nowhere"),
        ("binance", "nobody", "nobody"),
        ("kraken", "master_account", "kraken"),
    ):
        error = await portfolio.refused(contract.RELEASE_SECRET, asked(connector, account)[1])
        assert error.code is ErrorCode.NOT_FOUND
        assert named in error.detail
    assert await released(database_url) == []


def refusal(request: SecretRequest, **more: Any) -> ErrorCode:
    with pytest.raises(CommandError) as caught:
        check_request(request, **{"actor": "portfolio", "keys": KEYS, **more})
    return caught.value.code


def test_a_request_is_checked_before_anything_is_looked_up() -> None:
    _, request = asked()
    check_request(request, "portfolio", KEYS)
    assert refusal(request, actor="orchestrator") is ErrorCode.FORBIDDEN
    assert refusal(request, keys={}) is ErrorCode.FORBIDDEN
    assert refusal(request, keys={"portfolio": Nkey.new().public_key}) is ErrorCode.FORBIDDEN
    assert refusal(msgspec.structs.replace(request, account_name="other")) is ErrorCode.FORBIDDEN
    assert refusal(msgspec.structs.replace(request, service="credentials"), actor="credentials") is ErrorCode.FORBIDDEN


def test_a_request_has_its_time() -> None:
    _, request = asked()
    assert refusal(request, now=request.deadline) is ErrorCode.EXPIRED
    assert refusal(request, now=request.deadline - MAX_VALIDITY - 1) is ErrorCode.FORBIDDEN
    check_request(request, "portfolio", KEYS, now=request.deadline - MAX_VALIDITY + 1)
    long = SecretAsker("portfolio", KEY.seed).request("master_account", "binance", MAX_VALIDITY + 5)
    assert refusal(long, now=time.time()) is ErrorCode.FORBIDDEN
    never = SecretAsker("portfolio", KEY.seed).request("master_account", "binance", float("nan"))
    assert refusal(never) is ErrorCode.EXPIRED
