# experiment.mk - an experiment: from a table of levels to runs, tables, figures and verified claims
#
#	TABLE   = experiment.csv
#	FIGURES = $(RESULTS)/figures/time.svg
#	include $(shell leat --share-path)/pipelines/experiment.mk
#	$(RESULTS)/figures/time.svg: $(RESULTS)/stat.tsv
#		leat plotgen bars ... $< | gnuplot >$@
#
#	make                  the runs that are not done, tables, figures, claims
#	make help             goals and variables; leat-experiment(7) is the manual
#
# Runs are made one after another in the order of the plan, also under make -j: what is measured shares the machine with
# nothing of ours. Each stage is made when its inputs changed, and a run only if it is not there or its row of the table
# changed. To kill anything here at any time and to type make again is right.
#
# Works with GNU make 4.3. Paths must be free of blanks. Needs leat, bash, and awk, xargs and flock of any Linux.

ifneq ($(words $(CURDIR)),1)
$(error the path of this directory has blanks, which make takes for two names: $(CURDIR))
endif
EXPERIMENT_DIR := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))

# Variables count from a makefile or the command line, and not because somebody's environment has one of that name.
experiment-default = $(if $(filter undefined environment,$(origin $(1))),$(eval $(1) := $$(2)))

LEAT ?= leat
$(call experiment-default,TABLE,experiment.csv)
$(call experiment-default,RESULTS,results)
# What makes a run, with the variables of leat-run(1) as $$freq; empty: the command of the table.
$(call experiment-default,RUN)
$(call experiment-default,PROGRAMS)
$(call experiment-default,FIGURES)
$(call experiment-default,CLAIMS,$(wildcard claims.csv))
$(call experiment-default,CLAIMS_TABLE,$(RESULTS)/stat.tsv)
$(call experiment-default,REPETITIONS)
$(call experiment-default,SEED)
$(call experiment-default,SEQUENCE)
$(call experiment-default,UNTIL)
$(call experiment-default,MOST)
$(call experiment-default,TIMEOUT)
$(call experiment-default,POLICY)
$(call experiment-default,STRICT_POLICY)
$(call experiment-default,FIRST_ONLY)
$(call experiment-default,STAT_FLAGS)
$(call experiment-default,SYSINFO_FLAGS)
$(call experiment-default,PARALLEL)
$(call experiment-default,PARTIAL)
# One command for each trace, as `leat unwind $(<D)/trace.leat | leat fold -o $@`, and one for those of a cell.
$(call experiment-default,MAP)
$(call experiment-default,MAP_SUFFIX,.folded)
$(call experiment-default,REDUCE)
$(call experiment-default,KICK_TABLE,$(or $(wildcard kick.csv),$(TABLE)))
$(call experiment-default,KICK_RESULTS,kick-tires)
$(call experiment-default,SIZE,full)
$(call experiment-default,CLEAN)
# A prefix of what runs elsewhere; cluster.mk sets it.
$(call experiment-default,ON_NODE)
$(call experiment-default,BEFORE_RUNS)
$(call experiment-default,SLURM)
$(call experiment-default,V)
export SIZE

ifneq ($(words $(RESULTS) $(TABLE) $(KICK_RESULTS)),3)
$(error RESULTS, TABLE and KICK_RESULTS are one path each, without blanks: RESULTS=$(RESULTS) TABLE=$(TABLE))
endif
ifneq ($(strip $(foreach c,% : $$ ' " ; & | ( ) *,$(findstring $(c),$(CURDIR)$(RESULTS)$(TABLE)))),)
$(error a path has one of % : $$ ' " ; & | ( ) * in it, which make or the shell would not take for a part of a name: $(CURDIR) $(RESULTS) $(TABLE))
endif
ifneq ($(origin EXPERIMENT_LEAT),command line)
EXPERIMENT_LEAT := $(if $(findstring /,$(LEAT)),$(abspath $(LEAT)),$(shell command -v $(LEAT)))
ifeq ($(wildcard $(EXPERIMENT_LEAT)),)
$(error $(LEAT) is not in PATH: install leat, or say LEAT=/where/it/is)
endif
endif

define EXPERIMENT_NL


endef
# A word for bash, whatever is in it.
experiment-quoted = $$'$(subst $(EXPERIMENT_NL),\n,$(subst ',\',$(subst \,\\,$(1))))'
experiment-dry-run = $(findstring n,$(firstword -$(MAKEFLAGS)))
EXPERIMENT_Q     := $(if $(V),,@)
EXPERIMENT_AGAIN  = $(MAKE) --no-print-directory -f $(firstword $(MAKEFILE_LIST)) EXPERIMENT_LEAT=$(EXPERIMENT_LEAT)
# What is started here gets the same environment under make and make -j8, and a make inside of it is one of its own.
EXPERIMENT_APART := unset MAKEFLAGS MFLAGS MAKELEVEL MAKE_TERMOUT MAKE_TERMERR EXPERIMENT_STAGE EXPERIMENT_LEAT
EXPERIMENT_STORE := $(RESULTS)/store.db
EXPERIMENT_TABLES := $(RESULTS)/results.tsv $(RESULTS)/stat.tsv
EXPERIMENT_KICK  := $(filter kick,$(SIZE))
# Figures of small runs must not take the place of the real ones.
EXPERIMENT_FIGURES = $(if $(EXPERIMENT_KICK),$(filter $(RESULTS)/%,$(FIGURES)),$(FIGURES))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all plan runs maps results tables figures verify status partial kick-tires check-machine lint clean help
.PHONY: experiment-runs experiment-force
experiment-force:

# What was asked for is a file: other variables make anew what follows from them, and nothing else.
EXPERIMENT_ASKED_plan    := $(strip $(if $(REPETITIONS),--repetitions $(REPETITIONS)) $(if $(SEED),--seed $(SEED)) \
	$(if $(SEQUENCE),--sequence $(SEQUENCE)) $(TABLE))
EXPERIMENT_ASKED_run     := $(if $(RUN),$(RUN),the command of the table)
EXPERIMENT_ASKED_until   := $(strip $(UNTIL) $(MOST))
EXPERIMENT_ASKED_store   := $(if $(FIRST_ONLY),--first-only,all traces)
EXPERIMENT_ASKED_stat    := $(strip statistics $(STAT_FLAGS))
EXPERIMENT_ASKED_map     := $(value MAP)
EXPERIMENT_ASKED_reduce  := $(value REDUCE)
experiment-other = $(if $(subst x$(strip $(EXPERIMENT_ASKED_$(1)))x,,x$(strip $(file <$(RESULTS)/asked/$(1)))x),other)
define experiment-write
@mkdir -p $(@D)
@printf '%s\n' $(call experiment-quoted,$(EXPERIMENT_ASKED_$(@F))) >$@.$$$$ && mv $@.$$$$ $@
endef

# The plan. A makefile that is included is made first of all: it says which runs there are, and which of them are of an
# older table. Goals that ask for none of that do without.
EXPERIMENT_PLAIN := help lint clean check-machine kick-tires
ifneq ($(or $(filter-out $(EXPERIMENT_PLAIN),$(MAKECMDGOALS)),$(if $(MAKECMDGOALS),,all)),)
$(RESULTS)/asked/plan: $(if $(call experiment-other,plan),experiment-force)
	$(experiment-write)

# The order of a repetition follows from the seed and its number: a plan that is the same keeps its time.
$(RESULTS)/plan.tsv: $(TABLE) $(RESULTS)/asked/plan
	@$(EXPERIMENT_LEAT) plan -q $(EXPERIMENT_ASKED_plan) >$@.$$$$ || { s=$$?; rm -f $@.$$$$; exit $$s; }; \
	if cmp -s $@.$$$$ $@; then rm $@.$$$$; else rm -f $(RESULTS)/asked/until; mv $@.$$$$ $@; fi

$(RESULTS)/plan.mk: $(RESULTS)/plan.tsv $(if $(MAKE_RESTARTS)$(EXPERIMENT_STAGE),,experiment-force)
	@$(EXPERIMENT_LEAT) plan --make --results $(RESULTS) $< >$@.$$$$ || { s=$$?; rm -f $@.$$$$; exit $$s; }; \
	if cmp -s $@.$$$$ $@; then rm $@.$$$$; else mv $@.$$$$ $@; fi
include $(RESULTS)/plan.mk
endif

EXPERIMENT_ALL   := $(RUNS:%=$(RESULTS)/runs/%/run.leat)
EXPERIMENT_REDO  := $(REDO:%=$(RESULTS)/runs/%/run.leat)
EXPERIMENT_THERE := $(filter-out $(EXPERIMENT_REDO),$(wildcard $(EXPERIMENT_ALL)))
EXPERIMENT_TODO  := $(filter-out $(EXPERIMENT_THERE),$(EXPERIMENT_ALL))
# More repetitions may be needed if runs are, or if what is narrow enough is not what it was.
EXPERIMENT_MORE  := $(if $(UNTIL),$(if $(EXPERIMENT_TODO)$(call experiment-other,until),more))
# What tables are made of: all runs, or with PARTIAL those that there are.
ifeq ($(PARTIAL),)
EXPERIMENT_FILES   := $(EXPERIMENT_ALL)
EXPERIMENT_MISSING := 0
else
EXPERIMENT_FILES   := $(EXPERIMENT_THERE)
EXPERIMENT_MISSING := $(words $(EXPERIMENT_TODO))
EXPERIMENT_TODO    :=
EXPERIMENT_MORE    :=
endif
EXPERIMENT_ASKED_missing := missing=$(EXPERIMENT_MISSING)

# Runs that were made in another way do not belong in one table; which of them count only their owner can say.
ifneq ($(filter-out $(EXPERIMENT_PLAIN) keep redo status plan,$(or $(MAKECMDGOALS),all)),)
ifneq ($(and $(wildcard $(RESULTS)/asked/run),$(wildcard $(RESULTS)/runs/*/run.leat),$(call experiment-other,run)),)
$(error RUN is not what made the runs in $(RESULTS)/ ($(RESULTS)/asked/run is): `make redo` puts them aside, to make all of them again; `make keep` says that they count)
endif
endif

# Where it is not known yet how many runs there will be, they come first, and what was asked for is up to another make.
EXPERIMENT_GOALS := all results tables maps figures verify
ifeq ($(EXPERIMENT_MORE),)
all: results figures verify
results: tables maps
else
.PHONY: experiment-more
$(EXPERIMENT_GOALS): experiment-more
experiment-more: runs
	+@$(EXPERIMENT_AGAIN) UNTIL= $(or $(filter $(EXPERIMENT_GOALS),$(MAKECMDGOALS)),all)
endif

# Sets ON_NODE, PARALLEL and BEFORE_RUNS.
ifneq ($(SLURM),)
include $(EXPERIMENT_DIR)/cluster.mk
endif

# A run. Its programs are there before it, but a program that is built again makes no run again: days of measuring are
# not thrown away by a make. (make status says which programs are younger than runs.)
EXPERIMENT_SYSINFO = $(EXPERIMENT_LEAT) sysinfo -q $(SYSINFO_FLAGS)
experiment-run = $(ON_NODE) $(EXPERIMENT_LEAT) run --plan $(RESULTS)/plan.tsv --results $(RESULTS) --cell $(1) \
	$(if $(findstring s,$(firstword -$(MAKEFLAGS))),,--verbose) $(if $(TIMEOUT),--timeout $(TIMEOUT)) $(if $(PARALLEL),--share) \
	--before '$(EXPERIMENT_SYSINFO) -o before.leat' --after '$(EXPERIMENT_SYSINFO) --tool none -o after.leat' \
	$(if $(RUN),-- bash -o pipefail -e -c $(call experiment-quoted,$(RUN)))
EXPERIMENT_DIRECT := $(if $(EXPERIMENT_STAGE),$(EXPERIMENT_ALL),$(filter $(EXPERIMENT_ALL),$(MAKECMDGOALS)))
$(EXPERIMENT_DIRECT): $(RESULTS)/runs/%/run.leat: | $(PROGRAMS)
	$(EXPERIMENT_Q)$(EXPERIMENT_APART); $(call experiment-run,$*)
$(filter $(EXPERIMENT_DIRECT),$(EXPERIMENT_REDO)): experiment-force
# What leat run has put there is whole.
.PRECIOUS: $(EXPERIMENT_ALL) $(EXPERIMENT_STORE) $(RESULTS)/plan.tsv

ifeq ($(EXPERIMENT_STAGE),runs)
# The make that makes runs and nothing else: in their order, and on after a failed one if that was asked for (-k).
experiment-runs: $(EXPERIMENT_TODO)
	@:
ifeq ($(PARALLEL)$(ON_NODE),)
.NOTPARALLEL:
endif
else
$(filter-out $(EXPERIMENT_DIRECT),$(EXPERIMENT_TODO)): runs ;
# That nothing makes the others spares make to search how to make them.
$(filter-out $(EXPERIMENT_DIRECT),$(EXPERIMENT_THERE)): ;
endif

runs: $(RESULTS)/plan.tsv $(RESULTS)/asked/run | $(PROGRAMS)
ifneq ($(EXPERIMENT_TODO)$(EXPERIMENT_MORE),)
ifneq ($(POLICY),)
	@$(ON_NODE) $(EXPERIMENT_LEAT) sysinfo -q --check $(POLICY) || { s=$$?; \
	    [ $$s -eq 1 ] && [ -z '$(STRICT_POLICY)' ] && \
	    echo 'warning: this machine is not as $(POLICY) asks (STRICT_POLICY=1 would stop here)' >&2 || exit $$s; }
endif
	$(BEFORE_RUNS)
	+@$(EXPERIMENT_AGAIN) EXPERIMENT_STAGE=runs experiment-runs || { s=$$?; $(experiment-count) >&2; exit $$s; }
ifneq ($(UNTIL),)
	$(if $(experiment-dry-run),,+)@while :; do \
	    before=`cksum <$(RESULTS)/plan.tsv`; \
	    $(EXPERIMENT_LEAT) plan -q --until $(UNTIL) $(if $(MOST),--most $(MOST)) --results $(RESULTS) \
	        -o $(RESULTS)/plan.tsv $(RESULTS)/plan.tsv && break || { s=$$?; [ $$s -eq 1 ] || exit $$s; }; \
	    [ "$$before" != "`cksum <$(RESULTS)/plan.tsv`" ] || { echo 'UNTIL: no run can be added' >&2; exit 2; }; \
	    $(EXPERIMENT_AGAIN) EXPERIMENT_STAGE=runs experiment-runs || { s=$$?; $(experiment-count) >&2; exit $$s; }; \
	done; printf '%s\n' '$(EXPERIMENT_ASKED_until)' >$(RESULTS)/asked/until
endif
endif
experiment-count = $(EXPERIMENT_LEAT) plan --count --results $(RESULTS) $(RESULTS)/plan.tsv

# Tables. The database is filled run by run, and a stamp says when it was whole: kill it anywhere, it goes on. Attempts that
# failed are in it, as such; those that were killed before they ended, and runs that the plan has no more, are not.
EXPERIMENT_DIRS = 'FNR == 1 { file++; head = whole = 0 } \
	/^\#/ { next } \
	file <= 2 && !head { for (i = 1; i <= NF; i++) at[$$i] = i; head = 1; next } \
	file == 1 { if ($$at["state"] == "done") print runs "/" $$1; next } \
	file == 2 { settings[$$1] = $$at["settings"]; next } \
	/^run\t/ { name = hash = ""; for (i = 2; i <= NF; i++) { \
		if ($$i ~ /^name=/) name = substr($$i, 6); if ($$i ~ /^settings=/) hash = substr($$i, 10) }; \
	  whole = name in settings && settings[name] == hash }; \
	/^end\t/ && whole { dir = FILENAME; sub(/\/run.leat$$/, "", dir); print dir; whole = 0 }'
EXPERIMENT_FORGET = 'NR == FNR { sub(/.*\//, ""); sub(/\.[0-9]+$$/, ""); there[$$0] = 1; next } \
	/^\#/ || !head++ { next } \
	{ sub(/\.[0-9]+$$/, ""); if (!($$0 in there)) gone = 1 } END { exit !gone }'
$(RESULTS)/made/store: $(if $(EXPERIMENT_MORE),runs) $(EXPERIMENT_FILES) $(RESULTS)/plan.tsv $(RESULTS)/asked/store $(RESULTS)/asked/missing
	@mkdir -p $(@D) $(RESULTS)/failed; exec 9>$@.lock; flock 9; \
	$(EXPERIMENT_LEAT) plan --status --results $(RESULTS) $(RESULTS)/plan.tsv >$@.status; \
	find $(RESULTS)/failed -mindepth 2 -maxdepth 2 -name run.leat | sort >$@.failed; \
	xargs -x -n 1000000 -s 2000000 awk -F '\t' -v runs=$(RESULTS)/runs $(EXPERIMENT_DIRS) \
	    $@.status $(RESULTS)/plan.tsv <$@.failed >$@.dirs; \
	[ -s $@.dirs ] || { echo 'there is no run to make a table of' >&2; exit 1; }; \
	if [ -e $(EXPERIMENT_STORE) ] && { [ $(RESULTS)/asked/store -nt $@ ] || \
	    $(EXPERIMENT_LEAT) store sql $(EXPERIMENT_STORE) 'SELECT DISTINCT name FROM run' | \
	        awk $(EXPERIMENT_FORGET) $@.dirs -; }; then rm -f $(EXPERIMENT_STORE) $(EXPERIMENT_STORE)-*; fi; \
	xargs -d '\n' $(EXPERIMENT_LEAT) store add -q $(if $(FIRST_ONLY),--first-only) $(EXPERIMENT_STORE) <$@.dirs; \
	touch $(EXPERIMENT_STORE); touch -r $(EXPERIMENT_STORE) $@; rm -f $@.status $@.failed $@.dirs

# For rules of your own.
$(EXPERIMENT_STORE): $(RESULTS)/made/store ;

$(RESULTS)/results.tsv: $(RESULTS)/made/store
	$(EXPERIMENT_Q)$(EXPERIMENT_LEAT) store list $(EXPERIMENT_STORE) $(experiment-table)
$(RESULTS)/stat.tsv: $(RESULTS)/made/store $(RESULTS)/asked/stat
	$(EXPERIMENT_Q)$(EXPERIMENT_LEAT) store stat $(if $(DRY)$(STAT_FLAGS),,-q) $(STAT_FLAGS) $(EXPERIMENT_STORE) $(experiment-table)
# A table of a part says so, and so does the figure of it.
experiment-table = $(if $(filter-out 0,$(EXPERIMENT_MISSING)), | \
	sed '1a \# missing=$(EXPERIMENT_MISSING)\n\# lost=$(EXPERIMENT_MISSING) why=missing') >$@.$$$$ && mv $@.$$$$ $@
$(if $(EXPERIMENT_MORE),,tables: $(EXPERIMENT_TABLES))

# What is made of each trace, and of those of a cell.
ifneq ($(MAP),)
EXPERIMENT_MAPS := $(filter-out $(DRY:%=$(RESULTS)/map/%$(MAP_SUFFIX)),\
	$(EXPERIMENT_FILES:$(RESULTS)/runs/%/run.leat=$(RESULTS)/map/%$(MAP_SUFFIX)))
$(EXPERIMENT_MAPS): $(RESULTS)/map/%$(MAP_SUFFIX): $(RESULTS)/runs/%/run.leat $(RESULTS)/asked/map
	@mkdir -p $(@D)
	$(EXPERIMENT_Q)$(if $(ON_NODE),$(ON_NODE) bash -o pipefail -e -c $(call experiment-quoted,$(MAP)),$(MAP))

# Those of a cell are added up.
EXPERIMENT_REDUCE = $(or $(REDUCE),$(EXPERIMENT_LEAT) merge -q -o $@ $(filter-out $(RESULTS)/asked/%,$^))
EXPERIMENT_REDUCED := $(CELLS:%=$(RESULTS)/reduced/%$(MAP_SUFFIX))
define experiment-cell
$(RESULTS)/reduced/$(1)$(MAP_SUFFIX): $(filter $(RUNS_$(1):%=$(RESULTS)/map/%$(MAP_SUFFIX)),$(EXPERIMENT_MAPS))
endef
$(foreach c,$(CELLS),$(eval $(call experiment-cell,$(c))))
$(EXPERIMENT_REDUCED): $(RESULTS)/asked/reduce
	@mkdir -p $(@D)
	$(EXPERIMENT_Q)$(EXPERIMENT_REDUCE)
$(if $(EXPERIMENT_MORE),,maps: $(EXPERIMENT_REDUCED))
endif

EXPERIMENT_ASKED_files := $(foreach f,run store stat map reduce missing,$(RESULTS)/asked/$(f))
$(EXPERIMENT_ASKED_files):
	$(experiment-write)
$(foreach f,run store stat map reduce missing,$(if $(call experiment-other,$(f)),$(RESULTS)/asked/$(f))): experiment-force

# Figures are yours: rules for $(FIGURES). Their directories are made here.
EXPERIMENT_HOMES = $(filter-out $(wildcard $(patsubst %/,%,$(sort $(dir $(EXPERIMENT_FIGURES))))),\
	$(patsubst %/,%,$(sort $(dir $(EXPERIMENT_FIGURES)))))
$(if $(EXPERIMENT_MORE),,figures: $(EXPERIMENT_FIGURES))
ifneq ($(FIGURES),)
$(EXPERIMENT_FIGURES): | $(if $(EXPERIMENT_HOMES),experiment-homes)
endif
.PHONY: experiment-homes
experiment-homes:
	@mkdir -p $(sort $(dir $(EXPERIMENT_FIGURES)))

# Published values. What small runs give is shown, and not judged.
ifneq ($(CLAIMS),)
$(RESULTS)/verdicts.tsv: $(CLAIMS) $(CLAIMS_TABLE)
	@s=0; $(EXPERIMENT_LEAT) verify -q $(CLAIMS) $(CLAIMS_TABLE) >$@.$$$$ $(if $(EXPERIMENT_KICK),2>$@.said) || s=$$?; \
	if [ $$s -eq 0 ] || [ $${s}$(EXPERIMENT_KICK) = 1kick ]; then mv $@.$$$$ $@; rm -f $@.said; \
	else cat $@.$$$$ $(if $(EXPERIMENT_KICK),$@.said >&2); rm -f $@.$$$$ $@.said; exit $$s; fi
ifeq ($(EXPERIMENT_MORE),)
verify: $(RESULTS)/verdicts.tsv
	@$(EXPERIMENT_LEAT) verify -q $(CLAIMS) $(CLAIMS_TABLE)$(if $(EXPERIMENT_KICK), 2>/dev/null || [ $$? -eq 1 ]; \
	    echo 'small runs show that all stages work; what they give is not judged')
endif
else ifeq ($(EXPERIMENT_MORE),)
verify:
ifneq ($(filter verify,$(MAKECMDGOALS)),)
	@echo 'there are no claims: write claims.csv, see leat-verify(1)'
endif
endif

plan: $(RESULTS)/plan.tsv
	@cat $<

status: $(RESULTS)/plan.tsv
	@$(experiment-count)
	$(if $(PROGRAMS),@young=`for f in $(PROGRAMS); do find $(RESULTS)/runs -name run.leat ! -newer $$f 2>/dev/null; done | \
	    sort -u | wc -l`; [ $$young -eq 0 ] || \
	    echo "$$young runs are older than a program that they ran: \`make redo\` makes all runs again")

# Tables and figures of what is there.
partial:
	+@$(EXPERIMENT_AGAIN) PARTIAL=1 results figures

# The whole in small, somewhere else.
kick-tires:
	+@begin=`date +%s`; $(EXPERIMENT_AGAIN) RESULTS=$(KICK_RESULTS) TABLE=$(KICK_TABLE) REPETITIONS=1 UNTIL= \
	    SIZE=kick all && echo "kick-tires: every stage works, in $$((`date +%s` - begin)) s; see $(KICK_RESULTS)/"

check-machine:
	$(if $(POLICY),@$(ON_NODE) $(EXPERIMENT_LEAT) sysinfo --check $(POLICY) && echo 'this machine is as $(POLICY) asks',\
	    @echo 'POLICY names no file: what this machine shall be like, see leat-sysinfo(1)' >&2 && exit 2)

lint:
	@$(EXPERIMENT_LEAT) lint $(firstword $(MAKEFILE_LIST)) && echo 'no stage of a recipe fails unseen'

# What to do with runs that another RUN has made.
.PHONY: keep redo
keep:
	@mkdir -p $(RESULTS)/asked; printf '%s\n' $(call experiment-quoted,$(EXPERIMENT_ASKED_run)) >$(RESULTS)/asked/run
redo:
	@n=1; while [ -e $(RESULTS)/runs.$$n ]; do n=$$((n + 1)); done; \
	mv $(RESULTS)/runs $(RESULTS)/runs.$$n && rm -f $(RESULTS)/asked/run && \
	echo "the runs are in $(RESULTS)/runs.$$n now; make makes new ones"

# Runs cost days: nothing here removes one.
clean:
	rm -f $(EXPERIMENT_TABLES) $(RESULTS)/verdicts.tsv $(EXPERIMENT_FIGURES) $(CLEAN)
	@rm -f $(RESULTS)/*.tsv.[0-9]* $(RESULTS)/*.mk.[0-9]* $(RESULTS)/made/*.[0-9]* $(RESULTS)/asked/*.[0-9]*

help:
	@echo 'usage: make [-k] [VARIABLE=VALUE...] [GOAL...]            leat-experiment(7) is the manual'
	@echo 'Goals:'
	@echo '  all            results, figures and verify: what make alone does'
	@echo '  plan           the runs in their order'
	@echo '  runs           those that are not done; with -k on after one that fails'
	@echo '  results        and tables of them (tables is the same), in $(RESULTS)/'
	@echo '  figures        $(or $(FIGURES),none are named)'
	@echo '  verify         the claims of $(or $(CLAIMS),claims.csv, which is not here)'
	@echo '  status         what is done, what runs, what failed'
	@echo '  partial        tables and figures of the runs that are there'
	@echo '  kick-tires     every stage once and small, in $(KICK_RESULTS)/'
	@echo '  check-machine  is this machine as POLICY asks?'
	@echo '  lint           do the recipes here fail when a part of them fails?'
	@echo '  redo, keep     puts all runs aside; or says that they count though RUN changed'
	@echo '  clean          removes tables and figures, and no run'
	@echo 'Variables:'
	@echo '  TABLE=$(TABLE)  RESULTS=$(RESULTS)  CLAIMS=$(CLAIMS)'
	@echo '  REPETITIONS=$(REPETITIONS) SEED=$(SEED) SEQUENCE=$(SEQUENCE)  instead of what the table says'
	@echo '  UNTIL=$(UNTIL) MOST=$(MOST)     more repetitions until medians are as exact as CI=2%, or there are MOST'
	@echo '  TIMEOUT=$(TIMEOUT)           of runs whose row names none'
	@echo '  POLICY=$(POLICY) STRICT_POLICY=$(STRICT_POLICY)   what the machine shall be like; whether that is a must'
	@echo '  PROGRAMS=...       what is built before the runs'
	@echo '  FIRST_ONLY=1       traces of first repetitions only go into the database'
	@echo '  PARALLEL=1         runs at the same time, as many as -j says'
	@echo '  SLURM=1            on the nodes of a cluster, see leat-cluster(7)'
	@echo '  V=1                shows the commands'

# A stage that fails somewhere fails: for what is made here and for figures, and for nothing else of yours.
EXPERIMENT_OWN = $(RESULTS)/asked/plan $(RESULTS)/plan.tsv $(RESULTS)/plan.mk $(RESULTS)/made/store $(EXPERIMENT_DIRECT) \
	$(EXPERIMENT_TABLES) $(EXPERIMENT_MAPS) $(EXPERIMENT_REDUCED) $(EXPERIMENT_ASKED_files) $(FIGURES) $(RESULTS)/verdicts.tsv \
	runs keep status
$(EXPERIMENT_OWN): private SHELL := bash
$(EXPERIMENT_OWN): private .SHELLFLAGS := -o pipefail -e -c
