"""The values of a credential, asked of `credentials` and opened here. They are never stored, logged or told."""

from typing import Any

from services.portfolio.sessions.desired import SessionKey
from shared.bus.client import Bus
from shared.contracts.credentials import RELEASE_SECRET
from shared.contracts.portfolio import SERVICE
from shared.errors import CommandError, ErrorCode
from shared.secrets.sealing import SealingError, SecretAsker

#: Seconds that a request for a secret is good for.
_TIMEOUT = 5.0


async def released(bus: Bus, key: SessionKey) -> dict[str, Any]:
    """Return the values of a session's credential.

    Raises:
        CommandError: as `RELEASE_SECRET`, and UPSTREAM if the answer cannot be opened.
    """
    asker = secret_asker(bus)
    request = asker.request(*key, _TIMEOUT)
    sealed = await bus.request(RELEASE_SECRET, request, actor=SERVICE, timeout=_TIMEOUT)
    try:
        return asker.open(sealed, request)
    except SealingError as error:
        raise CommandError(ErrorCode.UPSTREAM, f"The values of the credential cannot be opened: {error}") from error


def secret_asker(bus: Bus) -> SecretAsker:
    """Return somebody who asks for one secret.

    Raises:
        CommandError: UNAVAILABLE if this service has no nkey to sign with.
    """
    seed = bus.settings.seed()
    if seed is None:
        raise CommandError(ErrorCode.UNAVAILABLE, "portfolio has no nkey to ask for secrets with; NATS_SEED is not set")
    return SecretAsker(SERVICE, seed)
