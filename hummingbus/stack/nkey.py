"""NATS identities: a seed that proves who one is, and the public key that a server knows it by."""

import os
from dataclasses import dataclass, field

import nkeys


@dataclass(frozen=True, slots=True)
class Nkey:
    """An nkey of a user. The seed is a secret and not part of the repr."""

    public_key: str
    seed: str = field(repr=False)

    @classmethod
    def new(cls) -> "Nkey":
        """Return a fresh random nkey."""
        return cls.from_seed(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER).decode())

    @classmethod
    def from_seed(cls, seed: str) -> "Nkey":
        """Return the nkey of `seed`.

        Raises:
            ValueError: if it is not a seed.
        """
        try:
            return cls(nkeys.from_seed(seed.encode()).public_key.decode(), seed)
        except Exception as error:  # the library raises a dozen kinds, some with the seed in their text
            raise ValueError(f"expected an nkey seed ({type(error).__name__})") from None
