"""Run the credentials service alone: `python -m services.credentials`."""

from services.credentials.app import create
from shared.standalone import serve_alone

if __name__ == "__main__":
    serve_alone(create)
