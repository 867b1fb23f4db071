"""The simulator as part of `hummingbus up`: it trades, is ready, and keeps its token and accounts over a restart."""

import stat
from pathlib import Path

import httpx

from tests.ports import reserved_port
from tests.running_stack import RunningStack, running_stack


def _settings() -> dict[str, str]:
    return {"SIMULATOR": "on", "SIMULATOR_PORT": str(reserved_port()), "SIMULATOR_ADMIN_PORT": str(reserved_port())}


async def _ready(stack: RunningStack) -> dict[str, object]:
    await stack.says("Ctrl-C", 60)
    async with httpx.AsyncClient() as client:
        services: dict[str, object] = (await client.get(f"{stack.url}/ready")).json()["services"]
        return services


async def test_it_starts_with_the_stack_and_comes_back_as_it_was(folder: Path) -> None:
    settings = _settings()
    with running_stack(folder, settings) as stack:
        services = await _ready(stack)
        assert "simulator" in services
        file = stack.data / "simulator.token"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        token = file.read_text().strip()
        assert any(str(file) in line for line in stack.output)
        assert not [line for line in stack.output if token in line]
        admin = f"http://127.0.0.1:{settings['SIMULATOR_ADMIN_PORT']}"
        async with httpx.AsyncClient(headers={"X-Admin-Token": token}) as client:
            made = await client.post(f"{admin}/accounts", json={"balances": {"USDT": "5"}})
        assert made.status_code == 201
        assert await stack.stop() == 0
    assert token not in (stack.data / "logs" / "trading.log").read_text()
    with running_stack(folder, settings) as stack:
        await _ready(stack)
        assert file.read_text().strip() == token
        async with httpx.AsyncClient(headers={"X-Admin-Token": token}) as client:
            answer = await client.delete(f"{admin}/accounts/{made.json()['api_key']}")
        assert answer.status_code == 200
        assert await stack.stop() == 0


async def test_it_can_be_left_out(folder: Path) -> None:
    with running_stack(folder, _settings() | {"SIMULATOR": "off"}) as stack:
        assert "simulator" not in await _ready(stack)
        assert not (stack.data / "simulator.token").exists()
        assert await stack.stop() == 0
