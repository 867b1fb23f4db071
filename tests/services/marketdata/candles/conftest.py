"""The simulator whose candles are asked for."""

import pytest


@pytest.fixture
def simulator_settings() -> dict[str, str]:
    """Limits a thousand times as high: long histories are many questions."""
    return {"SIMULATOR_LIMITS": "1000"}
