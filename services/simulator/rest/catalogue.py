"""All routes of the REST API."""

from services.simulator.rest import listen_keys, spot, usdm
from services.simulator.rest.routing import Route

ROUTES: tuple[Route, ...] = (*spot.ROUTES, *usdm.ROUTES, *listen_keys.ROUTES)
