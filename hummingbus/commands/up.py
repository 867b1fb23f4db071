"""`hummingbus up`: run the whole stack in the foreground."""

import asyncio
import os
import signal
import sys
from importlib.metadata import version

from pydantic import ValidationError

from hummingbus.stack.data_folder import DataFolder
from hummingbus.stack.errors import StartError
from hummingbus.stack.group_process import prepare_forks
from hummingbus.stack.ports import check_port
from hummingbus.stack.progress import Progress
from hummingbus.stack.run_file import end_leftovers
from hummingbus.stack.secrets_file import ensure_secrets, readable_by_others
from hummingbus.stack.settings import StackSettings, load_stack_settings
from hummingbus.stack.supervisor import SERVERS, Supervisor
from shared.settings import EXIT_CONFIG, env_file, faults_of

#: What a shell reports of a program that Ctrl-C ended.
_INTERRUPTED = 130


def up() -> None:
    """Start NATS, PostgreSQL and the services; Ctrl-C stops all. Settings come from the environment and from .env."""
    # Until the supervisor listens nothing is started and every file is written in one step. An exception could be
    # lost: Python ignores those that are raised in a destructor or while something is imported.
    signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    try:
        _up(Progress())
    except StartError as error:
        sys.stderr.write(f"Hummingbus can't start: {error}\n")
        raise SystemExit(error.exit_code) from None


def _up(progress: Progress) -> None:
    settings = _settings()
    folder = DataFolder(settings.data)
    progress.say(f"Hummingbus {version('hummingbus')}, data in {folder.path}")
    was_used = folder.open()
    if leftovers := asyncio.run(end_leftovers(folder.run_file, spare=SERVERS)):
        progress.say(f"Ended what a killed start had left: {', '.join(leftovers)}")
    for listener in settings.listeners:
        check_port(listener, [one.port for one in settings.listeners])
    _secrets(progress, was_used)
    prepare_forks(service.module for _, services in settings.groups for service in services)
    asyncio.run(Supervisor(settings, folder, progress).run())


def _settings() -> StackSettings:
    try:
        return load_stack_settings()
    except OSError as error:
        raise StartError(f"{env_file().resolve()} can't be read ({error.strerror}).") from error
    except ValidationError as error:
        raise StartError(f"a setting is wrong: {faults_of(error)}", EXIT_CONFIG) from None


def _secrets(progress: Progress, was_used: bool) -> None:
    file = env_file()
    if written := ensure_secrets(file, may_make_config_password=not was_used):
        progress.say(f"Random {' and '.join(written)} written to {file.resolve()} (mode 600); log in with these")
    elif readable_by_others(file):
        progress.say(f"Other users can read {file.resolve()}: chmod 600 it")
