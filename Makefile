# Everything is built from this file, into $(B); nothing else is written.
#	make             the tools: $(B)/bin/leat and $(B)/libexec/leat/*
#	make check       all tests              make check T=fold   those of fold
#	make check-full  those too that need guests, fresh roots or a long time
#	make demo        flame graphs of two programs, in $(B)/demo
#	make asan        all tests again, under the address and UB sanitizers
#	make fuzz        each fuzz target for $(FUZZ_S) seconds (clang)
#	make lint        layers, headers, manuals, scripts, layout
#	make aarch64     the preloaded library for that architecture, where its compiler is there
#	make bench       ours beside the peers, with ratios
#	make install     to $(DESTDIR)$(PREFIX)  make uninstall
# As root, check, check-full and demo first install what is missing of the file `packages`, and build as the user who
# called sudo. WERROR=1 makes warnings errors, STRICT=1 makes a skip that tests/skips does not name a failure,
# V=1 shows the commands.
#
# A new tool is cmd/NAME.c, man/leat-NAME.1 and tests/NAME.t; a new module is lib/ROOM/NAME.[ch] and
# tests/unit/ROOM_NAME.c: no line here, unless a room or a tool links another library.

MAKEFLAGS += --no-print-directory
B       ?= build
PREFIX  ?= /usr/local
CFLAGS  ?= -O2 -g
WARN     = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wconversion -Wno-sign-conversion
FUZZ_S  ?= 60
T       ?= *
Q       := $(if $(V),,@)
say      = $(if $(V),,@echo '  $(1)')

# What rooms and tools link beyond libc; --as-needed leaves out what a tool does not use.
LDLIBS_trace = -lzstd
LDLIBS_code  = -ldw -lelf -llzma -liberty
LDLIBS_sys   = -lpfm
LDLIBS_form  = -lcsv -lzstd
LDLIBS_stat  = -lm
LDLIBS_store = -lsqlite3
# LDLIBS_NAME: of the tool NAME alone.

# A room may use those to its right: the order of the archives lets the linker enforce what lib/LAYERS says.
ORDER := tool plot store experiment makefile flow form expr sys wire code perf stat trace base
ROOMS := $(filter $(patsubst lib/%/,%,$(sort $(dir $(wildcard lib/*/*.c)))),$(ORDER))
ROOMS := $(foreach r,$(ORDER),$(filter $(r),$(ROOMS)))
LIBS  := $(ROOMS:%=$(B)/lib/%.a)
ROOM_LDLIBS = -Wl,--as-needed $(foreach r,$(ORDER),$(LDLIBS_$(r)))

TOOLS := $(filter-out leat,$(patsubst cmd/%.c,%,$(wildcard cmd/*.c)))
BINS  := $(B)/bin/leat $(TOOLS:%=$(B)/libexec/leat/%)
UNITS := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/*.c))
FUZZ  := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/*.c))
BENCH := $(patsubst bench/%.c,$(B)/bench/%,$(wildcard bench/*.c))
EXAMPLES := $(patsubst examples/%.c,$(B)/examples/%,$(wildcard examples/*.c))
EXAMPLES += $(EXAMPLES:%=%.fp)
PAGES := $(wildcard man/*.[1-8])
PIPELINES := $(wildcard pipelines/*.mk pipelines/*.sh)
# Examples that are directories are experiments to copy; what was made in them stays.
EXPERIMENTS := $(foreach d,$(wildcard examples/*/.),$(wildcard $(addprefix $(d:/.=)/,Makefile *.md *.c *.csv *.sh *.py)))

# The library that runs inside the workload: its own sources, and those modules that neither allocate nor print.
PRELOAD := $(B)/lib/leat/interpose.so
PRELOAD_SOURCES := $(wildcard interpose/*.c) $(addprefix lib/,code/cfi.c code/arch.c code/arch_x86_64.c \
    code/arch_aarch64.c base/bytes.c base/slice.c wire/wire.c)

all: $(BINS) $(PRELOAD) $(EXAMPLES)

tools: $(BINS) $(PRELOAD)

# Flags are a prerequisite: other flags rebuild. Header files are tracked by -MMD.
CC_FLAGS = -std=gnu11 -D_GNU_SOURCE -Ilib $(WARN) $(if $(filter 1,$(WERROR)),-Werror) $(CPPFLAGS) $(CFLAGS)
CC_CMD   = $(CC) $(CC_FLAGS) -MMD -MP
EX_FLAGS = -std=gnu11 -D_GNU_SOURCE $(WARN) $(if $(filter 1,$(WERROR)),-Werror) -O2 -g -pthread

$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC_CMD) $(EX_FLAGS) $(LDFLAGS)' | cmp -s - $@ || echo '$(CC_CMD) $(EX_FLAGS) $(LDFLAGS)' >$@

# What has to be there, asked once, before the first file is compiled.
$(B)/have: packages scripts/packages
	@mkdir -p $(@D)
	@CC='$(CC)' sh scripts/packages probe
	@touch $@

$(B)/obj/%.o: %.c $(B)/flags | $(B)/have
	@mkdir -p $(@D)
	$(call say,CC    $<)
	$(Q)$(CC_CMD) -c -o $@ $<

# An archive is made anew when its list of modules changes, too.
define room
$(B)/lib/$(1).a: $$(patsubst %.c,$(B)/obj/%.o,$$(wildcard lib/$(1)/*.c)) $(B)/lib/$(1).list
	@rm -f $$@
	@$$(AR) rcs $$@ $$(filter %.o,$$^)
$(B)/lib/$(1).list: FORCE
	@mkdir -p $$(@D)
	@echo $$(wildcard lib/$(1)/*.c) | cmp -s - $$@ || echo $$(wildcard lib/$(1)/*.c) >$$@
endef
$(foreach r,$(ROOMS),$(eval $(call room,$(r))))

$(B)/libexec/leat/%: $(B)/obj/cmd/%.o $(LIBS)
	@mkdir -p $(@D)
	$(call say,LD    $@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(ROOM_LDLIBS) $(LDLIBS_$*) $(LDLIBS)

$(B)/bin/leat: $(B)/obj/cmd/leat.o $(B)/lib/base.a
	@mkdir -p $(@D)
	$(call say,LD    $@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(ROOM_LDLIBS) $(LDLIBS)

# Its flags are its own: no sanitizer, and a frame pointer by which a hook finds the stack of its caller.
PRELOAD_FLAGS = -std=gnu11 -D_GNU_SOURCE -Ilib -I. $(WARN) $(if $(filter 1,$(WERROR)),-Werror) -O2 -g -fPIC \
    -fvisibility=hidden -fno-omit-frame-pointer -fno-optimize-sibling-calls -fno-builtin-malloc -fexceptions \
    -ftls-model=initial-exec -fno-stack-protector -shared -Wl,-z,now -Wl,--no-undefined -Wl,-z,nodelete

$(PRELOAD): $(PRELOAD_SOURCES) $(wildcard interpose/*.h lib/code/*.h lib/base/*.h lib/wire/*.h) $(B)/flags | $(B)/have
	@mkdir -p $(@D)
	$(call say,LD    $@)
	$(Q)$(CC) $(PRELOAD_FLAGS) -o $@ $(PRELOAD_SOURCES) -ldl

CC_aarch64 ?= aarch64-linux-gnu-gcc
aarch64: $(B)/lib/leat/aarch64/interpose.so
$(B)/lib/leat/aarch64/interpose.so: $(PRELOAD)
	@mkdir -p $(@D)
	$(call say,LD    $@)
	$(Q)$(CC_aarch64) $(PRELOAD_FLAGS) -o $@ $(PRELOAD_SOURCES) -ldl

$(B)/unit/%: tests/unit/%.c $(LIBS) $(B)/flags
	@mkdir -p $(@D)
	$(call say,LD    $@)
	$(Q)$(CC_CMD) -Itests -I. $(LDFLAGS) -o $@ $< $(LIBS) $(ROOM_LDLIBS) $(LDLIBS)

$(B)/bench/%: bench/%.c $(LIBS) $(B)/flags
	@mkdir -p $(@D)
	$(call say,LD    $@)
	$(Q)$(CC_CMD) $(LDFLAGS) -o $@ $< $(LIBS) $(ROOM_LDLIBS) $(LDLIBS)

$(B)/examples/%: examples/%.c $(B)/flags | $(B)/have
	@mkdir -p $(@D)
	$(call say,LD    $@)
	$(Q)$(CC) $(EX_FLAGS) -fomit-frame-pointer -MMD -MP -o $@ $< -lm

$(B)/examples/%.fp: examples/%.c $(B)/flags | $(B)/have
	@mkdir -p $(@D)
	$(call say,LD    $@)
	$(Q)$(CC) $(EX_FLAGS) -DFRAME_POINTERS -fno-omit-frame-pointer -MMD -MP -o $@ $< -lm

# As root: what is missing is installed, and what is built belongs to the user who called sudo.
ROOT    := $(filter 0,$(shell id -u))
AS_USER := $(if $(ROOT),$(shell sh scripts/as-user))
JOBS     = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))
SET_UP   = $(if $(ROOT),sh scripts/packages install $(1),:)
ENV      = B='$(abspath $(B))' TOP='$(CURDIR)' TOOLS='$(TOOLS)' CC='$(CC)' STRICT='$(STRICT)'

# Those programs whose name the shell pattern $(T) matches.
matching = $(shell for u in $(1); do case $${u##*/} in ($(T)) echo $$u ;; esac; done)

test-programs: all $(UNITS) $(BENCH) $(if $(shell command -v $(CC_aarch64)),aarch64)

check:
	@$(call SET_UP,build run test)
	@$(AS_USER) $(MAKE) $(JOBS) test-programs
	@$(ENV) sh tests/run $(call matching,$(UNITS)) $(wildcard tests/$(T).t)

check-full:
	@$(call SET_UP,build run test full)
	@$(AS_USER) $(MAKE) $(JOBS) test-programs
	@$(ENV) TEST_S=3600 sh tests/run $(UNITS) $(wildcard tests/*.t) $(wildcard tests/full/*.t)

demo:
	@$(call SET_UP,build run)
	@$(AS_USER) $(MAKE) $(JOBS) all
	@$(ENV) AS_USER='$(AS_USER)' sh scripts/demo

# What a tool still holds when it ends is no leak; what a test preloads may come before the sanitizer.
asan:
	ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0 $(MAKE) B=$(B)/asan CFLAGS='-O1 -g -fno-omit-frame-pointer \
	    -fsanitize=address,undefined -fno-sanitize-recover=all' check

# The rooms once more, made by clang with what libFuzzer needs.
fuzz:
	$(MAKE) B=$(B)/fuzz CC=clang CFLAGS='-O1 -g -fsanitize=fuzzer-no-link,address,undefined' \
	    LDFLAGS='-fsanitize=fuzzer,address,undefined' fuzz-targets
	@$(ENV) FUZZ_S='$(FUZZ_S)' sh tests/fuzz/run $(FUZZ:$(B)/%=$(B)/fuzz/%)

fuzz-targets: $(FUZZ)

$(B)/fuzz/%: tests/fuzz/%.c $(LIBS) $(B)/flags
	@mkdir -p $(@D)
	$(call say,LD    $@)
	$(Q)$(CC_CMD) -Itests $(LDFLAGS) -o $@ $< $(LIBS) $(ROOM_LDLIBS) $(LDLIBS)

bench: all $(BENCH)
	@$(ENV) T='$(T)' sh bench/run

lint: all
	@$(ENV) CC_FLAGS='$(CC_FLAGS)' sh scripts/lint

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/leat
	install -m 755 $(B)/bin/leat $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(TOOLS:%=$(B)/libexec/leat/%) $(DESTDIR)$(PREFIX)/libexec/leat
	install -D -m 755 $(PRELOAD) $(DESTDIR)$(PREFIX)/lib/leat/interpose.so
	install -d $(DESTDIR)$(PREFIX)/share/leat/pipelines
	set -e; for p in $(PIPELINES); do install -m 644 $$p $(DESTDIR)$(PREFIX)/share/leat/pipelines; done
	set -e; for p in $(EXPERIMENTS); do install -D -m 644 $$p $(DESTDIR)$(PREFIX)/share/leat/$$p; done
	set -e; for p in $(PAGES); do install -D -m 644 $$p $(DESTDIR)$(PREFIX)/share/man/man$${p##*.}/$${p##*/}; done

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/leat
	rm -rf $(DESTDIR)$(PREFIX)/libexec/leat $(DESTDIR)$(PREFIX)/lib/leat $(DESTDIR)$(PREFIX)/share/leat
	for p in $(PAGES); do rm -f $(DESTDIR)$(PREFIX)/share/man/man$${p##*.}/$${p##*/}; done

clean:
	rm -rf $(B)

FORCE:
.PHONY: all tools aarch64 test-programs check check-full demo asan fuzz fuzz-targets bench lint install uninstall clean FORCE
.SECONDARY:
.DELETE_ON_ERROR:

-include $(shell [ ! -d $(B) ] || find $(B)/obj $(B)/unit $(B)/bench $(B)/examples $(B)/fuzz -name '*.d' 2>/dev/null)
