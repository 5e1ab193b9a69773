#!/bin/sh
# Fuzzes every parser of lib/ for a while: run.sh <build dir> [seconds each]
# TAP on standard output; what crashed stays in the build dir.
set -u

build=${1:?usage: run.sh <build dir> [seconds each]}
seconds=${2:-5}
top=$(cd "$(dirname "$0")/../.." && pwd)
flags="-std=gnu11 -Wall -Wextra -Werror -g -O1"
sanitize="-fsanitize=address,undefined -fno-sanitize-recover=undefined"

mkdir -p "$build" || exit 1
build=$(cd "$build" && pwd)
cd "$top" || exit 1

objects=
for source in lib/*.c; do
    object=$build/$(basename "$source" .c).o
    if [ ! -e "$object" ] || [ -n "$(find lib -newer "$object" -name 'lt_*')" ]; then
        # shellcheck disable=SC2086
        clang $flags $sanitize -fsanitize=fuzzer-no-link -Ilib \
            -c -o "$object" "$source" || exit 1
    fi
    objects="$objects $object"
done

set -- t/fuzz/fuzz_*.c
echo "1..$#"
n=0
for source; do
    n=$((n + 1))
    noun=$(basename "$source" .c)
    noun=${noun#fuzz_}
    log=$build/$noun.log
    mkdir -p "$build/corpus/$noun"

    # new inputs go to the first folder; the seeds stay as they are
    # shellcheck disable=SC2086
    if clang $flags $sanitize -fsanitize=fuzzer -Ilib -o "$build/fuzz_$noun" \
        "$source" $objects -lcrypto -ljansson >"$log" 2>&1 &&
        "$build/fuzz_$noun" -max_total_time="$seconds" -timeout=5 \
            -rss_limit_mb=512 -max_len=4096 -artifact_prefix="$build/$noun-" \
            "$build/corpus/$noun" "t/fuzz/corpus/$noun" >>"$log" 2>&1; then
        echo "ok $n - $noun: $(grep '^Done' "$log")"
    else
        echo "not ok $n - $noun"
        tail -n 30 "$log" | sed 's/^/# /'
        failed=1
    fi
done
exit "${failed:-0}"
