"""The bus alone: a namespace on the session's server, no database."""

import pytest

from hummingbus.stack.nats_server import NatsServer
from shared.settings import Settings


@pytest.fixture
def settings(nats_server: NatsServer, namespace: str) -> Settings:
    """Settings of any user in a namespace of the test's own."""
    return Settings.model_validate({"HUMMINGBUS_NAMESPACE": namespace, "NATS_URL": nats_server.url})
