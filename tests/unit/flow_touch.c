/* The pages that a process writes between two looks are told, these and no others. The process is a child, which writes what it
 * is told to write, and answers; so each set is known. */
#include "flow/touch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "unit.h"

enum { PAGE = 4096, PAGES = 3000, HUGE_BYTES = 2 << 20 };

enum order {
	WRITE,   /* n prime pages from number `from` on */
	READ,    /* the same, by reading them */
	SYSCALL, /* the kernel writes them: read(2) */
	REMAP,   /* others take their place */
	GROW,    /* the heap by so many pages, and writes them */
	SHARED,
	READ_SHARED,
	HUGE_PAGE,
	FORK,
	DROP, /* MADV_DONTNEED of all */
	LEAVE
};

static struct message {
	int order;
	unsigned from, n;
	uintptr_t told; /* by the child */
} * message;            /* shared */

static unsigned char *memory;        /* PAGES pages, where both have them */
static unsigned char *shared, *huge; /* likewise */
static int to_child[2], to_parent[2];
static struct wire_header *header;
static struct wire_process *slot;
static struct touch *t;
static struct record_own own;
static int out;

static bool
is_prime(unsigned n)
{
	for (unsigned d = 2; d * d <= n; d++)
		if (n % d == 0)
			return false;
	return n >= 2;
}

/* ---- the child ---- */

static int
make_uffd(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = 1 << 15 | 1 << 13 | 1 << 12 };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | 1);

	return fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0 ? fd : -1;
}

static void
touch_pages(unsigned char *at, const struct message *m)
{
	int zero = m->order == SYSCALL ? open("/dev/zero", O_RDONLY) : -1;

	for (unsigned i = m->from; i < m->from + m->n; i++) {
		if (!is_prime(i))
			continue;
		if (m->order == READ || m->order == READ_SHARED)
			(void)*(volatile unsigned char *)(at + (size_t)i * PAGE + 77);
		else if (m->order == SYSCALL)
			CLAIM(read(zero, at + (size_t)i * PAGE + 100, 8) == 8);
		else
			at[(size_t)i * PAGE + i % PAGE] = (unsigned char)i;
	}
	if (zero >= 0)
		close(zero);
}

static void
obey(void)
{
	switch (message->order) {
	case WRITE:
	case READ:
	case SYSCALL:
		touch_pages(memory, message);
		break;
	case SHARED:
	case READ_SHARED:
		touch_pages(shared, message);
		break;
	case HUGE_PAGE:
		madvise(huge, HUGE_BYTES, MADV_HUGEPAGE);
		huge[message->from] = 1;
		break;
	case REMAP:
		CLAIM(mmap(memory, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == memory);
		break;
	case DROP:
		CLAIM(madvise(memory, (size_t)PAGES * PAGE, MADV_DONTNEED) == 0);
		break;
	case GROW:
		message->told = ((uintptr_t)sbrk(message->n * PAGE) + PAGE - 1) / PAGE * PAGE;
		for (unsigned i = 0; i + 1 < message->n; i++)
			*(unsigned char *)(message->told + i * PAGE) = 1;
		break;
	case FORK:
		if (fork() == 0) { /* shares no descriptor that is about its memory */
			memory[0] = 1;
			_exit(0);
		}
		wait(NULL);
		break;
	}
}

static void
child(void)
{
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	slot->touch = make_uffd();
	atomic_store(&slot->state, WIRE_LIVE);
	CLAIM(write(to_parent[1], "x", 1) == 1);
	while (read(to_child[0], &c, 1) == 1 && message->order != LEAVE) {
		obey();
		CLAIM(write(to_parent[1], "x", 1) == 1);
	}
	_exit(0);
}

/* ---- the parent ---- */

static void
tell(int order, unsigned from, unsigned n)
{
	char c;

	*message = (struct message){ order, from, n, 0 };
	CLAIM(write(to_child[1], "x", 1) == 1);
	CLAIM(read(to_parent[0], &c, 1) == 1);
}

/* The addresses that a look finds in a range, in order; *n of them. Sizes are summed. */
static uint64_t found[PAGES], bytes;

static unsigned
look(const void *from, size_t size)
{
	char *text;
	unsigned n = 0;
	off_t end;

	touch_step(t, header);
	CLAIM(ftruncate(out, 0) == 0 && lseek(out, 0, SEEK_SET) == 0);
	CLAIM(touch_put(t, &own, UINT64_MAX) == 0 && trace_flush(own.w) == 0);
	end = lseek(out, 0, SEEK_END);
	text = malloc((size_t)end + 1);
	CLAIM(pread(out, text, (size_t)end, 0) == end);
	text[end] = '\0';
	bytes = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char *addr = strstr(line, "\taddr=0x"), *sizes = strstr(line, "\tsize=");
		uint64_t a;

		if (strncmp(line, "access", 6) != 0)
			continue; /* what the format itself has */
		CLAIM(addr && sizes && strstr(line, "\top=") && strstr(line, "\tevent="));
		a = strtoull(addr + 8, NULL, 16);
		if (a < (uintptr_t)from || a >= (uintptr_t)from + size)
			continue;
		CLAIM(n < PAGES);
		found[n++] = a;
		bytes += strtoull(sizes + 6, NULL, 10);
	}
	free(text);
	return n;
}

static void
must_be_primes(const unsigned char *at, unsigned from, unsigned n)
{
	unsigned k = look(at, (size_t)PAGES * PAGE), i = 0;

	for (unsigned p = from; p < from + n; p++)
		if (is_prime(p)) {
			CLAIM(i < k);
			CLAIM(found[i] == (uintptr_t)at + (uintptr_t)p * PAGE);
			i++;
		}
	CLAIM(i == k);
	CLAIM(bytes == (uint64_t)k * PAGE);
}

static void
set_up(void)
{
	char c;
	int fd = make_uffd();

	if (fd < 0)
		unit_skip(
		    "no userfaultfd with asynchronous write protection (Linux 6.7, and the right)");
	close(fd);
	header = mmap(NULL, WIRE_BYTES, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	message = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memory = mmap(
	    NULL, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	huge =
	    mmap(NULL, 3 * HUGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	huge += HUGE_BYTES - (uintptr_t)huge % HUGE_BYTES;
	fd = memfd_create("pool", 0);
	CLAIM(ftruncate(fd, (off_t)PAGES * PAGE) == 0);
	shared = mmap(NULL, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CLAIM(pipe(to_child) == 0 && pipe(to_parent) == 0);
	slot = wire_process(header, 0);
	*slot = (struct wire_process){ .serial = 1, .touch = -1 };
	slot->pid = fork();
	if (slot->pid == 0) {
		slot->pid = getpid();
		child();
	}
	CLAIM(read(to_parent[0], &c, 1) == 1);
	header->processes = 1;
	out = memfd_create("out", 0);
	own.w = trace_writer_new(out, TRACE_LINES, 0);
}

static void
warn(const char *text, void *context)
{
	(void)context;
	fprintf(stderr, "%s\n", text);
}

int
main(void)
{
	const struct record_listener listener = { warn, warn, NULL };
	pid_t pid;

	set_up();
	pid = slot->pid;
	t = touch_new(0, &listener);

	/* the first look tells what was written since the beginning; what was only read, or is not there, is not told */
	tell(READ, 0, PAGES);
	must_be_primes(memory, 0, 0);
	tell(WRITE, 0, 1000);
	must_be_primes(memory, 0, 1000);
	must_be_primes(memory, 0, 0);
	tell(WRITE, 500, 1500);
	must_be_primes(memory, 500, 1500);
	tell(READ, 0, PAGES);
	must_be_primes(memory, 0, 0);
	/* twice is once */
	tell(WRITE, 100, 50);
	tell(WRITE, 100, 60);
	must_be_primes(memory, 100, 60);
	/* the kernel writes for the process */
	tell(SYSCALL, 700, 300);
	must_be_primes(memory, 700, 300);
	/* other memory at the same place */
	tell(REMAP, 0, 0);
	must_be_primes(memory, 0, 0);
	tell(WRITE, 30, 300);
	must_be_primes(memory, 30, 300);
	tell(REMAP, 0, 0);
	tell(WRITE, 300, 300);
	must_be_primes(memory, 300, 300);
	tell(DROP, 0, 0);
	must_be_primes(memory, 0, 0);
	tell(WRITE, 0, 100);
	must_be_primes(memory, 0, 100);
	/* a child that is no process of ours changes nothing */
	tell(FORK, 0, 0);
	must_be_primes(memory, 0, 0);
	/* the heap grows, by an area that nobody has registered */
	tell(GROW, 0, 51);
	CLAIM(look((void *)message->told, 50 * PAGE) == 50);
	CLAIM(look((void *)message->told, 50 * PAGE) == 0);
	/* shared: what is read later is not told */
	tell(SHARED, 0, 200);
	must_be_primes(shared, 0, 200);
	tell(READ_SHARED, 400, 200);
	tell(SHARED, 100, 200);
	must_be_primes(shared, 100, 200);

	/* a huge page is told as one, and is split where it is written again */
	tell(HUGE_PAGE, 5, 0);
	CLAIM(look(huge, HUGE_BYTES) == 1);
	CLAIM(found[0] == (uintptr_t)huge);
	CLAIM(bytes == PAGE || bytes == HUGE_BYTES); /* as the machine has them, or not */
	tell(HUGE_PAGE, 7 * PAGE, 0);
	CLAIM(look(huge, HUGE_BYTES) == 1);
	CLAIM(found[0] == (uintptr_t)huge + 7 * PAGE && bytes == PAGE);

	/* hidden is hidden */
	slot->hide[0][0] = (uintptr_t)memory;
	slot->hide[0][1] = (uintptr_t)memory + (uintptr_t)PAGES * PAGE;
	slot->hidden = 1;
	tell(WRITE, 0, 100);
	CLAIM(look(memory, (size_t)PAGES * PAGE) == 0);
	slot->hidden = 0;
	must_be_primes(memory, 0, 100);

	/* whoever asks gets an answer, and looks that are not due are not made */
	touch_free(t);
	t = touch_new(3600000000000, &listener);
	CLAIM(touch_due(t) > 3000000);
	tell(WRITE, 0, 100);
	CLAIM(look(memory, (size_t)PAGES * PAGE) == 0);
	slot->look = WIRE_LOOK_LAST;
	must_be_primes(memory, 0, 100);
	CLAIM(slot->look == WIRE_LOOK_DONE);
	tell(WRITE, 0, 100);
	slot->look = WIRE_LOOK_FIRST;
	must_be_primes(memory, 0, 0);
	CLAIM(slot->look == WIRE_LOOK_DONE);

	/* the process is killed, and its slot taken by nobody */
	touch_free(t);
	t = touch_new(0, &listener);
	CLAIM(look(memory, (size_t)PAGES * PAGE) == 0);
	kill(pid, SIGKILL);
	CLAIM(waitpid(pid, NULL, 0) == pid);
	CLAIM(look(memory, 0) == 0);
	CLAIM(look(memory, 0) == 0);
	CLAIM(touch_finish(t, &own, 1) == 0 && trace_flush(own.w) == 0);
	touch_free(t);
	return 0;
}
