"""Reasons why the stack can't be started, in words for who starts it."""


class StartError(Exception):
    """The stack can't be started; the text says why and what to do. `exit_code` is what the program ends with."""

    def __init__(self, text: str, exit_code: int = 1) -> None:
        super().__init__(text)
        self.exit_code = exit_code
