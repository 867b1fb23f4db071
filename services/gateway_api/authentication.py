"""Who a request comes from: verified over the bus once, then remembered for a minute by a keyed digest of its header.

Guarantees: a remembered identity costs microseconds. The header itself is never kept. One verification of a header is
under way at a time, however many requests carry it. When the service that verifies is away, a remembered identity is
served for a bounded grace longer; an unknown one is not. A key that is revoked or a password that is changed is
forgotten at once when the event arrives.
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from services.gateway_api.caller import Caller
from services.gateway_api.errors import HttpError
from services.gateway_api.guesses import Guesses
from services.gateway_api.proofs import Proof, read
from services.gateway_api.room import make_room
from shared.contracts.credentials import Identity, KeyCheck, PasswordCheck
from shared.errors import CommandError, ErrorCode
from shared.telemetry.logs import logger

#: Exactly what the Hummingbot API sends; clients compare it.
_CHALLENGE = (("www-authenticate", "Basic"),)
MISSING = "Not authenticated"
WRONG_PASSWORD = "Incorrect username or password"  # noqa: S105
WRONG_KEY = "The API key is unknown, expired or revoked"

#: At this part of its time a remembered identity is verified again in the background, so that no request waits for it.
_REFRESH_AT = 0.75
#: Seconds between attempts while the service that verifies is away.
_RETRY = 1.0
#: Verifications under way; each costs the service a slow hash.
_AT_ONCE = 4
_MAX_WAITING = 1000
_MAX_REMEMBERED = 10_000

_log = logger("edge")

_AWAY = frozenset({ErrorCode.UNAVAILABLE, ErrorCode.BUSY, ErrorCode.EXPIRED, ErrorCode.INTERNAL})


class Verify(Protocol):
    """Asks the service that knows; raises CommandError, with UNAUTHENTICATED for a wrong proof."""

    async def __call__(self, check: PasswordCheck | KeyCheck) -> Identity: ...


@dataclass(slots=True)
class _Known:
    """A remembered identity; times are of the monotonic clock."""

    caller: Caller
    refresh_at: float
    until: float
    grace_until: float


class Authenticator:
    """Answers who a proof belongs to. `ttl` and `grace` are in seconds."""

    def __init__(
        self, verify: Verify, guesses: Guesses, ttl: float, grace: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._verify = verify
        self._guesses = guesses
        self._ttl = ttl
        self._grace = grace
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._known: dict[bytes, _Known] = {}
        self._under_way: dict[bytes, asyncio.Task[Caller]] = {}
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        #: Counts what was forgotten, so that an answer from before is not remembered after it.
        self._forgotten = 0

    def recall(self, proof: Proof, address: str) -> Caller | None:
        """Return the caller if the proof is remembered; the fast path of every request.

        Raises:
            HttpError: 429 if so much was guessed from `address` that nothing from it is answered.
        """
        known = self._known.get(self._digest(proof))
        if known is None:
            return None
        now = self._clock()
        if now >= known.refresh_at:
            if now >= known.until:
                return None
            known.refresh_at = now + _RETRY
            self._start(proof, address).add_done_callback(_seen)
        if wait := self._guesses.wait_of_known(address):
            raise _too_many(wait)
        return known.caller

    async def authenticate(self, proof: Proof, address: str) -> Caller:
        """Return the caller, asking the service that knows if the proof is not remembered.

        Raises:
            HttpError: 401 if the proof is wrong, 429 if too many from `address` were.
            CommandError: if nobody can be asked and the proof is not known, or no longer.
        """
        if (caller := self.recall(proof, address)) is not None:
            return caller
        # The verification outlives a request that is given up: others may wait for it too.
        try:
            return await asyncio.shield(self._start(proof, address))
        except CommandError as error:
            known = self._known.get(self._digest(proof))
            if error.code in _AWAY and known is not None and self._clock() < known.grace_until:
                known.until = min(self._clock() + _RETRY, known.grace_until)
                return known.caller
            raise

    def forget_key(self, key_id: str) -> None:
        """Forget an API key that is no longer good."""
        self._forget(lambda caller: caller.key_id == key_id)

    def forget_user(self, username: str) -> None:
        """Forget everything about a user whose password is another one now."""
        self._forget(lambda caller: caller.username == username)

    def forget_all(self) -> None:
        """Forget everybody, as something about them may have been missed."""
        self._forget(lambda caller: True)

    def _forget(self, concerned: Callable[[Caller], bool]) -> None:
        self._forgotten += 1
        self._known = {digest: known for digest, known in self._known.items() if not concerned(known.caller)}

    def _digest(self, proof: Proof) -> bytes:
        person = b"key" if proof.is_key else b"basic"
        return hashlib.blake2b(proof.header, digest_size=16, key=self._key, person=person).digest()

    def _start(self, proof: Proof, address: str) -> "asyncio.Task[Caller]":
        digest = self._digest(proof)
        task = self._under_way.get(digest)
        if task is None:
            task = self._under_way[digest] = asyncio.create_task(self._ask(digest, proof, address))
            task.add_done_callback(lambda done: self._under_way.pop(digest, None))
        return task

    async def _ask(self, digest: bytes, proof: Proof, address: str) -> Caller:
        wrong = HttpError(401, WRONG_KEY if proof.is_key else WRONG_PASSWORD, _CHALLENGE)
        if len(self._under_way) > _MAX_WAITING:
            raise CommandError(ErrorCode.BUSY, "too many sign-ins are being checked at the moment")
        async with self._at_once:
            # What was right a moment ago is no guess: it is verified again wherever it comes from.
            if digest not in self._known and (wait := self._guesses.wait(address)):
                self._guesses.wrong(address)
                raise _too_many(wait)
            check = read(proof)
            if check is None:
                self._guesses.wrong(address)
                raise wrong
            forgotten = self._forgotten
            try:
                identity = await self._verify(check)
            except CommandError as error:
                if error.code is not ErrorCode.UNAUTHENTICATED:
                    raise
                self._known.pop(digest, None)
                self._guesses.wrong(address)
                # Without the user's name, as some type their password there.
                _log.warning("sign-in refused", address=address, by="key" if proof.is_key else "password")
                raise wrong from None
            if forgotten == self._forgotten:
                self._remember(digest, identity)
            return Caller(identity.username, identity.actor, identity.key_id)

    def _remember(self, digest: bytes, identity: Identity) -> None:
        now = self._clock()
        ends = float("inf")
        if identity.expires_at is not None:
            ends = now + (identity.expires_at - datetime.now(UTC)).total_seconds()
        self._known.pop(digest, None)
        make_room(self._known, _MAX_REMEMBERED, lambda known: known.grace_until <= now)
        self._known[digest] = _Known(
            Caller(identity.username, identity.actor, identity.key_id),
            refresh_at=min(now + self._ttl * _REFRESH_AT, ends),
            until=min(now + self._ttl, ends),
            grace_until=min(now + self._ttl + self._grace, ends),
        )


def missing() -> HttpError:
    """Return the error for a request without a proof."""
    return HttpError(401, MISSING, _CHALLENGE)


def _too_many(wait: int) -> HttpError:
    detail = "Too many wrong passwords or API keys came from this address"
    return HttpError(429, detail, (("retry-after", str(wait)),))


def _seen(task: "asyncio.Task[Caller]") -> None:
    """Take note of how a verification in the background ended; whoever needs its result asks again."""
    if not task.cancelled():
        task.exception()
