#!/usr/bin/env bash
# What `make run` starts: the window, or without a display the same job headless, into out/.
# The arguments are cpm-live's own; headless, --source, --model and --engine are passed on.
set -euo pipefail
cd "$(dirname "$0")/.."

cpm_live="${VENV:-.venv}/bin/cpm-live"
has_display() {
    [[ "$(uname -s)" != Linux || -n ${DISPLAY:-} || -n ${WAYLAND_DISPLAY:-} ]] ||
        [[ ${QT_QPA_PLATFORM:-} =~ ^(eglfs|linuxfb|vnc) ]] # Qt's screens without X and Wayland
}
# With a display, or for any command but the window, cpm-live knows what to do.
if has_display || [[ $# -gt 0 && $1 != -* && $1 != window ]] || [[ " $* " == *" --help "* || " $* " == *" --version "* ]]; then
    exec "$cpm_live" "$@"
fi

[[ ${1:-} != window ]] || shift
source=demo
model=body
passed_on=()
while [[ $# -gt 0 ]]; do
    case $1 in
    --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" && continue ;;
    -s | --source) source="${2:?"$1 needs a value"}" ;;
    -m | --model) model="${2:?"$1 needs a value"}" ;;
    -e | --engine) passed_on+=(--engine "${2:?"$1 needs a value"}") ;;
    --size) : "${2:?"$1 needs a value"}" ;;
    --debug) passed_on+=(--debug) && shift && continue ;;
    *) echo "make run: without a display $1 is not known; use --source, --model, --engine" >&2 && exit 2 ;;
    esac
    shift 2
done

stem="$(basename "${source%%\?*}")"
model_name="$(basename "$model" .toml)"
out="out/${stem%.*}-$model_name"
case "${stem,,}" in
*.jpg | *.jpeg | *.png | *.bmp | *.webp | *.tif | *.tiff) picture="$out.png" ;;
*) if [[ -d $source ]]; then picture="$out"; else picture="$out.mp4"; fi ;;
esac
mkdir -p out
echo "No display here (neither DISPLAY nor WAYLAND_DISPLAY is set): running '$source' headless with model '$model'."
"$cpm_live" run "$source" --model "$model" --out "$picture" --keypoints "$out.jsonl" ${passed_on[@]+"${passed_on[@]}"}
echo "Annotated: $PWD/$picture"
echo "Keypoints: $PWD/$out.jsonl"
