"""What travels on an event subject."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.envelope import Envelope, decode, encode, message_id, seq_of

text = st.text(max_size=20)
envelopes = st.builds(
    Envelope,
    seq=st.integers(1, 2**62),
    service=text,
    kind=text,
    time=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the strategy adds it
    actor=text,
    account=st.none() | text,
    bot=st.none() | text,
    trace=st.none() | text,
    event_id=st.integers(1, 2**62),
    data=st.dictionaries(text, st.integers(-(2**53), 2**53) | text).map(
        lambda data: msgspec.Raw(msgspec.json.encode(data))
    ),
)


@given(envelopes)
def test_an_envelope_comes_back_as_it_was(envelope: Envelope) -> None:
    decoded = decode(encode(envelope))
    assert msgspec.structs.replace(decoded, data=msgspec.Raw()) == msgspec.structs.replace(envelope, data=msgspec.Raw())
    assert bytes(decoded.data) == bytes(envelope.data)


def test_money_in_an_event_is_not_touched() -> None:
    body = (
        b'{"seq":1,"service":"s","kind":"s.r.w","time":"2026-01-01T00:00:00Z","actor":"a","account":null,"bot":null,'
        b'"trace":null,"event_id":1,"data":{"price":"0.10","raw":0.1000000000000000055511151231257827}}'
    )
    assert bytes(decode(body).data) == b'{"price":"0.10","raw":0.1000000000000000055511151231257827}'


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"seq":"1"}'])
def test_what_is_no_envelope_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(body)


@given(st.integers(0, 2**62), st.sampled_from(["credentials", "gateway_api", "a-b"]))
def test_an_id_gives_its_seq_back_to_its_service_alone(seq: int, service: str) -> None:
    assert seq_of(message_id(service, seq), service) == seq
    assert seq_of(message_id(service, seq), "other") is None


@pytest.mark.parametrize(
    "text", ["", "credentials", "credentials-", "credentials-x", "credentials--1", "credentials-²"]
)
def test_what_is_no_id_gives_none(text: str) -> None:
    assert seq_of(text, "credentials") is None
