# memory.mk - which objects are hot: workloads x modes x repetitions into a store, tables and pictures
#
#	make -f memory.mk RESULTS=traces_npb REPS=8 WORKLOADS="$HOME/npb_bin/*.A"
#	make -f memory.mk RESULTS=traces_npb list
#	make -f memory.mk RESULTS=traces_npb picture RUN=bt.A.1loc_50
#	make -f memory.mk help
#
# A workload is a command; a mode says where its memory and its CPUs are, and what is recorded. All else is experiment.mk:
# what is done is not done again, and to kill anything at any time and to type make again is right. leat-memory(7) is the manual.
#
# It needs what experiment.mk needs, numactl where a mode names nodes, and gnuplot for pictures.

MEMORY_DIR := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
# Variables count from a makefile or the command line; of the environment those only that Heimdallr's users have set.
memory-default = $(if $(filter undefined environment,$(origin $(1))),$(eval $(1) := $$(2)))
$(call memory-default,RESULTS,results)
$(call memory-default,REPS,8)
# Programs, patterns among them; or, where it has several lines or a blank line's end, a command line each.
$(call memory-default,WORKLOADS)
$(call memory-default,WORKLOADS_FILE)
# A file of modes, as runs.sh had them: mode hms mem cpu dry freq [backing], with blanks or commas.
$(call memory-default,MODES)
HEIMDALLR_READEVENT  ?=
HEIMDALLR_WRITEEVENT ?=
HEIMDALLR_PMEMDIR    ?=
HEIMDALLR_PMEMSIZE   ?=
# Which accesses, where no event is named: what leat record --mem takes.
$(call memory-default,MEM,both)
# Pages that are written, looked at so often (milliseconds): where the machine samples no accesses.
$(call memory-default,TOUCH)
# Allocations below it are neither recorded nor placed (runs.sh: 0x1000), and how deep their stacks are.
$(call memory-default,MIN)
$(call memory-default,DEPTH)
$(call memory-default,INTERPOSE_FLAGS)
$(call memory-default,RECORD_FLAGS)
# Traces of all repetitions, not of the first alone.
$(call memory-default,ALL)
# Pictures: what they show, and how.
$(call memory-default,TIME)
$(call memory-default,ADDRESSES)
$(call memory-default,BINS)
$(call memory-default,PICTURE,svg)
$(call memory-default,PICTURE_FLAGS)
$(call memory-default,GNUPLOT,gnuplot)
$(call memory-default,TOP,3)

LEAT ?= leat

# RUN on the command line is the run that a picture is made of: here nobody writes a recipe.
OF := $(if $(filter command,$(firstword $(origin RUN))),$(RUN))

# What is recorded, one around the other, each only where the mode asks for it; a dry run is the command alone. The recorder of
# accesses is outside: inside, its own allocations would be recorded.
MEMORY_EVENTS = $(if $(HEIMDALLR_READEVENT)$(HEIMDALLR_WRITEEVENT),$(if $(HEIMDALLR_READEVENT),--mem-read \
	$(call experiment-quoted,$(HEIMDALLR_READEVENT)) )$(if $(HEIMDALLR_WRITEEVENT),--mem-write \
	$(call experiment-quoted,$(HEIMDALLR_WRITEEVENT))),--mem $(if $(and $(TOUCH),$(MEMORY_FAULTS)),loads,$(MEM)))
override RUN = set -- sh -c "$$command"; \
	[ "$$ALLOCATIONS" = no ] || set -- $(EXPERIMENT_LEAT) interpose -q $(if $(DEPTH),-d $(DEPTH) )$(if $(MIN),--min $(MIN) )$(if \
	$(TOUCH),--touch $(TOUCH) )$(INTERPOSE_FLAGS) $${BACKING:+--backing "$$BACKING"} -o alloc.leat -- "$$@"; \
	[ -z "$${freq-}" ] || set -- $(EXPERIMENT_LEAT) record -q $(MEMORY_EVENTS) $(RECORD_FLAGS) $(MEMORY_RATE) -o access.leat -- "$$@"; \
	exec "$$@"
# Who names no workload wants what is there, and what is missing of it in the way in which it was begun.
ifeq ($(strip $(WORKLOADS)$(WORKLOADS_FILE)),)
ifneq ($(wildcard $(RESULTS)/asked/run),)
override RUN := $(file <$(RESULTS)/asked/run)
endif
# Without a PMU that samples accesses there are page faults, few enough to take all of them.
else ifeq ($(HEIMDALLR_READEVENT)$(HEIMDALLR_WRITEEVENT),)
MEMORY_FAULTS := $(findstring page faults,$(shell $(LEAT) record --mem $(MEM) -o /dev/null -- true 2>&1))
ifneq ($(and $(MEMORY_FAULTS),$(if $(MAKE_RESTARTS)$(MAKELEVEL:0=),,first)),)
MEMORY_SAID := $(shell echo 'memory.mk: no PMU samples accesses here: all page faults are recorded, the first touches of pages (TOUCH=MS adds what is written later)' >&2)
endif
endif
MEMORY_RATE = $(if $(MEMORY_FAULTS),-c 1,-F "$$freq")

# The table of the experiment follows from workloads and modes; where nobody names a workload, it is the one that is there.
ifeq ($(filter command,$(firstword $(origin TABLE))),)
TABLE := $(RESULTS)/memory.csv
endif
MEMORY_ASKED := $(strip $(WORKLOADS)$(WORKLOADS_FILE))
$(call memory-default,KICK_RESULTS,kick-tires)
KICK_TABLE ?= $(if $(MEMORY_ASKED),$(KICK_RESULTS)/memory.csv,$(TABLE))
ifeq ($(MEMORY_ASKED)$(wildcard $(TABLE)),)
ifneq ($(filter-out help clean lint check-machine,$(or $(MAKECMDGOALS),all)),)
$(error no workload: WORKLOADS="PROGRAM..." names programs, WORKLOADS_FILE=FILE has a command line on each line (make -f $(firstword $(MAKEFILE_LIST)) help))
endif
endif

CLAIMS     :=
FIRST_ONLY  = $(if $(ALL),,1)
FIGURES     = $(patsubst %,$(RESULTS)/hot/%.tsv,$(if $(PARTIAL),$(MEMORY_THERE),$(MEMORY_RUNS)))
# Runs of which traces are looked at.
MEMORY_RUNS = $(filter $(if $(ALL),%,%.1),$(filter-out $(DRY),$(RUNS)))

define MEMORY_HELP
which objects are hot: workloads x modes x repetitions            leat-memory(7) is the manual
  WORKLOADS="a/* b"    programs; or command lines, one each line, where there are several lines
  WORKLOADS_FILE=FILE  command lines, one each line, with a name or not: NAME: COMMAND
  MODES=FILE           lines: mode hms mem cpu dry freq [backing] (now: $(if $(MODES),$(MODES),1loc_DR and 1loc_50))
  REPS=$(REPS) ALL=$(ALL)          repetitions; traces of all of them, not of the first alone
  MEM=$(MEM) TOUCH=$(TOUCH)      which accesses (leat record --mem); pages written, every so many milliseconds
  MIN=$(MIN) DEPTH=$(DEPTH)          the smallest allocation; frames of its stack
  HEIMDALLR_READEVENT HEIMDALLR_WRITEEVENT HEIMDALLR_PMEMDIR HEIMDALLR_PMEMSIZE   as they were
Goals beside those below:
  list, stat           the runs; what they took, with the overhead against dry ones
  hot                  the $(TOP) (TOP) hottest allocation sites of each run
  curve                what share of accesses the hottest memory serves: $(RESULTS)/curves
  picture RUN=NAME     time x address: $(RESULTS)/pictures/NAME.$(PICTURE), all of them without RUN
  TIME=LO,HI ADDRESSES=LO,HI BINS=NXxNY PICTURE=$(PICTURE) PICTURE_FLAGS=   what pictures show

endef

include $(MEMORY_DIR)/experiment.mk

# ---- the table ----

MEMORY_WORDS := $(foreach w,$(WORKLOADS),$(or $(wildcard $(w)),$(w)))
# Several lines are command lines, one is programs.
MEMORY_LINES  = $(if $(findstring $(EXPERIMENT_NL),$(WORKLOADS)),$(WORKLOADS),$(subst $(EXPERIMENT_SPACE),$(EXPERIMENT_NL),$(MEMORY_WORDS)))
EXPERIMENT_SPACE := $(subst ,, )
MEMORY_NODE  := $(if $(wildcard /sys/devices/system/node/node1),1,0)
# As runs.sh had them, on a node that is there.
define MEMORY_MODES
1loc_DR 0 $(MEMORY_NODE) $(MEMORY_NODE) 1 0
1loc_50 0 $(MEMORY_NODE) $(MEMORY_NODE) 0 5000
endef

define MEMORY_AWK
function quoted(s) { gsub(/"/, "\"\"", s); return "\"" s "\"" }
function wrong(what) { print "memory.mk: " FILENAME ":" FNR ": " what >"/dev/stderr"; bad = 1 }
function node(what, n) {
	if (n == "" || n == "-") return ""
	if (n !~ /^[0-9]+$$/) { wrong(what " " n " is no number"); return "" }
	if (n > 0 && system("test -d /sys/devices/system/node/node" n))
		wrong("mode " f[1] ": this machine has no node " n " for " what)
	return bound ? n : ""
}
function absolute(s) { return s ~ /^(rules|path)=[^\/]/ ? substr(s, 1, index(s, "=")) top "/" substr(s, index(s, "=") + 1) : s }
BEGIN { print "factor,level,command,dry,freq,cpu_node,mem_node,ALLOCATIONS,BACKING" }
{ sub(/\r$$/, "") }
/^[ \t]*(#|$$)/ { next }
FILENAME ~ /workloads$$/ {
	line = $$0; sub(/^[ \t]+/, "", line); sub(/[ \t]+$$/, "", line)
	name = ""
	if (match(line, /^[0-9A-Za-z_.]+:[ \t]+/)) {
		name = line; sub(/:.*/, "", name); line = substr(line, RLENGTH + 1)
	}
	first = line; sub(/[ \t].*/, "", first); rest = substr(line, length(first) + 1)
	if (first ~ /\// && first !~ /^[\/$$]/) { sub(/^\.\//, "", first); line = "$$top/" first rest }
	if (name == "") { name = first; sub(/.*\//, "", name); name = name rest; gsub(/[^0-9A-Za-z_.]/, "", name); name = substr(name, 1, 48) }
	if (name == "") name = "command"
	if (line in known) next
	known[line] = 1
	if (taken[name]++) name = name "_" taken[name]
	print "workload," name "," quoted(line); workloads++
	next
}
{
	comma = $$0 ~ /^[^ \t,]+,/
	n = comma ? split($$0, f, /[ \t]*,[ \t]*/) : split($$0, f, /[ \t]+/)
	if (f[1] == "mode") next
	if (n < 6 || f[2] !~ /^[01]$$/ || f[5] !~ /^[01]$$/ || f[6] !~ /^[0-9]+$$/) {
		wrong("not a mode: name hms mem cpu dry freq, hms and dry 0 or 1, freq in Hz: " $$0); next
	}
	policy = ""
	for (i = 7; i <= n; i++) policy = policy (i > 7 ? (comma ? "," : " ") : "") f[i]
	gsub(/"/, "", policy)
	if (f[2] == 1 && f[5] == 0 && policy == "") {
		if (pmemdir == "" || pmemsize == "") {
			wrong("mode " f[1] " has hms=1: HEIMDALLR_PMEMDIR and HEIMDALLR_PMEMSIZE say where"); next
		}
		policy = "path=" pmemdir ",size=" pmemsize
	}
	# Dry is without allocations; without accesses, too, it is the command alone.
	print "mode," f[1] ",," (f[5] && f[6] == 0 ? "yes" : "") "," (f[6] > 0 ? f[6] : "") "," node("its CPUs", f[4]) "," \
	    node("its memory", f[3]) "," (f[5] ? "no" : "yes") "," (f[5] ? "" : quoted(absolute(policy))); modes++
}
END {
	if (!bad && !workloads) { print "memory.mk: no workload in " ARGV[1] >"/dev/stderr"; bad = 1 }
	if (!bad && !modes) { print "memory.mk: no mode in " ARGV[2] >"/dev/stderr"; bad = 1 }
	print "repetitions," reps
	exit bad
}
endef

ifneq ($(MEMORY_ASKED),)
$(TABLE): private SHELL := bash
$(TABLE): $(if $(MAKE_RESTARTS)$(EXPERIMENT_STAGE),,experiment-force)
	@mkdir -p $(@D) $(RESULTS)/asked
	@$(if $(WORKLOADS_FILE),cat $(call experiment-quoted,$(WORKLOADS_FILE)),printf '%s\n' \
	    $(call experiment-quoted,$(MEMORY_LINES))) >$(RESULTS)/asked/workloads
	@$(if $(MODES),cat $(call experiment-quoted,$(MODES)),printf '%s\n' $(call experiment-quoted,$(MEMORY_MODES))) >$(RESULTS)/asked/modes
	@bound=1; ls -d /sys/devices/system/node/node[1-9]* >/dev/null 2>&1 || command -v numactl >/dev/null || bound=; \
	awk -v top=$(call experiment-quoted,$(CURDIR)) -v reps=$(REPS) -v bound=$$bound -v pmemdir=$(call experiment-quoted,$(HEIMDALLR_PMEMDIR)) \
	    -v pmemsize=$(call experiment-quoted,$(HEIMDALLR_PMEMSIZE)) $(call experiment-quoted,$(MEMORY_AWK)) \
	    $(RESULTS)/asked/workloads $(RESULTS)/asked/modes >$@.$$$$ || { rm -f $@.$$$$; exit 2; }; \
	if cmp -s $@.$$$$ $@; then rm $@.$$$$; else mv $@.$$$$ $@; fi
endif

# ---- what is made of a run ----

# Runs as they are called: a dot within a level is +2e in the name of a run.
MEMORY_THERE  = $(foreach r,$(MEMORY_RUNS),$(if $(wildcard $(RESULTS)/runs/$(r)/run.leat),$(r)))
MEMORY_OF     = $(if $(OF),$(firstword $(foreach r,$(filter-out $(DRY),$(RUNS)),$(if $(and $(filter $(OF) $(OF).1,\
	$(r) $(subst +2e,.,$(r))),$(wildcard $(RESULTS)/runs/$(r)/run.leat)),$(r)))),$(MEMORY_THERE))

memory-has-accesses = { $(EXPERIMENT_LEAT) pick -q -t -n 1 'type == "access"' $(1) | grep -q '^access'; }
# Accesses of the recorder of allocations, which its start names, are none of the workload's.
$(RESULTS)/joined/%.leat: $(RESULTS)/runs/%/run.leat
	@mkdir -p $(@D)
	$(EXPERIMENT_Q)self=; [ ! -e $(<D)/alloc.leat ] || self=$$($(EXPERIMENT_LEAT) pick -q -t -n 1 'type == "clock"' $(<D)/alloc.leat | \
	    sed -n 's/^start.*	tool=interpose	.*	pid=\([0-9]*\)	.*/\1/p'); \
	[ -e $(<D)/access.leat ] || $(call memory-has-accesses,$(<D)/alloc.leat) || exec $(EXPERIMENT_LEAT) unwind -q -o $@ $(<D)/alloc.leat; \
	$(EXPERIMENT_LEAT) merge -q $$(ls $(<D)/alloc.leat $(<D)/access.leat 2>/dev/null) | \
	    $(EXPERIMENT_LEAT) pick -q "type != \"access\" || pid != $${self:-0}" | $(EXPERIMENT_LEAT) unwind -q | \
	    $(EXPERIMENT_LEAT) join -q -o $@
$(RESULTS)/hot/%.tsv: $(RESULTS)/joined/%.leat
	@mkdir -p $(@D)
	$(EXPERIMENT_Q)$(EXPERIMENT_LEAT) hot -q -o $@ $<
$(RESULTS)/curves/%.$(PICTURE): $(RESULTS)/joined/%.leat
	@mkdir -p $(@D)
	$(EXPERIMENT_Q)$(EXPERIMENT_LEAT) hot -q --curve $< | $(EXPERIMENT_LEAT) plotgen lines -T $(PICTURE) -x fast_bytes -y share \
	    --title '$(subst +2e,.,$*)' --x-label 'hottest memory' --y-label 'share of accesses' | $(GNUPLOT) >$@
$(RESULTS)/pictures/%.$(PICTURE): $(RESULTS)/joined/%.leat $(RESULTS)/asked/picture
	@mkdir -p $(@D)
	$(EXPERIMENT_Q)whole=; $(call memory-has-accesses,$<) || whole=--whole; $(EXPERIMENT_LEAT) heat -q --memory $$whole $(MEMORY_LOOK) $< | \
	    $(EXPERIMENT_LEAT) plotgen memory -T $(PICTURE) --title '$(subst +2e,.,$*)' $(PICTURE_FLAGS) | $(GNUPLOT) >$@
MEMORY_LOOK = $(if $(TIME),--x-range $(TIME)) $(if $(ADDRESSES),--y-range $(ADDRESSES)) $(if $(BINS),--bins $(BINS))

EXPERIMENT_ASKED_picture := $(strip $(MEMORY_LOOK) $(PICTURE_FLAGS))
$(RESULTS)/asked/picture: $(if $(call experiment-other,picture),experiment-force)
	$(experiment-write)

MEMORY_JOINED := $(MEMORY_RUNS:%=$(RESULTS)/joined/%.leat)
.PRECIOUS: $(MEMORY_JOINED)
MEMORY_OWN := $(foreach r,$(sort $(MEMORY_RUNS) $(MEMORY_OF)),$(RESULTS)/joined/$(r).leat $(RESULTS)/hot/$(r).tsv \
	$(RESULTS)/curves/$(r).$(PICTURE) $(RESULTS)/pictures/$(r).$(PICTURE)) $(RESULTS)/asked/picture help
$(MEMORY_OWN): private SHELL := bash
$(filter-out help,$(MEMORY_OWN)): private .SHELLFLAGS := -o pipefail -e -c

# ---- goals ----

.PHONY: list stat hot curve picture memory-there memory-help memory-clean
# Of what is there: to look is not to measure.
list:
	+@$(EXPERIMENT_AGAIN) -s PARTIAL=1 $(RESULTS)/results.tsv && cat $(RESULTS)/results.tsv
stat:
	+@$(EXPERIMENT_AGAIN) -s PARTIAL=1 $(RESULTS)/stat.tsv && cat $(RESULTS)/stat.tsv
memory-there:
	@$(if $(MEMORY_OF),:,echo '$(if $(OF),$(OF) is no run that is there,there are no runs with traces): $(subst +2e,.,$(MEMORY_THERE))' >&2; exit 2)
hot: memory-there $(MEMORY_OF:%=$(RESULTS)/joined/%.leat)
	@$(foreach r,$(MEMORY_OF),echo '== $(subst +2e,.,$(r))' && $(EXPERIMENT_LEAT) hot -q --brief -n $(TOP) $(RESULTS)/joined/$(r).leat &&) :
MEMORY_CURVES = $(patsubst %,$(RESULTS)/curves/%.$(PICTURE),$(foreach r,$(MEMORY_OF),$(if $(OF)$(wildcard $(RESULTS)/runs/$(r)/access.leat),$(r))))
curve: memory-there $(MEMORY_CURVES)
	@printf '%s\n' $(MEMORY_CURVES)
picture: memory-there $(MEMORY_OF:%=$(RESULTS)/pictures/%.$(PICTURE))
	@printf '%s\n' $(MEMORY_OF:%=$(RESULTS)/pictures/%.$(PICTURE))
clean: memory-clean
memory-clean:
	rm -rf $(RESULTS)/joined $(RESULTS)/hot $(RESULTS)/curves $(RESULTS)/pictures
help: memory-help
memory-help: private SHELL := bash
memory-help:
	@printf '%s\n' $(call experiment-quoted,$(MEMORY_HELP))
