"""The command line: one module a command in `hummingbus.commands`, composed here."""

from importlib.metadata import version
from typing import Annotated

import typer

from hummingbus.commands.events import events
from hummingbus.commands.keys import keys
from hummingbus.commands.prepare import prepare
from hummingbus.commands.rotate import rotate_config_password
from hummingbus.commands.status import status
from hummingbus.commands.up import up

app = typer.Typer(
    name="hummingbus",
    help="A control plane for crypto trading bots and exchange accounts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
app.command()(up)
app.command()(status)
app.command()(events)
app.command()(rotate_config_password)
app.command()(prepare)
app.add_typer(keys, name="keys")


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"Hummingbus {version('hummingbus')}")
        raise typer.Exit


@app.callback()
def _commands(
    *,
    _: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """A control plane for crypto trading bots and exchange accounts."""


def main() -> None:
    """Run the command line."""
    app()
