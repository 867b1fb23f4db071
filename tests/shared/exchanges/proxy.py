"""Something between us and the simulator that answers in its place."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.venue import SimulatedVenue


@asynccontextmanager
async def proxy(
    venue: SimulatedVenue, rubbish: Callable[[str, str], bytes | None], status: str = "200 OK"
) -> AsyncIterator[str]:
    """Stand between us and the simulator; `rubbish` gives the body to answer with for a method and path, if any."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            method, path = head.split(b" ", 2)[:2]
            length = next(
                (
                    int(line.split(b":")[1])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length")
                ),
                0,
            )
            body = await reader.readexactly(length)
            answer = rubbish(method.decode(), path.decode().partition("?")[0])
            if answer is None:
                upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", venue.port)
                head = b"\r\n".join(
                    line for line in head.split(b"\r\n") if not line.lower().startswith((b"connection", b"accept-enc"))
                )
                upstream.write(head.removesuffix(b"\r\n\r\n").rstrip(b"\r\n") + b"\r\nConnection: close\r\n\r\n" + body)
                writer.write(await upstream_reader.read())
                upstream.close()
            else:
                writer.write(
                    b"HTTP/1.1 "
                    + status.encode()
                    + b"\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: "
                    + str(len(answer)).encode()
                    + b"\r\n\r\n"
                    + answer
                )
            await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
