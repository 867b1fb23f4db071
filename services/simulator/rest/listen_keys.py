"""Opening, extending and closing the listen keys of user streams, on both venues."""

from services.simulator.rest import refusals
from services.simulator.rest.routing import Answer, Call, Handler, Route, Security
from services.simulator.venue import Venue


def _handlers(venue: Venue) -> tuple[Handler, Handler, Handler]:
    """Return what opens, extends and closes keys. On spot the key must be named, on futures it need not."""

    async def start(call: Call) -> Answer:
        return {"listenKey": call.listen_keys.open(venue, call.owner)}

    async def extend(call: Call) -> Answer:
        key = _named(call, venue)
        if not call.listen_keys.extend(venue, call.owner, key):
            raise refusals.no_listen_key()
        if venue == "spot":
            return b"{}"
        return {"listenKey": call.listen_keys.open(venue, call.owner)}

    async def close(call: Call) -> Answer:
        if not call.listen_keys.close(venue, call.owner, _named(call, venue)):
            raise refusals.no_listen_key()
        return b"{}"

    return start, extend, close


def _named(call: Call, venue: Venue) -> str | None:
    return call.parameters.needed("listenKey") if venue == "spot" else call.parameters.text("listenKey")


def _routes(venue: Venue, path: str, weight: int) -> tuple[Route, ...]:
    start, extend, close = _handlers(venue)
    return (
        Route("POST", path, start, Security.KEY, weight=weight),
        Route("PUT", path, extend, Security.KEY, weight=weight),
        Route("DELETE", path, close, Security.KEY, weight=weight),
    )


ROUTES = _routes("spot", "/api/v3/userDataStream", 2) + _routes("usdm", "/fapi/v1/listenKey", 1)
