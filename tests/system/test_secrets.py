"""Whatever a full run writes, no secret stands in it in clear: database, streams, logs, answers, events."""

import asyncio
import subprocess
import sys
from pathlib import Path

import httpx

from tests.running_stack import RunningStack, running_stack
from tests.servers import short_folder

PASSWORD = "login-Hx72bNq0sP"
CONFIG_PASSWORD = "config-Lk55cVt8wR"
NEW_CONFIG_PASSWORD = "config-Mz61dYu3eQ"
SECRETS = {
    "hyperliquid_perpetual_address": "0xWalletAddress9f3Kd0",
    "hyperliquid_perpetual_secret_key": "0xExchangeSecret7Pq2",
}
REFUSED = "0xRefusedSecret4Wn8"


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
    async with httpx.AsyncClient(base_url=stack.url, auth=("admin", PASSWORD)) as client:
        assert (await client.post(path, json=SECRETS)).status_code == 201
        wrong = await client.post(path, json=SECRETS | {"unknown_field": REFUSED})
        assert wrong.status_code == 422
        broken = await client.post(path, content=f'{{"hyperliquid_perpetual_secret_key": "{REFUSED}"')
        assert broken.status_code == 422
        assert REFUSED not in wrong.text + broken.text
        assert (await client.get("/accounts/", auth=("admin", REFUSED))).status_code == 401
    hummingbus(stack, "rotate-config-password", "--stdin", stdin=NEW_CONFIG_PASSWORD + "\n")
    async with httpx.AsyncClient(base_url=stack.url, headers={"X-API-KEY": api_key}) as client:
        assert (await client.post(path, json=SECRETS)).status_code == 201
    return [*SECRETS.values(), REFUSED, PASSWORD, CONFIG_PASSWORD, NEW_CONFIG_PASSWORD, api_key, api_key.split("_")[-1]]


async def test_no_file_of_a_full_run_holds_a_secret_in_clear() -> None:
    with short_folder() as folder:
        (folder / ".env").touch(mode=0o600)
        (folder / ".env").write_text(f"API_PASSWORD={PASSWORD}\nCONFIG_PASSWORD={CONFIG_PASSWORD}\n")
        with running_stack(folder, {"LOG_LEVEL": "DEBUG"}) as stack:
            await stack.says("Ready")
            secrets = await use(stack)
            # While it runs, what is only in memory-mapped files counts too; after the stop, all of it is on disk.
            await asyncio.to_thread(check, folder / "data", secrets)
            assert await stack.stop() == 0
        await asyncio.to_thread(check, folder / "data", secrets)
        assert (folder / ".env").stat().st_mode & 0o077 == 0
        # A start with the new password reads what was stored under it.
        with running_stack(folder) as stack:
            await stack.says("Ready")
            assert NEW_CONFIG_PASSWORD in (folder / ".env").read_text()
            assert CONFIG_PASSWORD not in (folder / ".env").read_text()
            await stack.stop()


def check(folder: Path, secrets: list[str]) -> None:
    """Look for `secrets` in every file under `folder`."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert len(files) > 100, "expected the files of a database"
    for file in files:
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            continue  # a temporary file of a server
        for secret in secrets:
            assert secret.encode() not in content, f"{secret} stands in {file}"
