"""Run the simulator alone: `python -m services.simulator`."""

from services.simulator.app import create
from shared.standalone import serve_alone

if __name__ == "__main__":
    serve_alone(create)
