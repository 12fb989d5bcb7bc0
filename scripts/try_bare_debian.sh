#!/usr/bin/env bash
# Tries this working tree on a bare Debian: a fresh minimal system in a chroot, this tree without what git
# ignores, `make` installed, and nothing else. For maintainers; needs root, debootstrap and unshare.
#
#   scripts/try_bare_debian.sh                     make run (headless), twice, and what it left in out/
#   scripts/try_bare_debian.sh 'make install'      any commands, each run in the tree
#   SUITE=trixie scripts/try_bare_debian.sh        another release
#
# CHROOT is where systems are kept (default /var/tmp/cpm-live-bare): a pristine one per release, copied for
# every try. The copy of the last try stays for a look: $CHROOT/try. MIRROR is passed to debootstrap.
set -euo pipefail
cd "$(dirname "$0")/.."

suite="${SUITE:-bookworm}"
base="${CHROOT:-/var/tmp/cpm-live-bare}"
pristine="$base/$suite"
root="$base/try"
[[ $EUID -eq 0 ]] || { echo "try_bare_debian.sh: needs root" >&2 && exit 2; }
command -v debootstrap >/dev/null || { echo "try_bare_debian.sh: apt-get install debootstrap first" >&2 && exit 2; }
if [[ -z ${CPM_LIVE_UNSHARED:-} ]]; then
    # Mounts made from here on vanish with this process, whatever happens.
    exec env CPM_LIVE_UNSHARED=1 unshare --mount --propagation private bash "$PWD/scripts/try_bare_debian.sh" "$@"
fi
[[ $# -gt 0 ]] || set -- "make run" "time make run" "ls -l out"

if [[ ! -f $pristine/.done ]]; then
    mkdir -p "$pristine"
    debootstrap --variant=minbase "$suite" "$pristine" ${MIRROR:+"$MIRROR"}
    touch "$pristine/.done"
fi
echo "== a copy of the pristine $suite in $root"
rm -rf --one-file-system "$root"
cp -a --reflink=auto "$pristine" "$root"

# The network as this machine has it: names, certificates, pip's configuration and the folders it reads.
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
mkdir -p "$root/root/.config/pip"
[[ ! -f /etc/pip.conf ]] || cp /etc/pip.conf "$root/etc/pip.conf"
[[ ! -f ~/.config/pip/pip.conf ]] || cp ~/.config/pip/pip.conf "$root/root/.config/pip/pip.conf"
folders="$({ python3 -m pip config list 2>/dev/null || cat /etc/pip.conf ~/.config/pip/pip.conf 2>/dev/null; } |
    grep -E 'find-links|index-url' | grep -oE '(file://)?/[A-Za-z0-9_./-]+' | sed 's#^file://##; s#/simple/*$##' | sort -u || true)"
for folder in $folders; do
    [[ -d $folder ]] || continue
    mkdir -p "$root$folder"
    mount --bind "$folder" "$root$folder"
    mount -o remount,bind,ro "$root$folder"
done
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"

tree=/home/cpm-live
mkdir -p "$root$tree"
git ls-files --cached --others --exclude-standard -z | while IFS= read -r -d '' file; do
    if [[ -e $file ]]; then printf '%s\0' "$file"; fi
done | tar --null --files-from=- --create | tar --extract --no-same-owner --directory "$root$tree"

environment=(HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 TERM=dumb
    DEBIAN_FRONTEND=noninteractive PIP_ROOT_USER_ACTION=ignore PIP_PROGRESS_BAR=off)
while IFS= read -r -d '' variable; do
    case $variable in
    PIP_* | *_proxy=* | *_PROXY=*) environment+=("$variable") ;;
    esac
done < <(env -0)
# Under a name of its own: installing ca-certificates in there rewrites the usual one.
certificates="${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}"
if [[ -f $certificates ]]; then
    mkdir -p "$root/etc/ssl"
    cp -L "$certificates" "$root/etc/ssl/of-this-machine.crt"
    environment+=(SSL_CERT_FILE=/etc/ssl/of-this-machine.crt PIP_CERT=/etc/ssl/of-this-machine.crt)
fi
inside() {
    echo "== $1"
    chroot "$root" env -i "${environment[@]}" bash -euo pipefail -c "cd $tree && $1" </dev/null
}
inside "apt-get update -qq && apt-get install -y -qq --no-install-recommends make >/dev/null"
for command in "$@"; do
    inside "$command"
done
