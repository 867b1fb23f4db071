"""Makes `.venv` and installs the locked dependencies and the project into it. Standard library only: it comes first.

Usage: python deploy/install.py run|test
"""

import fcntl
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
LOG = ENVIRONMENT / "install.log"
LOCKS = {"run": "requirements.lock", "test": "requirements-test.lock"}
#: What an installation depends on. Their copy says afterwards what is installed; see `environment.sh`.
SOURCES = ("requirements.lock", "requirements-test.lock", "pyproject.toml")
#: Packages that exist as source alone, in pure Python. Everything else comes built: no compiler is needed.
SOURCE_ONLY = ("nkeys",)


class InstallError(Exception):
    """The installation failed; the text says why and what to do."""


def install(purpose: str) -> None:
    """Install for `run` or `test`, unless that is done already; one at a time, whoever else starts meanwhile.

    Raises:
        InstallError: if it fails.
    """
    os.umask(0o022)  # started by root, PostgreSQL runs as another user, who must be able to read its programs
    lock = os.open(ROOT, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    wanted = "".join((ROOT / name).read_text() for name in SOURCES)
    stamp = ENVIRONMENT / f"installed-for-{purpose}"
    if stamp.exists() and stamp.read_text() == wanted and _works(PYTHON):
        return
    requirements = ROOT / LOCKS[purpose]
    count = len(re.findall(r"^[\w.\[\]-]+==", requirements.read_text(), re.MULTILINE))
    _say(f"Installing {count} packages into .venv; the first time this takes a minute or two")
    if not _works(PYTHON):
        _make_environment()
    LOG.write_text("")
    _pip_build_backend(requirements)
    sources = [f"--no-binary={name}" for name in SOURCE_ONLY]
    build = ["--use-pep517", "--no-build-isolation"]
    _pip(["--require-hashes", "--only-binary=:all:", *sources, *build, "-r", str(requirements)], count)
    _pip(["--no-deps", "--no-build-isolation", "-e", "."], 0)
    stamp.write_text(wanted)
    _say("Installed")


def _works(python: Path) -> bool:
    """Return whether `python` runs and is of a version that we support."""
    check = "import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))"
    try:
        return subprocess.run([str(python), "-c", check], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _make_environment() -> None:
    try:
        venv.create(ENVIRONMENT, with_pip=True, clear=True, symlinks=True)
    except (subprocess.CalledProcessError, ImportError) as error:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise InstallError(
            f"Python {version} has no working 'venv' (on Debian and Ubuntu: apt install python{version}-venv)"
        ) from error


def _pip_build_backend(requirements: Path) -> None:
    """Install what source packages are built with first, by its hash too: pip alone would fetch any version of it."""
    pinned = re.search(r"^setuptools==.*?(?:[^\\]\n|\Z)", requirements.read_text(), re.MULTILINE | re.DOTALL)
    if pinned is None:
        raise InstallError(f"{requirements.name} holds no setuptools")
    file = ENVIRONMENT / "build-backend.lock"
    file.write_text(pinned[0])
    _pip(["--require-hashes", "--only-binary=:all:", "-r", str(file)], 0)


def _pip(arguments: list[str], count: int) -> None:
    """Run `pip install`, with all it says in the log and a count of packages on the terminal."""
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *arguments]
    lines: list[str] = []
    with LOG.open("a") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            lines.append(line.rstrip())
            if match := re.match(r"(?:Collecting|Requirement already satisfied:) ([\w.-]+)", line):
                done = sum(1 for earlier in lines if earlier.startswith(("Collecting", "Requirement already")))
                _progress(f"  [{done}/{count}] {match[1]}", done == count)
            elif count and line.startswith("Installing collected packages"):
                _progress("  unpacking all of them", True)
    if process.wait() != 0:
        reasons = [line for line in lines if line.startswith("ERROR")] or lines[-3:]
        raise InstallError("\n".join([*reasons, f"All that pip said is in {LOG}. A second start tries again."]))


def _progress(text: str, is_last: bool) -> None:
    """Show how far it is: in place on a terminal, elsewhere the last word of a stage alone."""
    if sys.stdout.isatty():
        sys.stdout.write(f"\r\033[K{text}" + ("\n" if is_last else ""))
        sys.stdout.flush()
    elif is_last:
        _say(text)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        install(sys.argv[1])
    except InstallError as problem:
        sys.exit(f"\nThe installation failed.\n{problem}")
    except KeyboardInterrupt:
        sys.exit("\nThe installation was stopped; the next start goes on with it.")
