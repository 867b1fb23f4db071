"""What a request costs, and what may be asked, by exchange.

Binance counts weights; its limits stand here as it publishes them and are replaced by those that its exchangeInfo
tells. For all others the cost is ccxt's: the milliseconds of its pace that a request takes.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from shared.exchanges.rate_limits import Limit
from shared.exchanges.traffic import PACED


class Venue(msgspec.Struct, frozen=True):
    """The limits of an exchange: of an address, and of the new orders of an account.

    `weight_of_cost` turns ccxt's cost of a request into the exchange's weight; None: into milliseconds of its pace.
    `counted_path` is a part of the paths that these limits are of, where other paths have their own; "": of all.
    """

    address: tuple[Limit, ...] = PACED
    orders: tuple[Limit, ...] = ()
    weight_of_cost: float | None = None
    tells_limits: bool = False
    weight_header: str | None = None
    counted_path: str = ""

    def counts(self, url: str) -> bool:
        """Return whether a request to `url` is one of those that the exchange counts under these limits."""
        return self.counted_path in urlsplit(url).path


#: https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits and
#: https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info
#: ccxt's costs of spot requests are a fifth of the weight, those of futures the weight itself.
_BINANCE = {
    "spot": Venue(
        address=(Limit(60.0, 6000.0),),
        orders=(Limit(10.0, 100.0), Limit(86400.0, 200_000.0)),
        weight_of_cost=5.0,
        tells_limits=True,
        weight_header="x-mbx-used-weight-1m",
    ),
    "swap": Venue(
        address=(Limit(60.0, 2400.0),),
        orders=(Limit(10.0, 300.0), Limit(60.0, 1200.0)),
        weight_of_cost=1.0,
        tells_limits=True,
        weight_header="x-mbx-used-weight-1m",
        counted_path="/fapi/",
    ),
}


def venue_of(ccxt_id: str, kind: str) -> Venue:
    """Return the limits of an exchange for a kind of market (`spot`, `swap`)."""
    return _BINANCE[kind] if ccxt_id == "binance" else Venue()


def is_new_order(method: str, path: str) -> bool:
    """Return whether a request places an order, as Binance names them."""
    return method == "POST" and path == "order"


def used_weight(headers: Mapping[str, Any], name: str) -> float | None:
    """Return what an answer says has been used in the last minute."""
    for header, value in headers.items():
        if header.lower() == name:
            return float(value) if str(value).isdigit() else None
    return None
