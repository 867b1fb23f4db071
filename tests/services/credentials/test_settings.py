"""Settings of the service: what is refused at the start."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from hummingbus.stack.nkey import Nkey
from services.credentials.settings import CredentialsSettings
from shared.contracts.catalogue import USERS
from tests.services.credentials.conftest import CONFIG_PASSWORD

KEY = Nkey.new().public_key


def settings(**values: Any) -> CredentialsSettings:
    return CredentialsSettings.model_validate({"CONFIG_PASSWORD": CONFIG_PASSWORD, **values})


def test_only_the_config_password_is_needed() -> None:
    assert settings().config_passwords() == (CONFIG_PASSWORD,)
    assert settings().service_keys == {}
    with pytest.raises(ValidationError, match="CONFIG_PASSWORD"):
        CredentialsSettings.model_validate({})
    with pytest.raises(ValidationError, match="CONFIG_PASSWORD"):
        settings(CONFIG_PASSWORD="")


def test_the_previous_password_is_tried_after_the_present_one() -> None:
    assert settings(CONFIG_PASSWORD_PREVIOUS="old").config_passwords() == (CONFIG_PASSWORD, "old")
    assert settings(CONFIG_PASSWORD_PREVIOUS=CONFIG_PASSWORD).config_passwords() == (CONFIG_PASSWORD,)


def test_the_user_is_admin_where_only_a_password_is_set() -> None:
    assert settings().login() is None
    assert settings(API_PASSWORD="x").login() == ("admin", "x")
    assert settings(API_USERNAME="alice", API_PASSWORD="x").login() == ("alice", "x")


def test_keys_of_services_come_as_json() -> None:
    assert settings(SERVICE_KEYS=json.dumps({"portfolio": KEY})).service_keys == {"portfolio": KEY}


@pytest.mark.parametrize(
    "values",
    [
        *({"API_USERNAME": user, "API_PASSWORD": "the-api-password"} for user in USERS),
        {"API_USERNAME": "a:b", "API_PASSWORD": "the-api-password"},
        {"API_USERNAME": "a\nb", "API_PASSWORD": "the-api-password"},
        {"API_USERNAME": "a\0b", "API_PASSWORD": "the-api-password"},
        {"API_USERNAME": "", "API_PASSWORD": "the-api-password"},
        {"API_USERNAME": "alice"},
        {"SERVICE_KEYS": "not json"},
        {"SERVICE_KEYS": '{"portfolio": "the-api-password"}'},
        {"SERVICE_KEYS": json.dumps({"portfolio": Nkey.new().seed})},
    ],
)
def test_what_cannot_work_is_refused_without_showing_a_value(values: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(**values)
    assert "the-api-password" not in str(caught.value)
    assert CONFIG_PASSWORD not in str(caught.value)


def test_no_repr_shows_a_secret() -> None:
    text = repr(settings(API_USERNAME="alice", API_PASSWORD="the-api-password", CONFIG_PASSWORD_PREVIOUS="old-one"))
    assert not [secret for secret in (CONFIG_PASSWORD, "the-api-password", "old-one") if secret in text]
