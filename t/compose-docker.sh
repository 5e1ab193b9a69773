#!/bin/sh
# docker/compose.yaml by Docker's own compose, with images that podman has: up,
# a talk, down.  The daemon is one of its own, in DIR and in namespaces: neither
# the machine's network nor its Docker is met.
#   compose-docker.sh DIR IMAGE…
set -eu
cd "$(dirname "$0")/.."
if [ -z "${LT_DOCKER_NAMESPACE:-}" ]; then
    LT_DOCKER_NAMESPACE=1 exec unshare --mount-proc --net --pid --fork --kill-child t/compose-docker.sh "$@"
fi
dir=$1
shift
ip link set lo up
export DOCKER_HOST="unix://$dir/docker.sock"
# 0: a daemon spares itself from the kernel's killer, which not every root may
dockerd --host "$DOCKER_HOST" --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/docker.pid" \
    --oom-score-adjust 0 --exec-opt native.cgroupdriver=cgroupfs > "$dir/dockerd.log" 2>&1 &
for _ in $(seq 60); do
    docker info > /dev/null 2>&1 && break
    sleep 1
done
docker info > /dev/null 2>&1 || { tail -n 5 "$dir/dockerd.log" >&2; echo "compose-docker: dockerd does not run here" >&2; exit 1; }
for image; do
    podman save "$image" 2>/dev/null | docker load -q > /dev/null
    docker tag "localhost/$image" "$image" 2>/dev/null || true
done

compose() {
    docker-compose -p lt-check -f docker/compose.yaml "$@" > "$dir/log" 2>&1 || { tail "$dir/log" >&2; exit 1; }
}
compose up -d --no-build
"$(ls "$PWD"/local/node_modules/node-linux-*/bin/node | head -n 1)" t/package-talk.mjs http://localhost:8080 \
    || { docker ps -a; compose logs --tail 10; cat "$dir/log"; exit 1; }
docker ps --format '{{.Names}} {{.Status}}'
[ "$(docker ps -q --filter health=healthy | wc -l)" = 4 ] || { echo "compose-docker: not all are healthy" >&2; exit 1; }
compose down -v
[ -z "$(docker ps -aq)$(docker volume ls -q)" ] || { echo "compose-docker: something is left" >&2; exit 1; }
