#!/bin/sh
# Runs the README's two commands in a new Debian 12 root that has git, make and
# nothing else of ours: a green run on a used machine can hide a missing
# install step.  Needs root and mmdebstrap.  Tests HEAD, not the work tree.
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" -eq 0 ] || { echo "fresh-check: needs root (for chroot)" >&2; exit 1; }
command -v mmdebstrap >/dev/null || apt-get install -y -q mmdebstrap

# In namespaces of its own: no mount and no process outlives the check.
if [ -z "${LT_FRESH_NAMESPACE:-}" ]; then
    LT_FRESH_NAMESPACE=1 exec unshare --mount --pid --fork --kill-child "$0" "$@"
fi

root=$(mktemp -d /var/tmp/lt-fresh.XXXXXX)
cleanup() {
    umount -R "$root/dev" "$root/proc" 2>/dev/null || true
    rm -rf --one-file-system "$root"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

echo "fresh-check: a new Debian 12 in $root"
mmdebstrap --quiet --variant=minbase --include=make,ca-certificates bookworm \
    "$root" /etc/apt/sources.list.d/debian.sources 2>/dev/null \
    || mmdebstrap --quiet --variant=minbase --include=make,ca-certificates \
        bookworm "$root"

# How this machine reaches its package registries is not what is tested.
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
cp -r /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
[ ! -f "${HOME}/.npmrc" ] || cp "${HOME}/.npmrc" "$root/root/.npmrc"
[ ! -f /etc/npmrc ] || cp /etc/npmrc "$root/etc/npmrc"

mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev" && mount --make-rslave "$root/dev"

mkdir "$root/project"
git archive HEAD | tar -x -C "$root/project"

for target in demo test; do
    began=$(date +%s)
    chroot "$root" env HOME=/root make -C /project "$target"
    echo "fresh-check: make $target took $(($(date +%s) - began)) s"
done
echo "fresh-check: both commands are green"
