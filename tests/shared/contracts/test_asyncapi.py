"""The AsyncAPI document of the bus: everything in the catalogue, nothing else, and no reference that leads nowhere."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from shared.bus.subjects import Subjects
from shared.contracts.asyncapi import document
from shared.contracts.catalogue import COMMANDS, EVENTS, LIVE
from shared.contracts.credentials import ACCOUNT_CREATED, CREATE_ACCOUNT, VERIFY_PASSWORD, AccountChanged, AccountRef
from shared.contracts.declaration import OUTSIDE
from shared.contracts.marketdata.books import BOOK, LiveBook


@pytest.fixture(scope="module")
def bus() -> dict[str, Any]:
    made: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document("1.2.3", "test")))
    return made


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def resolve(bus: dict[str, Any], reference: str) -> Any:
    found: Any = bus
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def whole(bus: dict[str, Any], value: Any) -> Any:
    if isinstance(value, list):
        return [whole(bus, item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return whole(bus, resolve(bus, value["$ref"]))
    return {key: whole(bus, item) for key, item in value.items()}


def test_it_has_every_command_event_and_live_message(bus: dict[str, Any]) -> None:
    assert bus["asyncapi"] == "3.0.0"
    assert bus["info"]["version"] == "1.2.3"
    received = {name for name, operation in bus["operations"].items() if operation["action"] == "receive"}
    sent = {name for name, operation in bus["operations"].items() if operation["action"] == "send"}
    assert received == {command.key for command in COMMANDS}
    assert sent == {event.kind for event in EVENTS} | {f"{live.service}.live.{live.kind}" for live in LIVE}
    assert LIVE


def test_every_reference_leads_somewhere(bus: dict[str, Any]) -> None:
    found = set(references(bus))
    assert len(found) > 50
    for reference in found:
        assert isinstance(resolve(bus, reference), dict), reference


def test_addresses_are_the_subjects(bus: dict[str, Any]) -> None:
    subjects = Subjects("test")
    for command in COMMANDS:
        channel = bus["channels"][command.key]
        address = channel["address"]
        for name in channel["parameters"]:
            address = address.replace(f"{{{name}}}", "x")
        assert address == subjects.command(command, "x", ("x",) * len(command.owner_keys))
    for event in EVENTS:
        channel = bus["channels"][event.kind]
        address = channel["address"]
        for name in channel["parameters"]:
            address = address.replace(f"{{{name}}}", "x")
        assert address == subjects.event(event, ("x",) * len(event.keys))
    for live in LIVE:
        channel = bus["channels"][f"{live.service}.live.{live.kind}"]
        address = channel["address"].replace("{connector}", "paper").replace("{trading_pair}", "BTC-USDT")
        assert set(channel["parameters"]) == {"connector", "trading_pair", *live.keys}
        for name in live.keys:
            address = address.replace(f"{{{name}}}", "x")
        assert address == subjects.live(live, "paper", "BTC-USDT", *("x",) * len(live.keys))


def test_it_says_what_outside_programs_may_send(bus: dict[str, Any]) -> None:
    for command in COMMANDS:
        tags = {tag["name"] for tag in bus["operations"][command.key]["tags"]}
        assert ("public" in tags) == (OUTSIDE in command.callers)
        assert ("internal" in tags) != ("public" in tags)
    assert "gateway_api" in bus["operations"][VERIFY_PASSWORD.key]["description"]


def test_only_commands_that_take_a_key_say_so(bus: dict[str, Any]) -> None:
    for command in COMMANDS:
        headers = bus["components"]["messages"][command.key]["headers"]["properties"]
        assert ("Hb-Key" in headers) == command.accepts_key


def test_its_schemas_are_those_of_the_contracts(bus: dict[str, Any]) -> None:
    message = whole(bus, bus["components"]["messages"][CREATE_ACCOUNT.key])
    jsonschema_rs.validate(message["payload"], msgspec.to_builtins(AccountRef("alice")))
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(message["payload"], {"account_name": "a.b"})
    event = whole(bus, bus["components"]["messages"][ACCOUNT_CREATED.kind])
    data = msgspec.to_builtins(AccountChanged("alice", 1))
    envelope = {
        "seq": 1,
        "service": "credentials",
        "kind": ACCOUNT_CREATED.kind,
        "time": "2026-01-05T10:00:00Z",
        "actor": "admin",
        "account": "alice",
        "bot": None,
        "trace": None,
        "event_id": 1,
        "data": data,
    }
    jsonschema_rs.validate(event["payload"], envelope)
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(event["payload"], envelope | {"kind": "another"})


def test_live_messages_are_what_is_sent(bus: dict[str, Any]) -> None:
    message = whole(bus, bus["components"]["messages"][f"{BOOK.service}.live.{BOOK.kind}"])
    sent = msgspec.to_builtins(LiveBook("paper", "BTC-USDT", ((99.5, 1.0),), (), 1700000000.25))
    jsonschema_rs.validate(message["payload"], msgspec.json.decode(msgspec.json.encode(sent)))
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(message["payload"], sent | {"bids": [["99.5", "1"]]})
    operation = bus["operations"][f"{BOOK.service}.live.{BOOK.kind}"]
    assert {"public", "live"} <= {tag["name"] for tag in operation["tags"]}
