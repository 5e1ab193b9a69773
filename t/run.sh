#!/bin/sh
# All suites under one prove: C, Perl and JavaScript speak TAP alike.
#   t/run.sh [FILE…]      default: everything
# BUILD and NODE as the Makefile sets them.
set -eu
cd "$(dirname "$0")/.."
: "${BUILD:=$PWD/build}"
LT_MODULE="$BUILD/module/ngx_http_lt_module.so"
: "${RECOGNIZER:=$BUILD/local/recognizer}"
CMOCKA_MESSAGE_OUTPUT=TAP
export BUILD LT_MODULE RECOGNIZER CMOCKA_MESSAGE_OUTPUT

if [ $# -eq 0 ]; then
    set -- t/e2e/talk.t.mjs local/test/conformance.t.mjs \
        $(find t/worker -name '*.t.mjs' | sort) t/[0-9]*.t t/fuzz/run.sh \
        $(find t/e2e -name '*.t.mjs' ! -name talk.t.mjs | sort) \
        $(find "$BUILD/t/unit" -type f -perm -u+x | sort)
fi
# Four lanes, one test at a time in each: what recognises speech wants a core
# for itself; the other workers and fan-out; pages and the fuzzer; the rest,
# which mostly waits.
speech='local/test/*,t/e2e/talk*,t/worker/60*,t/worker/61*,t/worker/62*,t/worker/63*,t/worker/64*,t/worker/66*'
exec prove -j4 --timer \
    --rules="seq={$speech}" \
    --rules='seq={t/worker/*,t/4*}' \
    --rules='seq={t/e2e/*,t/fuzz/*}' \
    --rules='seq=**' --exec t/exec.sh "$@"
