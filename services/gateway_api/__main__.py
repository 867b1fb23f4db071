"""Run the edge alone: `python -m services.gateway_api`."""

from services.gateway_api.app import create
from shared.standalone import serve_alone

if __name__ == "__main__":
    serve_alone(create)
