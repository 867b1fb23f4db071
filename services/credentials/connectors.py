"""Answers about connectors. They never change while the service runs, so they are encoded once."""

import msgspec

from services.credentials.accounts import known_connector
from services.credentials.config_map import config_map
from shared.bus.messages import Reply
from shared.connectors.catalogue import CONNECTORS, Connector

_encode = msgspec.json.Encoder().encode


def is_listed(connector: Connector) -> bool:
    """Return whether lists show a connector: one that trades, under a name that fits into a path.

    Hummingbot's paper connectors do not trade outside a bot. Those of a chain exist while a Gateway runs and registers
    them, so they are not listed from here. Our own two are.
    """
    return connector.trades and "/" not in connector.name


_LIST = Reply(_encode([connector.name for connector in CONNECTORS.values() if is_listed(connector)]))
_CONFIG_MAPS = {name: Reply(_encode(config_map(connector))) for name, connector in CONNECTORS.items()}


def list_connectors() -> Reply:
    """Return the names of the connectors that can be traded on, sorted."""
    return _LIST


def connector_config_map(name: str) -> Reply:
    """Return the config map of the connector `name`; empty where it takes no credential.

    Raises:
        CommandError: NOT_FOUND if there is no such connector.
    """
    return _CONFIG_MAPS[known_connector(name).name]
