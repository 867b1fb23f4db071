"""Hashes of passwords: Argon2id (RFC 9106) in PHC form, a bounded number at a time."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from shared.errors import CommandError, ErrorCode

T = TypeVar("T")

#: 19 MiB, two passes, one lane: the first choice of OWASP's password storage page; some 50 ms of one core.
MEMORY_KIB = 19_456
PASSES = 2
_LANES = 1
_LENGTH = 32
_SALT_LENGTH = 16

#: Hashes made at a time. It bounds memory, leaves a core for everything else, and slows whoever guesses.
WORKERS = 2
#: Requests that may wait for one; beyond that they are refused, as they would only run into their deadline.
MAX_WAITING = 64


class PasswordHasher:
    """Makes and checks hashes in threads of its own; the library lets go of the interpreter while it works."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="argon2")
        self._under_way = 0
        self._nobody = hash_password(os.urandom(_LENGTH).hex())

    async def hash(self, password: str) -> str:
        """Return the hash of `password`.

        Raises:
            CommandError: BUSY if too many wait already.
        """
        return await self._in_thread(lambda: hash_password(password))

    async def verify(self, password: str, stored: str | None) -> bool:
        """Return whether `stored` is a hash of `password`. None, for an unknown user, takes as long and is False.

        Raises:
            CommandError: BUSY if too many wait already.
        """
        matches = await self._in_thread(lambda: verify_password(password, stored or self._nobody))
        return matches and stored is not None

    async def close(self) -> None:
        """Let the threads end, after the hash that each is at."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._under_way >= WORKERS + MAX_WAITING:
            raise CommandError(ErrorCode.BUSY, "Too many passwords are being checked at the moment")
        future = self._threads.submit(work)
        # Counted until the thread is done with it, as a caller who gives up frees no thread.
        self._under_way += 1
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._done))
        return await asyncio.wrap_future(future)

    def _done(self) -> None:
        self._under_way -= 1


def hash_password(password: str) -> str:
    """Return the PHC form of a new hash of `password`."""
    salt = os.urandom(_SALT_LENGTH)
    hashing = Argon2id(salt=salt, length=_LENGTH, iterations=PASSES, lanes=_LANES, memory_cost=MEMORY_KIB)
    return hashing.derive_phc_encoded(password.encode())


def verify_password(password: str, stored: str) -> bool:
    """Return whether the PHC form `stored` is a hash of `password`, in time that does not depend on the password."""
    try:
        Argon2id.verify_phc_encoded(password.encode(), stored)
    except InvalidKey:
        return False
    return True
