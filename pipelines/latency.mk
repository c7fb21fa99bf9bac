# latency.mk - how long a task that was woken waits for a CPU: histogram, percentiles and picture
#
#	make -f latency.mk                            5 seconds of this machine
#	make -f latency.mk COMMAND='./server --load'  while a command runs
#	make -f latency.mk help
#
# It needs the right to trace the whole system (root, or CAP_PERFMON and a readable tracefs), and gnuplot for the picture.
# Each file is made once, and again when what it is made of changes; a stage that fails leaves no file. In a Makefile of
# your own: set OUT, LEAT and so on, `include` this file, and let your figure depend on $(LATENCY_FILES).

LATENCY_GOAL := $(.DEFAULT_GOAL)
SECONDS  ?= 5
COMMAND  ?= sleep $(SECONDS)
OUT      ?= latency
LEAT     ?= leat
GNUPLOT  ?= gnuplot
# A curve and a row for each value of these fields: next_comm who waited, end_cpu where it runs, comm who woke it.
BY       ?=
PICTURE  ?= svg
# For record: -m PAGES where percentiles.tsv says that rings were full.
RECORD_FLAGS ?=

LATENCY_FILES := $(OUT)/events.leat $(OUT)/spans.leat $(OUT)/latency.tsv $(OUT)/percentiles.tsv $(OUT)/cdf.$(PICTURE)

# A wait begins when a sleeping task is woken (sched_waking) or made (sched_wakeup_new), or when a task that could go on
# must leave its CPU (state R, or R+, which is 256), and ends when a CPU switches to it. The last start counts, not the
# first, because a wait may have no end: a task that is woken on the way to sleep, before it has left its CPU, runs on, and
# no switch follows. With `first` its next wait would seem to have begun then. That the preempted wait as well, under the
# name of the switch, is for the same reason: it takes the place of a start whose task has run since. Those replaced starts
# are told as `lost why=restarted`; ends without a start are tasks that waited already when the recording began.
LATENCY_START := name in ["sched:sched_waking", "sched:sched_wakeup_new"] || \
	name == "sched:sched_switch" && prev_pid != 0 && prev_state % 256 == 0
LATENCY_END   := name == "sched:sched_switch" && next_pid != 0
LATENCY_KEY   := arg_pid|prev_pid=next_pid
# Of these only what began with waking is a wake-up latency.
LATENCY_SPAN  := type == "span" && name != "sched:sched_switch"

.PHONY: latency
latency: $(LATENCY_FILES)
	@cat $(OUT)/percentiles.tsv
	@echo 'picture: $(OUT)/cdf.$(PICTURE)'

ifeq ($(words $(MAKEFILE_LIST)),1)
.DEFAULT_GOAL := latency
.PHONY: help clean
help:
	@echo 'usage: make -f $(firstword $(MAKEFILE_LIST)) [VARIABLE=VALUE...] [latency | help | clean]'
	@echo 'Records the wake-ups of all tasks, and makes of them, in $(OUT)/:'
	@echo '  events.leat      what the kernel told'
	@echo '  spans.leat       a span for each wait, with who waited, who woke it, and where'
	@echo '  latency.tsv      the histogram of their durations'
	@echo '  percentiles.tsv  count, mean, percentiles'
	@echo '  cdf.$(PICTURE)          the picture'
	@echo 'Variables:'
	@echo '  SECONDS=$(SECONDS)        how long'
	@echo '  COMMAND=...      while this runs, instead (now: $(COMMAND))'
	@echo '  OUT=$(OUT)      where to'
	@echo '  BY=$(BY)              fields to group by: next_comm (who waited), end_cpu, comm (who woke it)'
	@echo '  PICTURE=$(PICTURE)      svg, png or pdf'
	@echo '  RECORD_FLAGS=    for leat record: -m PAGES where rings were full'
	@echo '  LEAT=$(LEAT) GNUPLOT=$(GNUPLOT)'
clean:
	rm -f $(LATENCY_FILES) $(OUT)/recorded.txt $(OUT)/grouped.txt
	@rmdir $(OUT) 2>/dev/null || :
endif

# A stage that fails somewhere fails.
$(LATENCY_FILES): SHELL := bash
$(LATENCY_FILES): .SHELLFLAGS := -o pipefail -e -c

# What was asked for is a prerequisite: other values make anew what follows from them.
LATENCY_RECORDED := $(strip $(LEAT) $(RECORD_FLAGS) -- $(COMMAND))
LATENCY_GROUPED  := $(strip by $(BY))
ifneq ($(LATENCY_RECORDED),$(shell cat '$(OUT)/recorded.txt' 2>/dev/null))
$(OUT)/recorded.txt: latency-asked
endif
ifneq ($(LATENCY_GROUPED),$(shell cat '$(OUT)/grouped.txt' 2>/dev/null))
$(OUT)/grouped.txt: latency-asked
endif
$(OUT)/recorded.txt: LATENCY_ASKED = $(LATENCY_RECORDED)
$(OUT)/grouped.txt: LATENCY_ASKED = $(LATENCY_GROUPED)
$(OUT)/recorded.txt $(OUT)/grouped.txt:
	@mkdir -p $(OUT)
	@printf '%s\n' '$(subst ','\'',$(LATENCY_ASKED))' >$@
.PHONY: latency-asked
latency-asked:

$(OUT)/events.leat: $(OUT)/recorded.txt
	$(LEAT) record -q -a $(RECORD_FLAGS) -e sched:sched_waking -e sched:sched_wakeup_new -e sched:sched_switch \
	    -o $@ -- $(COMMAND)

$(OUT)/spans.leat: $(OUT)/events.leat
	$(LEAT) pair -q -s '$(LATENCY_START)' -e '$(LATENCY_END)' -k '$(LATENCY_KEY)' $< | \
	    $(LEAT) pick -q '$(LATENCY_SPAN)' -o $@

$(OUT)/latency.tsv: $(OUT)/spans.leat $(OUT)/grouped.txt
	$(LEAT) hist -q -k dur_ns $(if $(BY),-b $(BY)) -o $@ $<

$(OUT)/percentiles.tsv: $(OUT)/spans.leat $(OUT)/grouped.txt
	$(LEAT) hist -q -k dur_ns $(if $(BY),-b $(BY)) --summary -o $@ $<

$(OUT)/cdf.$(PICTURE): $(OUT)/latency.tsv
	$(LEAT) plotgen cdf -T $(PICTURE) --title 'Wake-up latency' --x-label 'time from waking to running' $< | $(GNUPLOT) >$@

.DELETE_ON_ERROR:

# Who includes this keeps the first goal of his own.
ifneq ($(words $(MAKEFILE_LIST)),1)
.DEFAULT_GOAL := $(LATENCY_GOAL)
endif
