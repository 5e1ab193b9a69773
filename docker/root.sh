#!/bin/sh
# Puts into OUT all that programs need to run, and no more: the files, the
# libraries they are linked with, certificates, one account, a busybox whose
# only use is the health check.
#   root.sh OUT FILE[=PATH] …
set -eu
out=$1
shift
put() {
    mkdir -p "$out$(dirname "$2")"
    cp -RL "$1" "$out$2"
}
for file in "$@" /bin/busybox; do
    put "${file%%=*}" "${file##*=}"
    for library in $(ldd "${file%%=*}" 2>/dev/null | grep -o '/[^ ]*'); do
        [ -e "$out$library" ] || put "$library" "$library"
    done
done
put /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
echo 'lt:x:65532:65532::/:/' > "$out/etc/passwd"
echo 'lt:x:65532:' > "$out/etc/group"
mkdir -p "$out/run" "$out/tmp"
chmod 1777 "$out/run" "$out/tmp"
