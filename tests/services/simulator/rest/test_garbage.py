"""10,000 requests that are no good: each is refused in Binance's form, nothing breaks, nothing changes."""

import asyncio
import json
import random
import time
from urllib.parse import quote, urlencode

import pytest

from tests.services.simulator.rest import paths
from tests.services.simulator.rest.venue_server import Client, signature

JUNK = (
    "",
    "\0",
    "a\0b",
    "1e400",
    "NaN",
    "-Infinity",
    "-1",
    "0x10",
    "9" * 400,
    "1" * 5000,
    "\u0661\u0662\u0663",
    "\uff11",
    "é",
    "\U0001f4a3",
    "null",
    "[]",
    "[[[[",
    "{}",
    '["BTCUSDT",',
    '["\\u0000"]',
    "' OR 1=1 --",
    "../../etc/passwd",
    "%00",
    "true\n",
    "BTCUSDT\r\n",
    "BTCUSDT ",
    "btcusdt",
    "1.",
    ".1",
    "1,0",
    "1_000",
    "+5",
    "\u202e",
)
#: Parameters whose junk is never taken for good; one of them is in each request with a good signature.
SPOILT = ("symbol", "pair", "quantity", "price", "algoType", "limit", "orderId", "startTime", "batchOrders")
RAW = (
    b"\0\0\0\0\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: nan\r\n\r\n",
    b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /api/v3/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /api/v3/order?symbol=\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\xff" * 1000 + b"\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
)


def _request(rng: random.Random, client: Client, now: int) -> tuple[str, str, dict[str, str], bytes]:
    """Return method, target, headers and body of a bad request for a route that needs a signature."""
    assert client.account is not None
    route = rng.choice(paths.of("signed"))
    names = sorted({*route.parameters, *SPOILT})
    chosen = {name: rng.choice(JUNK) for name in rng.sample(names, rng.randint(0, min(6, len(names))))}
    way = rng.randrange(6)
    headers = {"X-MBX-APIKEY": client.account.api_key}
    timestamp = str(now)
    secret = client.account.api_secret
    if way == 0:
        headers["X-MBX-APIKEY"] = rng.choice(("", "x", "k" * 64, "k" * 4000))
    elif way == 1:
        secret = "wrong"
    elif way == 2:
        timestamp = rng.choice(("", "0", "1e9", "-1", "9" * 30, str(now - 60_001), str(now + 10_000_000)))
    query = urlencode({**chosen, "timestamp": timestamp})
    signed = f"{query}&signature={signature(secret, query)}"
    if way == 3:
        signed = query
    elif way == 4:
        signed = f"{signed}&timestamp={timestamp}"
    elif way == 5:
        signed = f"{signed}&%ff={quote(rng.choice(JUNK))}"
    if rng.random() < 0.3 and route.method != "GET":
        return route.method, route.path, headers, signed.encode()
    return route.method, f"{route.path}?{signed}", headers, b""


def _public_request(rng: random.Random) -> tuple[str, str, dict[str, str], bytes]:
    """Return a bad request for a route that anybody may ask."""
    route = rng.choice([one for one in paths.of("public") if "symbol" in one.parameters])
    name = rng.choice([one for one in ("symbol", "symbols", "limit") if one in route.parameters])
    junk = rng.choice([one for one in JUNK if one and one != "[]"])
    pairs = {"symbol": "BTCUSDT", "interval": "1m"} if name == "limit" else {}
    return "GET", f"{route.path}?{urlencode({**pairs, name: junk})}", {}, b""


def _encoded(method: str, target: str, headers: dict[str, str], body: bytes) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return int(head.split(b" ", 2)[1]), await reader.readexactly(length)


async def _send_all(port: int, requests: list[bytes]) -> list[tuple[int, bytes, bytes]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = []
    for request in requests:
        writer.write(request)
        answers.append((*await _answer(reader), request))
    writer.close()
    return answers


async def _send_raw(port: int, garbage: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(garbage)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    return answer


def _holdings(client: Client) -> list[object]:
    """Return everything that the account has and has done."""
    spot, usdm = client.ok("GET", "/api/v3/account"), client.ok("GET", "/fapi/v3/balance")
    seen: list[object] = [spot["balances"], [row["balance"] for row in usdm]]
    for path in ("/api/v3/openOrders", "/fapi/v1/openOrders", "/fapi/v1/openAlgoOrders", "/fapi/v3/positionRisk"):
        seen.append([row | {"markPrice": ""} for row in client.ok("GET", path)])
    for path in ("/api/v3/allOrders", "/fapi/v1/allOrders", "/api/v3/myTrades", "/fapi/v1/userTrades"):
        seen.append(client.ok("GET", path, symbol="BTCUSDT"))
    seen += [client.ok("GET", "/fapi/v1/symbolConfig"), client.ok("GET", "/fapi/v1/accountConfig")]
    return [*seen, client.ok("GET", "/fapi/v1/income")]


@pytest.mark.timeout(400)
async def test_ten_thousand_garbage_requests_change_nothing(trader: Client) -> None:
    for path, price in (("/api/v3/order", "50000"), ("/fapi/v1/order", "55000")):
        trader.ok(
            "POST",
            path,
            symbol="BTCUSDT",
            side="BUY",
            type="LIMIT",
            timeInForce="GTC",
            quantity="0.01",
            price=price,
        )
    before = _holdings(trader)
    rng = random.Random(4)
    sent = 0
    answers: list[tuple[int, bytes, bytes]] = []
    while sent < 9_500:
        now = int(time.time() * 1000)
        batches = [
            [
                _encoded(*(_request(rng, trader, now) if rng.random() < 0.7 else _public_request(rng)))
                for _ in range(100)
            ]
            for _ in range(5)
        ]
        sent += 500
        for batch in await asyncio.gather(*(_send_all(trader.server.port, batch) for batch in batches)):
            answers += batch
    for number in range(500):
        garbage = RAW[number % len(RAW)] if number < 200 else rng.randbytes(rng.randint(1, 400))
        answer = await _send_raw(trader.server.port, garbage)
        assert not answer or answer.startswith(b"HTTP/1.1 4"), (garbage, answer)
    for status, body, request in answers:
        if status == 200:  # a reading request may be good by chance, a changing one may not
            assert request.startswith(b"GET "), request
            continue
        assert 400 <= status < 500, (status, body, request)
        refused = json.loads(body)
        assert refused["code"] < 0, request
        assert isinstance(refused["msg"], str), request
    assert sum(status == 200 for status, _, _ in answers) < len(answers) // 5
    assert _holdings(trader) == before
    assert trader.public("/api/v3/ping").json() == {}


@pytest.mark.parametrize("size", [70_000, 2_000_000])
def test_a_request_that_is_too_large_is_refused(trader: Client, size: int) -> None:
    answer = trader.http.post("/api/v3/order", content=b"a=" + b"1" * (size * 4))

    assert answer.status_code == 413
    assert answer.json()["code"] == -1101
    assert trader.public("/api/v3/ping").status_code == 200
