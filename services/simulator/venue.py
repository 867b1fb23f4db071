"""The two exchanges in one: their names, wherever something belongs to one of them."""

from typing import Literal

Venue = Literal["spot", "usdm"]
VENUES: tuple[Venue, ...] = ("spot", "usdm")
