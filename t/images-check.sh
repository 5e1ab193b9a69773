#!/bin/sh
# Builds the images with podman and has one talk through docker/compose.yaml's
# services, by podman and, where it is installed, by Docker's own compose;
# prints sizes and times.  Tests HEAD, not the work tree.
# Where docker.io cannot be reached, Debian's base image is made by mmdebstrap,
# and Redis is Debian's.
set -eu
cd "$(dirname "$0")/.."
for tool in podman mmdebstrap runc; do
    command -v $tool >/dev/null || { echo "images-check: please install $tool" >&2; exit 1; }
done
: "${BUILD:=$PWD/build}"
node=$(ls "$PWD"/local/node_modules/node-linux-*/bin/node | head -n 1)
dir=$(mktemp -d /var/tmp/lt-images.XXXXXX)
mkdir "$dir/tree"
git archive HEAD | tar -x -C "$dir/tree"
up=
finish() {
    [ -z "$up" ] || compose down
    rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

began=$(date +%s)
step() {
    now=$(date +%s)
    echo "images-check: $1: $((now - began)) s"
    began=$now
}

# limits that are allowed everywhere; a machine without cgroup v2 has runc
limit=$(ulimit -n)
cat > "$dir/containers.conf" <<END
[containers]
default_ulimits = ["nofile=$limit:$limit", "nproc=$limit:$limit"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
END
export CONTAINERS_CONF="$dir/containers.conf"
export STORAGE_DRIVER="${STORAGE_DRIVER:-vfs}"

# How this machine reaches its package registries is not what is tested.
cp "$HOME/.npmrc" "$dir/npmrc" 2>/dev/null || true
echo 'cafile=/run/host-ca.crt' >> "$dir/npmrc"
build() {
    nice -n 5 podman build --format docker --network=host -q -v "$dir/npmrc:/root/.npmrc:ro" \
        -v /etc/ssl/certs/ca-certificates.crt:/run/host-ca.crt:ro -t "$1" -f "$2" "$dir/tree" > "$dir/log" 2>&1 \
        || { tail -20 "$dir/log" >&2; exit 1; }
    step "$1: $(podman image inspect --format '{{.Size}}' "$1" | awk '{ printf "%.1f MB", $1 / 1e6 }')"
}

base=docker.io/library/debian:bookworm-slim
redis=docker.io/library/redis:7
if ! podman image exists $base && ! podman pull -q $base > /dev/null 2>&1; then
    mmdebstrap --quiet --variant=minbase --include=ca-certificates bookworm "$dir/base.tar" \
        /etc/apt/sources.list.d/debian.sources
    podman import -q "$dir/base.tar" $base > /dev/null
fi
if ! podman image exists $redis && ! podman pull -q $redis > /dev/null 2>&1; then
    printf 'FROM %s\nRUN apt-get update -q && apt-get install -y -q --no-install-recommends redis-server\n' $base > "$dir/redis"
    build $redis "$dir/redis"
fi
step "base images"
for name in worker nginx aws; do
    build lt-$name "$dir/tree/docker/$name.Dockerfile"
done

compose() { "$node" t/compose-run.mjs lt-check "$1"; }
compose down
up=1
compose up
step "up"
"$node" t/package-talk.mjs http://localhost:8080 || { podman ps -a; podman logs lt-check-worker 2>&1 | tail; exit 1; }
step "a talk of 20 s"
for name in nginx worker aws; do
    podman healthcheck run lt-check-$name > /dev/null || { echo "lt-$name is not healthy" >&2; exit 1; }
done
for name in nginx worker; do
    ! podman exec lt-check-$name /bin/busybox touch /usr/mine 2>/dev/null || { echo "lt-$name: its root can be written" >&2; exit 1; }
    [ "$(podman exec lt-check-$name /bin/busybox id -u)" = 65532 ] || { echo "lt-$name runs as root" >&2; exit 1; }
done
echo "images-check: healthy, read-only, not root"
compose down
up=
step "down"

if command -v dockerd > /dev/null && command -v docker-compose > /dev/null; then
    t/compose-docker.sh "$dir" lt-aws lt-nginx lt-worker $redis
    step "by Docker's own compose: up, a talk of 20 s, down"
else
    echo "images-check: no dockerd and docker-compose here: by podman only"
fi
