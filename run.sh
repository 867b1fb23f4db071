#!/bin/sh
# Starts Hummingbus: NATS, PostgreSQL and the services, all data in ./data. Ctrl-C stops it.
# Needs Python 3.11 to 3.13 and nothing else; installs what it uses into .venv. Settings: see README.md.
set -eu
cd "$(dirname "$0")"
. deploy/environment.sh
environment run
exec .venv/bin/python -m hummingbus up
