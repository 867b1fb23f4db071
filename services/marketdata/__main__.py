"""Run the marketdata service alone: `python -m services.marketdata`."""

from services.marketdata.app import create
from shared.standalone import serve_alone

if __name__ == "__main__":
    serve_alone(create)
