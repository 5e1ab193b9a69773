#!/bin/sh
# Debian packages of module and worker, into DIR.  The tree stays as it is: a
# copy is built.  VERSION: that of the packages, in place of CHANGELOG.md's.
# DEBFULLNAME, DEBEMAIL: who answers for these packages in your fleet.
#   build.sh DIR
set -eu
cd "$(dirname "$0")/../.."
mkdir -p "$1"
out=$(cd "$1" && pwd)

missing=$(dpkg-checkbuilddeps config/debian/control 2>&1) || {
    echo "make deb: missing: ${missing##*: }" >&2
    echo "make deb: docs/install.md has the line that installs all of it" >&2
    exit 1
}

: "${VERSION:=$(sed -n 's/^## \([0-9][0-9.]*\).*/\1/p;T;q' CHANGELOG.md)}"
maintainer="${DEBFULLNAME:-live-translation} <${DEBEMAIL:-packages@live-translation.invalid}>"
rm -rf "$out/source"
mkdir "$out/source"
tar -c --exclude=node_modules --exclude='t/servroot*' \
    Makefile README.md CHANGELOG.md LICENSE lib ngx_lt_module worker apps config docs local/setup.sh \
    local/debian-packages.txt local/package-lock.json | tar -x -C "$out/source"
cd "$out/source"
mv config/debian debian
cp config/systemd/lt-worker.service debian/lt-worker.service
sed -i "s|@MAINTAINER@|$maintainer|" debian/control
cat > debian/changelog <<END
live-translation ($VERSION) unstable; urgency=medium

  * See CHANGELOG.md.

 -- $maintainer  $(date -R -d "@${SOURCE_DATE_EPOCH:-$(stat -c %Y CHANGELOG.md)}")
END
rm -f "$out"/*.deb
dpkg-buildpackage -b -us -uc > "$out/build.log" 2>&1 || {
    tail -30 "$out/build.log" >&2
    exit 1
}
rm -rf "$out/source"
ls -l "$out"/*.deb
