"""Files with secrets or state: readable by their owner alone, and replaced in one step that survives power loss."""

import os
import tempfile
from pathlib import Path


def write_private(file: Path, text: str) -> None:
    """Replace `file` by one with `text`, mode 600, so that no reader and no crash ever sees half of it.

    The owner stays the same where root writes the file of another user.

    Raises:
        OSError: if the folder can't be written.
    """
    owner = file.stat() if file.exists() else None
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # mode 600
    new = Path(name)
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if owner is not None and os.geteuid() == 0:
            os.chown(new, owner.st_uid, owner.st_gid)
        new.replace(file)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    keep_entries(file.parent)


def keep_entries(folder: Path) -> None:
    """Have the names in `folder`, as they are now, survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
