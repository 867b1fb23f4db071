"""Start the edge alone: `python -m services.gateway_api`."""

import uvloop

from services.gateway_api.app import create
from shared.service import run
from shared.settings import Settings, load
from shared.telemetry.logs import configure_logs


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    configure_logs(load(Settings).log_level)
    uvloop.run(run([create({})]))


if __name__ == "__main__":
    main()
