"""Bodies that ask and change nothing: those who poll send the same one again and again."""

from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from litestar import Request

from services.gateway_api.bodies import decode, read_json

C_co = TypeVar("C_co", covariant=True)
C = TypeVar("C")

#: Larger bodies are no polls, and are refused from `_LIMIT` on; the bus takes 1 MiB.
_REMEMBERED_UP_TO = 2048
_REMEMBERED = 256
_LIMIT = 256 * 1024


class Body(Protocol[C_co]):
    """A body as callers write it."""

    def command(self) -> C_co:
        """Return what a service is asked for it."""
        ...


class Question(Generic[C]):
    """Reads the bodies of one route, each that is small at most once while it keeps coming.

    Args:
        kind: the type of the body; the command that it stands for is immutable, and so may be shared.
    """

    def __init__(self, kind: type[Body[C]]) -> None:
        self._decoder: msgspec.json.Decoder[Body[C]] = msgspec.json.Decoder(kind)
        self._remember = lru_cache(_REMEMBERED)(self._command)

    async def read(self, request: Request[Any, Any, Any]) -> C:
        """Return what a service is asked for the body of `request`.

        Raises:
            HttpError: 413 if it is too large, 422 with what does not fit.
        """
        body = await read_json(request, _LIMIT)
        return self._remember(body) if len(body) <= _REMEMBERED_UP_TO else self._command(body)

    def _command(self, body: bytes) -> C:
        return decode(body, self._decoder).command()
