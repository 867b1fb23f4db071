"""Faults on demand, by table: which meet what, how often and how long."""

from typing import Any

import pytest

from services.simulator.faults import FaultKind, Faults, MessageFault, NewFault, RequestFault

KEY = "the-api-key"
PATH = "/api/v3/order"


class Clock:
    """A clock that is moved by hand, in ms."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


def faults_with(*asked: dict[str, Any]) -> tuple[Faults, Clock]:
    clock = Clock()
    faults = Faults(clock)
    for one in asked:
        faults.add(NewFault(**one))
    return faults, clock


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"kind": FaultKind.TOO_MANY_REQUESTS, "retry_after": 7}, (429, -1003, 7)),
        ({"kind": FaultKind.BANNED, "retry_after": 90}, (418, -1003, 90)),
        ({"kind": FaultKind.SERVER_ERROR}, (500, -1000, None)),
        ({"kind": FaultKind.SERVER_ERROR, "status": 504}, (504, -1000, None)),
        ({"kind": FaultKind.MAINTENANCE}, (503, -1016, None)),
    ],
)
def test_a_refusal_is_as_binance_sends_it(asked: dict[str, Any], expected: tuple[int, int, int | None]) -> None:
    delay, fault = faults_with(asked)[0].request_fault(PATH, KEY, "POST")
    assert delay == 0
    assert fault is not None
    status, code, retry_after = expected
    assert (fault.status, fault.retry_after, fault.lost) == (status, retry_after, False)
    assert f'"code":{code}'.encode() in fault.body


@pytest.mark.parametrize(
    ("where", "meets"),
    [
        ({}, True),
        ({"path": PATH}, True),
        ({"path": "/api/v3/*"}, True),
        ({"path": "*"}, True),
        ({"path": "/api/v3"}, False),
        ({"path": "/api/v3/orders"}, False),
        ({"path": "/fapi/*"}, False),
        ({"method": "POST"}, True),
        ({"method": "post"}, True),
        ({"method": "GET"}, False),
        ({"api_key": KEY}, True),
        ({"api_key": "another"}, False),
        ({"path": PATH, "method": "POST", "api_key": KEY}, True),
        ({"path": PATH, "method": "POST", "api_key": "another"}, False),
    ],
)
def test_a_fault_meets_what_fits_path_method_and_account(where: dict[str, Any], meets: bool) -> None:
    faults, _ = faults_with({"kind": FaultKind.LOST_ANSWER, **where})
    _, fault = faults.request_fault(PATH, KEY, "POST")
    assert fault == (RequestFault(lost=True) if meets else None)
    assert faults.all()[0].met == int(meets)


def test_who_has_no_key_is_met_by_faults_of_no_account() -> None:
    faults, _ = faults_with({"kind": FaultKind.MAINTENANCE, "api_key": KEY})
    assert faults.request_fault(PATH, None) == (0.0, None)


def test_a_count_is_used_up_by_what_it_meets() -> None:
    faults, _ = faults_with({"kind": FaultKind.SERVER_ERROR, "path": PATH, "count": 2})
    met = [faults.request_fault(path, None)[1] is not None for path in (PATH, "/other", PATH, PATH)]
    assert met == [True, False, True, False]
    assert faults.all() == ()


def test_a_time_is_over_when_it_is_over() -> None:
    faults, clock = faults_with({"kind": FaultKind.SERVER_ERROR, "seconds": 1.5})
    clock.now += 1499
    assert faults.request_fault(PATH, None)[1] is not None
    clock.now += 1
    assert faults.request_fault(PATH, None)[1] is None
    assert faults.all() == ()


def test_delays_add_up_and_the_oldest_refusal_counts() -> None:
    faults, _ = faults_with(
        {"kind": FaultKind.LATENCY, "delay": 0.25},
        {"kind": FaultKind.BANNED, "count": 1},
        {"kind": FaultKind.LATENCY, "delay": 0.5},
        {"kind": FaultKind.SERVER_ERROR, "count": 1},
    )
    delay, fault = faults.request_fault(PATH, None)
    assert (delay, fault is not None and fault.status) == (0.75, 418)
    assert faults.request_fault(PATH, None)[1] is not None, "the second refusal was not used up by the first request"
    assert faults.request_fault(PATH, None)[1] is None


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FaultKind.MISSED_MESSAGE, MessageFault(copies=0)),
        (FaultKind.DUPLICATED_MESSAGE, MessageFault(copies=2)),
        (FaultKind.DELAYED_MESSAGE, MessageFault(delay=1.0)),
        (FaultKind.REORDERED_MESSAGE, MessageFault(swap=True)),
        (FaultKind.DROPPED_SOCKET, MessageFault(close=True)),
        (FaultKind.SERVER_ERROR, MessageFault()),
        (FaultKind.CLOCK_OFFSET, MessageFault()),
    ],
)
@pytest.mark.parametrize("path", ["btcusdt@depth", "/ws", "btcusdt@*", None])
def test_messages_are_met_by_stream_and_by_socket(kind: FaultKind, expected: MessageFault, path: str | None) -> None:
    faults, _ = faults_with({"kind": kind, "path": path, "count": 1})
    assert faults.on_message("/stream", "ethusdt@depth") == (MessageFault() if path else expected)
    if path:
        assert faults.on_message("/ws", "btcusdt@depth") == expected
    assert faults.on_message("/ws", "btcusdt@depth") == MessageFault()


def test_messages_of_one_account_alone() -> None:
    faults, _ = faults_with({"kind": FaultKind.MISSED_MESSAGE, "path": "userData", "api_key": KEY})
    assert faults.on_message("/ws", "userData", "another").copies == 1
    assert faults.on_message("/ws", "btcusdt@trade").copies == 1
    assert faults.on_message("/ws", "userData", KEY).copies == 0


def test_offsets_of_the_clock_add_up_and_end() -> None:
    faults, clock = faults_with(
        {"kind": FaultKind.CLOCK_OFFSET, "offset": 2000}, {"kind": FaultKind.CLOCK_OFFSET, "offset": -500, "seconds": 1}
    )
    assert faults.clock_offset() == 1500
    clock.now += 1000
    assert faults.clock_offset() == 2000
    assert faults.remove() == 1
    assert faults.clock_offset() == 0


def test_the_clock_is_wrong_to_some_requests_alone() -> None:
    faults, _ = faults_with(
        {"kind": FaultKind.CLOCK_OFFSET, "offset": 2000, "path": PATH},
        {"kind": FaultKind.CLOCK_OFFSET, "offset": -500, "api_key": KEY, "count": 1},
        {"kind": FaultKind.LOST_ANSWER, "api_key": KEY},
    )
    assert faults.clock_offset() == 0
    assert faults.request_fault("/other", None) == (0.0, None)
    assert faults.request_fault(PATH, None) == (0.0, RequestFault(offset=2000))
    assert faults.request_fault(PATH, KEY) == (0.0, RequestFault(offset=1500, lost=True))
    assert faults.request_fault(PATH, KEY) == (0.0, RequestFault(offset=2000, lost=True))


def test_a_new_fault_closes_open_sockets_as_often_as_it_says() -> None:
    faults, _ = faults_with()
    closed: list[str] = []

    def close(fault: Any) -> None:
        closed.extend(path for path in ("/ws", "/ws", "/stream", "/ws") if faults.closes_socket(fault, path))

    faults.listen(close)
    faults.add(NewFault(kind=FaultKind.LATENCY))
    assert closed == []
    faults.add(NewFault(kind=FaultKind.DROPPED_SOCKET, path="/ws", count=2))
    assert closed == ["/ws", "/ws"]
    assert faults.all()[-1].asked.kind is FaultKind.LATENCY, "it is used up"
    assert not faults.refuses_socket("/ws")
    faults.add(NewFault(kind=FaultKind.MAINTENANCE))
    assert faults.refuses_socket("/ws")


async def test_a_request_waits_for_its_delay() -> None:
    faults, _ = faults_with({"kind": FaultKind.LATENCY, "delay": 0.0}, {"kind": FaultKind.LOST_ANSWER, "count": 1})
    assert await faults.before_request(PATH, KEY, "POST") == RequestFault(lost=True)
    assert await faults.before_request(PATH, KEY, "POST") is None


@pytest.mark.parametrize(
    "values",
    [
        {"count": 0},
        {"seconds": 0},
        {"seconds": float("nan")},
        {"delay": -0.1},
        {"delay": float("nan")},
        {"status": 499},
        {"status": 600},
        {"retry_after": -1},
        {"offset": 10**13},
    ],
)
def test_figures_that_make_no_sense_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        NewFault(kind=FaultKind.LATENCY, **values)
