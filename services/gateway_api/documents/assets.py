"""Swagger UI's own files, from `litestar-offline-docs`, so that its page works without a network."""

from pathlib import Path

import litestar_offline_docs

from services.gateway_api.gate import ASSETS

_FOLDER = Path(litestar_offline_docs.__file__).parent / "static"

_SCRIPT = """\
window.ui = SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", presets: [SwaggerUIBundle.presets.apis], layout: "BaseLayout",
  deepLinking: true, displayRequestDuration: true, tryItOutEnabled: true, validatorUrl: null,
});
"""

SWAGGER_PAGE = f"""\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Hummingbot API</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<link rel="stylesheet" href="{ASSETS}swagger-ui.css"></head>
<body><div id="swagger-ui"></div><noscript>Without scripts, see <a href="/redoc">the reference</a>.</noscript>
<script src="{ASSETS}swagger-ui-bundle.js"></script><script src="{ASSETS}start.js"></script></body></html>
""".encode()

_MEDIA_TYPES = {"swagger-ui.css": "text/css; charset=utf-8", "swagger-ui-bundle.js": "text/javascript; charset=utf-8"}


def asset(name: str) -> tuple[bytes, str] | None:
    """Return the file `name` and its type, None if there is none of that name."""
    if name == "start.js":
        return _SCRIPT.encode(), "text/javascript; charset=utf-8"
    media_type = _MEDIA_TYPES.get(name)
    return None if media_type is None else ((_FOLDER / name).read_bytes(), media_type)
