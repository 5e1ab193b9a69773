#!/bin/sh
# Boots the Debian in ROOT: its own systemd as process 1, in new namespaces of
# every kind but users.  It has loopback and nothing else of a network; the
# kernel's settings are read-only to it.  Ends when it is killed.
#   boot-root.sh ROOT CGROUP    CGROUP: an empty one of the v2 hierarchy
set -eu
if [ "$1" != --inside ]; then
    echo 0 > "$2/cgroup.procs"
    exec unshare --mount --uts --ipc --net --cgroup --pid --fork --kill-child "$0" --inside "$1"
fi
cd "$2"
mount --bind . . && cd "$2"         # a mount point, for pivot_root
hostname lt
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mkdir -p mnt
pivot_root . mnt
umount -l mnt
exec env -i container=lt PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd < /dev/null
