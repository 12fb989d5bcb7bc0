#!/usr/bin/env bash
# Installs the system packages that cpm-live lacks, and nothing where nothing is missing.
#
#   scripts/system_packages.sh run         what the app needs: Python, Qt's libraries, a font
#   scripts/system_packages.sh run test    and what the tests need: a virtual display
#
# Looks for the libraries themselves, since package names differ between releases. Installs with
# apt-get as root or through sudo; where that is not possible it prints the command and goes on,
# since a library under another name may do as well.
set -euo pipefail

missing=()
libraries="$({ /sbin/ldconfig -p || ldconfig -p; } 2>/dev/null || true)"

# library SONAME PACKAGE
library() {
    [[ $libraries == *"$1 "* ]] || missing+=("$2")
}

# command NAME PACKAGE
command_() {
    command -v "$1" >/dev/null 2>&1 || missing+=("$2")
}

look_for_run() {
    # A Python of 3.11 or newer that can make a venv; make_venv.sh says what to do where none can be had.
    if [[ ! -x ${VENV:-.venv}/bin/python && -z ${PYTHON:-} ]]; then
        local python
        if python="$(scripts/find_python.sh 2>/dev/null)"; then
            # A Debian Python brings venv in a package of its own, which carries its version.
            "$python" -c 'import ensurepip, venv' 2>/dev/null ||
                missing+=("$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')")
        else
            missing+=(python3 python3-venv)
        fi
    fi
    # Qt itself
    library libEGL.so.1 libegl1
    library libGL.so.1 libgl1
    library libxkbcommon.so.0 libxkbcommon0
    library libdbus-1.so.3 libdbus-1-3
    library libfontconfig.so.1 libfontconfig1
    library libglib-2.0.so.0 libglib2.0-0
    library libgssapi_krb5.so.2 libgssapi-krb5-2
    # its X11 window
    library libX11-xcb.so.1 libx11-xcb1
    library libxkbcommon-x11.so.0 libxkbcommon-x11-0
    library libxcb-cursor.so.0 libxcb-cursor0
    library libxcb-icccm.so.4 libxcb-icccm4
    library libxcb-image.so.0 libxcb-image0
    library libxcb-keysyms.so.1 libxcb-keysyms1
    library libxcb-randr.so.0 libxcb-randr0
    library libxcb-render.so.0 libxcb-render0
    library libxcb-render-util.so.0 libxcb-render-util0
    library libxcb-shape.so.0 libxcb-shape0
    library libxcb-shm.so.0 libxcb-shm0
    library libxcb-sync.so.1 libxcb-sync1
    library libxcb-util.so.1 libxcb-util1
    library libxcb-xfixes.so.0 libxcb-xfixes0
    library libxcb-xinerama.so.0 libxcb-xinerama0
    library libxcb-xkb.so.1 libxcb-xkb1
    # its Wayland window
    library libwayland-client.so.0 libwayland-client0
    library libwayland-cursor.so.0 libwayland-cursor0
    library libwayland-egl.so.1 libwayland-egl1
    # Without a font every word is a row of boxes.
    local fonts=(/usr/share/fonts ~/.fonts ~/.local/share/fonts)
    [[ -n "$(find -L "${fonts[@]}" \( -name '*.ttf' -o -name '*.otf' -o -name '*.ttc' \) -print -quit 2>/dev/null)" ]] ||
        missing+=(fonts-dejavu-core)
}

look_for_test() {
    command_ Xvfb xvfb
    command_ xvfb-run xvfb
    command_ xauth xauth
}

[[ "$(uname -s)" == Linux ]] || exit 0 # elsewhere Qt's wheels bring everything
cd "$(dirname "$0")/.."
for group in "$@"; do
    case $group in
    run) look_for_run ;;
    test) look_for_test ;;
    *) echo "system_packages.sh: unknown group $group; use run, test" >&2 && exit 2 ;;
    esac
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

mapfile -t missing <<<"$(printf '%s\n' "${missing[@]}" | sort -u)"
install=(apt-get install -y --no-install-recommends "${missing[@]}")
if ! command -v apt-get >/dev/null 2>&1; then
    echo "cpm-live: libraries missing that Debian packs as: ${missing[*]}. Install your system's packages of them; going on." >&2
    exit 0
fi
if [[ $EUID -eq 0 ]]; then
    as_root=(env DEBIAN_FRONTEND=noninteractive)
elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [[ -t 0 ]]; }; then
    as_root=(sudo env DEBIAN_FRONTEND=noninteractive) # asks for the password only where somebody can type it
else
    echo "cpm-live: system packages missing. As root run: apt-get update && ${install[*]} (going on without them)" >&2
    exit 0
fi
echo "cpm-live: installing system packages: ${missing[*]}"
apt() {
    "${as_root[@]}" apt-get "$@" -qq </dev/null
}
# First with the package lists as they are, which may be stale or absent; then with new ones; then one by
# one, since a release may not know one of the names.
if apt install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1; then exit 0; fi
if apt update && apt install -y --no-install-recommends "${missing[@]}"; then exit 0; fi
failed=()
for package in "${missing[@]}"; do
    apt install -y --no-install-recommends "$package" || failed+=("$package")
done
[[ ${#failed[@]} -eq 0 ]] ||
    echo "cpm-live: could not install ${failed[*]}. As root: apt-get install ${failed[*]} (going on without)" >&2
