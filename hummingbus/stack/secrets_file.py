"""The first start's secrets: random ones, written to `.env` beside what stands there already."""

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from hummingbus.stack.errors import StartError
from hummingbus.stack.private_file import write_private
from shared.settings import DEFAULT_USERNAME, read_environment

_RANDOM_BYTES = 24
_NOTE = (
    "# Written by Hummingbus at its first start ({date}). Keep CONFIG_PASSWORD: without it the stored exchange keys\n"
    "# can't be read any more.\n"
)


def ensure_secrets(file: Path, *, may_make_config_password: bool) -> tuple[str, ...]:
    """Write the secrets that are set nowhere to `file`, mode 600, in one step; return their names.

    What stands in the file stays as it is. Two first starts at once write one set.

    Args:
        file: the `.env` file; its folder must exist.
        may_make_config_password: False when data of an earlier start exist, which a new password could not open.

    Raises:
        StartError: if CONFIG_PASSWORD is missing though it may not be made, or the file can't be written.
    """
    try:
        target = file.resolve()
        with _locked(target.parent):
            return _write_missing(target, may_make_config_password)
    except OSError as error:
        raise StartError(
            f"The secrets of the first start can't be written to {file} ({error.strerror}). "
            "Make it writable, or set API_PASSWORD and CONFIG_PASSWORD in the environment."
        ) from error


def readable_by_others(file: Path) -> bool:
    """Return whether other users of this machine may read `file`."""
    try:
        return bool(file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
    except FileNotFoundError:
        return False


def _write_missing(file: Path, may_make_config_password: bool) -> tuple[str, ...]:
    known = read_environment(file)
    missing = [name for name in ("API_PASSWORD", "CONFIG_PASSWORD") if name not in known]
    if not missing:
        return ()
    if "CONFIG_PASSWORD" in missing and not may_make_config_password:
        raise StartError(
            "CONFIG_PASSWORD is not set, but the data folder holds secrets that were stored under one. "
            f"Set it in the environment or in {file}."
        )
    lines = [f"{name}={secrets.token_urlsafe(_RANDOM_BYTES)}\n" for name in missing]
    if "API_USERNAME" not in known:
        lines.insert(0, f"API_USERNAME={DEFAULT_USERNAME}\n")
    before = file.read_text() if file.exists() else ""
    if before and not before.endswith("\n"):
        before += "\n"
    write_private(file, before + _NOTE.format(date=datetime.now(UTC).date()) + "".join(lines))
    return tuple(missing)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold `folder` alone among Hummingbuses; the lock is on the folder itself, so no file is left behind."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
