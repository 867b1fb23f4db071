"""The command line: one module a command in `hummingbus.commands`, composed here."""

import typer

from hummingbus.commands.up import up

app = typer.Typer(
    name="hummingbus",
    help="A control plane for crypto trading bots and exchange accounts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
app.command()(up)


@app.callback()
def _commands() -> None:
    """A control plane for crypto trading bots and exchange accounts."""


def main() -> None:
    """Run the command line."""
    app()
