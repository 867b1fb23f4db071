"""Settings of the simulator."""

import secrets
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr

from services.simulator.engine.symbols import MAX_SYMBOLS, SPOT, USDM
from shared.settings import DatabaseSettings

Switch = Annotated[Literal["on", "off"], BeforeValidator(lambda value: str(value).strip().lower())]


class SimulatorSettings(DatabaseSettings):
    """Where the simulator listens and what it trades.

    `pairs` is the number of spot pairs; of perpetuals there are as many, where it says more than the usual ones.
    """

    host: str = Field("127.0.0.1", alias="SIMULATOR_HOST")
    port: int = Field(8010, alias="SIMULATOR_PORT", ge=0, le=65535)
    admin_port: int = Field(8011, alias="SIMULATOR_ADMIN_PORT", ge=0, le=65535)
    #: What `X-Admin-Token` must be; a random one when it is not set.
    admin_token: SecretStr | None = Field(None, alias="SIMULATOR_ADMIN_TOKEN", min_length=8)
    market_seed: int = Field(1, alias="SIMULATOR_SEED", ge=0, lt=2**63)
    pairs: int = Field(len(SPOT), alias="SIMULATOR_PAIRS", ge=1, le=MAX_SYMBOLS)
    #: Binance's limits of requests, of messages to sockets and of orders are this many times as wide.
    limits_factor: int = Field(1, alias="SIMULATOR_LIMITS", ge=1, le=1_000_000)
    #: Days for which candles are kept as they were traded live, where no user traded.
    candle_days: int = Field(14, alias="SIMULATOR_CANDLE_DAYS", ge=2, le=36_500)
    #: Hours between two payments of funding.
    funding_hours: int = Field(8, alias="SIMULATOR_FUNDING_HOURS", ge=1, le=24)

    #: Seconds that a WebSocket lasts, between two pings on it, and that a listen key is good for.
    socket_seconds: float = Field(24 * 3600.0, alias="SIMULATOR_SOCKET_SECONDS", gt=0, le=24 * 3600.0)
    ping_seconds: float = Field(20.0, alias="SIMULATOR_PING_SECONDS", gt=0, le=3600.0)
    listen_key_seconds: float = Field(3600.0, alias="SIMULATOR_LISTEN_KEY_SECONDS", gt=0, le=24 * 3600.0)

    @property
    def perpetuals(self) -> int:
        """The number of perpetual contracts."""
        return len(USDM) if self.pairs <= len(SPOT) else min(self.pairs, MAX_SYMBOLS)

    def token(self) -> str:
        """Return the admin token, a new random one at each call if none is set."""
        return self.admin_token.get_secret_value() if self.admin_token else secrets.token_urlsafe(24)
