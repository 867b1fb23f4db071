"""What `deploy/install.py` installs, when it has nothing to do, and what it says when it fails: with a pip of ours."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
_LOCK = "a==1 \\\n    --hash=sha256:00\nsetuptools==80.0 \\\n    --hash=sha256:11\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with locked dependencies, and an environment whose pip only notes what it is asked for."""
    (tmp_path / "deploy").mkdir()
    shutil.copy(ROOT / "deploy" / "install.py", tmp_path / "deploy")
    for name, text in (
        ("requirements.lock", _LOCK), ("requirements-test.lock", f"b==2\n{_LOCK}"), ("pyproject.toml", "[project]\n"),
    ):  # fmt: skip
        (tmp_path / name).write_text(text)
    pip_answers(tmp_path, 'echo "Collecting a==1"; echo "Installing collected packages: a"')
    return tmp_path


def pip_answers(project: Path, commands: str) -> None:
    """Make an environment whose pip runs these shell commands; what it is asked for stands in `pip.calls`."""
    python = project / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(
        f'#!/bin/sh\nif [ "$1" = -c ]; then exec "{sys.executable}" "$@"; fi\n'
        f'echo "$@" >> "{project}/pip.calls"\n{commands}\n'
    )
    python.chmod(0o755)


def install(project: Path, purpose: str = "run") -> "subprocess.CompletedProcess[str]":
    """Run the installation."""
    return subprocess.run(
        [sys.executable, "deploy/install.py", purpose], cwd=project, capture_output=True, text=True, check=False
    )


def calls(project: Path) -> list[str]:
    """Return what pip was asked for."""
    return (project / "pip.calls").read_text().splitlines()


@pytest.mark.parametrize(
    ("purpose", "lock", "count"), [("run", "requirements.lock", 2), ("test", "requirements-test.lock", 3)]
)
def test_it_installs_what_is_locked_by_its_hashes(project: Path, purpose: str, lock: str, count: int) -> None:
    done = install(project, purpose)
    assert done.returncode == 0, done.stderr
    assert f"Installing {count} packages" in done.stdout
    assert done.stdout.endswith("Installed\n")
    backend, packages, ours = calls(project)
    assert "--require-hashes --only-binary=:all:" in backend
    assert (project / ".venv" / "build-backend.lock").read_text().startswith("setuptools==80.0")
    assert "--require-hashes --only-binary=:all:" in packages
    assert packages.endswith(lock)
    assert ours.endswith("--no-deps --no-build-isolation -e .")


def test_what_is_installed_is_not_installed_again(project: Path) -> None:
    install(project)
    again = install(project)
    assert (again.returncode, again.stdout) == (0, "")
    assert len(calls(project)) == 3
    (project / "requirements.lock").write_text(f"c==3\n{_LOCK}")
    assert "Installing 3 packages" in install(project).stdout
    assert len(calls(project)) == 6


def test_two_at_the_same_time_install_once(project: Path) -> None:
    command = [sys.executable, "deploy/install.py", "run"]
    both = [subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = sorted(one.communicate(timeout=30)[0] for one in both)
    assert [one.returncode for one in both] == [0, 0]
    assert said[0] == ""
    assert len(calls(project)) == 3


def test_a_failure_gives_pips_reason_and_the_next_start_tries_again(project: Path) -> None:
    pip_answers(project, 'echo "Collecting a==1"; echo "ERROR: No matching distribution found for a==1"; exit 1')
    failed = install(project)
    assert failed.returncode == 1
    assert "ERROR: No matching distribution found for a==1" in failed.stderr
    assert str(project / ".venv" / "install.log") in failed.stderr
    assert "Traceback" not in failed.stderr
    pip_answers(project, "true")
    assert install(project).returncode == 0
    assert (project / ".venv" / "installed-for-run").exists()


def test_a_lock_file_without_what_builds_packages_is_refused(project: Path) -> None:
    (project / "requirements.lock").write_text("a==1 --hash=sha256:00\n")
    failed = install(project)
    assert failed.returncode == 1
    assert "requirements.lock holds no setuptools" in failed.stderr
    assert not (project / "pip.calls").exists()
