# make help shows the targets
BUILD  ?= $(CURDIR)/build
CC     ?= cc
CFLAGS ?= -O2 -g
WARN   := -std=gnu11 -Wall -Wextra -Werror
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIC

LIB_SRC    := $(wildcard lib/*.c)
LIB_OBJ    := $(LIB_SRC:%.c=$(BUILD)/%.o)
WORKER_SRC := $(shell find worker -name '*.c' 2>/dev/null)
WORKER_OBJ := $(WORKER_SRC:%.c=$(BUILD)/%.o)
UNIT_SRC   := $(wildcard t/unit/*.c)
UNIT_BIN   := $(UNIT_SRC:%.c=$(BUILD)/%)

LIB_LIBS    := -lcrypto -ljansson
WORKER_LIBS := -luv -lcurl -lnghttp2 -lssl -lcrypto -lhiredis -ljansson -lm

all: module worker

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(WARN) $(HARDEN) -MMD -Ilib -Iworker -c -o $@ $<

$(BUILD)/liblt.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

lib: $(BUILD)/liblt.a

$(BUILD)/lt-worker: $(WORKER_OBJ) $(BUILD)/liblt.a
	$(CC) $(CFLAGS) -o $@ $(WORKER_OBJ) $(BUILD)/liblt.a $(WORKER_LIBS)

worker: $(BUILD)/lt-worker

$(BUILD)/t/unit/%: t/unit/%.c $(BUILD)/liblt.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(WARN) -MMD -Ilib -Iworker -o $@ $< $(BUILD)/liblt.a -lcmocka $(LIB_LIBS)

unit: $(UNIT_BIN)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PHONY: all lib worker unit
