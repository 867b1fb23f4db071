"""Trading rules and prices as the HTTP API shows them."""

import msgspec

from services.gateway_api.errors import HttpError
from services.gateway_api.shapes.json import encode
from shared.bus.client import decode_response
from shared.contracts.marketdata.rules import LIST_RULES
from shared.contracts.marketdata.tickers import GET_PRICES


class UnknownPair(msgspec.Struct, frozen=True):
    """What stands where a pair's rules would, if the connector had it."""

    error: str


class PairPrice(msgspec.Struct, frozen=True):
    """A price and its time, in Unix seconds."""

    price: float
    timestamp: float


def rules(reply: bytes, connector_name: str, asked: tuple[str, ...] | None) -> bytes:
    """Return trading rules as the HTTP API shows them; a pair that was asked for and does not exist has an error.

    Raises:
        CommandError: INTERNAL if the reply cannot be read.
        HttpError: 404 if none of the pairs exists.
    """
    known = decode_response(LIST_RULES, reply)
    if asked is None:
        return encode(known)
    unknown = {pair: UnknownPair(f"Trading pair '{pair}' not found") for pair in asked if pair not in known}
    if len(unknown) == len(asked):
        raise _unknown(connector_name, asked)
    return encode({**known, **unknown})


def prices(reply: bytes, asked: tuple[str, ...]) -> bytes:
    """Return prices as the HTTP API shows them: in a map, and each with its time on top.

    Raises:
        CommandError: INTERNAL if the reply cannot be read.
        HttpError: 404 if none of the pairs exists.
    """
    found = decode_response(GET_PRICES, reply)
    if not found.prices:
        raise _unknown(found.connector, asked)
    each = {pair: PairPrice(price, found.timestamp) for pair, price in found.prices.items()}
    return encode({**each, **msgspec.structs.asdict(found)})


def _unknown(connector_name: str, asked: tuple[str, ...]) -> HttpError:
    some = ", ".join(asked[:5]) + (", …" if len(asked) > 5 else "")
    return HttpError(404, f"{connector_name} has no trading pair {some}")
