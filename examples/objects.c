/* objects.c - a workload whose objects, and how often each is read and written, are known
 *
 * usage: objects [--rounds N] [--thread]	N rounds of accesses (default 100; about 0.4 ms of CPU time each)
 *        objects --seconds S [--thread]	as many rounds as take about S seconds of CPU time
 *        objects --shape [--rounds N]		print what is there: a row for each site
 *
 * It makes 1,009 allocations, no more and no less: it uses nothing of the C library that allocates (--thread does). Three
 * phases follow each other; each makes its accesses N times over:
 *
 *	site (function)	objects			accesses a round	share	phase	what is special
 *	make_table	1 of 8 MiB		12,800 w		10 %	build
 *						51,200 r		40 %	search	half of them in its first MiB
 *	make_node	512 of 64 bytes		512 x (40 r, 10 w)	20 %	search	a list; once w, r: its links
 *	make_buffer	480 of 16 KiB		480 x (20 w, 20 r)	15 %	stream	live 8 at a time, at the same addresses
 *	make_log	4 of 1 2 4 8 MiB	4 x 1,600 w		 5 %	stream	one, grown by realloc
 *	make_cold	4 of 2 MiB		once a page, w		 0 %	build	aligned_alloc
 *	make_leak	8 of 4,000 bytes	once, w			 0 %	stream	calloc; never freed
 *	map_scratch	1 of 1 MiB		2,560 w			 2 %	stream	mmap, one of its own beside the 1,009
 *	map_file	1 of 8 KiB		1,280 r			 1 %	stream	mmap of this program's file
 *	the_global	static, 64 KiB		6,400 r			 5 %	search
 *	use_stack	the stack, 2 KiB	1,280 r, 1,280 w	 2 %	search
 *
 * Every access is one load or store of 8 bytes within the object; nobody else looks at an object while it lives, but for
 * what the C library does within its own calls. With --thread the phase `stream` is a thread, whose last buffers are freed by the
 * first one.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#if defined(__clang__)
#define KEPT __attribute__((noinline))
#else
#define KEPT __attribute__((noipa)) /* neither inlined nor cloned nor specialised */
#endif

/* Behind the last call, so that it is no jump, and its caller is in the stack. */
#define STAY() __asm__ volatile("" : : : "memory")

enum {
	WORD = 8,
	PAGE = 4096,
	TABLE = 8 << 20,
	TABLE_HOT = 1 << 20,
	TABLE_READS = 51200,
	TABLE_WRITES = 12800,
	NODES = 512,
	NODE = 64,
	NODE_READS = 40,
	NODE_WRITES = 10,
	BUFFERS = 480,
	BUFFER = 16 << 10,
	BUFFERS_LIVE = 8,
	BUFFER_READS = 20,
	BUFFER_WRITES = 20,
	LOGS = 4,
	LOG = 1 << 20,
	LOG_WRITES = 1600,
	COLDS = 4,
	COLD = 2 << 20,
	LEAKS = 8,
	LEAK = 4000,
	SCRATCH = 1 << 20,
	SCRATCH_WRITES = 2560,
	MAPPED = 8 << 10,
	MAPPED_READS = 1280,
	GLOBAL = 64 << 10,
	GLOBAL_READS = 6400,
	STACK = 2 << 10,
	STACK_READS = 1280,
	STACK_WRITES = 1280
};

typedef volatile uint64_t word;

struct node {
	word value[NODE / WORD - 1];
	struct node *volatile next;
};

extern word the_global[GLOBAL / WORD];
word the_global[GLOBAL / WORD] = { 1 };

static unsigned long rounds = 100;
static word *table, *cold[COLDS], *scratch;
static const word *mapped;
static struct node *list;
static word *left[BUFFERS_LIVE];

void *make_table(size_t n);
void *make_node(size_t n);
void *make_buffer(size_t n);
void *make_log(void *old, size_t n);
void *make_cold(size_t n);
void *make_leak(size_t n);
void *map_scratch(size_t n);
void *map_file(size_t n);
void read_words(const word *from, size_t bytes, unsigned long times);
void write_words(word *to, size_t bytes, unsigned long times);
void use_stack(unsigned long times);
void build(void);
void search(void);
void stream(void);
void *stream_thread(void *unused);

static _Noreturn void
fail(const char *what)
{
	size_t n = strlen(what);

	/* No stdio: it allocates. */
	if (write(2, "objects: cannot get ", 20) == 20 && write(2, what, n) == (ssize_t)n)
		n = (size_t)write(2, "\n", 1);
	_exit(2);
}

static void *
made(void *p, const char *what)
{
	if (p == NULL || p == MAP_FAILED)
		fail(what);
	return p;
}

static void
drop(word *object)
{
	free((void *)(uintptr_t)object);
}

KEPT void *
make_table(size_t n)
{
	void *p = made(malloc(n), "the table");

	STAY();
	return p;
}

KEPT void *
make_node(size_t n)
{
	void *p = made(malloc(n), "a node");

	STAY();
	return p;
}

KEPT void *
make_buffer(size_t n)
{
	void *p = made(malloc(n), "a buffer");

	STAY();
	return p;
}

KEPT void *
make_log(void *old, size_t n)
{
	void *p = made(realloc(old, n), "the log");

	STAY();
	return p;
}

KEPT void *
make_cold(size_t n)
{
	void *p = made(aligned_alloc(PAGE, n), "what stays cold");

	STAY();
	return p;
}

KEPT void *
make_leak(size_t n)
{
	void *p = made(calloc(1, n), "what leaks");

	STAY();
	return p;
}

KEPT void *
map_scratch(size_t n)
{
	void *p = made(
	    mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), "a mapping");

	STAY();
	return p;
}

KEPT void *
map_file(size_t n)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	void *p;

	if (fd < 0)
		fail("the program's file");
	p = made(mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0), "the file's mapping");
	close(fd);
	return p;
}

/* In an order that no prefetcher follows. */
KEPT void
read_words(const word *from, size_t bytes, unsigned long times)
{
	size_t n = bytes / WORD;
	uint64_t x = 1;

	for (unsigned long i = 0; i < times; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		(void)from[(x >> 33) % n];
	}
}

KEPT void
write_words(word *to, size_t bytes, unsigned long times)
{
	size_t n = bytes / WORD;
	uint64_t x = 1;

	for (unsigned long i = 0; i < times; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		to[(x >> 33) % n] = x;
	}
}

KEPT void
use_stack(unsigned long times)
{
	word here[STACK / WORD];

	for (unsigned long i = 0; i < times; i++)
		for (unsigned k = 0; k < STACK_WRITES; k++) {
			here[k % (STACK / WORD)] = k;
			(void)here[k % (STACK / WORD)];
		}
}

KEPT void
build(void)
{
	table = make_table(TABLE);
	write_words(table, TABLE, rounds * TABLE_WRITES);
	for (unsigned i = 0; i < COLDS; i++) {
		cold[i] = make_cold(COLD);
		for (size_t page = 0; page < COLD / PAGE; page++)
			cold[i][page * PAGE / WORD] = page;
	}
	STAY();
}

/* A node is read and written in its first seven words; to follow `next` is one of its reads. */
KEPT void
search(void)
{
	struct node *head = NULL;

	for (unsigned i = 0; i < NODES; i++) {
		struct node *n = make_node(sizeof *n);

		n->next = head;
		head = n;
	}
	list = head;
	for (unsigned long r = 0; r < rounds; r++) {
		read_words(table, TABLE_HOT, TABLE_READS / 2);
		read_words(table, TABLE, TABLE_READS / 2);
		for (struct node *n = head; n != NULL; n = n->next) {
			for (unsigned k = 0; k < NODE_READS - 1; k++)
				(void)n->value[k % (NODE / WORD - 1)];
			for (unsigned k = 0; k < NODE_WRITES; k++)
				n->value[k % (NODE / WORD - 1)] = k;
		}
		read_words(the_global, GLOBAL, GLOBAL_READS);
		use_stack(1);
	}
	STAY();
}

KEPT void
stream(void)
{
	word *log = NULL, *live[BUFFERS_LIVE], *leak;

	scratch = map_scratch(SCRATCH);
	mapped = map_file(MAPPED);
	for (unsigned i = 0; i < BUFFERS; i += BUFFERS_LIVE) {
		for (unsigned k = 0; k < BUFFERS_LIVE; k++)
			live[k] = make_buffer(BUFFER);
		if (i % (BUFFERS / LOGS) == 0) {
			unsigned n = i / (BUFFERS / LOGS);

			log = make_log((void *)(uintptr_t)log, (size_t)LOG << n);
			write_words(log, (size_t)LOG << n, rounds * LOG_WRITES);
		}
		if (i % (BUFFERS / LEAKS) == 0 || i % (BUFFERS / LEAKS) == 4) {
			leak = make_leak(LEAK);
			*leak = i;
		}
		for (unsigned k = 0; k < BUFFERS_LIVE; k++) {
			write_words(live[k], BUFFER, rounds * BUFFER_WRITES);
			read_words(live[k], BUFFER, rounds * BUFFER_READS);
		}
		for (unsigned k = 0; k < BUFFERS_LIVE && i + BUFFERS_LIVE < BUFFERS; k++)
			drop(live[k]);
	}
	write_words(scratch, SCRATCH, rounds * SCRATCH_WRITES);
	read_words(mapped, MAPPED, rounds * MAPPED_READS);
	memcpy(left, live, sizeof left);
	drop(log);
	STAY();
}

KEPT void *
stream_thread(void *unused)
{
	prctl(PR_SET_NAME, "objects-stream");
	stream();
	return unused;
}

static double
cpu_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* What a round takes is measured where it leaves no trace among the objects: in pages of its own. */
static unsigned long
rounds_in(double seconds)
{
	double begin, took;
	word *probe = made(mmap(NULL, TABLE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0),
	    "room to measure");

	begin = cpu_time();
	for (unsigned i = 0; i < 8; i++) {
		read_words(probe, TABLE_HOT, 64000);
		write_words(probe, GLOBAL, 64000);
	}
	took = (cpu_time() - begin) / 8;
	munmap((void *)(uintptr_t)probe, TABLE);
	return seconds > took ? (unsigned long)(seconds / took) : 1;
}

static void
print_shape(void)
{
	static const struct {
		const char *site, *kind;
		unsigned objects;
		size_t bytes;
		unsigned long once_r, once_w, reads,
		    writes; /* of all objects of the site together */
	} site[] = {
		{ "make_table", "object", 1, TABLE, 0, 0, TABLE_READS, TABLE_WRITES },
		{ "make_node", "object", NODES, NODES * NODE, NODES, NODES, NODES * NODE_READS,
		    NODES * NODE_WRITES },
		{ "make_buffer", "object", BUFFERS, (size_t)BUFFERS * BUFFER, 0, 0,
		    BUFFERS * BUFFER_READS, BUFFERS * BUFFER_WRITES },
		{ "make_log", "object", LOGS, (size_t)LOG * 15, 0, 0, 0, LOGS * LOG_WRITES },
		{ "make_cold", "object", COLDS, (size_t)COLDS * COLD, 0, COLDS * (COLD / PAGE), 0,
		    0 },
		{ "make_leak", "object", LEAKS, (size_t)LEAKS * LEAK, 0, LEAKS, 0, 0 },
		{ "map_scratch", "object", 1, SCRATCH, 0, 0, 0, SCRATCH_WRITES },
		{ "map_file", "file", 1, MAPPED, 0, 0, MAPPED_READS, 0 },
		{ "the_global", "global", 1, GLOBAL, 0, 0, GLOBAL_READS, 0 },
		{ "use_stack", "stack", 1, STACK, 0, 0, STACK_READS, STACK_WRITES },
	};

	printf("# objects rounds=%lu\nsite\tkind\tobjects\tsize\treads\twrites\n", rounds);
	for (unsigned i = 0; i < sizeof site / sizeof *site; i++)
		printf("%s\t%s\t%u\t%zu\t%lu\t%lu\n", site[i].site, site[i].kind, site[i].objects,
		    site[i].bytes, site[i].once_r + rounds * site[i].reads,
		    site[i].once_w + rounds * site[i].writes);
}

int
main(int argc, char **argv)
{
	int shape = 0, thread = 0;
	pthread_t other;
	char *end;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--shape") == 0) {
			shape = 1;
		} else if (strcmp(argv[i], "--thread") == 0) {
			thread = 1;
		} else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) {
			rounds = strtoul(argv[++i], &end, 10);
			if (*end || rounds < 1 || rounds > 1000000000)
				goto usage;
		} else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
			double seconds = strtod(argv[++i], &end);

			if (*end || !(seconds > 0))
				goto usage;
			rounds = rounds_in(seconds);
		} else {
			goto usage;
		}
	}
	if (shape) {
		print_shape();
		return 0;
	}
	build();
	search();
	if (!thread)
		stream();
	else if (pthread_create(&other, NULL, stream_thread, NULL) != 0)
		fail("a thread");
	else
		pthread_join(other, NULL);
	for (unsigned k = 0; k < BUFFERS_LIVE; k++)
		drop(left[k]);
	munmap((void *)(uintptr_t)scratch, SCRATCH);
	for (struct node *n = list, *next; n != NULL; n = next) {
		next = n->next;
		free(n);
	}
	for (unsigned i = 0; i < COLDS; i++)
		drop(cold[i]);
	drop(table);
	return 0;
usage:
	fprintf(stderr, "usage: objects [--rounds N | --seconds S] [--thread] [--shape]\n");
	return 2;
}
