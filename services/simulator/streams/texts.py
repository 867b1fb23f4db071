"""What the streams write beyond `figures`: levels of a book, and amounts without zeros at the end."""

from services.simulator.engine.units import to_decimal
from services.simulator.rest.figures import Figures

Levels = tuple[tuple[int, int], ...]


def levels(figures: Figures, some: Levels) -> str:
    """Return levels of a book, in ticks and steps, as a JSON array."""
    price, quantity = figures.price, figures.quantity
    return "[" + ",".join([f'["{price(ticks)}","{quantity(steps)}"]' for ticks, steps in some]) + "]"


def plain(units: int) -> str:
    """Return units of 10^-8 without zeros at the end."""
    return f"{to_decimal(units).normalize():f}"


def boolean(value: bool) -> str:
    """Return a truth as JSON."""
    return "true" if value else "false"
