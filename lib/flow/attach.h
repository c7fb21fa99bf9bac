/* attach.h - allocations of processes that run already, through uprobes on their allocators
 *
 * A machine that is stepped until it says that all is over, as in recording.h. Its parts: where the allocator's functions are
 * (allocator.h); probes there (sys/uprobe.h), as five events: entries of functions that give memory, of those that take an
 * address, of operator new, returns, and returns of posix_memalign() with a piece of the stack, where its result is; the rings of the CPUs (sys/rings.h); what makes allocations of entries and returns (attach_calls.h); and what
 * makes a trace of all else (record_intake.h). The records are those of a preloaded library.
 *
 * Chains are the kernel's, by frame pointers, with a first address that is right in any case; or registers and a piece of the
 * stack, as they are in the caller, for `leat unwind`. Children that are forked are
 * recorded, programs that they execute are not, nor is an object with functions of its own that is loaded later.
 *
 * Units:     nanoseconds of CLOCK_MONOTONIC_RAW, bytes.
 * Ownership: the caller holds both structs; what the config points to must live until attach_close().
 * Errors:    -1 and the text. What was lost is no error, and counted.
 * Source:    own.
 */
#ifndef FLOW_ATTACH_H
#define FLOW_ATTACH_H

#include "code/arch.h"
#include "flow/allocator.h"
#include "flow/attach_calls.h"
#include "flow/call_shape.h"
#include "flow/record_intake.h"
#include "flow/record_watch.h"
#include "sys/command.h"
#include "sys/rings.h"
#include "sys/uprobe.h"

struct attach_config {
	struct record_own_start start;
	struct record_listener listener;
	const pid_t *target;
	size_t targets;
	char **command; /* its end is ours; NULL: none */
	bool out_to_err;
	sigset_t signals;     /* that end the recording: the caller has blocked them */
	sigset_t mask;        /* of the command */
	unsigned depth;       /* of chains; 0: none */
	uint32_t stack_bytes; /* instead of chains, so much of the stack; 0: chains */
	bool free_stacks;
	uint64_t min; /* smaller allocations are left out */
	bool live;    /* somebody reads while it is written: nothing is held back */
};

enum { ATTACH_EVENTS = 5 };

struct attach {
	const struct attach_config *config;
	struct sys_command command;
	int refused; /* errno of the command that could not be run */

	/* private */
	struct allocator allocator;
	struct sys_uprobes probes;
	struct record_events events;
	struct attach_raw {
		uint32_t fn, arg[ALLOCATOR_ARGS], sp, ra,
		    value;      /* where they are in the raw record */
		uint32_t bytes; /* that it has to have */
	} raw[ATTACH_EVENTS];
	unsigned number[ATTACH_EVENTS]; /* of the kind of event, in `events` */
	struct sys_limits limits;
	int *cpu;
	unsigned cpus;
	struct sys_rings rings;
	struct record_watch watch;
	struct record_intake intake;
	struct attach_calls *calls;
	struct trace_writer *w;
	unsigned shape[CALL_SHAPES]; /* number + 1 */
	uint64_t *chain;
	const struct arch *arch;
	struct perf_regs map;
	uint64_t regs[ATTACH_REGS];
	uint64_t clock_at; /* of io_now_ns() */
};

int attach_open(struct attach *a, const struct attach_config *config, struct error *e);
int attach_start(struct attach *a, struct trace_writer *w, struct error *e);

/* 1, or 0 where all is over. */
int attach_step(struct attach *a, struct error *e);
int attach_finish(struct attach *a, struct error *e);

/* Appends "12 allocations, 3 frees, 1 of what is older, 0 lost". */
void attach_say(const struct attach *a, struct buf *to);

/* What the trace does not have. */
uint64_t attach_lost(const struct attach *a);

/* Until the command has ended, or a second signal came. */
void attach_wait(struct attach *a);

/* Ends a command that runs, because of an error. */
void attach_abandon(struct attach *a);
void attach_close(struct attach *a);

#endif
