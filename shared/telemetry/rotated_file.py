"""A log file that stays small and catches all that its process writes, a dying interpreter's last words included."""

import os
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

_BYTES = 10_000_000
_GENERATIONS = 3


class RotatedFile(RotatingFileHandler):
    """Writes to `file`, mode 600, beside at most three older ones of 10 MB; standard output and error follow it."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, maxBytes=_BYTES, backupCount=_GENERATIONS, encoding="utf-8")

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for standard in (1, 2):
            os.dup2(descriptor, standard)
        return os.fdopen(descriptor, "a", encoding="utf-8")
