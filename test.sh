#!/bin/sh
# Runs every check and every test. Arguments go to pytest; --seeds N sets how many seeds randomised tests take.
set -eu
cd "$(dirname "$0")"
. deploy/environment.sh
environment test

failed=""
check() {
    echo "== $*"
    ".venv/bin/$@" || failed="$failed, $1"
}
check ruff check .
check ruff format --check .
check mypy
check lint-imports
echo "== pytest"
tests=0
# Three at a time on two cores: many a test waits.
# A file stays in one process, and files come in the order of tests/conftest.py.
.venv/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder "$@" || tests=$?
if [ -n "$failed" ]; then
    echo "These checks failed: ${failed#, }"
    exit 1
fi
exit "$tests"
