# For run.sh and test.sh, which read this file: makes sure that .venv holds what the lock files say.
# Usage: environment run|test

supported() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1
}

find_python() {
    for candidate in ${PYTHON:-} python3.13 python3.12 python3.11 python3 python; do
        if supported "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "Hummingbus needs Python 3.11, 3.12 or 3.13, and none was found." >&2
    echo "Install one, or name it: PYTHON=/path/to/python3.13 $0" >&2
    return 1
}

# What is installed is told by copies of the files that say what should be: nothing to do when they are the same.
installed() {
    supported .venv/bin/python && cat requirements.lock requirements-test.lock pyproject.toml |
        cmp -s - ".venv/installed-for-$1"
}

environment() {
    if installed "$1" || { [ "$1" = run ] && installed test; }; then
        return
    fi
    python=$(find_python)
    "$python" deploy/install.py "$1"
}
