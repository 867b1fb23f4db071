"""What is asked for at which path."""

import pytest

from services.simulator.streams.paths import Target, target


@pytest.mark.parametrize(
    ("path", "query", "wanted"),
    [
        ("/ws", b"", Target("spot")),
        ("/ws/btcusdt@trade", b"", Target("spot", ("btcusdt@trade",))),
        ("/ws/btcusdt@trade/ethusdt@trade", b"", Target("spot", ("btcusdt@trade", "ethusdt@trade"))),
        ("/stream", b"streams=a@trade/b@trade", Target("spot", ("a@trade", "b@trade"), combined=True)),
        ("/stream/ws/0", b"", Target("spot", ("0",))),
        ("/stream/stream", b"streams=a@trade", Target("spot", ("a@trade",), combined=True)),
        ("/fstream/ws/a@trade", b"", Target("usdm", ("a@trade",))),
        ("/fstream/stream", b"streams=a@trade", Target("usdm", ("a@trade",), combined=True)),
        ("/fstream/public/ws/3", b"", Target("usdm", ("3",))),
        ("/fstream/market/stream", b"streams=a@trade", Target("usdm", ("a@trade",), combined=True)),
        ("/fstream/private/ws", b"listenKey=abc", Target("usdm", ("abc",))),
        ("/ws-api/v3", b"", Target("spot", api=True)),
        ("/ws-api/v3", b"returnRateLimits=true", Target("spot", api=True)),
        ("/ws-api/v3", b"returnRateLimits=false", Target("spot", api=True, rate_limits=False)),
        ("/ws-fapi/v1", b"", Target("usdm", api=True)),
        ("/", b"", None),
        ("/wss", b"", None),
        ("/fstream", b"", None),
        ("/stream/elsewhere", b"", None),
    ],
)
def test_a_path_says_what_is_wanted(path: str, query: bytes, wanted: Target | None) -> None:
    assert target(path, query) == wanted
