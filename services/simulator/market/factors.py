"""The factors of one market, with the blocks of their paths that several symbols ask for at the same time."""

from services.simulator.market.factor_path import FactorPath, Floats
from services.simulator.market.recent import Recent

_KEPT_MINUTES = 1440
_KEPT_BLOCKS = 24


class Factors:
    """All factor paths of the market of `seed`, by name."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._paths: dict[str, FactorPath] = {}
        self._recent: Recent[tuple[str, int, int], Floats] = Recent(_KEPT_BLOCKS)

    def legs(self, name: str, first_minute: int, minutes: int) -> Floats:
        """Return the path of the factor `name` as `FactorPath.legs` does. The array is shared: read it only."""
        path = self._paths.get(name)
        if path is None:
            path = self._paths[name] = FactorPath.of(self._seed, name)
        if minutes > _KEPT_MINUTES:
            return path.legs(first_minute, minutes)
        return self._recent.get((name, first_minute, minutes), lambda: path.legs(first_minute, minutes))

    def sum(self, factors: tuple[tuple[str, float], ...], first_minute: int, minutes: int) -> Floats:
        """Return the sum of `factors`, each times its coefficient, at the ends of the legs."""
        name, coefficient = factors[0]
        total = self.legs(name, first_minute, minutes) * coefficient
        for name, coefficient in factors[1:]:
            total += self.legs(name, first_minute, minutes) * coefficient
        return total
