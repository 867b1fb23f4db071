"""Commands to the one replica that owns a session, and why there is nobody when nobody answers."""

import asyncio
import time

from services.gateway_api.commands import Commands
from services.gateway_api.errors import RefusedCommand
from shared.bus.client import NoResponders, decode_response
from shared.contracts import credentials
from shared.contracts.declaration import Command, Req, Res
from shared.contracts.portfolio.sessions import GET_SESSION, LASTING, Session, SessionRef, SessionState
from shared.errors import CommandError, ErrorCode

_STATES = {
    SessionState.STARTING: "it is being brought up to date",
    SessionState.WAITING: "the exchange cannot be reached",
    SessionState.REFUSED: "the exchange refuses its keys",
}
#: Seconds that the session of a new credential is waited for, and between two looks.
OPENING = 4.0
_LOOK = 0.1
#: Where that is how it is with the keys before, the next state comes at once; else this one stays.
ENDING = 1.0
_NOBODY = "no replica of portfolio has it at the moment"


class NobodyOwns(RefusedCommand):
    """A session that exists has no owner at the moment: nothing was done."""


async def send_to_session(
    commands: Commands, command: Command[Req, Res], request: Req, session: SessionRef, key: str | None = None
) -> Res:
    """Have the owner of `session` do something. Names are looked at only when nobody owns it: who does knows them.

    Who has just added or replaced its credential finds the session that this makes: its opening is waited for.

    Raises:
        RefusedCommand: if the command ends in an error. Nobody owns the session: NOT_FOUND if the account, the
            connector or the credential does not exist, REFUSED if the connector cannot trade.
        NobodyOwns: if it exists all the same.
    """
    began = time.monotonic()
    while True:
        try:
            return await commands.send(command, request, key)
        except RefusedCommand as refused:
            if not isinstance(refused.error, NoResponders):
                raise
        found = decode_response(GET_SESSION, await commands.ask(GET_SESSION, session))
        patience = ENDING if found.state in LASTING else OPENING
        if not commands.has_changed(credentials.SERVICE) or time.monotonic() - began > patience:
            raise NobodyOwns(command, _away(found))
        await asyncio.sleep(_LOOK)


def _away(session: Session) -> CommandError:
    why = session.reason or _STATES.get(session.state, _NOBODY)
    return CommandError(
        ErrorCode.UNAVAILABLE,
        f"portfolio cannot trade with '{session.account_name}' on {session.connector_name} at the moment: {why}",
    )
