"""The stack's settings: groups of services, addresses, and errors that name the setting and hide its value."""

import json

import pytest
from pydantic import ValidationError

from hummingbus.stack.addresses import Addresses, without_login
from hummingbus.stack.nkey import Nkey
from hummingbus.stack.settings import ServiceRef, StackSettings


def _settings(**values: str) -> StackSettings:
    return StackSettings.model_validate(values)


def test_each_service_has_a_process_for_its_kind_by_default() -> None:
    groups = dict(_settings().groups)
    assert groups["edge"] == (ServiceRef(name="gateway_api", module="services.gateway_api.app"),)
    assert groups["control"] == (ServiceRef(name="credentials", module="services.credentials.app"),)


def test_a_dotted_name_is_a_module_of_somebody_else() -> None:
    groups = dict(_settings(HUMMINGBUS_GROUPS="all=gateway_api, mine.alarm;").groups)
    assert groups["all"][1] == ServiceRef(name="alarm", module="mine.alarm")


@pytest.mark.parametrize("text", ["", ";", "edge", "edge=", "=credentials", "a b=credentials", "a=credentials;a=b"])
def test_groups_that_make_no_sense_are_refused_without_their_text(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        _settings(HUMMINGBUS_GROUPS=text)
    assert "HUMMINGBUS_GROUPS" in str(caught.value)


def test_the_simulator_is_in_unless_it_is_switched_off() -> None:
    assert ServiceRef(name="simulator", module="services.simulator.app") in dict(_settings().groups)["trading"]
    without = _settings(SIMULATOR="OFF")
    assert [service.name for service in dict(without.groups)["trading"]] == ["portfolio", "marketdata"]
    assert not without.has_simulator
    alone = _settings(SIMULATOR="off", HUMMINGBUS_GROUPS="edge=gateway_api;play=simulator")
    assert [name for name, _ in alone.groups] == ["edge"]
    shared = _settings(SIMULATOR="off", HUMMINGBUS_GROUPS="all=gateway_api,simulator,credentials")
    assert [service.name for service in dict(shared.groups)["all"]] == ["gateway_api", "credentials"]


@pytest.mark.parametrize("setting", ["API_PORT", "SIMULATOR_PORT"])
@pytest.mark.parametrize("port", ["0", "65536", "eighty", "-1"])
def test_a_port_that_is_none_is_refused(setting: str, port: str) -> None:
    with pytest.raises(ValidationError, match=setting):
        _settings(**{setting: port})


@pytest.mark.parametrize("url", ["mysql://me:hush@host/d", "host/d", "hush"])
def test_a_database_of_another_kind_is_refused_without_its_address(url: str) -> None:
    with pytest.raises(ValidationError, match=r"DATABASE_URL[\s\S]*expected postgresql://") as caught:
        _settings(DATABASE_URL=url)
    assert "hush" not in str(caught.value)


def test_only_what_is_started_listens() -> None:
    assert [listener.port_setting for listener in _settings().listeners] == [
        "API_PORT", "SIMULATOR_PORT", "SIMULATOR_ADMIN_PORT",
    ]  # fmt: skip
    assert [listener.port for listener in _settings(SIMULATOR="off", API_PORT="8001").listeners] == [8001]
    assert _settings(HUMMINGBUS_GROUPS="control=credentials").listeners == ()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("box.local", "http://box.local:8000"),
    ],
)
def test_the_api_url_can_be_opened_from_this_machine(host: str, url: str) -> None:
    assert _settings(API_HOST=host).api_url == url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222"),
        ("nats://me:secret@host:4222", "nats://host:4222"),
        ("tls://t@a:1,nats://u:p@b:2", "tls://a:1,nats://b:2"),
    ],
)
def test_a_url_is_shown_without_its_login(url: str, shown: str) -> None:
    assert without_login(url) == shown


def test_a_service_is_told_no_more_than_it_needs() -> None:
    keys = {user: Nkey.new() for user in ("gateway_api", "credentials", "portfolio")}
    addresses = Addresses("nats://n", "postgresql://d", keys)
    edge = addresses.overrides_for("gateway_api", _settings(API_PORT="8001"))
    assert edge == {
        "NATS_URL": "nats://n",
        "NATS_SEED": keys["gateway_api"].seed,
        "API_HOST": "127.0.0.1",
        "API_PORT": "8001",
    }
    control = addresses.overrides_for("credentials", _settings())
    assert json.loads(control.pop("SERVICE_KEYS")) == {"portfolio": keys["portfolio"].public_key}
    assert control == {
        "NATS_URL": "nats://n",
        "NATS_SEED": keys["credentials"].seed,
        "DATABASE_URL": "postgresql://d",
    }
    trading = addresses.overrides_for("portfolio", _settings(SIMULATOR_PORT="8099"))
    assert trading.pop("SIMULATOR_URL") == "http://127.0.0.1:8099"
    assert set(trading) == {"NATS_URL", "NATS_SEED", "DATABASE_URL"}
    # Somebody else's simulator may be elsewhere: the environment says where.
    assert "SIMULATOR_URL" not in addresses.overrides_for("portfolio", _settings(SIMULATOR="off"))
    assert "NATS_SEED" not in addresses.overrides_for("alarm", _settings())
    assert "SIMULATOR_ADMIN_TOKEN" not in addresses.overrides_for("simulator", _settings())
    with_token = Addresses("nats://n", "postgresql://d", keys, "the-token")
    assert with_token.overrides_for("simulator", _settings())["SIMULATOR_ADMIN_TOKEN"] == "the-token"
    assert "the-token" not in with_token.overrides_for("credentials", _settings()).values()
    assert "the-token" not in repr(with_token)
    assert keys["credentials"].seed not in repr(addresses)
