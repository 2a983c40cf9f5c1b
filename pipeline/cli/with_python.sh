#!/bin/sh
# Runs its arguments with the first Python on this machine that the project can use: $PYTHON if it is set,
# else by name. Each is run before it is believed: a pyenv shim exists for versions that are not switched on.
# Called by the Makefile to build .venv, before there is any Python that it could rely on.
set -u

suitable='
import sys
version = "%d.%d" % sys.version_info[:2]
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit("it is Python " + version)
import importlib.util
if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
    sys.exit("it lacks the module venv (on Debian or Ubuntu: apt-get install python%s-venv)" % version)
'
refusals=''

run_if_suitable() {
    python=$1
    shift
    if ! command -v "$python" >/dev/null; then
        refusal='not found'
    elif refusal=$("$python" -c "$suitable" 2>&1 </dev/null); then
        exec "$python" "$@"
    fi
    refusals="$refusals
  - $python: $(printf '%s\n' "$refusal" | head -n 1)"
}

if [ -n "${PYTHON:-}" ]; then
    run_if_suitable "$PYTHON" "$@"
else
    for name in python3.12 python3.11 python3.13 python3; do
        run_if_suitable "$name" "$@"
    done
fi

printf '%s\n' "There is no Python 3.11, 3.12 or 3.13 with its module venv:$refusals
Install one (on Debian 12: apt-get install python3 python3-venv; on macOS: brew install python@3.12),
or name one that you have: make PYTHON=/path/to/python3 ..." >&2
exit 1
