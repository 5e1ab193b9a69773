# The stand-ins for AWS, for laptops: compose.yaml uses it.
FROM docker.io/library/debian:bookworm-slim AS build
RUN apt-get update -q && apt-get install -y -q --no-install-recommends \
    make gcc libc6-dev pkg-config ca-certificates nodejs npm libpocketsphinx-dev
COPY local/package.json local/package-lock.json /src/local/
RUN cd /src/local && npm ci --omit=dev --no-audit --no-fund \
    && mv node_modules/node-linux-*/bin/node /usr/local/bin/node
COPY . /src
RUN cd /src && mkdir -p build && touch build/.setup && make local

FROM docker.io/library/debian:bookworm-slim
RUN apt-get update -q && apt-get install -y -q --no-install-recommends \
    openssl pocketsphinx-en-us libpocketsphinx3 apertium apertium-eng-spa \
    apertium-eng-cat apertium-spa-cat apertium-es-pt apertium-fra-cat \
    espeak-ng lame && rm -rf /var/lib/apt/lists/*
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /src/local /src/local
COPY --from=build /src/config /src/config
COPY --from=build /src/build/local /src/build/local
RUN mkdir -m 1777 /run/lt
USER 65532:65532
WORKDIR /src
HEALTHCHECK --interval=2s --timeout=3s --start-period=30s CMD ["test", "-e", "/run/lt/worker.conf"]
ENTRYPOINT ["node", "local/compose.mjs"]
