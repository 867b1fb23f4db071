"""What the README tells users to paste."""

import re

from tests.running_stack import ROOT

_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PROGRAM = re.compile(r"cat > tour/(\w+\.py) <<'PYTHON'\n(.*?)^PYTHON$", re.MULTILINE | re.DOTALL)


def tour() -> list[str]:
    """Return the blocks of commands of the README's tour, in their order."""
    text = (ROOT / "README.md").read_text()
    chapter = text[text.index("## A tour of five minutes") : text.index("## In containers")]
    return _BLOCK.findall(chapter)


def programs() -> dict[str, str]:
    """Return the programs of the tour by their file names."""
    return dict(found for block in tour() for found in _PROGRAM.findall(block))
