"""Settings of the credentials service."""

from typing import Annotated, Self

from pydantic import Field, Json, SecretStr, field_validator, model_validator

from shared.contracts.catalogue import USERS
from shared.secrets.sealing import SealingError, nkey_bytes
from shared.settings import DEFAULT_USERNAME, DatabaseSettings


class CredentialsSettings(DatabaseSettings):
    """What the service needs beyond the servers: the password of the secrets, the one user, who may ask for secrets.

    `config_password_previous` is tried when `config_password` does not open the keyring: while a rotation is under way
    nobody knows which of the two will. `service_keys` is a JSON object of public nkeys (`U…`) by service.
    """

    config_password: Annotated[SecretStr, Field(min_length=1)] = Field(alias="CONFIG_PASSWORD")
    config_password_previous: SecretStr | None = Field(None, alias="CONFIG_PASSWORD_PREVIOUS")
    api_username: str | None = Field(None, alias="API_USERNAME", min_length=1, max_length=256)
    api_password: SecretStr | None = Field(None, alias="API_PASSWORD", min_length=1, max_length=1024)
    service_keys: Json[dict[str, str]] = Field("{}", alias="SERVICE_KEYS", validate_default=True)

    @field_validator("api_username")
    @classmethod
    def _can_log_in(cls, name: str | None) -> str | None:
        if name is not None and name in USERS:
            # The actor token of a user is the name: it must not be the token of a service or of the outside programs.
            raise ValueError("this name is taken by a part of the system; choose another API_USERNAME")
        if name is not None and (":" in name or not name.isprintable()):
            raise ValueError("API_USERNAME may hold no colon, at which HTTP Basic ends it, and no control characters")
        return name

    @field_validator("service_keys")
    @classmethod
    def _are_nkeys(cls, keys: dict[str, str]) -> dict[str, str]:
        for service, key in keys.items():
            try:
                nkey_bytes(key)
            except SealingError as error:
                raise ValueError(f"SERVICE_KEYS: the key of {service}: {error}") from None
        return keys

    @model_validator(mode="after")
    def _user_has_a_password(self) -> Self:
        if self.api_username is not None and self.api_password is None:
            raise ValueError("API_USERNAME needs API_PASSWORD beside it")
        return self

    def login(self) -> tuple[str, str] | None:
        """Return the name and password of the one user; None where the stored one stays as it is."""
        if self.api_password is None:
            return None
        return self.api_username or DEFAULT_USERNAME, self.api_password.get_secret_value()

    def config_passwords(self) -> tuple[str, ...]:
        """Return the passwords that may open the keyring, the likeliest first."""
        found = (self.config_password, self.config_password_previous)
        return tuple(dict.fromkeys(secret.get_secret_value() for secret in found if secret is not None))
