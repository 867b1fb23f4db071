"""Seeds of NATS users from a folder, for a stack that uses a NATS server of somebody else's."""

from pathlib import Path

from hummingbus.stack.errors import StartError
from hummingbus.stack.nkey import Nkey


def read_seeds(folder: Path) -> dict[str, Nkey]:
    """Return the nkey of every `<user>.nk` in `folder`.

    Raises:
        StartError: if there is no such folder, or a file holds no seed.
    """
    if not folder.is_dir():
        raise StartError(f"NATS_SEEDS={folder} is not a folder.")
    keys: dict[str, Nkey] = {}
    for file in sorted(folder.glob("*.nk")):
        try:
            keys[file.stem] = Nkey.from_seed(file.read_text().strip())
        except (OSError, ValueError) as error:
            raise StartError(f"{file} holds no nkey seed that can be read ({type(error).__name__}).") from None
    return keys
