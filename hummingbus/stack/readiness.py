"""Asks the edge whether the stack is ready, as a load balancer would."""

import asyncio
from urllib.parse import urlsplit

from shared.backoff import Backoff


async def wait_until_ready(api_url: str) -> None:
    """Return when `GET /ready` answers 200."""
    backoff = Backoff(0.02, 0.5)
    while await _status(api_url) != 200:
        await backoff.wait()


async def _status(api_url: str) -> int | None:
    """Return the HTTP status of `GET /ready`, None where nobody answers."""
    url = urlsplit(api_url)
    try:
        async with asyncio.timeout(5.0):
            reader, writer = await asyncio.open_connection(url.hostname, url.port)
            try:
                writer.write(f"GET /ready HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n\r\n".encode())
                line = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None
    parts = line.split()
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else None
