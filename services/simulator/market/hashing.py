"""Random bits by place instead of by order: a hash of a key and an index, for one index or a whole range at once."""

import hashlib

import numpy as np
from numpy.typing import NDArray

_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB

Words = NDArray[np.uint64]


def key_of(*parts: int | str) -> int:
    """Return a 64-bit key made of `parts`, the same on every machine."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def word(key: int, index: int) -> int:
    """Return the 64 random bits of `key` at `index` (SplitMix64, Steele, Lea and Flood 2014)."""
    bits = (key + index * _STEP) & _MASK
    bits = ((bits ^ (bits >> 30)) * _FIRST) & _MASK
    bits = ((bits ^ (bits >> 27)) * _SECOND) & _MASK
    return bits ^ (bits >> 31)


def words(key: int, first: int, count: int) -> Words:
    """Return `word(key, index)` for the `count` indexes from `first` on."""
    bits = np.arange(count, dtype=np.uint64)
    bits *= np.uint64(_STEP)
    bits += np.uint64((key + first * _STEP) & _MASK)
    shifted = bits >> np.uint64(30)
    bits ^= shifted
    bits *= np.uint64(_FIRST)
    np.right_shift(bits, np.uint64(27), out=shifted)
    bits ^= shifted
    bits *= np.uint64(_SECOND)
    np.right_shift(bits, np.uint64(31), out=shifted)
    bits ^= shifted
    return bits


def octets(key: int, first: int, count: int) -> NDArray[np.uint8]:
    """Return the random bits of `words` as an array of `count` rows of eight bytes, the lowest byte first."""
    return words(key, first, count).astype("<u8", copy=False).view(np.uint8).reshape(count, 8)
