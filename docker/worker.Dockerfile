# lt-worker.  docker build -f docker/worker.Dockerfile -t lt-worker .
# Mount its configuration and secrets at /etc/lt, run with --read-only.
FROM docker.io/library/debian:bookworm-slim AS build
RUN apt-get update -q && apt-get install -y -q --no-install-recommends \
    make gcc libc6-dev pkg-config busybox-static ca-certificates libssl-dev \
    libjansson-dev libhiredis-dev libcurl4-openssl-dev libnghttp2-dev libuv1-dev
COPY . /src
RUN cd /src && mkdir -p build && touch build/.setup \
    && make worker LDFLAGS='-s -Wl,-z,relro,-z,now' \
    && docker/root.sh /out /src/build/lt-worker=/usr/bin/lt-worker

FROM scratch
COPY --from=build /out /
USER 65532:65532
# worker.conf: status_listen = 127.0.0.1:9100
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
    CMD ["/bin/busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:9100/live"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/lt-worker"]
CMD ["-c", "/etc/lt/worker.conf"]
