"""How routes ask the services: on behalf of the caller, in their trace, and aware of what they changed before."""

import contextlib
import secrets
from collections.abc import AsyncGenerator, Mapping

import msgspec

from services.gateway_api.answers import Answer
from services.gateway_api.caller import current_caller
from services.gateway_api.errors import Headers, RefusedCommand
from services.gateway_api.recent_writes import RecentWrites
from shared.bus.client import Bus, decode_response
from shared.contracts import portfolio
from shared.contracts.declaration import AnyCommand, Command, Req, Res
from shared.errors import CommandError, ErrorCode

_EMPTY = b"{}"
#: The services whose events a service's answers depend on, besides its own.
_FOLLOWED_BY = {portfolio.SERVICE: portfolio.FOLLOWED}

_encoder = msgspec.json.Encoder()


class Commands:
    """Sends the commands of HTTP requests. Errors carry their command, so that the edge's table can map them."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._recent = RecentWrites()

    async def query(self, command: AnyCommand, request: object = None) -> Answer:
        """Ask and pass the reply's bytes through.

        Raises:
            RefusedCommand: if the command ends in an error.
        """
        return Answer(await self.ask(command, request))

    async def ask(self, command: AnyCommand, request: object = None) -> bytes:
        """Ask and return the reply as it came.

        Raises:
            RefusedCommand: if the command ends in an error.
        """
        actor = current_caller.get().actor
        body = _EMPTY if request is None else _encoder.encode(request)
        try:
            reply = await self._bus.request_raw(
                command,
                body,
                keys=command.owner_key_values(request),
                actor=actor,
                after=self._recent.after(actor, command.service),
                after_others=self._after_others(actor, command.service),
            )
        except CommandError as error:
            raise RefusedCommand(command, error) from None
        return reply.body

    def has_changed(self, service: str) -> bool:
        """Return whether the caller has changed something of `service` in the last seconds."""
        return bool(self._recent.after(current_caller.get().actor, service))

    def _after_others(self, actor: str, service: str) -> Mapping[str, tuple[int, ...]]:
        """Return the ids of what the caller has changed in services that `service` follows."""
        followed = ((other, self._recent.after(actor, other)) for other in _FOLLOWED_BY.get(service, ()))
        return {other: ids for other, ids in followed if ids}

    async def stream(self, command: Command[Req, Res], request: Req) -> AsyncGenerator[bytes, None]:
        """Ask and give the reply in pieces, each when the one before was taken.

        Raises:
            RefusedCommand: if the command ends in an error; also after some pieces, which then are not the whole reply.
        """
        pieces = self._bus.stream(
            command,
            _encoder.encode(request),
            keys=command.owner_key_values(request),
            actor=current_caller.get().actor,
        )
        try:
            async with contextlib.aclosing(pieces):
                async for piece in pieces:
                    yield piece
        except CommandError as error:
            raise RefusedCommand(command, error) from None

    async def change(self, command: Command[Req, Res], request: Req, key: str | None) -> tuple[Res, Headers]:
        """Have a change made, under the caller's idempotency key or a new one.

        Returns:
            The response, and the headers that tell the caller the key.

        Raises:
            RefusedCommand: if the command ends in an error; an unknown outcome carries the key to ask by.
        """
        if command.accepts_key:
            key = key or secrets.token_hex(16)
        response = await self.send(command, request, key)
        return response, () if key is None else (("idempotency-key", key),)

    async def send(self, command: Command[Req, Res], request: Req, key: str | None = None) -> Res:
        """Have a change made that is safe to repeat by what it is, or by `key`.

        Raises:
            RefusedCommand: if the command ends in an error. An answer that cannot be read leaves the outcome unknown.
        """
        actor = current_caller.get().actor
        try:
            reply = await self._bus.request_raw(
                command,
                _encoder.encode(request),
                keys=command.owner_key_values(request),
                actor=actor,
                key=key,
                after_others=self._after_others(actor, command.service),
            )
        except CommandError as error:
            raise RefusedCommand(command, error) from None
        self._recent.note(actor, command.service, reply.events)
        try:
            return decode_response(command, reply.body)
        except CommandError as error:
            detail = f"{error.detail}; it may have been done"
            raise RefusedCommand(command, CommandError(ErrorCode.OUTCOME_UNKNOWN, detail, key=key)) from error
