/* CPU lists, clocks, and the order of what comes out of the rings of all CPUs. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "sys/clock.h"
#include "sys/limits.h"
#include "sys/rings.h"
#include "unit.h"

enum { PAGES = 211, CHILDREN = 4 };

static bool
list(const char *text, unsigned n, int last)
{
	unsigned cpus;
	int *cpu, at;

	if (sys_cpus_parse(text, &cpu, &cpus) < 0)
		return n == 0;
	at = cpu[cpus - 1];
	free(cpu);
	return cpus == n && at == last;
}

static void
touch_pages(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p =
	    mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || madvise(p, PAGES * page, MADV_NOHUGEPAGE) < 0)
		_exit(1);
	for (size_t i = 0; i < PAGES; i++)
		((volatile char *)p)[i * page] = 1;
}

static unsigned opened[4];

static void
note_attr(uint64_t id, unsigned attr, void *context)
{
	(void)id;
	(void)context;
	opened[attr]++;
}

/* An event that leads the group of the next and takes no samples, and one that is on one CPU only. */
static void
groups(const struct sys_rings_config *like)
{
	struct perf_event_attr attr[3] = {
		{ .type = PERF_TYPE_SOFTWARE,
		    .config = PERF_COUNT_SW_TASK_CLOCK,
		    .exclude_kernel = 1 },
		{ .type = PERF_TYPE_SOFTWARE,
		    .config = PERF_COUNT_SW_PAGE_FAULTS,
		    .sample_period = 1,
		    .exclude_kernel = 1,
		    .sample_type = PERF_SAMPLE_ADDR },
	};
	const char *const name[] = { "leader", "member", "one CPU" };
	const struct sys_rings_cpus only[] = { { NULL, 0 }, { NULL, 0 },
		{ &like->cpu[like->cpus - 1], 1 } };
	const bool leads[] = { true, false, false };
	struct sys_rings_config config = *like;
	const struct perf_event_header *h;
	struct perf_layout layout;
	struct sys_rings rings;
	struct sys_count count;
	uint64_t samples = 0;
	struct error e;

	attr[2] = attr[1];
	config.attr = attr;
	config.attrs = 3;
	config.name = name;
	config.only = only;
	config.leads = leads;
	CLAIM(sys_rings_open(&rings, &config, &e) == 0);
	CLAIM(sys_rings_ids(&rings, note_attr, NULL, &e) == 0);
	CLAIM(opened[0] == config.cpus && opened[1] == config.cpus && opened[2] == 1);
	CLAIM(opened[3] == config.cpus);
	CLAIM(perf_layout_init(&layout, &attr[1], &e) == 0);
	CLAIM(sys_rings_enable(&rings, true, &e) == 0);
	touch_pages();
	CLAIM(sys_rings_enable(&rings, false, &e) == 0);
	for (int round = 0; round < 3; round++) {
		sys_rings_round(&rings, round == 2);
		while (sys_rings_next(&rings, &h))
			samples += h->type == PERF_RECORD_SAMPLE;
	}
	sys_rings_count(&rings, 0, &count);
	CLAIM(count.value > 0 && count.lost == 0);
	sys_rings_count(&rings, 1, &count);
	CLAIM(count.value >= PAGES && samples >= count.value && samples <= 2 * count.value);
	sys_rings_close(&rings);
}

int
main(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_PAGE_FAULTS,
		.sample_period = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.sample_type = PERF_SAMPLE_ADDR };
	const char *name = "page-faults";
	const struct perf_event_header *h;
	uint64_t last = 0, samples = 0, exits = 0;
	struct sys_clock_reading reading;
	struct sys_rings_config config = { .attr = &attr,
		.name = &name,
		.attrs = 1,
		.cgroup = -1,
		.inherit = true,
		.bytes = 1 << 16,
		.clock = CLOCK_MONOTONIC_RAW };
	struct perf_layout layout;
	struct sys_rings rings;
	struct sys_count count;
	pid_t self = getpid();
	struct error e;
	int go[2], status;
	char byte;

	CLAIM(list("0", 1, 0) && list("0-3,7", 5, 7) && list("2,1", 2, 1));
	CLAIM(list("", 0, 0) && list("a", 0, 0) && list("1-", 0, 0) && list("3-1", 0, 0) &&
	      list("1,1", 0, 0));
	CLAIM(list("0-99999999", 0, 0) && list("-1", 0, 0) && list("1,,2", 0, 0));

	sys_clock_read(&reading);
	CLAIM(llabs(sys_clock_now(CLOCK_MONOTONIC_RAW) - reading.monotonic_raw) < 1000000000);
	CLAIM(llabs(sys_clock_now(CLOCK_REALTIME) - reading.realtime) < 1000000000);
	CLAIM(sys_clock_of(&reading, CLOCK_BOOTTIME) == reading.boottime);

	CLAIM(sys_cpus_online((int **)&config.cpu, &config.cpus, &e) == 0);
	config.tid = &self;
	config.tids = 1;
	if (sys_rings_open(&rings, &config, &e) < 0) {
		if (strstr(e.text, "not permitted"))
			unit_skip(e.text);
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	CLAIM(perf_layout_init(&layout, &attr, &e) == 0);
	CLAIM(sys_rings_track(&rings, &e) == 0 && sys_rings_enable(&rings, true, &e) == 0);
	CLAIM(pipe(go) == 0);
	for (int i = 0; i < CHILDREN; i++)
		if (fork() == 0) {
			close(go[1]);
			if (read(go[0], &byte, 1) != 0)
				_exit(1);
			touch_pages();
			_exit(0);
		}
	CLAIM(sys_rings_enable(&rings, false, &e) == 0 && sys_rings_enable(&rings, true, &e) == 0);
	close(go[1]);
	close(go[0]);
	for (int i = 0; i < CHILDREN; i++)
		CLAIM(wait(&status) > 0 && status == 0);
	CLAIM(sys_rings_enable(&rings, false, &e) == 0);
	for (int round = 0; round < 3; round++) {
		sys_rings_round(&rings, round == 2);
		while (sys_rings_next(&rings, &h)) {
			bool sample = h->type == PERF_RECORD_SAMPLE;
			uint64_t t =
			    load64((const char *)h + (sample ? layout.sample_time_at
							     : h->size - layout.trailer_time_at));

			CLAIM((uintptr_t)h % 8 == 0);
			CLAIM(t >= last);
			last = t;
			samples += sample;
			exits += h->type == PERF_RECORD_EXIT;
		}
	}
	CLAIM(exits == CHILDREN);
	sys_rings_count(&rings, 0, &count);
	CLAIM(count.value == samples + count.lost);
	CLAIM(samples >= CHILDREN * PAGES);
	CLAIM(rings.late == 0 && rings.unreadable == 0);
	sys_rings_close(&rings);
	groups(&config);
	free((int *)config.cpu);
	return 0;
}
