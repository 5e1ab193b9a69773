# Sourced by deb-check.sh: lt-worker under the systemd of $root.

worker() { in_root systemctl show -P "$1" lt-worker; }
# what a unit has written to the journal: journal UNIT OPTIONS…
journal() {
    in_root journalctl --sync
    in_root journalctl -q -o cat -u "$@"
}
# $1: an event of the worker's log
has_said() { journal lt-worker --since "$since" | grep "\"event\":\"$1\""; }
is_new() { [ "$(worker MainPID)" != "$1" ] && [ "$(worker ActiveState)" = active ]; }

# What the unit is to forbid, tried by its user: what worked is named.
write_probe() {
    cat > "$root/probe.sh" <<'END'
tried() { ! "$@" > /dev/null 2>&1 || echo "allowed: $*"; }
tried unshare --user true
tried setarch --addr-no-randomize true
tried renice 5 $$
tried perl -e 'socket(S, 16, 3, 0) or exit 1'
tried ls /proc/1
tried ls /home/somebody
tried test -e /tmp/of-others
tried test -e /var/tmp/of-others
tried touch /etc/lt/worker.conf
tried touch /usr/mine
tried cat /etc/shadow
touch /var/lib/lt-worker/mine && rm /var/lib/lt-worker/mine && cat /etc/lt/results-token > /dev/null && echo tried
END
    mkdir -p "$root/home/somebody"
    in_root touch /tmp/of-others /var/tmp/of-others
}

check_hardening() {
    in_root systemd-analyze security --no-pager --threshold=30 lt-worker > "$root/said" || { cat "$root/said"; fail "exposed"; }
    sed -n 's/.*Overall exposure/exposure/p' "$root/said"
    in_root cat "/proc/$(worker MainPID)/status" > "$root/said"
    for line in 'Seccomp:	2' 'NoNewPrivs:	1' 'CapBnd:	0000000000000000' 'CapEff:	0000000000000000'; do
        grep -q "^$line\$" "$root/said" || fail "the worker's process has not $line"
    done

    write_probe
    # without the unit: each line must be able to fail
    in_root setpriv --reuid lt-worker --regid lt-worker --clear-groups sh /probe.sh > "$root/said"
    [ "$(grep -c allowed: "$root/said")" = 8 ] || { cat "$root/said"; fail "t/deb-units.sh: the probe is no use here"; }
    in_root sh -c "sed -e '/^ExecStartPre=/d' -e 's|^ExecStart=.*|ExecStart=/bin/sh /probe.sh|' -e 's/^Restart=.*/Type=oneshot/' \
        /lib/systemd/system/lt-worker.service > /run/systemd/system/lt-probe.service"
    in_root systemctl daemon-reload
    in_root systemctl start lt-probe || { in_root journalctl --no-pager -u lt-probe; fail "the probe does not run"; }
    journal lt-probe -t sh > "$root/said"
    [ "$(cat "$root/said")" = tried ] || { cat "$root/said"; fail "the unit allows too much, or too little"; }
}

# In one talk: reload, death, stop and start.
check_life() {
    since=$(in_root date '+%F %T')
    talk 45 > "$root/talk.log" &
    talking=$!
    within 30 grep -q '  es  ' "$root/talk.log"

    pid=$(worker MainPID)
    sed -i 's/^# presign_expires = .*/presign_expires = 601s/' "$root/etc/lt/worker.conf"
    in_root systemctl reload lt-worker
    within 20 has_said reloaded
    [ "$(worker MainPID)" = "$pid" ] || fail "reload has restarted the worker"

    since=$(in_root date '+%F %T')
    in_root systemctl kill --signal=KILL lt-worker
    within 20 is_new "$pid"
    [ "$(worker NRestarts)" = 1 ] || fail "killed: $(worker NRestarts) restarts"

    # the new one has the talk in hand
    within 20 has_said stream_opened
    began_stop=$(date +%s%N)
    in_root systemctl stop lt-worker
    took=$((($(date +%s%N) - began_stop) / 1000000))
    has_said lease_released > /dev/null && has_said worker_stopped | grep -q '"stream_drained":1,"sessions_drained":1' \
        && [ "$(worker Result)" = success ] || fail "stopped: $(worker Result) after $took ms"
    in_root systemctl start lt-worker

    wait $talking || { cat "$root/talk.log"; journal lt-worker; fail "the talk is not whole"; }
    cat "$root/talk.log"
    echo "reloaded, killed, stopped in $took ms, started"
    # the check of ExecStartPre says a line, too
    journal lt-worker _COMM=lt-worker | grep -v '^lt-worker: .* is good$' | "$node" -e '
        const lines = require("fs").readFileSync(0, "utf8").trimEnd().split("\n");
        console.log(`${lines.filter((line) => JSON.parse(line).event).length} of ${lines.length} lines in the journal are events`);'
}
