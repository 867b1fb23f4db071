"""Whatever a full run writes, no secret stands in it in clear: database, streams, logs, answers, events."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from hummingbus.stack.postgres_server import PostgresServer
from tests.eventually import eventually
from tests.ports import reserved_port
from tests.running_stack import NOWHERE, RunningStack, running_stack
from tests.servers import short_folder
from tests.venue import SimulatedVenue

PASSWORD = "login-Hx72bNq0sP"
CONFIG_PASSWORD = "config-Lk55cVt8wR"
NEW_CONFIG_PASSWORD = "config-Mz61dYu3eQ"
SECRETS = {
    "hyperliquid_perpetual_address": "0xWalletAddress9f3Kd0",
    "hyperliquid_perpetual_secret_key": "0xExchangeSecret7Pq2",
}
REFUSED = "0xRefusedSecret4Wn8"
REFUSED_BY_EXCHANGE = "0xWrongSecret8Tz5"


def hummingbus(stack: RunningStack, *arguments: str, stdin: str = "") -> str:
    """Run the command line in the stack's folder; return what it prints."""
    program = Path(sys.executable).parent / "hummingbus"
    done = subprocess.run(
        [program, *arguments], cwd=stack.folder, env={"PATH": "/usr/bin:/bin"}, input=stdin, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    return done.stdout


async def use(stack: RunningStack) -> list[str]:
    """Do everything that handles a secret; return the secrets that were handled."""
    path = "/accounts/add-credential/master_account/hyperliquid_perpetual"
    api_key = hummingbus(stack, "keys", "add", "laptop").strip()
    async with httpx.AsyncClient(base_url=stack.url, auth=("admin", PASSWORD), timeout=30) as client:
        assert (await client.post(path, json=SECRETS)).status_code == 201
        wrong = await client.post(path, json=SECRETS | {"unknown_field": REFUSED})
        assert wrong.status_code == 422
        broken = await client.post(path, content=f'{{"hyperliquid_perpetual_secret_key": "{REFUSED}"')
        assert broken.status_code == 422
        assert REFUSED not in wrong.text + broken.text
        assert (await client.get("/accounts/", auth=("admin", REFUSED))).status_code == 401
    hummingbus(stack, "rotate-config-password", "--stdin", stdin=NEW_CONFIG_PASSWORD + "\n")
    async with httpx.AsyncClient(base_url=stack.url, headers={"X-API-KEY": api_key}, timeout=30) as client:
        assert (await client.post(path, json=SECRETS)).status_code == 201
    return [
        *SECRETS.values(),
        REFUSED,
        PASSWORD,
        CONFIG_PASSWORD,
        NEW_CONFIG_PASSWORD,
        api_key,
        api_key.split("_", 2)[2],
    ]


async def trade(stack: RunningStack, venue: SimulatedVenue) -> list[str]:
    """Have keys refused and confirmed, and trade with them; return the secrets that were handled."""
    keys = venue.credential({"USDT": "100000"})
    good = {"binance_api_key": keys["paper_api_key"], "binance_api_secret": keys["paper_api_secret"]}
    wrong = good | {"binance_api_secret": REFUSED_BY_EXCHANGE}
    async with httpx.AsyncClient(base_url=stack.url, auth=("admin", PASSWORD), timeout=20) as client:
        path = "/accounts/add-credential/master_account"
        refused = await client.post(f"{path}/binance", json=wrong)
        assert (refused.status_code, "refuses the keys" in refused.text) == (400, True), refused.text
        for connector, values in (("binance", good), ("paper", {})):
            added = await client.post(f"{path}/{connector}", json=values)
            assert "confirmed the keys" in added.text, added.text
            order = {
                "account_name": "master_account", "connector_name": connector, "trading_pair": "BTC-USDT",
                "trade_type": "BUY", "amount": "0.001", "order_type": "MARKET",
            }  # fmt: skip

            async def taken(order: dict[str, str] = order) -> bool:
                return (await client.post("/trading/orders", json=order)).status_code == 201

            await eventually(taken)
        said = refused.text + (await client.post("/trading/orders/search", json={})).text
        async with client.stream("GET", "/events", headers={"Last-Event-ID": "c0.p0"}) as events:
            async for line in events.aiter_lines():
                said += line
                if '"kind":"portfolio.trade.recorded"' in line and '"connector_name":"paper"' in line:
                    break
    secrets = [*good.values(), REFUSED_BY_EXCHANGE]
    assert not [secret for secret in secrets if secret in said]
    return secrets


async def paper_secrets(stack: RunningStack) -> list[str]:
    """Return the keys of the simulator's accounts. It is an exchange: it has to know them itself, and alone."""
    connection = await asyncpg.connect(PostgresServer(stack.data / "postgres").url)
    try:
        rows = await connection.fetch("SELECT api_key, api_secret FROM simulator.accounts")
    finally:
        await connection.close()
    assert rows, "expected an account for the paper credential"
    return [secret for row in rows for secret in row]


@pytest.fixture
def venue() -> Iterator[SimulatedVenue]:
    """The exchange behind `binance`, whose files are none of the stack's."""
    venue = SimulatedVenue()
    yield venue
    venue.stop()


async def test_no_file_of_a_full_run_holds_a_secret_in_clear(venue: SimulatedVenue) -> None:
    settings = {
        "LOG_LEVEL": "DEBUG", "SIMULATOR": "on", "SIMULATOR_PORT": str(reserved_port()),
        "SIMULATOR_ADMIN_PORT": str(reserved_port()),
        "CONNECTOR_ENDPOINTS": json.dumps(json.loads(NOWHERE) | {"binance": venue.url}),
    }  # fmt: skip
    with short_folder() as folder:
        (folder / ".env").touch(mode=0o600)
        (folder / ".env").write_text(f"API_PASSWORD={PASSWORD}\nCONFIG_PASSWORD={CONFIG_PASSWORD}\n")
        with running_stack(folder, settings) as stack:
            await stack.says("Ready")
            secrets = await use(stack) + await trade(stack, venue)
            for place in ("logs", "nats"):
                check(folder / "data" / place, await paper_secrets(stack))
            # While it runs, what is only in memory-mapped files counts too; after the stop, all of it is on disk.
            await asyncio.to_thread(check, folder / "data", secrets, least=100)
            assert await stack.stop() == 0
        await asyncio.to_thread(check, folder / "data", secrets, least=100)
        assert (folder / ".env").stat().st_mode & 0o077 == 0
        # A start with the new password reads what was stored under it.
        with running_stack(folder) as stack:
            await stack.says("Ready")
            assert NEW_CONFIG_PASSWORD in (folder / ".env").read_text()
            assert CONFIG_PASSWORD not in (folder / ".env").read_text()
            await stack.stop()


def check(folder: Path, secrets: list[str], least: int = 1) -> None:
    """Look for `secrets` in every file under `folder`, of which there are `least` at least."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert len(files) >= least, f"expected {least} files in {folder}, were {len(files)}"
    for file in files:
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            continue  # a temporary file of a server
        for secret in secrets:
            assert secret.encode() not in content, f"{secret} stands in {file}"
