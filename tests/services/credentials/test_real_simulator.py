"""Paper credentials on the real simulator: their keys sign requests until they go."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from hummingbus.stack.nats_server import NatsServer
from services.credentials.app import CredentialsService
from shared.contracts import credentials as contract
from shared.contracts.credentials import CredentialPut, CredentialRef
from shared.errors import ErrorCode
from tests.eventually import eventually
from tests.services.credentials import stored
from tests.services.credentials.conftest import CONFIG_PASSWORD, Asker
from tests.services.simulator.process import SimulatorProcess, Trader

ACCOUNT = "master_account"


@pytest.fixture
async def simulator(nats_server: NatsServer, namespace: str, tmp_path: Path) -> AsyncIterator[SimulatorProcess]:
    process = SimulatorProcess(tmp_path, {"NATS_URL": nats_server.url, "HUMMINGBUS_NAMESPACE": namespace})
    await process.start()
    yield process
    await process.stop()


TraderOf = Callable[[str], Awaitable[Trader]]


@pytest.fixture
async def trader(simulator: SimulatorProcess, database_url: str) -> AsyncIterator[TraderOf]:
    """A function that gives somebody who trades with the stored keys for a connector."""
    traders: list[Trader] = []

    async def trader_of(connector: str) -> Trader:
        values = (await stored.secrets(database_url, CONFIG_PASSWORD))[ACCOUNT, connector]
        traders.append(Trader(simulator, values["paper_api_key"], values["paper_api_secret"]))
        return traders[-1]

    yield trader_of
    for trader in traders:
        await trader.close()


@pytest.mark.usefixtures("service")
async def test_the_keys_of_a_paper_credential_trade_until_it_goes(ask: Asker, trader: TraderOf) -> None:
    await ask(contract.PUT_CREDENTIAL, CredentialPut(ACCOUNT, "paper", {}))
    await ask(contract.PUT_CREDENTIAL, CredentialPut(ACCOUNT, "paper_perpetual", {}))
    spot = await trader("paper")
    futures = await trader("paper_perpetual")
    status, account = await spot.ask("GET", "/api/v3/account")
    assert status == 200
    free = {balance["asset"]: float(balance["free"]) for balance in account["balances"] if float(balance["free"])}
    assert free == {"USDT": 100000, "BTC": 1}
    status, balances = await futures.ask("GET", "/fapi/v2/balance")
    assert status == 200
    assert {b["asset"]: float(b["balance"]) for b in balances if float(b["balance"])} == {"USDT": 100000}

    await ask(contract.DELETE_CREDENTIAL, CredentialRef(ACCOUNT, "paper"))

    async def refused() -> bool:
        return (await spot.ask("GET", "/api/v3/account"))[0] == 401

    await eventually(refused)
    assert (await futures.ask("GET", "/fapi/v2/balance"))[0] == 200


async def test_the_simulator_dies_and_comes_back(
    service: CredentialsService, ask: Asker, simulator: SimulatorProcess, trader: TraderOf
) -> None:
    for balances in ("DOGE=1", "BTC=0.0000000000001"):
        wrong = CredentialPut(ACCOUNT, "paper", {"starting_balances": balances})
        error = await ask.refused(contract.PUT_CREDENTIAL, wrong)
        assert error.code is ErrorCode.INVALID
        assert [fault.loc for fault in error.fields] == [("body", "starting_balances")]
    await simulator.kill()
    put = CredentialPut(ACCOUNT, "paper", {})
    error = await ask.refused(contract.PUT_CREDENTIAL, put, key="k")
    assert error.code is ErrorCode.UNAVAILABLE
    assert "simulator" in error.detail
    assert service.health().ready
    await simulator.start()
    await ask(contract.PUT_CREDENTIAL, put, key="k")
    assert (await (await trader("paper")).ask("GET", "/api/v3/account"))[0] == 200
