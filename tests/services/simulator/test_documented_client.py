"""The example of `docs/simulator.md` does what it says, against a simulator of its own port and keys."""

import asyncio
import json
import re
import sys
from pathlib import Path

from tests.services.simulator.process import SimulatorProcess

_DOCUMENT = Path(__file__).parents[3] / "docs" / "simulator.md"


async def test_ccxt_trades_as_the_document_says(simulator: SimulatorProcess) -> None:
    _, keys = await simulator.admin("POST", "/accounts", {"balances": {"USDT": "10000"}})
    (program,) = re.findall(r"```python\n(.*?)```", _DOCUMENT.read_text(), re.DOTALL)
    own = {"127.0.0.1:8010": f"127.0.0.1:{simulator.port}"}
    own |= {f'"the {name}"': json.dumps(keys[name]) for name in ("api_key", "api_secret")}
    for documented, ours in own.items():
        assert program.count(documented) == 1, documented
        program = program.replace(documented, ours)

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, complaints = await process.communicate()

    assert process.returncode == 0, complaints.decode()
    assert re.fullmatch(r"best bid \[[0-9.]+, [0-9.]+\]\nbought 0\.01 at [0-9.]+\n", said.decode()), said.decode()
    assert not complaints, complaints.decode()
