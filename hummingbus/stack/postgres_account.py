"""The system user that PostgreSQL runs as when we are root, which it refuses to be."""

import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

from hummingbus.stack.errors import StartError
from hummingbus.stack.processes import Account

#: A user of its own, so that no other program can reach the socket or the files.
USER_NAME = "hummingbus"


class AccountError(StartError):
    """No system user to run PostgreSQL as."""


def postgres_account(cluster: Path) -> Account | None:
    """Return whom PostgreSQL must run as: None for ourselves; for root the owner of `cluster`, if there is one.

    Without a cluster it is a system user, made if it does not exist.

    Raises:
        AccountError: if we are root and the user can't be made; the text says what to do.
    """
    if os.geteuid() != 0:
        return None
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    try:
        entry = pwd.getpwnam(USER_NAME)
    except KeyError:
        entry = _make_user()
    return Account(entry.pw_uid, entry.pw_gid)


def _make_user() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", USER_NAME]
    remedy = f"start Hummingbus as an ordinary user, or make a system user named {USER_NAME!r}"
    tool = shutil.which(command[0])
    if tool is None:
        raise AccountError(f"PostgreSQL does not run as root and there is no 'useradd' to make a user for it: {remedy}")
    outcome = subprocess.run([tool, *command[1:]], capture_output=True, text=True, check=False)
    try:
        return pwd.getpwnam(USER_NAME)  # also when another start was making it at the same time
    except KeyError:
        raise AccountError(
            f"PostgreSQL does not run as root and a user for it could not be made ({outcome.stderr.strip()}): {remedy}"
        ) from None


def let_through(path: Path) -> tuple[Path, ...]:
    """Let other users pass through the folders above `path` (x, without r: not list them); return those changed."""
    changed = []
    for folder in path.resolve().parents:
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
            changed.append(folder)
    return tuple(changed)


def make_private(folder: Path, account: Account | None) -> None:
    """Make `folder`, or take it if it is there, and have it belong to `account` (None: to us) alone, mode 700.

    Raises:
        AccountError: if it belongs to somebody else or is a link: it may lie in a folder where everybody may write.
    """
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {os.geteuid(), account.uid if account else -1}:
            raise AccountError(f"{folder} belongs to somebody else; expected a folder of our own") from None
        folder.chmod(0o700)
    if account is not None:
        os.chown(folder, account.uid, account.gid)
