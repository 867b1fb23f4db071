"""What runs in the process of a group: its services, on uvloop, until told to stop or left alone."""

import asyncio
import faulthandler
import importlib
import multiprocessing
import os
import signal
from multiprocessing.connection import Connection

import uvloop
from pydantic import ValidationError

from hummingbus.stack.group_spec import GroupSpec, ServiceSpec
from hummingbus.stack.processes import end_with_parent
from shared.service import Service, ServiceStartError, run
from shared.settings import EXIT_CONFIG, faults_of
from shared.tasks import end_other_tasks
from shared.telemetry.logs import configure_logs, logger

#: Seconds that a group whose supervisor is gone has to drain.
_ORPHAN_GRACE = 10.0


def run_group(spec: GroupSpec, started: Connection) -> None:
    """Run the services of `spec` and write one byte to `started` when all serve.

    Raises:
        SystemExit: with `EXIT_CONFIG` if a setting is wrong, with 1 if a service cannot start, after logging why.
    """
    os.setsid()
    os.umask(0o077)
    end_with_parent(signal.SIGTERM, os.getppid())
    configure_logs(spec.log_level, spec.log)
    try:
        services = [_create(service) for service in spec.services]
    except ValidationError as error:
        logger(spec.name).error("a setting is wrong", faults=faults_of(error))
        raise SystemExit(EXIT_CONFIG) from None
    try:
        uvloop.run(_serve(services, started))
    except ServiceStartError as error:
        logger(spec.name).error("cannot start", reason=str(error))
        raise SystemExit(1) from None


def _create(spec: ServiceSpec) -> Service:
    service: Service = importlib.import_module(spec.module).create(spec.overrides)
    return service


async def _serve(services: list[Service], started: Connection) -> None:
    loop = asyncio.get_running_loop()
    supervisor = multiprocessing.parent_process()
    assert supervisor is not None, "expected to be a child of the supervisor"

    def orphaned() -> None:
        loop.remove_reader(supervisor.sentinel)
        logger("group").warning("the supervisor is gone, stopping")
        faulthandler.dump_traceback_later(_ORPHAN_GRACE, exit=True)
        os.kill(os.getpid(), signal.SIGTERM)

    # The other end of this pipe closes with the supervisor, on every system and also when it is killed.
    loop.add_reader(supervisor.sentinel, orphaned)
    try:
        await run(services, lambda: started.send_bytes(b"1"))
    finally:
        loop.remove_reader(supervisor.sentinel)
        await end_other_tasks()
