# Debian's nginx with the module and the pages.
#   docker build -f docker/nginx.Dockerfile -t lt-nginx .
# Mount lt.conf, lt-locations.conf and the secrets at /etc/nginx/lt; run with
# --read-only --tmpfs /run --tmpfs /var/lib/nginx.
FROM docker.io/library/debian:bookworm-slim AS build
RUN apt-get update -q && apt-get install -y -q --no-install-recommends \
    make gcc libc6-dev pkg-config busybox-static ca-certificates nginx \
    nginx-dev libssl-dev libjansson-dev libcjose-dev libhiredis-dev
COPY . /src
RUN cd /src && mkdir -p build && touch build/.setup \
    && make module LDFLAGS='-s -Wl,-z,relro,-z,now' \
    && sed -e '/^user /d' -e 's|/var/log/nginx/error.log|stderr|' \
        -e 's|/var/log/nginx/lt-access.log|/dev/stdout|' \
        -e 's|modules/ngx|/usr/lib/nginx/modules/ngx|' \
        config/nginx/nginx.conf > /nginx.conf \
    && docker/root.sh /out /usr/sbin/nginx /etc/nginx/mime.types \
        /nginx.conf=/etc/nginx/nginx.conf /src/apps=/usr/share/lt/apps \
        /src/build/module/ngx_http_lt_module.so=/usr/lib/nginx/modules/ngx_http_lt_module.so \
    && mkdir -p /out/var/lib/nginx /out/var/log/nginx /out/etc/nginx/lt

FROM scratch
COPY --from=build /out /
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
    CMD ["/bin/busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8081/lt/health/live"]
# clients are sent elsewhere first: give it lt_drain
STOPSIGNAL SIGQUIT
ENTRYPOINT ["/usr/sbin/nginx", "-e", "stderr", "-g", "daemon off;"]
