"""`hummingbus rotate-config-password`: a new CONFIG_PASSWORD, with all secrets encrypted anew under it."""

import os
import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer
from dotenv import set_key, unset_key

from hummingbus.commands import session
from shared.contracts.credentials import ROTATE_KEYRING, KeyringRotate, KeyringRotated
from shared.contracts.declaration import OUTSIDE
from shared.errors import CommandError, ErrorCode
from shared.settings import env_file, read_environment

NAME = "CONFIG_PASSWORD"
#: Tried at a start after `CONFIG_PASSWORD`, so that a crash in the middle of a rotation locks nobody out.
PREVIOUS = "CONFIG_PASSWORD_PREVIOUS"
_RANDOM_BYTES = 24
#: After one of these nothing was changed, for certain.
_CERTAINLY_NOT = frozenset(ErrorCode) - {ErrorCode.OUTCOME_UNKNOWN, ErrorCode.INTERNAL}


class PasswordFile:
    """The passwords as the `.env` file holds them, so that a start finds the right one whatever happens in between."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def both(self, new: str, old: str) -> None:
        """Hold both, the new one first."""
        set_key(self._file, PREVIOUS, old, quote_mode="auto")
        set_key(self._file, NAME, new, quote_mode="auto")

    def only(self, password: str) -> None:
        """Hold one alone."""
        set_key(self._file, NAME, password, quote_mode="auto")
        unset_key(self._file, PREVIOUS)


def rotate_config_password(
    from_stdin: Annotated[
        bool, typer.Option("--stdin", help="Read the new password from standard input instead of making a random one.")
    ] = False,
) -> None:
    """Change CONFIG_PASSWORD: encrypt all exchange keys anew and write the new password to `.env`."""
    current = read_environment().get(NAME)
    if current is None:
        session.fail(f"{NAME} is set neither in the environment nor in {env_file()}.")
    new = sys.stdin.readline().rstrip("\r\n") if from_stdin else secrets.token_urlsafe(_RANDOM_BYTES)
    if not new:
        session.fail("Expected the new password on standard input, was empty.")
    in_file = NAME not in os.environ
    file = PasswordFile(env_file())
    if in_file:
        file.both(new, current)

    key = secrets.token_hex(16)

    async def send() -> KeyringRotated:
        async with session.open_bus() as bus:
            request = KeyringRotate(current, new)
            try:
                return await bus.request(ROTATE_KEYRING, request, actor=OUTSIDE, key=key)
            except CommandError as error:
                if error.code is not ErrorCode.OUTCOME_UNKNOWN:
                    raise
                # With the same key this asks for the outcome, or does what was not done.
                return await bus.request(ROTATE_KEYRING, request, actor=OUTSIDE, key=key)

    try:
        done = session.run_or_raise(send)
    except CommandError as error:
        if in_file and error.code in _CERTAINLY_NOT:
            file.only(current)
        elif in_file:
            session.fail(f"{error.detail}. {env_file()} holds both passwords: the next start finds the right one.")
        session.fail(error.detail)
    except typer.Exit:
        if in_file:  # the bus was not even reached
            file.only(current)
        raise
    if in_file:
        file.only(new)
        typer.echo(f"{done.credentials} credentials are under a new key. The new {NAME} is in {env_file()}.")
        return
    typer.echo(
        f"{done.credentials} credentials are under a new key. Set {NAME} to the new password before any restart."
    )
    if not from_stdin:
        typer.echo(new)
