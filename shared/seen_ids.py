"""Knowing again what came before, in memory that does not grow."""


class SeenIds:
    """The last `most` ids that were seen."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: dict[str, None] = {}

    def __contains__(self, one: str) -> bool:
        return one in self._seen

    def add(self, one: str) -> bool:
        """Remember an id; return whether it is new."""
        if one in self._seen:
            return False
        self._seen[one] = None
        if len(self._seen) > self._most:
            del self._seen[next(iter(self._seen))]
        return True
