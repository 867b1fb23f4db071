"""One service as a process of its own: `python -m services.<name>`."""

import sys
from collections.abc import Callable, Mapping

import uvloop
from pydantic import ValidationError

from shared.service import Service, ServiceStartError, run
from shared.settings import EXIT_CONFIG, Settings, faults_of, load
from shared.tasks import end_other_tasks
from shared.telemetry.logs import configure_logs, logger


def serve_alone(create: Callable[[Mapping[str, str]], Service]) -> None:
    """Run the service that `create` makes from the environment, until SIGTERM or SIGINT.

    Raises:
        SystemExit: with `EXIT_CONFIG` if a setting is wrong, after logging which; never with its value. With 1 if the
            service cannot start, after logging why.
    """
    configure_logs()
    try:
        configure_logs(load(Settings).log_level)
        service = create({})
    except ValidationError as error:
        logger("service").error("a setting is wrong", faults=faults_of(error))
        sys.exit(EXIT_CONFIG)
    try:
        uvloop.run(_serve(service))
    except ServiceStartError as error:
        logger("service").error("cannot start", service=service.name, reason=str(error))
        sys.exit(1)


async def _serve(service: Service) -> None:
    try:
        await run([service])
    finally:
        await end_other_tasks()
