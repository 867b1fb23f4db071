"""Where the servers are and who each service is to them: what the groups are told through their pipe."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

import msgspec

from hummingbus.stack.nkey import Nkey
from hummingbus.stack.settings import EDGE_SERVICE, StackSettings
from shared.contracts import marketdata, portfolio
from shared.contracts.credentials import RELEASE_SECRET
from shared.contracts.declaration import SIMULATOR

#: Services that speak to exchanges, of which the simulator is one.
_ON_EXCHANGES = frozenset({marketdata.SERVICE, portfolio.SERVICE})


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses of the servers of one stack, with the identities of its services."""

    nats_url: str = field(repr=False)  # somebody else's server may have a password in its URL
    database_url: str = field(repr=False)
    identities: Mapping[str, Nkey] = field(repr=False)
    #: What the simulator's admin API asks for.
    simulator_token: str | None = field(default=None, repr=False)

    def overrides_for(self, service: str, settings: StackSettings) -> dict[str, str]:
        """Return the settings that go before all others for `service`: no more than it needs."""
        overrides = {"NATS_URL": self.nats_url}
        if (key := self.identities.get(service)) is not None:
            overrides["NATS_SEED"] = key.seed
        if service == EDGE_SERVICE:
            overrides |= {"API_HOST": settings.api_host, "API_PORT": str(settings.api_port)}
        else:
            overrides["DATABASE_URL"] = self.database_url
        if service == SIMULATOR and self.simulator_token is not None:
            overrides["SIMULATOR_ADMIN_TOKEN"] = self.simulator_token
        if service in _ON_EXCHANGES and settings.has_simulator:
            overrides["SIMULATOR_URL"] = settings.simulator_url
        if service == RELEASE_SECRET.service:
            # By their signatures it knows the services that ask for secrets.
            keys = {user: key.public_key for user, key in self.identities.items() if user in RELEASE_SECRET.callers}
            overrides["SERVICE_KEYS"] = msgspec.json.encode(keys).decode()
        return overrides


def without_login(url: str) -> str:
    """Return `url` (or several, with commas between) without user and password."""
    parts = (urlsplit(part) for part in url.split(","))
    return ",".join(urlunsplit(part._replace(netloc=part.netloc.rpartition("@")[2])) for part in parts)
