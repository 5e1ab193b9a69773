#!/bin/bash
# Builds the dynamic module, leaving the nginx source tree untouched.
#
#   build.sh BUILD_DIR [NGINX_SRC] [asan]
#
# NGINX_SRC defaults to Debian's package nginx-dev; any unpacked nginx source
# works too.  The module ends up as BUILD_DIR/ngx_http_lt_module.so.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
src=${2:-/usr/share/nginx/src}
kind=${3:-}

if [ ! -x "$src/configure" ]; then
    echo "build.sh: no nginx source in $src: install nginx-dev, or give" \
        "the path of an unpacked nginx source tree" >&2
    exit 1
fi

cc_opt="-std=gnu11 -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror"
ld_opt=${LDFLAGS:-}
if [ "$kind" = asan ]; then
    cc_opt="-std=gnu11 -O1 -g -fno-omit-frame-pointer -Wall -Wextra"
    cc_opt="$cc_opt -Wno-unused-parameter -fsanitize=address,undefined"
    ld_opt="-fsanitize=address,undefined"
else
    cc_opt="$cc_opt -D_FORTIFY_SOURCE=2 -fstack-protector-strong"
fi

if [ -f "$src/conf_flags" ]; then
    . "$src/conf_flags"
    flags=("${NGX_CONF_FLAGS[@]}")
    tree=$src
else
    # A vanilla tree's configure writes a Makefile into it: use a copy.
    flags=(--with-compat)
    tree=$out/nginx
    rm -rf "$tree"
    cp -r "$src" "$tree"
fi

# Configure again only when what it depends on has changed.
stamp="$kind $src ${CC:-cc} $(cat "$here/config" "$here/build.sh" | cksum)
$(ls "$here"/*.[ch] "$here"/actions/*.[ch] "$here"/../lib/*.[ch])"
cd "$tree"
if [ ! -f "$out/Makefile" ] || [ "$stamp" != "$(cat "$out/stamp" 2>&1)" ]; then
    echo "configuring the module for nginx in $src"
    ./configure "${flags[@]}" --with-cc="${CC:-cc}" --with-cc-opt="$cc_opt" \
        --with-ld-opt="$ld_opt" --builddir="$out" \
        --add-dynamic-module="$here" > "$out/configure.log" \
        || { tail -20 "$out/configure.log" >&2; exit 1; }
    echo "$stamp" > "$out/stamp"
fi
make -s -j2 -f "$out/Makefile" modules
