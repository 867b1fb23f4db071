"""What the commands and live data of marketdata have in common. Times of the market are Unix seconds."""

from typing import Annotated

import msgspec

from shared.contracts.portfolio.fields import TradingPair
from shared.errors import ErrorCode
from shared.names import Name

SERVICE = "marketdata"
#: Pairs that one question may name.
MAX_PAIRS = 1000
Pairs = Annotated[tuple[TradingPair, ...], msgspec.Meta(max_length=MAX_PAIRS)]
#: An interval's name, as `1m`; which there are is for the service to say.
IntervalName = Annotated[str, msgspec.Meta(min_length=1, max_length=8)]
UnixSeconds = Annotated[float, msgspec.Meta(ge=0, lt=1e11)]
Token = Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
#: What a command about a connector may end in beyond what any may.
OF_A_CONNECTOR = frozenset({ErrorCode.NOT_FOUND, ErrorCode.REFUSED, ErrorCode.UPSTREAM})


class MarketRef(msgspec.Struct, frozen=True):
    """A connector by its name."""

    connector_name: Name
