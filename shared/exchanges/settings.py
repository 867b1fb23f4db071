"""Settings of whatever service speaks with exchanges."""

from collections.abc import Mapping

from pydantic import BaseModel, Field, field_validator

from shared.connectors.catalogue import CONNECTORS
from shared.exchanges.endpoints import Endpoint, endpoint_of, endpoints_of


class ExchangeSettings(BaseModel):
    """Where exchanges are reached; to be mixed into a service's settings."""

    #: JSON, or the path of a JSON file: connector to base URL, or to `{"rest": URL, "websocket": URL}`.
    connector_endpoints: str = Field("", alias="CONNECTOR_ENDPOINTS")
    #: The simulator's base URL, for the connectors that trade on it.
    simulator_url: str = Field("http://127.0.0.1:8010", alias="SIMULATOR_URL")

    @field_validator("connector_endpoints")
    @classmethod
    def _endpoints(cls, text: str) -> str:
        endpoints_of(text)
        return text

    @field_validator("simulator_url")
    @classmethod
    def _simulator(cls, url: str) -> str:
        endpoint_of(url)
        return url

    def endpoints(self) -> Mapping[str, Endpoint]:
        """Return the endpoints of all connectors that are reached elsewhere than usual."""
        simulator = endpoint_of(self.simulator_url)
        simulated = {name: simulator for name, connector in CONNECTORS.items() if connector.simulated}
        return {**simulated, **endpoints_of(self.connector_endpoints)}
