"""Run the portfolio service alone: `python -m services.portfolio`."""

from services.portfolio.app import create
from shared.standalone import serve_alone

if __name__ == "__main__":
    serve_alone(create)
