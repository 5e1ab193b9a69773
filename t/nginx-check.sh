#!/bin/sh
# The module against each nginx that Debian has the source of: built, loaded,
# its suites run; and that a module of another nginx is refused.
#   nginx-check.sh [RELEASE|FOLDER …]      default: trixie sid
# A FOLDER holds an unpacked source.  A release whose source the mirror has not
# is said and left out.
# BUILD as the Makefile sets it; needs the network, and some minutes.  Tests
# HEAD, not the work tree.
set -eu
cd "$(dirname "$0")/.."
: "${BUILD:=$PWD/build}"
dir=$BUILD/nginx-check
own_module=$dir/own/ngx_http_lt_module.so
suites='t/000-config.t t/100-handshake.t t/110-framing.t t/200-sessions.t t/300-ingest.t t/400-push.t t/500-reload.t'
[ $# -gt 0 ] || set -- trixie sid
rm -rf "$dir"
mkdir -p "$dir/tree"
git archive HEAD | tar -x -C "$dir/tree"
cd "$dir/tree"
fail() { echo "nginx-check: $*" >&2; exit 1; }

# $1: a release of Debian; its newest nginx, unpacked, unpatched
source_of() {
    mkdir -p "$dir/$1/lists/partial"
    echo "deb-src http://deb.debian.org/debian $1 main" > "$dir/$1/sources.list"
    set -- "$1" -q -o Dir::Etc::sourcelist="$dir/$1/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::State::lists="$dir/$1/lists" -o Dir::Cache="$dir/$1" -o APT::Sandbox::User=root
    release=$1
    shift
    apt-get "$@" update || return 1
    apt-cache "$@" showsrc --only-source nginx > "$dir/$release/said"
    folder=$(sed -n 's/^Directory: //p' "$dir/$release/said" | tail -n 1)
    sum=$(sed -n '/^Checksums-Sha256/,$s/^ \([0-9a-f]\{64\}\) [0-9]* \(nginx_[^ ]*\.orig\.tar\.gz\)$/\1 \2/p' "$dir/$release/said" | tail -n 1)
    /usr/lib/apt/apt-helper download-file "http://deb.debian.org/debian/$folder/${sum#* }" "$dir/$release/tar.gz" "SHA256:${sum% *}" || return 1
    mkdir "$dir/$release/nginx"
    tar -xzf "$dir/$release/tar.gz" -C "$dir/$release/nginx" --strip-components 1
}

build_module() {
    MAKEFLAGS= ngx_lt_module/build.sh "$@" > "$dir/log" 2>&1 || { tail -20 "$dir/log" >&2; fail "not built: $1"; }
}

# nginx and the module from one source
build() {
    (cd "$dir/$1/nginx" && ./configure --with-compat --with-debug --with-http_ssl_module --with-http_v2_module --with-http_stub_status_module \
        --with-http_realip_module --with-http_auth_request_module --with-stream --with-stream_ssl_module \
        && make -s -j2) > "$dir/log" 2>&1 || { tail -5 "$dir/log" >&2; fail "$1: nginx is not built"; }
    build_module "$dir/$1/module" "$dir/$1/nginx"
}

# $1: nginx, $2: a module of another; it must say which is which
refuses() {
    printf 'load_module %s;\nevents { }\n' "$2" > "$dir/other.conf"
    if "$1" -t -e stderr -c "$dir/other.conf" 2> "$dir/said"; then
        fail "$1 takes $2"
    fi
    grep -q 'ngx_http_lt_module.so" version .* instead of\|is not binary compatible' "$dir/said" \
        || { cat "$dir/said" >&2; fail "$1 does not say why"; }
    sed -n 's/.*\(version [0-9]* instead of [0-9]*\).*/  refused: \1/p' "$dir/said"
}

build_module "$dir/own"
checked=
for release in "$@"; do
    case $release in
    /*) mkdir -p "$dir/folder" && rm -rf "$dir/folder/nginx" && cp -r "$release" "$dir/folder/nginx"
        release=folder ;;
    *)  if ! source_of "$release" > "$dir/log" 2>&1; then
            grep '^E:' "$dir/log" | head -n 1
            echo "nginx-check: $release: no source, left out"
            continue
        fi ;;
    esac
    build "$release"
    checked=1
    nginx=$dir/$release/nginx/objs/nginx
    version=$("$nginx" -v 2>&1)
    echo "nginx-check: $release, ${version#*: }"
    TEST_NGINX_BINARY=$nginx LT_MODULE=$dir/$release/module/ngx_http_lt_module.so prove -q --exec t/exec.sh $suites \
        || fail "$release: see above"
    refuses "$nginx" "$own_module"
    refuses "$(command -v nginx)" "$dir/$release/module/ngx_http_lt_module.so"
done
[ -n "$checked" ] || fail "no source at all"
echo "nginx-check: all green"
