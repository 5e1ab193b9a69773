#!/bin/sh
# Installs what is missing: Debian packages from the list beside this file, then
# the npm packages of local/package-lock.json.  Does nothing when all is there.
set -eu
cd "$(dirname "$0")"

say() { printf '\033[1m%s\033[0m\n' "$*"; }

missing_packages() {
    grep -v '^#' debian-packages.txt | while read -r package; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null \
            | grep -q 'install ok installed' || printf '%s ' "$package"
    done
    # A newer Node from elsewhere is as good: Debian's npm would not go with it.
    command -v npm >/dev/null 2>&1 || printf 'nodejs npm '
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        echo "setup: missing packages:$packages" >&2
        echo "setup: run as root, or install sudo, or install them yourself" >&2
        exit 1
    fi
}

packages=$(missing_packages)
if [ -n "$packages" ]; then
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "setup: this is not Debian; please install: $packages" >&2
        exit 1
    fi
    say "Installing Debian packages: $packages"
    as_root apt-get update -q
    # nginx and redis are wanted as programs, not as services that start now.
    policy=/usr/sbin/policy-rc.d
    placed=
    if [ ! -e $policy ]; then
        as_root sh -c "printf '#!/bin/sh\nexit 101\n' > $policy; chmod 755 $policy"
        placed=yes
    fi
    status=0
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends $packages || status=$?
    [ -z "$placed" ] || as_root rm -f $policy
    [ $status -eq 0 ] || exit $status
fi

if ! cmp -s package-lock.json node_modules/.installed-lock; then
    say "Installing npm packages"
    npm ci --no-audit --no-fund
    cp package-lock.json node_modules/.installed-lock
fi
