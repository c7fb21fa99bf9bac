/* wire.h - what the preloaded library and its recorder share: one piece of memory, and the records in it
 *
 * The recorder makes a file in memory (memfd_create(2)), the library maps it in every process of the command. It holds a
 * header, a slot for each process, a slot for each thread, and behind each thread's slot a ring of records with one writer
 * (that thread) and one reader (the recorder), without a lock. Nothing is ever moved: what a process wrote before it was
 * killed is read as if it lived. The file is sparse; memory is what was touched, and has an end: the number of slots.
 *
 * A record is a struct wire_record and the words behind it, wire_record.words in all. The writer fills it, and then
 * publishes it by moving `head`; the reader takes it, and then moves `tail`. Both count bytes and never wrap; a record
 * never wraps around the end of the ring: WIRE_PAD fills it. Records of a ring are in order of time but for those of a
 * signal handler that came between a time and its record.
 *
 * Why the order over threads is right where addresses are used again: a free is published before the real call, an
 * allocation after it. So whoever gets an address gets it after the record of its free is there to be read.
 *
 * Units:     bytes; time in ticks of the counter that header.clock names.
 * Ownership: the recorder's file, wire_new() to wire_free().
 * Errors:    wire_new(): -1 and the text.
 * Source:    own.
 */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WIRE_MAGIC 0x0165726977616574ull

enum {
	WIRE_VERSION = 1,
	WIRE_PROCESSES = 4096,
	WIRE_THREADS = 16384,
	WIRE_LARGE = 512,             /* so many threads at a time have a large ring, */
	WIRE_LARGE_BYTES = 256 << 10, /* all others a small one; both powers of two */
	WIRE_SMALL_BYTES = 8 << 10,
	WIRE_TEXT_BYTES = 64 << 10, /* of the backing policy */
	WIRE_DEPTH_MAX = 128,
	WIRE_CHAINS = 1024, /* numbers of chains that a ring can name */
};

/* The variable of the environment by which the library finds the file: "PID:FD:NAME", /proc/PID/fd/FD of the recorder, or,
 * where that is another one or cannot be seen, descriptor FD of the process itself. NAME of the tool is for messages. */
#define WIRE_VARIABLE "LEAT_INTERPOSE"

enum wire_clock {
	WIRE_RAW, /* nanoseconds of CLOCK_MONOTONIC_RAW */
	WIRE_COUNTER, /* the time stamp counter, or cntvct_el0: the recorder turns it into nanoseconds */
};

enum {                        /* header.flags */
	WIRE_LOSSY = 1,       /* a full ring loses, and does not wait */
	WIRE_FREE_STACKS = 2, /* chains of frees, too */
	WIRE_TOUCH = 4,       /* make a userfaultfd (process.touch) */
	WIRE_BACKING = 8,     /* header.text holds a policy */
};

struct wire_header {
	uint64_t magic;
	uint32_t version, bytes_of_header; /* both must fit the library's */
	uint64_t bytes;                    /* of the file */
	uint32_t clock, flags;
	uint32_t depth; /* frames of a chain, 0 to WIRE_DEPTH_MAX */
	uint32_t text_bytes;
	uint64_t min;    /* allocations below it are not recorded */
	uint64_t sample; /* one in so many bytes is recorded; 0: all */

	/* The recorder holds this lock of the kind that tells when its owner died (pthread_mutex_t, robust and shared): the word
	 * that futex(2) describes is at an offset of `life`; see wire_recorder_died(). */
	_Alignas(64) unsigned char life[64];

	_Alignas(64) _Atomic uint32_t
	    bell; /* futex: a writer adds 1 and wakes the recorder when it sleeps */
	_Atomic uint32_t sleeping; /* the recorder waits on the bell */
	_Alignas(64) _Atomic uint32_t processes,
	    threads; /* slots that were ever used: the reader looks at those below */
	_Atomic uint64_t lost_threads;   /* records of threads for which there was no slot */
	_Atomic uint64_t lost_processes; /* processes for which there was none */
	_Alignas(64) char text[WIRE_TEXT_BYTES];
};

enum wire_state {
	WIRE_FREE_SLOT,
	WIRE_TAKEN, /* being set up */
	WIRE_LIVE,
	WIRE_ENDING, /* the thread's destructors run: records may follow until it is gone */
};

enum wire_count {         /* counters of a process */
	WIRE_LOST_FULL,   /* records that found no room (--lossy, or the recorder died) */
	WIRE_LOST_SIGNAL, /* of signal handlers that interrupted what could not be interrupted */
	WIRE_CUT,         /* chains that ended before their root, and before the depth */
	WIRE_WAITS,       /* times that a full ring was waited for */
	WIRE_WAITED_NS,
	WIRE_FAILED,    /* allocations that returned NULL */
	WIRE_UNSAMPLED, /* allocations that --min and --sample left out */
	WIRE_BACKED,    /* allocations that a policy placed */
	WIRE_BACKED_BYTES,
	WIRE_FULL, /* and those that fell back as the pool was full */
	WIRE_FULL_BYTES,
	WIRE_STACKS,       /* chains asked for, */
	WIRE_STACKS_KNOWN, /* and those that were as one before */
	WIRE_COUNTS = 16
};

enum wire_note {             /* wire_process.notes: what the recorder should tell the user */
	WIRE_OWN_MALLOC = 1, /* the program has an allocator of its own, which we do not see */
	WIRE_NO_TOUCH = 2,   /* no userfaultfd: errno in note_errno */
};

enum { WIRE_HIDDEN = 16 };

/* What the process waits for: a look after its fork, of which nothing is told, or one before it is gone. */
enum wire_look { WIRE_LOOK_NONE, WIRE_LOOK_FIRST, WIRE_LOOK_LAST, WIRE_LOOK_DONE };

struct wire_process {
	_Atomic uint32_t state; /* enum wire_state */
	int32_t
	    pid; /* in the PID namespace of the recorder where the library can know it, else its own */
	int32_t ppid;           /* who forked it; 0 where it was executed */
	int32_t touch;          /* descriptor of its userfaultfd; -1 */
	uint64_t began;         /* ticks */
	_Atomic uint64_t ended; /* ticks of exit(3) or of exec; 0: not said */
	_Atomic uint32_t notes;
	int32_t note_errno;
	uint32_t serial; /* tells apart processes that had one slot after another */
	_Alignas(64) _Atomic uint64_t count[WIRE_COUNTS];
	char exe[256]; /* its program, cut where it is too long */

	/* Memory that is the library's own: start and end, not to be told as written. */
	_Atomic uint32_t hidden;
	uint64_t hide[WIRE_HIDDEN][2];
	_Atomic uint32_t look; /* futex, enum wire_look */
};

struct wire_thread {
	_Atomic uint32_t state; /* enum wire_state */
	int32_t pid, tid;
	uint32_t process;     /* number of its slot */
	uint64_t ring, bytes; /* offset in the file, size */
	uint32_t serial;      /* tells apart threads that had one slot after another */
	/* Of enum wire_count, as the process has them: what counts is the sum of both. The reader moves them to the
	 * process when the slot is given back. */
	_Atomic uint64_t count[WIRE_COUNTS];
	_Alignas(64) _Atomic uint64_t head; /* the writer's */
	_Alignas(64) _Atomic uint64_t tail; /* the reader's */
	_Atomic uint32_t
	    room; /* futex: the reader adds 1 after it has moved tail, where `waiting` is set */
	_Atomic uint32_t waiting;
};

/* What a record is about. The order is that of wire_op_name(). */
enum wire_op {
	WIRE_PAD, /* to the end of the ring; words counts it */

	/* Allocations: words addr, size; old behind them where flag WIRE_HAS_OLD says so, then align likewise, then the chain. */
	WIRE_MALLOC,
	WIRE_CALLOC,
	WIRE_REALLOC,
	WIRE_REALLOCARRAY,
	WIRE_POSIX_MEMALIGN,
	WIRE_ALIGNED_ALLOC,
	WIRE_MEMALIGN,
	WIRE_VALLOC,
	WIRE_PVALLOC,
	WIRE_NEW,
	WIRE_NEW_ARRAY,
	WIRE_MMAP,
	WIRE_MREMAP,
	WIRE_BRK, /* addr and size of what sbrk(2), brk(2) gave in addition */
	WIRE_SHMAT,

	/* Ends: words addr, size (0: not known), then the chain. */
	WIRE_FREE,
	WIRE_FREE_REALLOC, /* before realloc(3): the old one; where it fails, a WIRE_REALLOC with old = addr follows */
	WIRE_DELETE,
	WIRE_DELETE_ARRAY,
	WIRE_MUNMAP, /* addr, size: what is unmapped, be it a part, or several */
	WIRE_FREE_MREMAP,
	WIRE_FREE_BRK,
	WIRE_SHMDT,

	/* What else the recorder should know. */
	WIRE_CHAIN, /* the chain `chain` of this ring is from now on: its addresses, leaf first; count behind the header */
	WIRE_MAPS,  /* lines as /proc/PID/maps has them: bytes, then text */
	WIRE_EXEC,  /* the process begins a program: its name is in its slot; mappings follow */
	WIRE_FORK,  /* the process was forked by ppid: its mappings are those of ppid */
	WIRE_EXIT,
	WIRE_OPS
};

enum { /* wire_record.flags */
	WIRE_HAS_OLD = 1,
	WIRE_HAS_ALIGN = 2,
	WIRE_HAS_WEIGHT = 4, /* with --sample: bytes that this one stands for, behind align */
};

enum { WIRE_NO_CHAIN = 0xffff };

struct wire_record {
	uint64_t t; /* ticks */
	uint8_t op; /* enum wire_op */
	uint8_t flags;
	uint16_t chain; /* number of the chain in this ring, below WIRE_CHAINS; WIRE_NO_CHAIN */
	uint32_t words; /* of 8 bytes, these two included; even: the last may mean nothing */
	uint64_t word[];
};

/* "malloc", "new[]", "munmap"; NULL for what is neither allocation nor end. */
const char *wire_op_name(enum wire_op op);

static inline bool
wire_is_alloc(unsigned op)
{
	return op >= WIRE_MALLOC && op <= WIRE_SHMAT;
}

static inline bool
wire_is_free(unsigned op)
{
	return op >= WIRE_FREE && op <= WIRE_SHMDT;
}

/* Where things lie in the file. */
enum {
	WIRE_AT_PROCESSES = (sizeof(struct wire_header) + 4095) / 4096 * 4096,
	WIRE_AT_THREADS =
	    (WIRE_AT_PROCESSES + WIRE_PROCESSES * sizeof(struct wire_process) + 4095) / 4096 * 4096,
	WIRE_AT_RINGS =
	    (WIRE_AT_THREADS + WIRE_THREADS * sizeof(struct wire_thread) + 4095) / 4096 * 4096,
	WIRE_BYTES = WIRE_AT_RINGS + WIRE_LARGE * WIRE_LARGE_BYTES +
		     (WIRE_THREADS - WIRE_LARGE) * WIRE_SMALL_BYTES
};

static inline struct wire_process *
wire_process(const struct wire_header *h, unsigned i)
{
	return (struct wire_process *)((unsigned char *)h + WIRE_AT_PROCESSES) + i;
}

static inline struct wire_thread *
wire_thread(const struct wire_header *h, unsigned i)
{
	return (struct wire_thread *)((unsigned char *)h + WIRE_AT_THREADS) + i;
}

/* Whether the recorder is gone: any writer may ask, at any time. */
bool wire_recorder_died(const struct wire_header *h);

#endif
