"""Settings of the HTTP edge."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from services.gateway_api.sockets.pace import Pace
from shared.http.server import Listen
from shared.settings import Settings


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


TextList = Annotated[tuple[str, ...], BeforeValidator(_split)]


class EdgeSettings(Settings):
    """Where the edge listens, whom it lets in and how much it takes. Times are in seconds."""

    host: str = Field("127.0.0.1", alias="API_HOST")
    port: int = Field(8000, alias="API_PORT", ge=0, le=65535)
    #: Origins whose pages may call the API from a browser; none by default. `*` is every origin.
    cors_origins: TextList = Field((), alias="CORS_ORIGINS")
    #: Addresses or networks of proxies whose X-Forwarded-For is believed; none by default.
    trusted_proxies: TextList = Field((), alias="TRUSTED_PROXIES")
    body_limit_mb: float = Field(10.0, alias="BODY_LIMIT_MB", gt=0, le=1024)

    #: Requests per second of one identity, or of one address without an identity; 0 is no limit.
    rate_limit: float = Field(0.0, alias="RATE_LIMIT_PER_SECOND", ge=0)
    #: Requests that may come at once; 0 is two seconds' worth.
    rate_burst: int = Field(0, alias="RATE_LIMIT_BURST", ge=0)

    #: How long a verified identity is remembered.
    identity_ttl: float = Field(60.0, alias="IDENTITY_TTL", gt=0, le=3600)
    #: How much longer while nobody can be asked, because the service that verifies is away.
    identity_grace: float = Field(300.0, alias="IDENTITY_GRACE", ge=0, le=3600)
    #: Wrong passwords or keys from one address within the window before it has to wait; 0 is no limit.
    failure_limit: int = Field(10, alias="AUTH_FAILURE_LIMIT", ge=0)
    failure_window: float = Field(60.0, alias="AUTH_FAILURE_WINDOW", gt=0)

    #: Events that the edge keeps in memory for readers of `GET /events`, and how many readers it serves at once.
    events_kept: int = Field(10_000, alias="EVENTS_KEPT", ge=1)
    events_readers: int = Field(500, alias="EVENTS_READERS", ge=1)
    #: How often a reader that gets no event is told that the connection is alive.
    events_keep_alive: float = Field(15.0, alias="EVENTS_KEEP_ALIVE", gt=0)

    #: WebSockets that are served at once, and subscriptions of each.
    sockets: int = Field(2000, alias="MARKET_DATA_WS_CONNECTIONS", ge=1)
    socket_subscriptions: int = Field(200, alias="MARKET_DATA_WS_SUBSCRIPTIONS", ge=1)
    #: How often a WebSocket is told that it is alive, and the bounds of the time between two pushes.
    socket_heartbeat: float = Field(30.0, alias="MARKET_DATA_WS_HEARTBEAT_INTERVAL", gt=0)
    socket_shortest: float = Field(0.25, alias="MARKET_DATA_WS_MIN_UPDATE_INTERVAL", ge=0.01)
    socket_longest: float = Field(60.0, alias="MARKET_DATA_WS_MAX_UPDATE_INTERVAL", ge=0.01)

    #: How long requests under way may take when the edge stops.
    drain_timeout: int = Field(10, alias="DRAIN_TIMEOUT", ge=1)

    @property
    def listen(self) -> Listen:
        """Where the edge listens."""
        return Listen(self.host, self.port, "API_HOST", "API_PORT")

    @property
    def pace(self) -> Pace:
        """What a WebSocket may ask for."""
        return Pace(self.socket_heartbeat, self.socket_shortest, self.socket_longest, self.socket_subscriptions)

    @property
    def body_limit(self) -> int:
        """The largest request body, in bytes."""
        return int(self.body_limit_mb * 1024 * 1024)
