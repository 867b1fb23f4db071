"""The one folder that holds all state of a stack, used by one stack at a time."""

import fcntl
import os
import secrets
from pathlib import Path

from hummingbus.stack.errors import StartError
from hummingbus.stack.nkey import Nkey
from hummingbus.stack.private_file import write_private

_TOKEN_BYTES = 24


class DataFolder:
    """The folder of `HUMMINGBUS_DATA`, locked for this process until it ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock: int | None = None

    @property
    def logs(self) -> Path:
        """Where every part logs to."""
        return self.path / "logs"

    @property
    def run_file(self) -> Path:
        """What runs at the moment, see `run_file`."""
        return self.path / "run.json"

    @property
    def outside_seed(self) -> Path:
        """The seed that programs outside prove themselves with."""
        return self.path / "outside.nk"

    @property
    def simulator_token(self) -> Path:
        """The token of the simulator's admin API, if none is set."""
        return self.path / "simulator.token"

    @property
    def postgres(self) -> Path:
        """The files of the embedded PostgreSQL."""
        return self.path / "postgres"

    @property
    def nats(self) -> Path:
        """The files of the embedded NATS."""
        return self.path / "nats"

    def open(self) -> bool:
        """Make the folder if needed and lock it; return whether an earlier start has left something in it.

        Raises:
            StartError: if another stack uses it or it can't be written.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.logs.mkdir(mode=0o700, exist_ok=True)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StartError(
                f"The data folder {self.path} can't be used ({error.strerror}). "
                "Choose another one: HUMMINGBUS_DATA=… ./run.sh"
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(self._lock, 32, 0).decode(errors="replace").strip()
            os.close(self._lock)
            raise StartError(
                f"The data folder {self.path} is in use by another Hummingbus (process {owner or 'unknown'}). Stop it, "
                "or give this one a folder and ports of its own: "
                "HUMMINGBUS_DATA=./data2 API_PORT=8001 SIMULATOR=off ./run.sh"
            ) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        return (self.postgres / "cluster").exists() or self.outside_seed.exists()

    def made_simulator_token(self) -> str:
        """Return the token in `simulator_token`, which stays the same over starts; made at the first one, mode 600."""
        try:
            token = self.simulator_token.read_text().strip()
        except FileNotFoundError:
            token = ""
        if not token:
            token = secrets.token_urlsafe(_TOKEN_BYTES)
            write_private(self.simulator_token, token + "\n")
        return token

    def outside_key(self) -> Nkey:
        """Return the nkey of outside programs, which stays the same over starts; made at the first one, mode 600.

        Raises:
            StartError: if the file holds no seed.
        """
        try:
            return Nkey.from_seed(self.outside_seed.read_text().strip())
        except ValueError:
            raise StartError(
                f"{self.outside_seed} holds no nkey seed. Delete it, and the next start makes a new one."
            ) from None
        except FileNotFoundError:
            key = Nkey.new()
            write_private(self.outside_seed, key.seed + "\n")
            return key
