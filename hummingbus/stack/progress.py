"""What the stack says to the person who started it: short lines on standard output."""

import sys
import time


class Progress:
    """Writes lines; a reader that has gone away stops the lines, not the stack."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._heard = True

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    def say(self, text: str) -> None:
        """Write one line."""
        if not self._heard:
            return
        try:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except OSError:
            self._heard = False

    def step(self, name: str, text: str) -> None:
        """Write what became of one part, in columns."""
        self.say(f"  {name:<12}{text}")
