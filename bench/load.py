"""A load generator for HTTP/1.1 with kept-alive connections: raw sockets, to cost less than what it measures."""

import asyncio
import socket
import time
from dataclasses import dataclass

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"


@dataclass(frozen=True, slots=True)
class Latencies:
    """What a run of requests took: `seconds` in all, and each request's seconds, sorted."""

    seconds: float
    each: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.each) / self.seconds

    def quantile(self, share: float) -> float:
        """Return the latency in milliseconds that `share` of the requests did not exceed."""
        return self.each[min(len(self.each) - 1, int(share * len(self.each)))] * 1000

    def __str__(self) -> str:
        return f"{self.rate:7.0f}/s  p50 {self.quantile(0.5):6.2f} ms  p99 {self.quantile(0.99):6.2f} ms"


async def get(
    host: str, port: int, path: str, headers: dict[str, str], *, connections: int, requests: int
) -> Latencies:
    """Send `requests` GETs over `connections` connections and return how long they took.

    Raises:
        RuntimeError: if an answer is not 200.
    """
    return await _send(host, port, f"GET {path}", headers, body=b"", connections=connections, requests=requests)


async def post(
    host: str, port: int, path: str, headers: dict[str, str], body: bytes, *, connections: int, requests: int
) -> Latencies:
    """Send `requests` POSTs of the JSON `body` over `connections` connections and return how long they took.

    Raises:
        RuntimeError: if an answer is not 200.
    """
    more = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return await _send(
        host, port, f"POST {path}", headers | more, body=body, connections=connections, requests=requests
    )


async def _send(
    host: str, port: int, what: str, headers: dict[str, str], *, body: bytes, connections: int, requests: int
) -> Latencies:
    lines = [f"{what} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    request = "\r\n".join(lines).encode() + body
    share = max(1, requests // connections)
    began = time.perf_counter()
    results = await asyncio.gather(*(_connection(host, port, request, share) for _ in range(connections)))
    seconds = time.perf_counter() - began
    return Latencies(seconds, tuple(sorted(latency for result in results for latency in result)))


async def _connection(host: str, port: int, request: bytes, count: int) -> list[float]:
    reader, writer = await asyncio.open_connection(host, port)
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    latencies: list[float] = []
    try:
        for _ in range(count):
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(_END_OF_HEAD)
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"expected 200, was {head.splitlines()[0].decode()}")
            lowered = head.lower()
            start = lowered.index(_LENGTH) + len(_LENGTH)
            await reader.readexactly(int(lowered[start : lowered.index(b"\r", start)]))
            latencies.append(time.perf_counter() - began)
    finally:
        writer.close()
    return latencies
