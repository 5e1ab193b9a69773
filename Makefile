# make help shows the targets

BUILD     ?= $(CURDIR)/build
OUT       ?= $(CURDIR)/out
PORT      ?= 8080
CC        ?= cc
CFLAGS    ?= -O2 -g
NGINX_SRC ?= /usr/share/nginx/src
export BUILD OUT NGINX_SRC

WARN   := -std=gnu11 -Wall -Wextra -Werror
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIC
JOBS   := -j$(shell nproc)
NODE    = $(shell ls local/node_modules/node-linux-*/bin/node 2>/dev/null | head -n 1)

LIB_SRC    := $(wildcard lib/*.c)
LIB_OBJ    := $(LIB_SRC:%.c=$(BUILD)/%.o)
WORKER_SRC := $(shell find worker -name '*.c')
WORKER_OBJ := $(WORKER_SRC:%.c=$(BUILD)/%.o)
WORKER_LIB := $(filter-out %/ltw_main.o,$(WORKER_OBJ))
UNIT_SRC   := $(wildcard t/unit/*.c)
UNIT_BIN   := $(UNIT_SRC:%.c=$(BUILD)/%)

LIB_LIBS    := -lcrypto -ljansson
WORKER_LIBS := -luv -lcurl -lnghttp2 -lssl -lcrypto -lhiredis -ljansson -lm
SPHINX_LIBS  = $(shell pkg-config --cflags --libs pocketsphinx sphinxbase)

.DELETE_ON_ERROR:
.PHONY: help setup build module worker lib local unit demo run test \
    sanitize bench bench-soak bench-churn \
    bench-heartbeat bench-fleet bench-capacity bench-ingest bench-ingest-faults bench-fanout bench-reload bench-live bench-speech fresh-check check-clang docs-check deb deb-check \
    images-check nginx-check dashboard-picture clean

help:
	@echo 'make demo         translate a recorded talk on this machine, show captions and figures'
	@echo 'make run          the stack stays up on PORT=8080 until Ctrl-C'
	@echo 'make test         every suite; ends in one line'
	@echo 'make sanitize     the suites again under ASan and UBSan'
	@echo 'make docs-check   what the documents say against the code'
	@echo 'make module       build/module/ngx_http_lt_module.so (NGINX_SRC=… for another nginx)'
	@echo 'make worker       build/lt-worker'
	@echo 'make deb          Debian packages of both, in build/deb'
	@echo 'make deb-check    the packages in a clean Debian 12; make images-check, nginx-check'
	@echo 'make dashboard-picture   out/dashboard.png: what Grafana would show'
	@echo 'make bench        benchmarks; make bench-soak: memory over 100,000 chunks'
	@echo 'make fresh-check  make demo and make test in a new Debian 12 root'
	@echo 'make clean        remove what was built'

# ---- set-up: once, by the first target that needs it

$(BUILD)/.setup: local/setup.sh local/debian-packages.txt local/package-lock.json
	@./local/setup.sh
	@mkdir -p $(@D) && touch $@

setup: $(BUILD)/.setup

# ---- programs

build: setup
	@$(MAKE) --no-print-directory $(JOBS) module worker local

$(BUILD)/%.o: %.c | $(BUILD)/.setup
	@mkdir -p $(@D)
	@echo '  CC   $<'
	@$(CC) $(CFLAGS) $(WARN) $(HARDEN) -MMD -MP -Ilib -Iworker -c -o $@ $<

$(BUILD)/liblt.a: $(LIB_OBJ)
	@rm -f $@
	@ar rcs $@ $^

lib: $(BUILD)/liblt.a

$(BUILD)/lt-worker: $(WORKER_OBJ) $(BUILD)/liblt.a
	@echo '  LINK $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(WORKER_OBJ) $(BUILD)/liblt.a $(WORKER_LIBS)

worker: $(BUILD)/lt-worker

module: | $(BUILD)/.setup
	@MAKEFLAGS= ngx_lt_module/build.sh $(BUILD)/module $(NGINX_SRC)

$(BUILD)/local/%: local/engines/%.c | $(BUILD)/.setup
	@mkdir -p $(@D)
	@echo '  CC   $<'
	@$(CC) $(CFLAGS) $(WARN) -o $@ $< $(SPHINX_LIBS) -lm

local: $(BUILD)/local/recognizer

# ---- what people run

demo: build
	@$(NODE) local/demo.mjs

run: build
	@exec $(NODE) local/stack.mjs --port $(PORT)

# ---- tests: everything speaks TAP, one closing line counts

$(BUILD)/t/unit/%: t/unit/%.c $(BUILD)/liblt.a $(WORKER_LIB)
	@mkdir -p $(@D)
	@echo '  CC   $<'
	@$(CC) $(CFLAGS) $(WARN) -MMD -MP -Ilib -Iworker -o $@ $< $(WORKER_LIB) \
	    $(BUILD)/liblt.a -lcmocka $(WORKER_LIBS)

unit: $(UNIT_BIN)

test: build
	@$(MAKE) --no-print-directory $(JOBS) unit check-clang
	@t/run.sh

# unit tests, nginx suites and worker suites under ASan and UBSan
ASAN := $(BUILD)/asan
sanitize: build
	@mkdir -p $(ASAN) && touch $(ASAN)/.setup
	@$(MAKE) --no-print-directory $(JOBS) BUILD=$(ASAN) HARDEN=-fPIC CFLAGS='-O1 -g -fno-omit-frame-pointer \
	    -fsanitize=address,undefined -fno-sanitize-recover=undefined' unit worker
	@MAKEFLAGS= ngx_lt_module/build.sh $(ASAN)/module $(NGINX_SRC) asan
	@BUILD=$(ASAN) RECOGNIZER=$(BUILD)/local/recognizer LT_ASAN=1 t/run.sh \
	    $(UNIT_SRC:%.c=$(ASAN)/%) t/[0-9]*.t $(wildcard t/worker/*.t.mjs)

# the same sources, the other compiler's warnings
check-clang: | $(BUILD)/.setup
	@clang -fsyntax-only $(WARN) -Ilib -Iworker $(LIB_SRC) $(WORKER_SRC) $(UNIT_SRC)
	@MAKEFLAGS= CC=clang ngx_lt_module/build.sh $(BUILD)/module-clang $(NGINX_SRC)

# seconds; each suite of t/ whose name has "docs" in it
docs-check:
	@prove -q $(wildcard t/*docs*.t)

# ---- shipping

deb:
	@config/debian/build.sh $(BUILD)/deb

# install, upgrade, purge, and talks through the packages, in a new Debian 12 whose systemd runs
deb-check: local
	@t/deb-check.sh

# by podman and, where dockerd and docker-compose are, by them
images-check:
	@t/images-check.sh

# the newest nginx that Debian has the source of
nginx-check: setup
	@t/nginx-check.sh

fresh-check:
	@t/fresh-check.sh

# the Grafana dashboard over a running stack, drawn; a query without an answer fails it
dashboard-picture: build
	@$(NODE) t/dashboard/picture.mjs

# ---- benchmarks

bench: bench-soak bench-churn bench-heartbeat bench-ingest bench-ingest-faults

bench-soak: build
	@$(NODE) bench/soak.mjs --module $(BUILD)/module/ngx_http_lt_module.so

bench-churn: build
	@$(NODE) bench/churn.mjs --module $(BUILD)/module/ngx_http_lt_module.so

# RUN='--minutes 30 --modes live --wpm 190 --languages es,pt,fr,ca,de,it --longer fr=1.3', RUN='--late 0.05 --lost 0.01'
bench-live: build
	@$(NODE) bench/live.mjs $(RUN)

# two nginx, three workers, one of them killed each 30 s; MINUTES=1: a short one
bench-fleet: build
	@$(NODE) bench/fleet.mjs --module $(BUILD)/module/ngx_http_lt_module.so --worker $(BUILD)/lt-worker --minutes $(or $(MINUTES),10) $(RUN)

# RUN='--rounds 10 --engines aws': what it measures, bench/speech.mjs says
bench-speech: build
	@$(NODE) bench/speech.mjs $(RUN)

# RUN='--talks 80 --speed 6': an hour of each talk in ten minutes
bench-capacity: build
	@$(NODE) bench/capacity.mjs --worker $(BUILD)/lt-worker --minutes $(or $(MINUTES),10) $(RUN)

bench-heartbeat: build
	@$(NODE) bench/heartbeat.mjs --module $(BUILD)/module/ngx_http_lt_module.so

bench-ingest-faults: build
	@$(NODE) bench/ingest-faults.mjs --module $(BUILD)/module/ngx_http_lt_module.so $(RUN)

# RUN='--speakers 2000 --seconds 600': ours alone, for long
bench-ingest: build $(BUILD)/bench/ingest-load $(BUILD)/bench/ingest-sink $(BUILD)/bench/ingest-floor
	@$(NODE) bench/ingest.mjs --module $(BUILD)/module/ngx_http_lt_module.so --bin $(BUILD)/bench $(RUN)

# beside nchan: apt-get install libnginx-mod-nchan
bench-fanout: build $(BUILD)/bench/fanout-client
	@$(NODE) bench/fanout.mjs --module $(BUILD)/module/ngx_http_lt_module.so --bin $(BUILD)/bench $(RUN)

# RUN='--listeners 5000 --legacy 200 --seconds 600 --kills 3': for long
bench-reload: build
	@$(NODE) bench/reload.mjs --module $(BUILD)/module/ngx_http_lt_module.so $(RUN)

$(BUILD)/bench/ingest-sink: bench/ingest-kinesis.c
$(BUILD)/bench/%: bench/%.c
	@mkdir -p $(@D)
	@echo '  CC   $<'
	@$(CC) $(CFLAGS) $(WARN) -o $@ $(filter %.c,$^) -lssl -lcrypto -lpthread

clean:
	rm -rf $(BUILD) $(OUT)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
