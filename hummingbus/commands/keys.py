"""`hummingbus keys`: API keys for programs that use the HTTP API without the password."""

from datetime import timedelta
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from hummingbus.commands import session
from shared.contracts.credentials import (
    CREATE_API_KEY,
    LIST_API_KEYS,
    REVOKE_API_KEY,
    ApiKey,
    ApiKeyChanged,
    ApiKeyCreate,
    ApiKeyCreated,
    ApiKeyRevoke,
    PasswordCheck,
)
from shared.contracts.declaration import OUTSIDE
from shared.settings import DEFAULT_USERNAME, read_environment

keys = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys (header X-API-KEY).")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def login() -> PasswordCheck:
    """Return the user's name and password: from the environment or `.env`, else asked for."""
    environment = read_environment()
    username = environment.get("API_USERNAME", DEFAULT_USERNAME)
    password = environment.get("API_PASSWORD") or typer.prompt("Password", hide_input=True)
    return PasswordCheck(username, password)


@keys.command()
def add(
    name: Annotated[str, typer.Argument(help="What the key is for: letters, digits, '-' and '_'.")],
    days: Annotated[float | None, typer.Option(help="Days until it expires; never if left out.", min=0.0001)] = None,
    as_json: AsJson = False,
) -> None:
    """Make an API key and show it, this once."""
    user = login()
    expires_in = None if days is None else int(timedelta(days=days).total_seconds())

    async def create() -> ApiKeyCreated:
        async with session.open_bus() as bus:
            request = ApiKeyCreate(user.username, user.password, name, expires_in)
            return await bus.request(CREATE_API_KEY, request, actor=OUTSIDE)

    made = session.run(create)
    if as_json:
        typer.echo(msgspec.json.encode(made))
        return
    typer.echo(made.api_key)
    until = "never expires" if made.expires_at is None else f"expires {made.expires_at:%Y-%m-%d %H:%M} UTC"
    session.errors.print(f"Key {made.key_id} ({made.name}) {until}. It is not shown again.", highlight=False)


@keys.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the API keys, without what they are."""
    user = login()

    async def ask() -> list[ApiKey]:
        async with session.open_bus() as bus:
            return await bus.request(LIST_API_KEYS, user, actor=OUTSIDE)

    found = session.run(ask)
    if as_json:
        typer.echo(msgspec.json.encode(found))
        return
    table = Table("key", "name", "created", "expires", "revoked", box=None)
    for key in found:
        moments = (key.created_at, key.expires_at, key.revoked_at)
        table.add_row(key.key_id, key.name, *("" if at is None else f"{at:%Y-%m-%d %H:%M}" for at in moments))
    Console().print(table)


@keys.command()
def revoke(key_id: Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.")]) -> None:
    """End an API key at once."""
    user = login()

    async def end() -> ApiKeyChanged:
        async with session.open_bus() as bus:
            request = ApiKeyRevoke(user.username, user.password, key_id)
            return await bus.request(REVOKE_API_KEY, request, actor=OUTSIDE)

    ended = session.run(end)
    typer.echo(f"Key {ended.key_id} ({ended.name}) is revoked.")
