#!/bin/sh
# Try the two commands of the README on a bare Debian 12: git, make, python3, python3-venv and certificates, nothing else.
#
#   sudo .ci/fresh-debian.sh DIRECTORY [COMMAND ...]      default commands: "make run" "make test"
#
# Needs root, debootstrap and a network (or a pip configuration that works without one). DIRECTORY holds the root and is kept,
# so that a second call is quick; the project is cloned anew each time (committed files only). Afterwards remove it
# with `rm -rf --one-file-system`. pip's settings and certificates of this machine are used inside.
set -eu

[ "$(id -u)" = 0 ] || { echo "run as root" >&2; exit 2; }
[ $# -ge 1 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
project=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
root=$(cd "$1" && pwd)
shift
[ $# -ge 1 ] || set -- "make run" "make test"

[ -e "$root/etc/debian_version" ] ||
    debootstrap --variant=minbase --include=git,make,python3,python3-venv,ca-certificates bookworm "$root"

mounted=""
unmount() {
    for place in $mounted; do umount "$place"; done
}
trap unmount EXIT
trap 'exit 1' INT TERM
bind() {
    mountpoint -q "$root$1" && return
    mkdir -p "$root$1"
    mount --bind "$1" "$root$1"
    mounted="$root$1 $mounted"
}
bind /proc
bind /dev

# Names, certificates and pip's settings, as here.
for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
    [ -e "$file" ] && cp -L "$file" "$root$file"
done
for file in "$HOME/.config/pip/pip.conf" "$HOME/.pip/pip.conf"; do
    [ -e "$file" ] && mkdir -p "$root/root/.config/pip" && cp "$file" "$root/root/.config/pip/pip.conf"
done
# Folders that pip's settings name (wheels, local indexes: the files of INDEX/simple lie beside it) are the same inside.
for folder in $(python3 -m pip config list | grep -oE "(file://)?/[^ ']+" | sed 's#^file://##' | sort -u); do
    folder=${folder%/}
    [ -d "$folder" ] && bind "${folder%/simple}"
done

rm -rf "$root/root/project"
git clone -q --no-local "$project" "$root/root/project"

env -0 | tr '\n' ' ' | tr '\0' '\n' | grep -E '^(PIP_|[A-Za-z]+_(proxy|PROXY)=|SSL_CERT_|REQUESTS_CA)' > "$root/root/settings" || true
for command in "$@"; do
    echo "== $command"
    start=$(date +%s)
    xargs -d '\n' -a "$root/root/settings" sh -c '
        root=$1 command=$2
        shift 2
        exec chroot "$root" env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@" \
            sh -c "cd /root/project && $command"' sh "$root" "$command"
    echo "== done in $(($(date +%s) - start)) s"
done
