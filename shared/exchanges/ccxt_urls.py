"""ccxt's tables of URLs, turned to another base."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from shared.exchanges.endpoints import Endpoint

#: ccxt knows Binance's market sockets by `/stream` in their URL, which on its own hosts is the name's beginning
#: (`binance.is_spot_url`). A host of another name has to serve them below these paths, as the simulator does.
_BINANCE_SOCKETS = {"spot": "/stream/ws", "margin": "/stream/ws", "future": "/fstream/ws"}


def turned(urls: Mapping[str, Any], ccxt_id: str, endpoint: Endpoint) -> dict[str, Any]:
    """Return `urls['api']` of an exchange with every scheme, host and port replaced; the paths stay."""
    changed = _turned(urls, endpoint)
    if ccxt_id == "binance" and "stream" not in (urlsplit(endpoint.websocket).hostname or ""):
        changed["ws"] |= {name: endpoint.websocket + path for name, path in _BINANCE_SOCKETS.items()}
    return changed


def _turned(urls: Mapping[str, Any], endpoint: Endpoint) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for name, url in urls.items():
        if isinstance(url, Mapping):
            changed[name] = _turned(url, endpoint)
        elif isinstance(url, str) and "://" in url:
            parts = urlsplit(url)
            base = endpoint.websocket if parts.scheme in ("ws", "wss") else endpoint.rest
            changed[name] = base + parts.path
        else:
            changed[name] = url
    return changed
