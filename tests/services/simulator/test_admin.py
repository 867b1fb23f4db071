"""The admin API over HTTP, and what a simulator says that runs alone."""

import json

import pytest

from tests.services.simulator.conftest import StartSimulator
from tests.services.simulator.process import SimulatorProcess


async def test_an_account_trades_until_it_is_deleted(simulator: SimulatorProcess) -> None:
    trader = await simulator.account({"USDT": "1000.5", "BTC": "0.1"}, {"USDT": "50"})
    status, account = await trader.ask("GET", "/api/v3/account")
    assert status == 200
    assert {row["asset"]: row["free"] for row in account["balances"] if float(row["free"])} == {
        "USDT": "1000.50000000",
        "BTC": "0.10000000",
    }
    status, balances = await trader.ask("GET", "/fapi/v2/balance")
    assert {row["asset"]: float(row["balance"]) for row in balances if float(row["balance"])} == {"USDT": 50.0}
    path = f"/accounts/{trader.api_key}"
    assert await simulator.admin("PUT", f"{path}/balances", {"balances": {"USDT": 7}}) == (200, {})
    _, account = await trader.ask("GET", "/api/v3/account")
    assert {row["asset"]: float(row["free"]) for row in account["balances"] if float(row["free"])} == {
        "USDT": 7.0,
        "BTC": 0.1,
    }
    assert await simulator.admin("DELETE", path) == (200, {})
    status, refused = await trader.ask("GET", "/api/v3/account")
    assert (status, refused["code"]) == (401, -2015)
    assert (await simulator.admin("DELETE", path))[0] == 404
    assert (await simulator.admin("PUT", f"{path}/balances", {}))[0] == 404
    await trader.close()


@pytest.mark.parametrize("token", ["", "wrong", "the-admin-token-and-more", "the-admin-toke"])
async def test_without_the_token_nothing_is_told(simulator: SimulatorProcess, token: str) -> None:
    status, answer = await simulator.admin("GET", "/faults", token=token)
    assert (status, answer) == (401, {"detail": "X-Admin-Token is missing or wrong"})


@pytest.mark.parametrize(
    "body",
    [
        {"balances": {"NOPE": "1"}},
        {"balances": {"USDT": "-1"}},
        {"balances": {"USDT": "NaN"}},
        {"balances": {"USDT": "0.000000001"}},
        {"balances": {"USDT": "1e400"}},
        {"balances": {"USDT": "one"}},
        {"balances": []},
        {"blances": {}},
        [],
    ],
)
async def test_balances_that_make_no_sense_are_refused(simulator: SimulatorProcess, body: object) -> None:
    status, answer = await simulator.admin("POST", "/accounts", body)
    assert status == 400
    assert answer["detail"]


async def test_faults_come_and_go(simulator: SimulatorProcess) -> None:
    asked = {"kind": "server_error", "path": "/api/v3/time", "status": 502, "count": 1}
    status, fault = await simulator.admin("POST", "/faults", asked)
    assert (status, fault["left"], fault["met"]) == (201, 1, 0)
    trader = await simulator.account()
    assert (await trader.ask("GET", "/api/v3/time"))[0] == 502
    assert (await trader.ask("GET", "/api/v3/time"))[0] != 502
    assert await simulator.admin("GET", "/faults") == (200, [])
    for _ in range(2):
        await simulator.admin("POST", "/faults", {"kind": "latency", "delay": 0.1})
    _, faults = await simulator.admin("GET", "/faults")
    assert await simulator.admin("DELETE", f"/faults/{faults[0]['id']}") == (200, {"removed": 1})
    assert await simulator.admin("DELETE", "/faults") == (200, {"removed": 1})
    assert (await simulator.admin("DELETE", "/faults/1"))[0] == 404
    assert (await simulator.admin("POST", "/faults", {"kind": "earthquake"}))[0] == 400
    assert (await simulator.admin("POST", "/faults", {"kind": "latency", "delay": -1}))[0] == 400
    await trader.close()


async def test_it_tells_what_is_watched(simulator: SimulatorProcess) -> None:
    nothing: dict[str, list[str]] = {"spot": [], "usdm": []}
    watched = {"sockets": 0, "streams": nothing, "accounts": nothing, "pairs_quoted": 0}
    assert await simulator.admin("GET", "/watched") == (200, watched)
    assert (await simulator.admin("GET", "/watched", token="wrong"))[0] == 401
    trader = await simulator.account({"USDT": "1000"})
    await trader.public("/fapi/v1/depth", symbol="BTCUSDT")
    _, after = await simulator.admin("GET", "/watched")
    assert after["pairs_quoted"] == 1
    await trader.close()


async def test_an_offset_of_the_clock_is_told_and_checked(simulator: SimulatorProcess) -> None:
    trader = await simulator.account()
    await simulator.admin("POST", "/faults", {"kind": "clock_offset", "offset": -3_600_000})
    status, refused = await trader.ask("GET", "/api/v3/account")
    assert (status, refused["code"]) == (400, -1021)
    await trader.close()


async def test_the_clock_is_wrong_for_one_account_and_for_so_many_requests(simulator: SimulatorProcess) -> None:
    met, unmet = await simulator.account(), await simulator.account()
    asked = {"kind": "clock_offset", "offset": -3_600_000, "api_key": met.api_key, "count": 2}
    await simulator.admin("POST", "/faults", asked)
    paths = ("/api/v3/account", "/fapi/v3/account", "/api/v3/account")
    assert [(await unmet.ask("GET", path))[0] for path in paths] == [200, 200, 200]
    assert [(await met.ask("GET", path))[0] for path in paths] == [400, 400, 200]
    before = (await unmet.public("/api/v3/time"))["serverTime"]
    await simulator.admin("POST", "/faults", {**asked, "api_key": None, "path": "/api/v3/time", "count": 1})
    assert (await unmet.public("/api/v3/time"))["serverTime"] < before - 3_000_000
    assert (await unmet.public("/api/v3/time"))["serverTime"] >= before
    for trader in (met, unmet):
        await trader.close()


async def test_alone_it_says_that_it_forgets_and_shows_a_random_token_once(start_simulator: StartSimulator) -> None:
    simulator = await start_simulator(SIMULATOR_ADMIN_TOKEN="")
    shown = [line for line in simulator.output if "X-Admin-Token" in line]
    assert len(shown) == 1
    token = shown[0].rpartition(" ")[2]
    assert (await simulator.admin("GET", "/faults", token=token)) == (200, [])
    await simulator.stop()
    assert any("DATABASE_URL is not set" in line for line in simulator.output)
    assert not [line for line in simulator.output if token in line and line != shown[0]]


async def test_secrets_are_in_no_output(simulator: SimulatorProcess) -> None:
    _, keys = await simulator.admin("POST", "/accounts", {})
    await simulator.stop()
    assert not [line for line in simulator.output if keys["api_secret"] in line or "the-admin-token" in line]
    assert all(json.loads(line) for line in simulator.output)
