#!/usr/bin/env bash
# Makes the venv (.venv, or $VENV) with the given Python or the first that will do.
set -euo pipefail
cd "$(dirname "$0")/.."

venv="${VENV:-.venv}"
python="$(scripts/find_python.sh "${1:-}")"
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    version="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
    echo "cpm-live: $python cannot make a venv. On Debian or Ubuntu, as root: apt-get install python$version-venv" >&2
    exit 1
fi
echo "cpm-live: making $venv with $("$python" -V) ($python)"
# --clear: a half-made or orphaned venv is no use.
"$python" -m venv --clear "$venv"
