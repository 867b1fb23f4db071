"""Settings of the portfolio service."""

from pydantic import Field

from shared.exchanges.settings import ExchangeSettings
from shared.settings import DatabaseSettings


class PortfolioSettings(ExchangeSettings, DatabaseSettings):
    """How sessions are kept. Seconds, but where the name says milliseconds."""

    #: How long an owner that says nothing keeps its sessions. With the time to notice it, a takeover is within 10 s.
    lease_seconds: float = Field(5.0, alias="PORTFOLIO_LEASE_SECONDS", gt=0, le=60)
    #: How long after its intent was recorded an order may reach the exchange.
    receive_window_ms: int = Field(3000, alias="PORTFOLIO_RECEIVE_WINDOW_MS", ge=100, le=60_000)
    #: How much longer "not found" is not believed: clocks differ, and an exchange needs a moment to show an order.
    absence_margin_ms: int = Field(2000, alias="PORTFOLIO_ABSENCE_MARGIN_MS", ge=0, le=600_000)
    #: The same for exchanges that have no receive window, where a request may be under way for long.
    unbounded_margin_ms: int = Field(60_000, alias="PORTFOLIO_UNBOUNDED_MARGIN_MS", ge=0, le=3_600_000)
    #: How often a session asks for all that a stream should have told.
    reconcile_seconds: float = Field(30.0, alias="PORTFOLIO_RECONCILE_SECONDS", gt=0)
    #: The same while there is no stream.
    poll_seconds: float = Field(5.0, alias="PORTFOLIO_POLL_SECONDS", gt=0)
    #: Sessions that start at a time.
    concurrent_starts: int = Field(8, alias="PORTFOLIO_CONCURRENT_STARTS", ge=1)
    #: How often a replica looks whether it has more sessions than its share.
    fair_share_seconds: float = Field(10.0, alias="PORTFOLIO_FAIR_SHARE_SECONDS", gt=0)
