# Sourced: a new Debian 12 in $root, in namespaces of its own, so that no mount
# and no process outlives the check.  Needs root and mmdebstrap.
#   new_root NAME PACKAGES      NAME for messages and the folder; comma list
#   enter_namespace SCRIPT …    first thing; returns inside only
#   in_root COMMAND …           there; once it is booted, in what runs there
#   boot_root NAME              its systemd runs; $init: process 1, seen from here
init=

enter_namespace() {
    [ "$(id -u)" -eq 0 ] || { echo "$1: needs root (for chroot)" >&2; exit 1; }
    command -v mmdebstrap >/dev/null || apt-get install -y -q mmdebstrap
    if [ -z "${LT_FRESH_NAMESPACE:-}" ]; then
        LT_FRESH_NAMESPACE=1 exec unshare --mount-proc --pid --fork --kill-child "$@"
    fi
}

new_root() {
    root=$(mktemp -d "/var/tmp/lt-$1.XXXXXX")
    trap 'halt_root
        umount -R "$root/dev" "$root/proc" 2>/dev/null || true
        rm -rf --one-file-system "$root"' EXIT
    trap 'exit 130' INT TERM

    echo "$1: a new Debian 12 in $root"
    mmdebstrap --quiet --variant=minbase --include="$2" bookworm \
        "$root" /etc/apt/sources.list.d/debian.sources 2>/dev/null \
        || mmdebstrap --quiet --variant=minbase --include="$2" bookworm "$root"

    # How this machine reaches its package registries is not what is tested.
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
    cp -r /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
    [ ! -f "${HOME}/.npmrc" ] || cp "${HOME}/.npmrc" "$root/root/.npmrc"
    [ ! -f /etc/npmrc ] || cp /etc/npmrc "$root/etc/npmrc"

    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev" && mount --make-rslave "$root/dev"
}

in_root() {
    set -- env -i HOME=/root PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
    if [ -n "$init" ]; then
        nsenter --target "$init" --all "$@"
    else
        chroot "$root" "$@"
    fi
}

boot_root() {
    mount -t cgroup2 cgroup2 "$root/sys"
    cgroup=$root/sys/$(basename "$root")
    mkdir "$cgroup"
    t/boot-root.sh "$root" "$cgroup" > "$root/boot.log" 2>&1 &
    booting=$!
    for _ in $(seq 60); do
        init=$(pgrep -x -P $booting systemd) && case $(in_root systemctl is-system-running --wait 2>/dev/null) in
            running | degraded) return ;;
        esac
        kill -0 $booting 2>/dev/null || break
        sleep 1
    done
    cat "$root/boot.log" >&2
    echo "$1: systemd does not run in namespaces here" >&2
    exit 1
}

halt_root() {
    [ -n "${cgroup:-}" ] || return 0
    kill -KILL ${init:-$booting} 2>/dev/null || true
    wait $booting 2>/dev/null || true
    find "$cgroup" -depth -type d -exec rmdir {} + || true
    umount "$root/sys"
}
