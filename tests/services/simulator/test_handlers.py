"""The simulator's commands over a real NATS: accounts for the credentials of its connectors."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from hummingbus.stack.nats_server import NatsServer
from hummingbus.stack.postgres_server import PostgresServer
from shared.bus.client import Bus
from shared.contracts.declaration import Command, Req, Res
from shared.contracts.simulator import (
    CLOSE_ACCOUNT,
    OPEN_ACCOUNT,
    SimulatorAccountClose,
    SimulatorAccountClosed,
    SimulatorAccountOpen,
)
from shared.errors import CommandError, ErrorCode
from shared.settings import Settings
from tests.eventually import eventually
from tests.servers import short_folder, strict_nats
from tests.services.simulator.conftest import StartSimulator
from tests.services.simulator.process import SimulatorProcess, Trader

KEEPER = "credentials"


@pytest.fixture
async def keeper(nats_server: NatsServer, namespace: str) -> AsyncIterator[Bus]:
    """The bus as the service that may open accounts."""
    bus = Bus(Settings.model_validate({"NATS_URL": nats_server.url, "HUMMINGBUS_NAMESPACE": namespace}), KEEPER)
    await bus.start()
    yield bus
    await bus.stop()


@pytest.fixture
async def on_the_bus(start_simulator: StartSimulator, nats_server: NatsServer, namespace: str) -> SimulatorProcess:
    """A simulator that answers commands."""
    return await start_simulator(NATS_URL=nats_server.url, HUMMINGBUS_NAMESPACE=namespace)


async def ask(bus: Bus, command: Command[Req, Res], request: Req) -> Res:
    return await bus.request(command, request, actor=KEEPER)


async def refused(bus: Bus, command: Command[Req, Res], request: Req) -> CommandError:
    with pytest.raises(CommandError) as caught:
        await ask(bus, command, request)
    return caught.value


def wish(balances: dict[str, str], futures_balances: dict[str, str] | None = None) -> SimulatorAccountOpen:
    return SimulatorAccountOpen(
        "master_account",
        "paper",
        {asset: Decimal(amount) for asset, amount in balances.items()},
        {asset: Decimal(amount) for asset, amount in (futures_balances or {}).items()},
    )


async def test_an_account_trades_until_it_is_closed(on_the_bus: SimulatorProcess, keeper: Bus) -> None:
    keys = await ask(keeper, OPEN_ACCOUNT, wish({"USDT": "1000.12345678"}, {"USDT": "7"}))
    trader = Trader(on_the_bus, keys.api_key, keys.api_secret)
    _, account = await trader.ask("GET", "/api/v3/account")
    free = {row["asset"]: row["free"] for row in account["balances"]}
    assert free["USDT"] == "1000.12345678"
    _, futures = await trader.ask("GET", "/fapi/v2/balance")
    assert {row["asset"]: Decimal(row["balance"]) for row in futures if Decimal(row["balance"])} == {"USDT": 7}
    status, order = await trader.ask(
        "POST", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="100"
    )
    assert status == 200, order
    close = SimulatorAccountClose(keys.api_key)
    assert await ask(keeper, CLOSE_ACCOUNT, close) == SimulatorAccountClosed(existed=True)
    status, answer = await trader.ask("GET", "/api/v3/account")
    assert (status, answer["code"]) == (401, -2015)
    assert await ask(keeper, CLOSE_ACCOUNT, close) == SimulatorAccountClosed(existed=False)
    await trader.close()


async def test_each_opening_makes_an_account_of_its_own(on_the_bus: SimulatorProcess, keeper: Bus) -> None:
    first, second = [await ask(keeper, OPEN_ACCOUNT, wish({"USDT": amount})) for amount in ("1", "2")]
    assert first.api_key != second.api_key
    await ask(keeper, CLOSE_ACCOUNT, SimulatorAccountClose(first.api_key))
    trader = Trader(on_the_bus, second.api_key, second.api_secret)
    _, account = await trader.ask("GET", "/api/v3/account")
    assert [row["free"] for row in account["balances"] if row["asset"] == "USDT"] == ["2.00000000"]
    await trader.close()


@pytest.mark.parametrize("balance", [{"NOPE": "1"}, {"USDT": "-1"}, {"USDT": "NaN"}, {"USDT": "1e400"}])
async def test_balances_that_make_no_sense_are_refused(
    on_the_bus: SimulatorProcess, keeper: Bus, balance: dict[str, str]
) -> None:
    error = await refused(keeper, OPEN_ACCOUNT, wish(balance))
    assert error.code == ErrorCode.REFUSED
    assert next(iter(balance)) in error.detail or "number" in error.detail


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"account_name": "a.b", "connector_name": "paper"}'])
async def test_rubbish_is_invalid(on_the_bus: SimulatorProcess, keeper: Bus, body: bytes) -> None:
    with pytest.raises(CommandError) as caught:
        await keeper.request_raw(OPEN_ACCOUNT, body, actor=KEEPER)
    assert caught.value.code == ErrorCode.INVALID


async def test_an_account_outlives_sigkill(
    start_simulator: StartSimulator, simulator_database: str, nats_server: NatsServer, namespace: str, keeper: Bus
) -> None:
    simulator = await start_simulator(
        DATABASE_URL=simulator_database, NATS_URL=nats_server.url, HUMMINGBUS_NAMESPACE=namespace
    )
    keys = await ask(keeper, OPEN_ACCOUNT, wish({"USDT": "5"}))
    await simulator.kill()
    assert (await refused(keeper, OPEN_ACCOUNT, wish({}))).code == ErrorCode.UNAVAILABLE
    await simulator.start()
    assert (await ask(keeper, CLOSE_ACCOUNT, SimulatorAccountClose(keys.api_key))).existed
    await simulator.kill()
    await simulator.start()
    assert not (await ask(keeper, CLOSE_ACCOUNT, SimulatorAccountClose(keys.api_key))).existed


async def test_while_nothing_can_be_stored_no_account_is_opened(
    start_simulator: StartSimulator, nats_server: NatsServer, namespace: str, keeper: Bus, folder: Path
) -> None:
    server = PostgresServer(folder / "postgres")
    await server.start()
    try:
        simulator = await start_simulator(
            DATABASE_URL=server.url, NATS_URL=nats_server.url, HUMMINGBUS_NAMESPACE=namespace
        )
        keys = await ask(keeper, OPEN_ACCOUNT, wish({"USDT": "5"}))
        server.kill()
        # The first finds out that the database is gone and waits for it; nobody is told that it was done.
        assert (await refused(keeper, OPEN_ACCOUNT, wish({}))).code == ErrorCode.OUTCOME_UNKNOWN
        assert (await refused(keeper, OPEN_ACCOUNT, wish({}))).code == ErrorCode.UNAVAILABLE
        error = await refused(keeper, CLOSE_ACCOUNT, SimulatorAccountClose(keys.api_key))
        assert error.code == ErrorCode.UNAVAILABLE
        await server.start()

        async def closed() -> bool:
            try:
                return (await ask(keeper, CLOSE_ACCOUNT, SimulatorAccountClose(keys.api_key))).existed
            except CommandError:
                return False

        await eventually(closed)
        await simulator.kill()
    finally:
        await server.stop()


async def test_only_credentials_may_open_accounts(start_simulator: StartSimulator, namespace: str) -> None:
    with short_folder() as folder:
        server, seeds = strict_nats(folder, namespace)
        await server.start()
        try:
            await start_simulator(NATS_URL=server.url, HUMMINGBUS_NAMESPACE=namespace, NATS_SEED=seeds["simulator"])
            answers = []
            for user in (KEEPER, "outside", "gateway_api"):
                settings = {"NATS_URL": server.url, "HUMMINGBUS_NAMESPACE": namespace, "NATS_SEED": seeds[user]}
                answers.append(await answer_to(user, Settings.model_validate(settings)))
            assert answers == ["opened", ErrorCode.OUTCOME_UNKNOWN, ErrorCode.OUTCOME_UNKNOWN]
        finally:
            await server.stop()


async def answer_to(user: str, settings: Settings) -> str:
    """Return what comes of a request under the keeper's name; what the server drops is never answered."""
    bus = Bus(settings, user)
    await bus.start()
    try:
        await bus.request(OPEN_ACCOUNT, wish({"USDT": "1"}), actor=KEEPER, timeout=2)
    except CommandError as error:
        return error.code
    else:
        return "opened"
    finally:
        await bus.stop()


async def test_keys_are_in_no_output(on_the_bus: SimulatorProcess, keeper: Bus) -> None:
    keys = await ask(keeper, OPEN_ACCOUNT, wish({"USDT": "1"}))
    await on_the_bus.stop()
    assert not [line for line in on_the_bus.output if keys.api_secret in line]
    assert keys.api_secret not in repr(keys)
