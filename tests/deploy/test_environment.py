"""How `run.sh` and `test.sh` find a Python, and know that there is nothing to install."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def _shell(folder: Path, command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `command` with the functions of environment.sh, in `folder`, with no program but those of `environment`."""
    script = f'. "{ROOT}/deploy/environment.sh"; {command}'
    return subprocess.run(
        ["/bin/sh", "-eu", "-c", script, "./run.sh"],
        cwd=folder,
        env={"PATH": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_without_a_python_that_fits_it_says_which_ones_do(tmp_path: Path) -> None:
    _program(tmp_path / "python3", "exit 1")  # such as Python 3.14, or a shim without a version
    outcome = _shell(tmp_path, "find_python")
    assert outcome.returncode != 0
    assert "needs Python 3.11, 3.12 or 3.13" in outcome.stderr
    assert "PYTHON=" in outcome.stderr


def test_it_takes_the_newest_that_works(tmp_path: Path) -> None:
    _program(tmp_path / "python3.13", "exit 1")
    _program(tmp_path / "python3.12", f'exec "{sys.executable}" "$@"')
    _program(tmp_path / "python3", f'exec "{sys.executable}" "$@"')
    assert _shell(tmp_path, "find_python").stdout == "python3.12\n"


def test_a_python_that_is_named_goes_first(tmp_path: Path) -> None:
    _program(tmp_path / "mine", f'exec "{sys.executable}" "$@"')
    _program(tmp_path / "python3.12", f'exec "{sys.executable}" "$@"')
    assert _shell(tmp_path, "find_python", PYTHON="mine").stdout == "mine\n"


@pytest.mark.parametrize(
    ("purpose", "stamps", "missing"),
    [
        ("run", {"run"}, False),
        ("run", {"test"}, False),  # what tests need holds what a run needs
        ("test", {"run"}, True),
        ("test", {"run", "test"}, False),
        ("run", set(), True),
    ],
)
def test_it_installs_only_what_is_not_there_yet(tmp_path: Path, purpose: str, stamps: set[str], missing: bool) -> None:
    sources = {"requirements.lock": "a==1\n", "requirements-test.lock": "b==2\n", "pyproject.toml": "[project]\n"}
    for name, text in sources.items():
        (tmp_path / name).write_text(text)
    _program(tmp_path / ".venv" / "bin" / "python", f'exec "{sys.executable}" "$@"')
    _program(tmp_path / "python3", f'case $1 in -c) exec "{sys.executable}" "$@";; esac; echo "installs: $*"')
    for stamp in stamps:
        (tmp_path / ".venv" / f"installed-for-{stamp}").write_text("".join(sources.values()))
    path = f"{tmp_path}{os.pathsep}{os.defpath}"  # cat and cmp
    outcome = _shell(tmp_path, f"environment {purpose}", PATH=path, PYTHON="python3")
    assert outcome.stdout == (f"installs: deploy/install.py {purpose}\n" if missing else "")
    (tmp_path / "requirements.lock").write_text("a==2\n")
    outcome = _shell(tmp_path, f"environment {purpose}", PATH=path, PYTHON="python3")
    assert outcome.stdout == f"installs: deploy/install.py {purpose}\n"
