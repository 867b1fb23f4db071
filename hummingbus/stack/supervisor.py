"""Starts the servers and the groups of services, keeps them running, stops them in order: section 6 of the design."""

import asyncio
import signal
from collections.abc import Iterator

from hummingbus.stack.addresses import Addresses, without_login
from hummingbus.stack.data_folder import DataFolder
from hummingbus.stack.errors import StartError
from hummingbus.stack.group_process import GroupProcess
from hummingbus.stack.group_spec import GroupSpec, ServiceSpec
from hummingbus.stack.identities import nats_users, new_identities
from hummingbus.stack.keeper import Keeper, Part
from hummingbus.stack.nats_server import HOST, NatsError, NatsServer
from hummingbus.stack.nkey import Nkey
from hummingbus.stack.ports import is_free
from hummingbus.stack.postgres_server import PostgresServer
from hummingbus.stack.private_file import write_private
from hummingbus.stack.progress import Progress
from hummingbus.stack.reachable import missing_servers
from hummingbus.stack.readiness import wait_until_ready
from hummingbus.stack.run_file import Run, RunningProcess, write_run
from hummingbus.stack.seeds import read_seeds
from hummingbus.stack.settings import EDGE_SERVICE, ServiceRef, StackSettings
from shared.bus.subjects import Subjects
from shared.contracts.declaration import OUTSIDE

#: The servers' names in `run.json`; each ends one of its own that was left behind.
SERVERS = frozenset({"postgres", "nats"})
_USUAL_NATS_PORT = 4222
_GROUP_ATTEMPTS = 3
#: Seconds after which a start that is not ready yet says where to look.
_LONG_START = 15.0


class Supervisor:
    """One stack, from its start to its end. Its data folder must be open."""

    def __init__(self, settings: StackSettings, folder: DataFolder, progress: Progress) -> None:
        self._settings = settings
        self._folder = folder
        self._progress = progress
        self._stopping = asyncio.Event()
        self._keepers: dict[str, Keeper] = {}
        self._edges: set[str] = set()
        self._addresses: Addresses | None = None
        self._keeping: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Start everything, run until SIGTERM, SIGINT or SIGHUP, stop everything; a second signal hastens the stop.

        Raises:
            StartError: if the stack could not be started; all that had been is stopped then.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # `nohup` asks to outlive it
                loop.add_signal_handler(number, self._on_signal)
        work = asyncio.ensure_future(self._work())
        stop = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
            work.cancel()
            await asyncio.wait({work})
            await self._stop_all()
        if not work.cancelled() and (error := work.exception()) is not None:
            raise _first_start_error(error) or error

    def _on_signal(self) -> None:
        if not self._stopping.is_set():
            self._stopping.set()
            return
        self._progress.say("Stopping at once")
        for keeper in self._keepers.values():
            keeper.part.hasten()

    async def _work(self) -> None:
        """Start everything and keep it running."""
        async with asyncio.TaskGroup() as keeping:
            self._keeping = keeping
            async with asyncio.TaskGroup() as starting:
                nats = starting.create_task(self._start_nats())
                postgres = starting.create_task(self._start_postgres())
            nats_url, identities = nats.result()
            self._addresses = Addresses(nats_url, postgres.result(), identities, self._simulator_token())
            self._record()
            patience = keeping.create_task(self._say_when_long())
            async with asyncio.TaskGroup() as starting:
                for name, services in self._settings.groups:
                    starting.create_task(self._start_group(name, services, self._addresses))
            if self._settings.has_edge:
                await wait_until_ready(self._settings.api_url)
            patience.cancel()
            self._say_ready()

    def _simulator_token(self) -> str | None:
        """Return the token of the simulator's admin API if it is for us to make one."""
        settings = self._settings
        if not settings.has_simulator or settings.simulator_admin_token is not None:
            return None
        return self._folder.made_simulator_token()

    async def _start_nats(self) -> tuple[str, dict[str, Nkey]]:
        """Start the embedded server unless there is another; return the URL and who is who."""
        settings, folder = self._settings, self._folder
        if settings.nats_url is not None:
            self._progress.step("NATS", without_login(settings.nats_url))
            return settings.nats_url, read_seeds(settings.nats_seeds) if settings.nats_seeds else {}
        identities = new_identities({OUTSIDE: folder.outside_key()})
        users = nats_users(identities, Subjects(settings.namespace))
        server = NatsServer(folder.nats, users, log=folder.logs / "nats.log")
        await server.end_orphan()
        server.port = self._choose_nats_port()
        try:
            await self._start_part("nats", "NATS", server)
        except NatsError:
            if settings.nats_port or is_free(HOST, server.port):
                raise
            server.port = 0  # another stack that starts at the same time was quicker
            await self._start_part("nats", "NATS", server)
        write_private(folder.nats / "port", f"{server.port}\n")
        self._progress.step("NATS", server.url)
        return server.url, identities

    def _choose_nats_port(self) -> int:
        """Return the port that is asked for, else the last start's, so that programs outside find it again."""
        if port := self._settings.nats_port:
            if not is_free(HOST, port):
                raise StartError(f"Port {port} for NATS is in use. Choose another one: NATS_PORT={port + 1} ./run.sh")
            return port
        try:
            last = int((self._folder.nats / "port").read_text())
        except (FileNotFoundError, ValueError):
            last = _USUAL_NATS_PORT
        return next((port for port in (last, _USUAL_NATS_PORT) if is_free(HOST, port)), 0)

    async def _start_postgres(self) -> str:
        """Start the embedded server unless there is another; return the URL."""
        if self._settings.database_url is not None:
            self._progress.step("PostgreSQL", "as DATABASE_URL says")
            return self._settings.database_url.get_secret_value()
        server = PostgresServer(self._folder.postgres, log=self._folder.logs / "postgres.log")
        if server.is_new:
            self._progress.step("PostgreSQL", "making a new database …")
        await self._start_part("postgres", "PostgreSQL", server)
        for opened in (path for path in server.opened if not path.is_relative_to(self._folder.path)):
            self._progress.say(f"PostgreSQL does not run as root; its user may now pass through {opened} (mode +x)")
        self._progress.step("PostgreSQL", "running")
        return server.url

    async def _start_group(self, name: str, services: tuple[ServiceRef, ...], addresses: Addresses) -> None:
        specs = tuple(
            ServiceSpec(service.name, service.module, addresses.overrides_for(service.name, self._settings))
            for service in services
        )
        if any(service.name == EDGE_SERVICE for service in services):
            self._edges.add(name)
        group = GroupProcess(GroupSpec(name, specs, self._folder.logs / f"{name}.log", self._settings.log_level))
        await self._start_part(name, name, group, attempts=_GROUP_ATTEMPTS)
        self._progress.step(name, ", ".join(service.name for service in services))

    async def _start_part(self, key: str, name: str, part: Part, *, attempts: int = 1) -> None:
        keeper = Keeper(name, part, self._progress.say, self._record, first_attempts=attempts)
        self._keepers[key] = keeper
        await keeper.first_start()
        assert self._keeping is not None
        self._keeping.create_task(keeper.keep())

    async def _say_when_long(self) -> None:
        await asyncio.sleep(_LONG_START)
        waits_for = "".join(f"; {sentence}" for sentence in await missing_servers(self._settings))
        self._progress.say(f"Still starting{waits_for}; {self._folder.logs} says more")

    def _say_ready(self) -> None:
        settings = self._settings
        self._progress.say(f"Ready after {self._progress.seconds:.1f} s")
        if settings.has_edge:
            self._progress.step("API", f"{settings.api_url}  (Swagger: {settings.api_url}/docs)")
        if settings.has_simulator:
            self._progress.step("simulator", settings.simulator_url)
            if settings.simulator_admin_token is None:
                self._progress.step("its token", f"{self._folder.simulator_token} (X-Admin-Token)")
        if settings.nats_url is None:
            self._progress.step("bus seed", str(self._folder.outside_seed))
        self._progress.step("logs", str(self._folder.logs))
        self._progress.say("Ctrl-C stops it")

    def _record(self) -> None:
        """Write what runs to `run.json`, as soon as it is known where the servers are."""
        if self._addresses is None:
            return
        settings = self._settings
        pids = {key: keeper.part.pid for key, keeper in self._keepers.items()}
        running = {key: RunningProcess.of(pid) for key, pid in pids.items() if pid is not None}
        run = Run(
            nats_url=without_login(self._addresses.nats_url),
            api_url=settings.api_url if settings.has_edge else None,
            namespace=settings.namespace,
            outside_seed=str(self._folder.outside_seed) if settings.nats_url is None else None,
            pids={key: process for key, process in running.items() if process is not None},
        )
        write_run(self._folder.run_file, run)

    async def _stop_all(self) -> None:
        """Stop edge, services, NATS, PostgreSQL, in this order: nobody loses a server that it still needs."""
        if self._keepers:
            self._progress.say("Stopping …")
        for stage in self._stages():
            await asyncio.gather(*(keeper.part.stop() for keeper in stage))
        self._folder.run_file.unlink(missing_ok=True)
        if self._keepers:
            self._progress.say("Stopped")

    def _stages(self) -> Iterator[list[Keeper]]:
        others = self._keepers.keys() - self._edges - SERVERS
        for names in (self._edges, others, {"nats"}, {"postgres"}):
            yield [keeper for name, keeper in self._keepers.items() if name in names]


def _first_start_error(error: BaseException) -> StartError | None:
    """Return the first `StartError` in `error` and the groups within it."""
    if isinstance(error, StartError):
        return error
    if isinstance(error, BaseExceptionGroup):
        return next((found for inner in error.exceptions if (found := _first_start_error(inner))), None)
    return None
