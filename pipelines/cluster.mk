# cluster.mk - runs and maps of an experiment on the nodes of a Slurm cluster
#
#	make SLURM=1 results        srun for each
#	make SLURM=array results    those that are to do as job arrays (sbatch), then as above
#
# experiment.mk includes it where SLURM is set. In another makefile: include it, and put $(ON_NODE) before the command of a
# recipe, `$(ON_NODE) leat unwind trace.leat -o $@`: one command, with its arguments; a pipeline is `$(ON_NODE) bash -o
# pipefail -c '...'`. leat-cluster(7) is the manual. Slurm decides what runs where and when; nothing here does.

CLUSTER_SH := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))/cluster.sh

# As --partition=big --constraint=epyc --time=10: for salloc, srun in a job, and sbatch.
SLURM_FLAGS   ?=
# So often is a run tried again, elsewhere, if its node or its job failed. A command that fails by itself is not.
SLURM_RETRIES ?= 3
# A node is for one run at a time, unless this is set: then for as many as their --cpus-per-task let in.
SLURM_SHARE   ?=
# So many are in the queue at a time, unless -j says it: 16, or in a job as many as it has nodes; of arrays all.
SLURM_JOBS    ?=
# What each run and map leaves a word in; all nodes must see it.
SLURM_DIR     ?= $(abspath $(or $(RESULTS),.))/cluster
# srun and sbatch take options from variables of such names.
unexport SLURM_FLAGS SLURM_RETRIES SLURM_SHARE SLURM_JOBS SLURM_DIR

CLUSTER_MISSING := $(strip $(foreach p,salloc srun $(if $(filter array,$(SLURM)),sbatch),$(if $(shell command -v $(p)),,$(p))))
ifneq ($(CLUSTER_MISSING),)
$(error SLURM=$(SLURM) needs $(CLUSTER_MISSING), which is not in PATH (Debian: slurm-client))
endif

# A step of a job that we are in already has its nodes whole, unless it asks for less.
CLUSTER_WHOLE  = $(if $(SLURM_JOB_ID),--mem=0,--exclusive --mem=0)
CLUSTER_PART   = $(if $(SLURM_JOB_ID),--exact)
CLUSTER_RUN    = $(filter %/run.leat,$@)
CLUSTER_NAME   = $(notdir $(CURDIR)):$(if $(CLUSTER_RUN),$(notdir $(@D)),$(@F))
CLUSTER_FLAGS  = $(if $(CLUSTER_RUN),$(if $(SLURM_SHARE),$(CLUSTER_PART),$(CLUSTER_WHOLE)),$(CLUSTER_PART)) $(SLURM_FLAGS)
CLUSTER_TOLD   = $(if $(CLUSTER_RUN),$(if $(filter array,$(SLURM)),-a $(SLURM_DIR)/array/$(notdir $(@D))))
# CLUSTER_HERE is set where what stands behind the prefix is wanted alone.
ON_NODE = $(if $(CLUSTER_HERE),,sh $(CLUSTER_SH) run $(CLUSTER_TOLD) $(SLURM_DIR) $(SLURM_RETRIES) \
	--job-name='$(CLUSTER_NAME)' $(strip $(CLUSTER_FLAGS)) --)

# Runs that share a node do not wait for each other.
ifneq ($(SLURM_SHARE),)
PARALLEL := 1
endif

# What waits for a node costs this machine little. What is built here stays as it is. (While make 4.3 reads a makefile, its
# environment has the -j of the make that called it, and MAKEFLAGS has not; the -j of a command line comes before this one.)
ifneq ($(EXPERIMENT_STAGE)$(MAP),)
ifeq ($(filter -j% --jobserver%,$(MAKEFLAGS) $(shell echo "$$MAKEFLAGS")),)
MAKEFLAGS += -j$(or $(SLURM_JOBS),$(if $(SLURM_JOB_ID),$(SLURM_JOB_NUM_NODES)),16)
endif
endif

ifeq ($(SLURM),array)
# What an array has left is tried by srun: a task whose job was ended, or that Slurm gave up.
BEFORE_RUNS = $(EXPERIMENT_Q)$(EXPERIMENT_LEAT) plan --status --results $(RESULTS) $(RESULTS)/plan.tsv | \
	awk -F '\t' '/^\#/ { next } !head++ { for (i = 1; i <= NF; i++) at[$$i] = i; next } \
		$$at["state"] != "done" { print $$at["name"] }' | \
	sh $(CLUSTER_SH) array $(SLURM_DIR) $(or $(SLURM_JOBS),0) --job-name='$(notdir $(CURDIR))' \
		$(if $(SLURM_SHARE),,--exclusive --mem=0) $(SLURM_FLAGS) \
		-- $(call experiment-quoted,$(foreach CLUSTER_HERE,1,$(call experiment-run,"$$name")))
endif
