"""The paths that WebSockets are opened at, and what each asks for.

Spot: `/ws`, `/ws/<stream>`, `/stream?streams=<a>/<b>`, and the same under `/stream/…` (ccxt takes a socket for one of
spot by `/stream` in its address, which at Binance is in the host's name: its base URL is to end in `/stream/ws`).
Futures: the same under `/fstream`, and under `/fstream/public`, `/fstream/market` and `/fstream/private`, the last also
with `?listenKey=`. WebSocket API: `/ws-api/v3` and `/ws-fapi/v1`, also with `?returnRateLimits=false`.
"""

from urllib.parse import parse_qs

import msgspec

from services.simulator.streams.api_requests import RATE_LIMITS
from services.simulator.venue import Venue


class Target(msgspec.Struct, frozen=True):
    """What a path asks for: streams of a venue, `combined` or raw, or its WebSocket API.

    `rate_limits` is whether answers of that are to have the state of limits, where requests don't say.
    """

    venue: Venue
    names: tuple[str, ...] = ()
    combined: bool = False
    api: bool = False
    rate_limits: bool = True


_API: dict[str, Venue] = {"/ws-api/v3": "spot", "/ws-fapi/v1": "usdm"}
_PREFIXES: tuple[tuple[str, Venue], ...] = (
    ("/fstream/public", "usdm"),
    ("/fstream/market", "usdm"),
    ("/fstream/private", "usdm"),
    ("/fstream", "usdm"),
    ("/stream/ws", "spot"),
    ("/stream/stream", "spot"),
)


def target(path: str, query: bytes) -> Target | None:
    """Return what a path and its query ask for, None if there is nothing."""
    bare = path.rstrip("/")
    asked = parse_qs(query.decode("latin-1"))
    if bare in _API:
        return Target(_API[bare], api=True, rate_limits=asked.get(RATE_LIMITS) != ["false"])
    venue: Venue = "spot"
    for prefix, of in _PREFIXES:
        if bare == prefix or bare.startswith(prefix + "/"):
            venue, bare = of, bare.removeprefix("/stream" if of == "spot" else prefix)
            break
    _, kind, *rest = bare.split("/") if bare.startswith("/") else ("", "")
    keys = tuple(asked.get("listenKey", ()))
    if kind == "ws":
        return Target(venue, (*(name for name in rest if name), *keys))
    if kind == "stream" and not rest:
        listed = tuple(name for each in asked.get("streams", ()) for name in each.split("/") if name)
        return Target(venue, (*listed, *keys), combined=True)
    return None
