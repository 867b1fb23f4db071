"""`hummingbus prepare`: write what `docker-compose.yml` reads."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from hummingbus.stack.compose_files import write_compose_files
from hummingbus.stack.errors import StartError


def prepare(
    folder: Annotated[Path, typer.Argument(help="Where the files go; made if it does not exist.")] = Path("compose"),
) -> None:
    """Write the secrets and the bus's permissions that docker-compose.yml reads. Safe to run again."""
    try:
        is_new = write_compose_files(folder)
    except (StartError, OSError) as error:
        sys.stderr.write(f"Can't prepare {folder}: {error}\n")
        raise typer.Exit(1) from None
    typer.echo(f"{'Random secrets are' if is_new else 'What docker-compose.yml reads is up to date'} in {folder}")
    typer.echo(f"Log in as API_USERNAME with API_PASSWORD of {folder / 'credentials.env'}")
