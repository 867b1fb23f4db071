"""Whether anybody listens where somebody else's server is said to be: what a start that takes long may wait for."""

import asyncio
import socket
from urllib.parse import urlsplit

from hummingbus.stack.settings import StackSettings

_NATS_PORT, _POSTGRES_PORT = 4222, 5432
#: Seconds in which a server accepts a connection.
_PATIENCE = 3.0


async def missing_servers(settings: StackSettings) -> list[str]:
    """Return a sentence for each server of `settings` that nobody can connect to; it shows no login."""
    asked = [("NATS", url, _NATS_PORT) for url in (settings.nats_url or "").split(",") if url]
    if settings.database_url is not None:
        asked.append(("PostgreSQL", settings.database_url.get_secret_value(), _POSTGRES_PORT))
    found = await asyncio.gather(*(_missing(name, url, port) for name, url, port in asked))
    return [sentence for sentence in found if sentence]


async def accepts(url: str, usual_port: int = _NATS_PORT) -> str | None:
    """Return None if a connection to `url` can be opened, else why not in a few words.

    Raises:
        ValueError: if `url` names no host, or no port that there can be.
    """
    host, port = _address(url, usual_port)
    try:
        async with asyncio.timeout(_PATIENCE):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return "no answer"
    except socket.gaierror:
        return "no such host"
    except OSError as error:
        return "connection refused" if isinstance(error, ConnectionRefusedError) else error.strerror or "no answer"
    writer.close()
    return None


async def _missing(name: str, url: str, usual_port: int) -> str | None:
    try:
        host, port = _address(url, usual_port)
        why = await accepts(url, usual_port)
    except ValueError:
        return None  # a socket in the file system, or several hosts: what fails is said in the logs
    return None if why is None else f"{name} at {host}:{port} can't be reached ({why})"


def _address(url: str, usual_port: int) -> tuple[str, int]:
    parts = urlsplit(url if "//" in url else f"//{url}")
    if not parts.hostname:
        raise ValueError("expected a host")
    return parts.hostname, parts.port or usual_port
