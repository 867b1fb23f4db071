"""The Litestar application: routes, errors and limits, nothing else."""

from collections.abc import Sequence

from litestar import Litestar
from litestar.types import ControllerRouterHandler

from services.gateway_api.documents.decimals import DecimalsAreNumbers
from services.gateway_api.errors import respond


def application(routes: Sequence[ControllerRouterHandler], body_limit: int) -> Litestar:
    """Return the application with `routes`. Bodies of more than `body_limit` bytes end in 413."""
    return Litestar(
        route_handlers=list(routes),
        exception_handlers={Exception: respond},
        request_max_body_size=body_limit,
        openapi_config=None,
        plugins=[DecimalsAreNumbers()],
        logging_config=None,
    )
