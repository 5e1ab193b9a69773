#!/bin/sh
# The packages in a new Debian 12 whose systemd runs: install, configure, a
# talk, the units, upgrade, refusal, remove, purge; each with its time.  The
# stand-ins for AWS run outside.  Tests HEAD, not the work tree.
# BUILD as the Makefile sets it.
set -eu
cd "$(dirname "$0")/.."
. t/fresh-root.sh
enter_namespace t/deb-check.sh "$@"

: "${BUILD:=$PWD/build}"
node=$(ls "$PWD"/local/node_modules/node-linux-*/bin/node | head -n 1)
packages="libnginx-mod-http-lt lt-worker"
fail() { echo "deb-check: $*" >&2; exit 1; }

began=$(date +%s)
step() {
    now=$(date +%s)
    echo "deb-check: $1: $((now - began)) s"
    began=$now
}
install_all() {
    in_root apt-get install -y -q --no-install-recommends -o Dpkg::Options::=--force-confold "$@" \
        > "$root/install.log" 2>&1 || { tail -30 "$root/install.log" >&2; fail "not installed"; }
}
operators_files() {
    find "$root/etc/lt" "$root/etc/nginx/lt" -type f ! -name '*.dpkg-*' -exec cksum {} +
}
within() {
    for _ in $(seq "$1"); do
        (shift && "$@") > /dev/null 2>&1 && return
        sleep 1
    done
    fail "not within $1 s: $*"
}
# own ports and loopback: nothing of the machine is met
beside() { nsenter --target "$init" --net "$@"; }
talk() { beside "$node" t/package-talk.mjs http://127.0.0.1:8080 "$@"; }
are_active() {
    for unit in redis-server nginx lt-worker; do
        in_root systemctl is-active -q $unit || { in_root journalctl --no-pager -n 30 -u $unit >&2; fail "$unit is not active"; }
    done
    [ -z "$(in_root systemctl --failed --no-legend)" ] || { in_root systemctl --failed --no-pager >&2; fail "units have failed"; }
}

# The commands of docs/install.md: the n-th block of them.
commands() {
    awk -v n="$1" '/^```sh/ { block++; on = block == n; next } /^```/ { on = 0 } on' docs/install.md
}
run_commands() {
    { echo 'set -eu; cd /project'; commands "$1"; } > "$root/commands.sh"
    in_root bash /commands.sh > "$root/install.log" 2>&1 || { tail -30 "$root/install.log" >&2; fail "$2"; }
}

new_root deb-check ca-certificates,systemd-sysv,dbus
# until it is booted no service starts
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
echo '127.0.0.1 localhost kinesis.eu-central-1.amazonaws.com' > "$root/etc/hosts"
in_root apt-get update -q > /dev/null
mkdir "$root/project"
git archive HEAD | tar -x -C "$root/project"
step "a clean Debian 12"

run_commands 1 "make deb"
for package in $packages; do
    cp "$root"/project/build/deb/"$package"_*.deb "$root/$package.deb"
done
step "docs/install.md: what make deb needs, make deb"

# booted it has no network
in_root apt-get install -y -q --download-only ./libnginx-mod-http-lt.deb ./lt-worker.deb nginx redis-server > "$root/install.log"
rm "$root/usr/sbin/policy-rc.d"
boot_root deb-check
step "downloaded, booted: $(in_root systemctl --version | head -n 1)"

run_commands 2 "not installed"
grep -q 'libnginx-mod-http-lt: nginx -t accepts' "$root/install.log" || fail "nginx -t was not asked"
grep -q 'lt-worker: starts when' "$root/install.log" || fail "lt-worker did not say what it waits for"
in_root nginx -T 2>/dev/null | grep -q "lt_websocket;" || fail "the site is not there"
for file in aws/live-translation.yaml grafana/lt.json prometheus/lt-alerts.yml; do
    in_root test -s "/usr/share/doc/lt-worker/examples/$file" || fail "$file is not among the examples"
done
are_active
step "docs/install.md: installed; Redis, nginx and lt-worker are active"

beside "$node" t/package-aws.mjs "$root" "$BUILD/local/recognizer" > "$root/aws.log" 2>&1 &
aws=$!
within 60 grep -q configured "$root/aws.log"
in_root systemctl restart nginx lt-worker
talk 20
step "configured, a talk of 20 s"

. t/deb-units.sh
check_hardening
check_life
step "the unit of lt-worker in a talk of 45 s"

# upgrade: what the operator wrote stays, and goes on
version=$(dpkg-deb -f "$root/lt-worker.deb" Version)+next
for package in $packages; do
    dpkg-deb -R "$root/$package.deb" "$root/$package"
    sed -i "s/^Version: .*/Version: $version/" "$root/$package/DEBIAN/control"
    echo "# new in $version" >> "$root/$package/$(in_root sh -c "cd /$package && grep -m1 conf\$ DEBIAN/conffiles")"
    dpkg-deb -b --root-owner-group "$root/$package" "$root/$package.deb" > /dev/null
    rm -rf "${root:?}/$package"
done
own=$(operators_files)
pid=$(worker MainPID)
talk 20 > "$root/talk.log" &
talking=$!
within 30 grep -q '  es  ' "$root/talk.log"
install_all ./libnginx-mod-http-lt.deb ./lt-worker.deb
[ "$own" = "$(operators_files)" ] || fail "the upgrade has changed the operator's files"
grep -q 'nginx -t accepts' "$root/install.log" || fail "nginx -t was not asked"
[ "$(in_root dpkg-query -W -f '${Version}' lt-worker)" = "$version" ] || fail "not upgraded"
[ "$(worker MainPID)" != "$pid" ] || fail "the old worker runs on"
are_active
wait $talking || { cat "$root/talk.log"; fail "no talk over an upgrade"; }
tail -n 1 "$root/talk.log"
step "upgraded within a talk of 20 s"

# what nginx refuses is said, and is no reason for dpkg to stop
sed -i 's/^lt_aws_region .*/lt_aws_region nowhere-1;/' "$root/etc/nginx/lt/lt.conf"
sed -i 's/^aws_region .*/aws_region = nowhere-1/' "$root/etc/lt/worker.conf"
install_all --reinstall ./libnginx-mod-http-lt.deb ./lt-worker.deb
grep -q 'refuses the configuration' "$root/install.log" && grep -q '"nowhere-1"' "$root/install.log" \
    && grep -q 'lt-worker: /etc/lt/worker.conf is refused' "$root/install.log" \
    || { cat "$root/install.log"; fail "a wrong configuration was not told"; }
in_root systemctl is-active -q nginx || fail "nginx has stopped"
step "reinstalled with a wrong configuration"

in_root apt-get remove -y -q $packages > "$root/install.log" 2>&1 || { cat "$root/install.log"; fail "not removed"; }
in_root systemctl restart nginx || { in_root nginx -t; fail "nginx does not run without the module"; }
! in_root systemctl is-active -q lt-worker || fail "lt-worker runs on"
in_root apt-get purge -y -q $packages > "$root/install.log" 2>&1 || { cat "$root/install.log"; fail "not purged"; }
left=$(in_root sh -c 'find / -xdev \( -path /proc -o -path /dev -o -path /tmp -o -path /usr/share/locale -o -path /project \) -prune -o \
    \( -name "*lt-worker*" -o -name "*http-lt*" -o -path "*/lt/*" -o -name lt \) -print' | sort | tr '\n' ' ')
echo "deb-check: left: $left"
for file in $left; do
    case $file in
    /etc/lt | /etc/nginx/lt | */results-token | */credentials | /etc/lt/ca.pem) ;;     # the operator's own
    /lt-worker.deb | /libnginx-mod-http-lt.deb | /var/log/*) ;;
    *) fail "$file is left after purge" ;;
    esac
done
kill $aws && wait $aws || true
step "removed and purged"
echo "deb-check: all green"
