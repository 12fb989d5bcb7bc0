#!/usr/bin/env bash
# What `make test` runs: pytest on a virtual display where Xvfb is found, else on Qt's offscreen platform.
set -euo pipefail
cd "$(dirname "$0")/.."

# The user's own settings, caches and camera permissions stay out of it.
home="$(mktemp -d)"
trap 'rm -rf "$home"' EXIT
export XDG_CONFIG_HOME="$home/config" XDG_CACHE_HOME="$home/cache" XDG_DATA_HOME="$home/data"
mkdir -m 700 "$home/runtime"
export XDG_RUNTIME_DIR="$home/runtime"
export QT_LOGGING_RULES="${QT_LOGGING_RULES:-qt.qpa.*=false}" PYTHONFAULTHANDLER=1

# A process per core, each with one thread: threads that share a core with other work wait for each other.
# ARGS="-n 0" runs all in one process.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
# A process that dies is not replaced: with groups xdist 3.8 would wait for its tests for ever, and never say which it was.
pytest=("${VENV:-.venv}/bin/python" -m pytest -n auto --dist loadgroup --max-worker-restart 0 "$@")
if [[ -n ${QT_QPA_PLATFORM:-} || "$(uname -s)" != Linux ]]; then
    "${pytest[@]}"
elif command -v xvfb-run >/dev/null 2>&1 && command -v Xvfb >/dev/null 2>&1 && command -v xauth >/dev/null 2>&1; then
    unset WAYLAND_DISPLAY
    QT_QPA_PLATFORM=xcb xvfb-run -a -s "-screen 0 1600x1000x24 -nolisten tcp" "${pytest[@]}"
else
    echo "cpm-live: no Xvfb; testing on Qt's offscreen platform"
    QT_QPA_PLATFORM=offscreen "${pytest[@]}"
fi
