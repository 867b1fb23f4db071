"""The funding of perpetuals."""

import msgspec

from shared.contracts.declaration import Command, Live
from shared.contracts.marketdata.fields import OF_A_CONNECTOR, SERVICE
from shared.contracts.portfolio.fields import TradingPair
from shared.names import Name


class FundingRef(msgspec.Struct, frozen=True):
    """A perpetual contract."""

    connector_name: Name
    trading_pair: TradingPair


class FundingInfo(msgspec.Struct, frozen=True):
    """A perpetual's next funding: the rate as a fraction, when in Unix seconds, and the prices it is made of.

    `timestamp` is the exchange's for it; the last one is told for a while when the exchange is away.
    """

    trading_pair: str
    funding_rate: float
    next_funding_time: float
    mark_price: float
    index_price: float
    timestamp: float


class LiveFunding(msgspec.Struct, frozen=True):
    """A perpetual's funding and prices, as in `FundingInfo`."""

    connector_name: str
    trading_pair: str
    funding_rate: float
    next_funding_time: float
    mark_price: float
    index_price: float
    timestamp: float


GET_FUNDING = Command(
    SERVICE, "funding", "get", FundingRef, FundingInfo, "Give the next funding of a perpetual.",
    errors=OF_A_CONNECTOR, timeout=10.0,
)  # fmt: skip
FUNDING = Live(SERVICE, "funding", LiveFunding, "A perpetual's funding or mark price has changed.")

COMMANDS = (GET_FUNDING,)
LIVE = (FUNDING,)
