"""What the commands of portfolio have in common.

Amounts are in base units, prices in quote units, both decimals and text on the wire. Times are UTC.
"""

from typing import Annotated

import msgspec

from shared.errors import ErrorCode
from shared.names import Name

SERVICE = "portfolio"
#: What exchanges take: Binance 36, and it is the shortest that matters. A dot or a slash never gets into one.
CLIENT_ORDER_ID_PATTERN = r"^[A-Za-z0-9_-]{1,36}$(?!\n)"
ClientOrderId = Annotated[str, msgspec.Meta(pattern=CLIENT_ORDER_ID_PATTERN, max_length=36, min_length=1)]
#: An order by its client order id, or by the exchange's, which may be any short text.
OrderId = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
#: `BASE-QUOTE`; whether the connector knows it is said by the connector's rules.
TradingPair = Annotated[str, msgspec.Meta(min_length=3, max_length=64)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Cursor = Annotated[str, msgspec.Meta(max_length=256)]
SESSION_KEYS = ("account_name", "connector_name")
SESSION_ERRORS = frozenset({ErrorCode.NOT_FOUND, ErrorCode.REFUSED, ErrorCode.UPSTREAM})
#: Seconds: an owner answers within two, so that one who says nothing for longer is not there.
SOON = 3.0


class PortfolioFilter(msgspec.Struct, frozen=True):
    """Which accounts and connectors; None is all of them."""

    account_names: tuple[Name, ...] | None = None
    connector_names: tuple[Name, ...] | None = None
