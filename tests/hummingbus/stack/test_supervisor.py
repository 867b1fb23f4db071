"""The stack as a whole, with stand-ins for the services: what starts, what comes back, what ends in which order."""

import asyncio
import os
import signal
import socket
import stat
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import nats
import psutil
import pytest

from hummingbus.stack.postgres_server import PostgresServer
from hummingbus.stack.processes import gone, runs
from shared.settings import read_environment
from tests.ports import reserved_port
from tests.running_stack import RunningStack, running_stack
from tests.servers import short_folder, strict_nats

_STAND_INS = "tests.hummingbus.stack.stand_ins"
_GROUPS = f"edge={_STAND_INS}.gateway_api;control={_STAND_INS}.credentials"

Start = Callable[..., RunningStack]


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """A function that starts a stack of stand-ins in the test's folder, with settings by their names."""
    with ExitStack() as stacks:

        def begin(port: int = 0, **settings: str) -> RunningStack:
            settings = {"HUMMINGBUS_GROUPS": _GROUPS, "STAND_IN_TRACE": str(folder / "trace"), **settings}
            context: AbstractContextManager[RunningStack] = running_stack(folder, settings, port)
            return stacks.enter_context(context)

        yield begin


def _status(stack: RunningStack) -> int:
    with urllib.request.urlopen(f"{stack.url}/ready", timeout=5) as answer:
        return int(answer.status)


async def _passwords_at_starts(stack: RunningStack) -> list[str]:
    """Return the CONFIG_PASSWORD of each start of the control stand-in, as it noted them in PostgreSQL."""
    connection = await asyncpg.connect(PostgresServer(stack.data / "postgres").url)
    try:
        return [row["password"] for row in await connection.fetch("SELECT password FROM starts")]
    finally:
        await connection.close()


async def test_a_second_start_finds_secrets_and_data_of_the_first(start: Start, folder: Path) -> None:
    first = start(NATS_PORT="0")
    await first.says("Random API_PASSWORD and CONFIG_PASSWORD written to")
    await first.says("Ready")
    assert _status(first) == 200
    seed = (first.data / "outside.nk").read_text()
    nats_url = first.run().nats_url
    assert await first.stop() == 0
    secrets = read_environment(folder / ".env")

    second = start(NATS_PORT="0")
    await second.says("Ready")
    assert not any("Random" in line for line in second.output)
    assert read_environment(folder / ".env") == secrets
    assert await _passwords_at_starts(second) == [secrets["CONFIG_PASSWORD"]] * 2
    assert (second.data / "outside.nk").read_text() == seed
    assert second.run().nats_url == nats_url
    assert await second.stop() == 0


async def test_it_stops_the_edge_first_and_the_servers_last_and_leaves_nothing(start: Start, folder: Path) -> None:
    stack = start()
    await stack.says("Ready")
    tree = stack.tree()
    assert await stack.stop() == 0
    # The service flushed to NATS and asked PostgreSQL while it drained.
    assert (folder / "trace").read_text() == "edge drained\ncontrol drained after 1 starts\n"
    assert await gone(tree, 20)
    assert not (stack.data / "run.json").exists()


async def test_ctrl_c_in_a_terminal_stops_it_as_orderly(start: Start, folder: Path) -> None:
    stack = start()
    await stack.says("Ready")
    tree = stack.tree()
    os.killpg(stack.process.pid, signal.SIGINT)
    assert await stack.ended() == 0
    assert (folder / "trace").read_text() == "edge drained\ncontrol drained after 1 starts\n"
    assert not any("Traceback" in line for line in stack.output)
    assert await gone(tree, 20)


@pytest.mark.parametrize("line", ["Hummingbus", "Random", "making a new database", "NATS ", "PostgreSQL  running"])
async def test_ctrl_c_while_it_starts_leaves_nothing(start: Start, line: str) -> None:
    stack = start()
    await stack.says(line)
    tree = stack.tree()
    os.killpg(stack.process.pid, signal.SIGINT)
    code = await stack.ended()
    assert code in ({0, 1, 130} if line == "Hummingbus" else {0, 130}), stack.output
    assert await gone(tree, 20)


async def test_a_second_signal_hastens_the_stop(start: Start) -> None:
    stack = start(STAND_IN_DRAIN="60")
    await stack.says("Ready")
    stack.process.send_signal(signal.SIGTERM)
    await stack.says("Stopping")
    stack.process.send_signal(signal.SIGTERM)
    assert await stack.ended(30) == 0


async def test_a_killed_group_comes_back_and_the_others_do_not_notice(start: Start) -> None:
    stack = start()
    await stack.says("Ready")
    before = stack.run().pids
    os.kill(stack.pid("edge"), signal.SIGKILL)
    await stack.says("edge ended (killed by signal 9)")
    await stack.says("edge is back")
    assert _status(stack) == 200
    after = stack.run().pids
    assert after["edge"] != before["edge"]
    assert {name: after[name] for name in ("control", "nats", "postgres")} == {
        name: before[name] for name in ("control", "nats", "postgres")
    }
    assert await stack.stop() == 0


async def test_all_groups_come_back_when_the_process_they_are_forked_from_is_killed(start: Start) -> None:
    stack = start()
    await stack.says("Ready")
    edge = psutil.Process(stack.pid("edge"))
    origin = edge.parent()
    assert origin is not None
    assert origin.pid != stack.process.pid
    origin.kill()
    said = {await stack.says("is back"), await stack.says("is back")}
    assert said == {"edge is back\n", "control is back\n"}
    assert _status(stack) == 200
    assert not runs(edge)
    assert await stack.stop() == 0


async def test_killed_servers_come_back_at_the_same_address_with_their_data(start: Start, folder: Path) -> None:
    stack = start()
    await stack.says("Ready")
    run = stack.run()
    for part, name in (("nats", "NATS"), ("postgres", "PostgreSQL")):
        os.kill(stack.pid(part), signal.SIGKILL)
        await stack.says(f"{name} is back")
    assert len(await _passwords_at_starts(stack)) == 1
    seed = (stack.data / "outside.nk").read_text().strip()
    client = await nats.connect(run.nats_url, nkeys_seed_str=seed)
    await client.close()
    assert stack.pid("control") == run.pids["control"].pid
    assert await stack.stop() == 0


async def test_a_restarted_group_reads_the_env_file_anew(start: Start, folder: Path) -> None:
    stack = start()
    await stack.says("Ready")
    with (folder / ".env").open("a") as file:
        file.write("CONFIG_PASSWORD=changed\n")
    os.kill(stack.pid("control"), signal.SIGKILL)
    await stack.says("control is back")
    assert (await _passwords_at_starts(stack))[-1] == "changed"
    assert await stack.stop() == 0


async def test_all_children_end_when_the_supervisor_is_killed(start: Start) -> None:
    stack = start()
    await stack.says("Ready")
    children = stack.tree()[1:]
    assert len(children) >= 5
    stack.process.kill()
    assert await gone(children, 20)


async def test_a_start_right_after_the_supervisor_was_killed_serves_again(start: Start) -> None:
    stack = start()
    await stack.says("Ready")
    stack.process.kill()
    again = start(port=stack.port)
    await again.says("Ready")
    assert _status(again) == 200
    assert len(await _passwords_at_starts(again)) == 2
    assert await again.stop() == 0


async def test_a_start_after_a_loss_of_power_serves_again_with_all_data(start: Start) -> None:
    stack = start()
    await stack.says("Ready")
    stack.kill_everything()
    again = start(port=stack.port)
    await again.says("Ready")
    assert len(await _passwords_at_starts(again)) == 2
    assert await again.stop() == 0


async def test_a_busy_port_is_named_before_anything_is_started(start: Start) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        stack = start(port=port)
        assert await stack.ended() == 1
    said = "".join(stack.output)
    assert f"Port {port} on 127.0.0.1 is in use by process {os.getpid()}" in said
    assert f"for the API: API_PORT={port + 1 if port < 65535 else port - 1} ./run.sh" in said
    assert not (stack.data / "postgres").exists()
    assert not (stack.data / "nats").exists()


@pytest.mark.parametrize("setting", ["SIMULATOR_PORT", "SIMULATOR_ADMIN_PORT"])
async def test_a_busy_port_of_the_simulator_is_named_before_anything_is_started(start: Start, setting: str) -> None:
    ports = {"SIMULATOR_PORT": str(reserved_port()), "SIMULATOR_ADMIN_PORT": str(reserved_port())}
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(ports[setting])))
        other.listen()
        stack = start(SIMULATOR="on", HUMMINGBUS_GROUPS=f"{_GROUPS};play=simulator", **ports)
        assert await stack.ended() == 1
    said = "".join(stack.output)
    assert f"Port {ports[setting]} on 127.0.0.1 is in use by process {os.getpid()}" in said
    assert f"{setting}={int(ports[setting]) + 1} ./run.sh, or SIMULATOR=off" in said
    assert not (stack.data / "postgres").exists()


async def test_a_data_folder_in_use_is_refused_and_its_owner_goes_on(start: Start) -> None:
    stack = start()
    await stack.says("Ready")
    second = start()
    assert await second.ended() == 1
    assert f"in use by another Hummingbus (process {stack.process.pid})" in "".join(second.output)
    assert _status(stack) == 200
    assert await stack.stop() == 0


async def test_two_stacks_with_two_data_folders_run_side_by_side(start: Start, folder: Path) -> None:
    stacks = [start(HUMMINGBUS_DATA=name, NATS_PORT="0") for name in ("one", "two")]
    await asyncio.gather(*(stack.says("Ready") for stack in stacks))
    assert [_status(stack) for stack in stacks] == [200, 200]
    assert len({stack.run().nats_url for stack in stacks}) == 2
    password = read_environment(folder / ".env")["CONFIG_PASSWORD"]
    for stack in stacks:
        assert await _passwords_at_starts(stack) == [password]
    assert await asyncio.gather(*(stack.stop() for stack in stacks)) == [0, 0]


async def test_the_bus_keeps_its_port_and_takes_another_one_when_that_is_taken(start: Start) -> None:
    stack = start(NATS_PORT="0")
    await stack.says("Ready")
    port = urlsplit(stack.run().nats_url).port
    assert port is not None
    await stack.stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        stack = start(NATS_PORT="0")
        await stack.says("Ready")
        assert urlsplit(stack.run().nats_url).port != port
        await stack.stop()
        asked = start(NATS_PORT=str(port))
        assert await asked.ended() == 1
        assert f"Port {port} for NATS is in use" in "".join(asked.output)


async def test_a_wrong_setting_of_a_service_ends_the_start_with_its_reason(start: Start) -> None:
    stack = start(CONFIG_PASSWORD="wrong")
    assert await stack.ended() == 78
    said = "".join(stack.output)
    assert "CONFIG_PASSWORD does not open the stored secrets" in said
    assert "trying again" not in said
    assert "Traceback" not in said


async def test_a_wrong_setting_of_the_stack_is_named_without_its_value(start: Start) -> None:
    stack = start(HUMMINGBUS_GROUPS="secret-text")
    assert await stack.ended() == 78
    said = "".join(stack.output)
    assert "HUMMINGBUS_GROUPS" in said
    assert "secret-text" not in said


async def test_it_outlives_its_terminal_under_nohup(start: Start) -> None:
    ours = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # inherited, as from `nohup`
    try:
        stack = start()
    finally:
        signal.signal(signal.SIGHUP, ours)
    await stack.says("Ready")
    stack.process.send_signal(signal.SIGHUP)
    os.kill(stack.pid("edge"), signal.SIGKILL)
    await stack.says("edge is back")
    assert await stack.stop() == 0


async def test_a_lost_config_password_is_not_replaced_where_data_exist(start: Start, folder: Path) -> None:
    stack = start()
    await stack.says("Ready")
    await stack.stop()
    (folder / ".env").unlink()
    stack = start()
    assert await stack.ended() == 1
    assert "CONFIG_PASSWORD is not set" in "".join(stack.output)
    assert not (folder / ".env").exists()


async def test_servers_of_somebody_else_are_used_and_not_started(start: Start, database_url: str) -> None:
    with short_folder() as path:
        server, seeds = strict_nats(path / "nats", "hb")
        url = await server.start()
        for user, seed in seeds.items():
            (path / f"{user}.nk").write_text(seed)
        stack = start(NATS_URL=url, NATS_SEEDS=str(path), DATABASE_URL=database_url)
        await stack.says("Ready")
        assert set(stack.run().pids) == {"edge", "control"}
        assert stack.run().nats_url == url
        assert not (stack.data / "nats").exists()
        assert not (stack.data / "postgres").exists()
        assert await stack.stop() == 0
        await server.stop()


async def test_secrets_are_in_no_environment_no_command_line_and_no_open_file(start: Start, folder: Path) -> None:
    stack = start()
    await stack.says("Ready")
    secrets = [read_environment(folder / ".env")[name] for name in ("API_PASSWORD", "CONFIG_PASSWORD")]
    secrets.append((stack.data / "outside.nk").read_text().strip())
    for process in stack.tree():
        seen = f"{process.environ()} {process.cmdline()}"
        assert "NATS_SEED" not in process.environ()
        assert not any(secret in seen for secret in secrets)
    for file in [*stack.data.glob("*.json"), *stack.data.glob("logs/*"), *stack.data.glob("nats/*.*")]:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        assert not any(secret in file.read_text() for secret in secrets), file
    for file in (folder / ".env", stack.data / "outside.nk"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for inner in (stack.data / "logs", stack.data / "nats", stack.data / "postgres" / "cluster"):
        assert not stat.S_IMODE(inner.stat().st_mode) & 0o077
    assert await stack.stop() == 0
