#!/usr/bin/env bash
# Prints the Python to make the venv with: $1 or $PYTHON where given, else the first that is 3.11 or newer.
set -euo pipefail

wanted="${1:-${PYTHON:-}}"
good() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

if [[ -n $wanted ]]; then
    good "$wanted" && command -v "$wanted" && exit 0
    echo "cpm-live: PYTHON=$wanted is not a Python of 3.11 or newer" >&2
    exit 1
fi
for candidate in python3 python3.13 python3.12 python3.11 python3.14 python; do
    good "$candidate" && command -v "$candidate" && exit 0
done
echo "cpm-live: no Python of 3.11 or newer found. Install one, or name it: make PYTHON=/path/to/python3.11" >&2
exit 1
