"""When the client of an answer that goes on for a while has gone."""

from litestar.types import Receive


async def departure(receive: Receive) -> None:
    """Return when the client has closed its connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
