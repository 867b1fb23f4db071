"""The release of a credential's values to a service that may ask for them, sealed to a key of that request."""

import time
from collections.abc import Mapping
from typing import Any

from services.credentials.accounts import known_connector, no_credential, unknown_account
from services.credentials.changes import Change
from services.credentials.keyring import Keyring
from shared.contracts.credentials import RELEASE_SECRET, SECRET_RELEASED, SealedSecret, SecretReleased, SecretRequest
from shared.errors import CommandError, ErrorCode
from shared.secrets.sealing import SealingError, seal, verify_request
from shared.service import CLOCK_TOLERANCE

#: Seconds that a request may be good for at most; so long its nonce is kept.
MAX_VALIDITY = 60.0


def check_request(request: SecretRequest, actor: str, keys: Mapping[str, str], now: float | None = None) -> None:
    """Check that a service which may ask has made this request, and that it is not too late for it.

    Args:
        actor: who sent it, by its subject, which the NATS server has checked.
        keys: the public nkeys of the services.
        now: Unix seconds, by default the present.

    Raises:
        CommandError: FORBIDDEN if it did not, EXPIRED if it is.
    """
    service = request.service
    if service not in RELEASE_SECRET.callers:
        raise forbidden("this service may not ask for secrets")
    if actor != service:
        raise forbidden("the request was sent by another than it names")
    if service not in keys:
        raise forbidden(f"no key of the service {service} is known; SERVICE_KEYS should hold it")
    try:
        verify_request(request, keys[service])
    except SealingError as error:
        raise forbidden(str(error)) from None
    left = request.deadline - (time.time() if now is None else now)
    if not left > 0:
        raise CommandError(ErrorCode.EXPIRED, "The deadline of the request for a secret has passed")
    if left > MAX_VALIDITY:
        raise forbidden(f"its deadline is more than {MAX_VALIDITY:.0f} s away")


async def release_secret(change: Change, keyring: Keyring, request: SecretRequest) -> SealedSecret:
    """Give the stored values of a credential, sealed to a request that `check_request` has passed.

    Raises:
        CommandError: FORBIDDEN if the request was used before; NOT_FOUND for an unknown connector or account, or if
            there is no such credential; UNAVAILABLE if the key of the secrets is not at hand.
    """
    await _use_once(change, request)
    account_name, connector = request.account_name, known_connector(request.connector_name)
    cipher = await keyring.cipher(change.repository)
    row = await change.repository.credential(account_name, connector.name)
    if row is None:
        if not await change.repository.account_exists(account_name):
            raise unknown_account(account_name)
        raise no_credential(account_name, connector.name)
    return _sealed(change, cipher.decrypt(account_name, connector.name, row.secret), request)


async def release_values(change: Change, values: Mapping[str, Any], request: SecretRequest) -> SealedSecret:
    """Give `values`, which need not be stored, sealed to a request for them that `check_request` has passed.

    Raises:
        CommandError: FORBIDDEN if the request was used before.
    """
    await _use_once(change, request)
    return _sealed(change, values, request)


async def _use_once(change: Change, request: SecretRequest) -> None:
    # Clocks may differ by the tolerance: the nonce has to outlive the request on the slowest one.
    kept = MAX_VALIDITY + 2 * CLOCK_TOLERANCE
    if not await change.repository.use_nonce(request.service, request.nonce, kept):
        raise forbidden("it was used before")


def _sealed(change: Change, values: Mapping[str, Any], request: SecretRequest) -> SealedSecret:
    """Return `values` sealed; the event tells of it in the same transaction."""
    change.tell(SECRET_RELEASED, SecretReleased(request.account_name, request.connector_name, request.service))
    try:
        return seal(values, request)
    except SealingError as error:
        raise forbidden(str(error)) from None


def forbidden(why: str) -> CommandError:
    """Return the error for a request for a secret that may not be answered."""
    return CommandError(ErrorCode.FORBIDDEN, f"The request for a secret was refused: {why}")
