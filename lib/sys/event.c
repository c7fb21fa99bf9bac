#include "sys/event.h"

#include <ctype.h>
#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <perfmon/pfmlib_perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/num.h"
#include "sys/pmu.h"
#include "sys/tracefs.h"

static const struct {
	const char *name;
	uint32_t type;
	uint64_t config;
} table[] = {
	{ "cpu-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK },
	{ "task-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK },
	{ "page-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS },
	{ "faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS },
	{ "minor-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN },
	{ "major-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MAJ },
	{ "context-switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES },
	{ "cs", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES },
	{ "cpu-migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS },
	{ "migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS },
	{ "alignment-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_ALIGNMENT_FAULTS },
	{ "emulation-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_EMULATION_FAULTS },
	{ "bpf-output", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_BPF_OUTPUT },
	{ "cgroup-switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CGROUP_SWITCHES },
	{ "cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES },
	{ "cpu-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES },
	{ "instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS },
	{ "cache-references", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES },
	{ "cache-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES },
	{ "branches", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS },
	{ "branch-instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS },
	{ "branch-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES },
	{ "bus-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BUS_CYCLES },
	{ "stalled-cycles-frontend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_FRONTEND },
	{ "stalled-cycles-backend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_BACKEND },
	{ "ref-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_REF_CPU_CYCLES },
};

/* enum perf_hw_cache_id, perf_hw_cache_op_id and perf_hw_cache_op_result_id, in their order */
static const char *const cache[] = { "L1-dcache", "L1-icache", "LLC", "dTLB", "iTLB", "branch",
	"node" };
static const struct {
	const char *name;
	unsigned op, result;
} access_kind[] = {
	{ "loads", 0, 0 },
	{ "load-misses", 0, 1 },
	{ "stores", 1, 0 },
	{ "store-misses", 1, 1 },
	{ "prefetches", 2, 0 },
	{ "prefetch-misses", 2, 1 },
};

#define LENGTH(a) (sizeof(a) / sizeof(a)[0])

/* ---- names that are like a wrong one ---- */

enum { SUGGESTIONS = 3, NAME_MAX_LIKE = 80 };

struct likeness {
	struct slice wanted;
	size_t found;
	struct {
		char name[NAME_MAX_LIKE + 1];
		unsigned distance;
	} best[SUGGESTIONS];
};

/* Levenshtein's distance, letters of either case alike; NAME_MAX_LIKE is the longest name. */
static unsigned
distance(struct slice a, struct slice b)
{
	unsigned row[NAME_MAX_LIKE + 1];

	for (size_t j = 0; j <= b.n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= a.n; i++) {
		unsigned corner = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b.n; j++) {
			unsigned change = corner + (tolower((unsigned char)a.p[i - 1]) !=
						       tolower((unsigned char)b.p[j - 1]));

			corner = row[j];
			row[j] = change;
			if (corner + 1 < row[j])
				row[j] = corner + 1;
			if (row[j - 1] + 1 < row[j])
				row[j] = row[j - 1] + 1;
		}
	}
	return row[b.n];
}

static void
liken(struct likeness *l, struct slice name)
{
	size_t at = l->found;
	unsigned d;

	if (name.n == 0 || name.n > NAME_MAX_LIKE || l->wanted.n > NAME_MAX_LIKE)
		return;
	d = distance(l->wanted, name);
	/* a name that continues what was typed is near, however long it is */
	if (name.n > l->wanted.n && l->wanted.n >= 3 &&
	    strncasecmp(name.p, l->wanted.p, l->wanted.n) == 0)
		d = 2;
	if (d > 2 + l->wanted.n / 5)
		return;
	for (size_t i = 0; i < l->found; i++)
		if (strlen(l->best[i].name) == name.n &&
		    strncasecmp(l->best[i].name, name.p, name.n) == 0)
			return;
	while (at > 0 && l->best[at - 1].distance > d)
		at--;
	if (at == SUGGESTIONS)
		return;
	if (l->found < SUGGESTIONS)
		l->found++;
	memmove(&l->best[at + 1], &l->best[at], (l->found - at - 1) * sizeof l->best[0]);
	memcpy(l->best[at].name, name.p, name.n);
	l->best[at].name[name.n] = '\0';
	l->best[at].distance = d;
}

static void
liken_tracepoint(const char *subsystem, const char *name, void *context)
{
	char both[512];
	int n = snprintf(both, sizeof both, "%s:%s", subsystem, name);

	if (n > 0 && (size_t)n < sizeof both)
		liken(context, (struct slice){ both, (size_t)n });
}

static bool
pfm_ready(void)
{
	static int state; /* 0 not tried, 1 works, -1 does not */

	if (state == 0)
		state = pfm_initialize() == PFM_SUCCESS ? 1 : -1;
	return state > 0;
}

static void
liken_pfm(struct likeness *l)
{
	struct slice pmu = { 0 }, event = l->wanted;

	if (!pfm_ready())
		return;
	for (size_t i = 0; i + 1 < event.n; i++)
		if (event.p[i] == ':' && event.p[i + 1] == ':')
			pmu = (struct slice){ event.p, i + 2 };
	for (int p = 0; p < PFM_PMU_MAX; p++) {
		pfm_pmu_info_t info = { .size = sizeof info };

		if (pfm_get_pmu_info((pfm_pmu_t)p, &info) != PFM_SUCCESS || !info.is_present)
			continue;
		for (int i = info.first_event; i != -1; i = pfm_get_event_next(i)) {
			pfm_event_info_t one = { .size = sizeof one };
			char both[256];
			int n;

			if (pfm_get_event_info(i, PFM_OS_PERF_EVENT_EXT, &one) != PFM_SUCCESS)
				continue;
			n = snprintf(both, sizeof both, "%s%s%s", pmu.n ? info.name : "",
			    pmu.n ? "::" : "", one.name);
			if (n > 0 && (size_t)n < sizeof both)
				liken(l, (struct slice){ both, (size_t)n });
		}
	}
}

static int
unknown(struct slice name, const char *reason, struct error *e)
{
	struct likeness l = { .wanted = name };
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < LENGTH(table); i++)
		liken(&l, slice_of(table[i].name));
	for (size_t i = 0; i < LENGTH(cache); i++)
		for (size_t j = 0; j < LENGTH(access_kind); j++) {
			char one[64];
			int n = snprintf(one, sizeof one, "%s-%s", cache[i], access_kind[j].name);

			liken(&l, (struct slice){ one, (size_t)n });
		}
	if (memchr(name.p, ':', name.n))
		sys_tracepoints((struct slice){ 0 }, liken_tracepoint, &l);
	liken_pfm(&l);
	buf_printf(&text, "%.*s: %s", SLICE_ARG(name), reason);
	for (size_t i = 0; i < l.found; i++)
		buf_printf(&text, "%s%s",
		    i == 0            ? "; did you mean "
		    : i + 1 < l.found ? ", "
				      : " or ",
		    l.best[i].name);
	if (l.found > 0)
		buf_char(&text, '?');
	error_set(e, "%s", buf_str(&text));
	buf_free(&text);
	return -1;
}

/* ---- modifiers ---- */

static bool
are_modifiers(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr("ukhGHpPDe", s.p[i]) == NULL || s.p[i] == '\0')
			return false;
	return s.n > 0;
}

static int
modify(struct sys_event *event, struct slice mods, struct error *e)
{
	struct perf_event_attr *a = &event->attr;
	bool u = false, k = false, h = false, guest = false, host = false;
	unsigned precise = 0;

	for (size_t i = 0; i < mods.n; i++)
		switch (mods.p[i]) {
		case 'u':
			u = true;
			break;
		case 'k':
			k = true;
			break;
		case 'h':
			h = true;
			break;
		case 'G':
			guest = true;
			break;
		case 'H':
			host = true;
			break;
		case 'p':
			precise++;
			break;
		case 'P':
			precise = 3;
			break;
		case 'D':
			a->pinned = 1;
			break;
		case 'e':
			a->exclusive = 1;
			break;
		}
	if (precise > 3)
		return error_set(e, "%s: no event is more precise than ppp", event->name);
	if (precise > 0)
		a->precise_ip = precise & 3;
	if (u || k || h) {
		event->has_privilege = true;
		a->exclude_user = !u;
		a->exclude_kernel = !k;
		a->exclude_hv = !h;
	}
	if (guest || host) {
		a->exclude_guest = !guest;
		a->exclude_host = !host;
	}
	return 0;
}

/* ---- kinds of events: 1 it is one, 0 it is not, -1 it is a wrong one ---- */

static int
of_table(struct perf_event_attr *a, struct slice name)
{
	for (size_t i = 0; i < LENGTH(table); i++)
		if (slice_eq(name, slice_of(table[i].name))) {
			a->type = table[i].type;
			a->config = table[i].config;
			return 1;
		}
	for (size_t i = 0; i < LENGTH(cache); i++)
		for (size_t j = 0; j < LENGTH(access_kind); j++) {
			size_t n = strlen(cache[i]);

			if (name.n > n + 1 && memcmp(name.p, cache[i], n) == 0 &&
			    name.p[n] == '-' &&
			    slice_eq((struct slice){ name.p + n + 1, name.n - n - 1 },
				slice_of(access_kind[j].name))) {
				a->type = PERF_TYPE_HW_CACHE;
				a->config =
				    i | access_kind[j].op << 8 | access_kind[j].result << 16;
				return 1;
			}
		}
	return 0;
}

static int
of_raw(struct perf_event_attr *a, struct slice name)
{
	uint64_t code;

	if (name.n < 2 || name.p[0] != 'r' ||
	    num_hex((struct slice){ name.p + 1, name.n - 1 }, &code) < 0)
		return 0;
	a->type = PERF_TYPE_RAW;
	a->config = code;
	return 1;
}

static int
of_breakpoint(struct perf_event_attr *a, struct slice text, struct slice *mods, struct error *e)
{
	struct slice rest = text, place, addr;
	bool has_length;
	uint64_t at, length = 0;
	uint32_t type = 0;

	if (!slice_starts(text, SLICE("mem:")))
		return 0;
	slice_cut(&rest, ':');
	place = slice_cut(&rest, ':');
	has_length = memchr(place.p, '/', place.n) != NULL;
	addr = slice_cut(&place, '/');
	if (num_any(addr, &at) < 0 ||
	    (has_length && (num_u64(place, &length) < 0 ||
			       (length != 1 && length != 2 && length != 4 && length != 8))))
		return error_set(e,
		    "%.*s: a breakpoint is mem:ADDR[/LEN][:rwx], with a length of 1, 2, 4 or 8",
		    SLICE_ARG(text));
	while (rest.n > 0) {
		struct slice part = slice_cut(&rest, ':');
		uint32_t kinds = 0;

		for (size_t i = 0; i < part.n; i++)
			kinds |= part.p[i] == 'r'   ? HW_BREAKPOINT_R
				 : part.p[i] == 'w' ? HW_BREAKPOINT_W
				 : part.p[i] == 'x' ? HW_BREAKPOINT_X
						    : 0x80000000;
		if (!(kinds & 0x80000000) && part.n > 0 && type == 0) {
			type = kinds;
		} else if (are_modifiers(part) && rest.n == 0) {
			*mods = part;
		} else {
			return error_set(e,
			    "%.*s: %.*s is neither a kind of access (rwx) nor a modifier",
			    SLICE_ARG(text), SLICE_ARG(part));
		}
	}
	if ((type & HW_BREAKPOINT_X) && (type & HW_BREAKPOINT_RW))
		return error_set(e, "%.*s: a breakpoint is for data or for code", SLICE_ARG(text));
	a->type = PERF_TYPE_BREAKPOINT;
	a->bp_addr = at;
	a->bp_type = type ? type : HW_BREAKPOINT_RW;
	a->bp_len = length ? length : type == HW_BREAKPOINT_X ? sizeof(long) : HW_BREAKPOINT_LEN_4;
	return 1;
}

static void
is_there(const char *subsystem, const char *name, void *context)
{
	(void)subsystem;
	(void)name;
	*(bool *)context = true;
}

static int
of_tracepoint(struct sys_event *event, struct slice text, struct error *e)
{
	struct slice name = text, system = slice_cut(&name, ':');
	bool any = false;
	uint64_t id;

	/* libpfm has names with colons too; its PMUs end in two, and its events are no subsystems */
	if (system.n == 0 || system.n == text.n || name.n == 0 || name.p[0] == ':' ||
	    memchr(name.p, ':', name.n))
		return 0;
	if (sys_tracefs(e) == NULL)
		return 0;
	sys_tracepoints(system, is_there, &any);
	if (!any)
		return 0;
	if (sys_tracepoint_id(system, name, &id, e) < 0)
		return unknown(text, "no such tracepoint", e);
	event->format = sys_tracepoint_format(system, name, &event->format_n, e);
	if (event->format == NULL)
		return -1;
	event->attr.type = PERF_TYPE_TRACEPOINT;
	event->attr.config = id;
	return 1;
}

static int
of_pfm(struct sys_event *event, const char *text)
{
	struct perf_event_attr attr = { .size = sizeof attr };
	pfm_perf_encode_arg_t arg = { .attr = &attr, .size = sizeof arg };
	int r;

	if (!pfm_ready())
		return 0;
	r = pfm_get_os_event_encoding(text, PFM_PLM0 | PFM_PLM3, PFM_OS_PERF_EVENT_EXT, &arg);
	if (r != PFM_SUCCESS)
		return 0;
	event->attr = attr;
	/* libpfm sets these where no modifier did: ours is to count all */
	if (!attr.exclude_user && !attr.exclude_kernel)
		event->attr.exclude_hv = 0;
	else
		event->has_privilege = true;
	return 1;
}

/* PMU/TERMS/ with modifiers behind the slash, or behind a colon after it. */
static int
of_pmu(struct sys_event *event, struct slice text, struct slice *mods, struct error *e)
{
	struct slice rest;
	int r = sys_pmu_event(SYS_PMU_ROOT, text, &event->attr, &rest, e);

	if (r <= 0)
		return r;
	if (rest.n > 0 && rest.p[0] == ':') {
		rest.p++;
		rest.n--;
	}
	if (rest.n > 0 && !are_modifiers(rest))
		return error_set(e, "%.*s: %.*s is no modifier", SLICE_ARG(text), SLICE_ARG(rest));
	*mods = rest;
	sys_pmu_cpus(SYS_PMU_ROOT, text, &event->cpu, &event->cpus);
	return 1;
}

int
sys_event_parse(struct sys_event *event, const char *text, struct error *e)
{
	struct slice all = slice_of(text), stem = all, mods = { 0 };
	struct error tracefs = { "" };
	const char *colon = strrchr(text, ':');
	int r;

	*event = SYS_EVENT_INIT;
	event->name = xstrndup(text, all.n);
	if (all.n == 0) {
		error_set(e, "an empty event name");
		goto wrong;
	}
	r = of_breakpoint(&event->attr, all, &mods, e);
	if (r == 0)
		r = of_pmu(event, all, &mods, e);
	if (r < 0)
		goto wrong;
	if (r == 0) {
		if (colon && are_modifiers(slice_of(colon + 1))) {
			stem.n = (size_t)(colon - text);
			mods = slice_of(colon + 1);
		}
		r = of_table(&event->attr, stem);
	}
	if (r == 0)
		r = of_raw(&event->attr, stem);
	if (r == 0) {
		struct slice tracepoint = stem;

		r = of_tracepoint(event, stem, &tracefs);
		if (r == 0 && mods.n > 0) {
			/* a tracepoint may be called like a modifier */
			tracepoint = all;
			r = of_tracepoint(event, all, &tracefs);
			if (r == 1)
				mods.n = 0;
		}
		if (r < 0) {
			error_set(e, "%s", tracefs.text);
			goto wrong;
		}
		if (r == 1) {
			event->name[tracepoint.n] = '\0';
			event->system = (struct slice){ event->name, strcspn(event->name, ":") };
		}
	}
	if (r == 0)
		r = of_pfm(event, text);
	else if (modify(event, mods, e) < 0)
		goto wrong;
	if (r == 0 && mods.n > 0) {
		event->name[stem.n] = '\0';
		r = of_pfm(event, event->name);
		event->name[stem.n] = ':';
		if (r == 1 && modify(event, mods, e) < 0)
			goto wrong;
	}
	if (r == 1)
		return 0;
	if (tracefs.text[0] && memchr(stem.p, ':', stem.n))
		error_set(e, "%s: no such event (%s)", text, tracefs.text);
	else
		unknown(stem, "no such event", e);
wrong:
	sys_event_free(event);
	return -1;
}

bool
sys_event_default(struct sys_event *event)
{
	struct perf_event_attr cycles = {
		.size = sizeof cycles,
		.type = PERF_TYPE_HARDWARE,
		.config = PERF_COUNT_HW_CPU_CYCLES,
		.sample_period = 1000000,
		.disabled = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &cycles, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	bool pmu = fd >= 0 || errno == EACCES || errno == EPERM;

	if (fd >= 0)
		close(fd);
	*event = SYS_EVENT_INIT;
	event->name = xstrndup(pmu ? "cycles" : "cpu-clock", pmu ? 6 : 9);
	of_table(&event->attr, slice_of(event->name));
	return pmu;
}

char *
sys_event_cut(const char **list)
{
	const char *from = *list, *p = from;
	bool inside =
	    false; /* the terms of a PMU stand between slashes, with commas of their own */

	if (strncmp(from, "mem:", 4) != 0)
		for (; *p && (*p != ',' || inside); p++)
			inside ^= *p == '/';
	else
		p += strcspn(p, ",");
	*list = *p ? p + 1 : NULL;
	return xstrndup(from, (size_t)(p - from));
}

int
sys_event_sample(struct sys_event *event, const struct sys_sampling *s, struct error *e)
{
	struct perf_event_attr *a =
	    &event
		 ->attr; /* Without a PMU, accesses are so few that each is worth its sample; and of bursts as short as theirs, the kernel
	 * does not know in time what a sample at a rate should stand for. */
	bool each = a->type == PERF_TYPE_TRACEPOINT || a->type == PERF_TYPE_BREAKPOINT ||
		    (event->access && a->type == PERF_TYPE_SOFTWARE);

	if (event->counts)
		return 0;
	if (s->period > 0) {
		a->freq = 0;
		a->sample_period = s->period;
	} else if (a->sample_period > 0 && !a->freq && !each) {
		/* libpfm took it from the name */
	} else if (each) {
		a->sample_period = 1;
	} else {
		a->freq = 1;
		a->sample_freq = s->frequency;
	}
	/* With a fixed period the weight is known, and asking for it makes software events and breakpoints sample every
	 * time, whatever their period (kernel/events/core.c, perf_swevent_event()). */
	if (a->freq)
		a->sample_type |= PERF_SAMPLE_PERIOD;
	if (a->type == PERF_TYPE_TRACEPOINT)
		a->sample_type |= PERF_SAMPLE_RAW;
	if (a->type == PERF_TYPE_BREAKPOINT || a->precise_ip ||
	    (a->type == PERF_TYPE_SOFTWARE && (a->config == PERF_COUNT_SW_PAGE_FAULTS ||
						  a->config == PERF_COUNT_SW_PAGE_FAULTS_MIN ||
						  a->config == PERF_COUNT_SW_PAGE_FAULTS_MAJ)))
		a->sample_type |= PERF_SAMPLE_ADDR;
	if (event->access) {
		a->sample_type |= PERF_SAMPLE_ADDR;
		/* what only hardware knows; DATA_SRC of software says that nothing is known */
		if (a->type != PERF_TYPE_SOFTWARE && a->type != PERF_TYPE_TRACEPOINT &&
		    a->type != PERF_TYPE_BREAKPOINT)
			a->sample_type |= PERF_SAMPLE_WEIGHT | PERF_SAMPLE_DATA_SRC;
	}
	/* of a page fault, the kernel's part is how it handles them */
	a->exclude_callchain_kernel =
	    a->exclude_kernel || (event->access && a->type == PERF_TYPE_TRACEPOINT);
	switch (s->chain) {
	case SYS_CHAIN_NONE:
		break;
	case SYS_CHAIN_FP:
		a->sample_type |= PERF_SAMPLE_CALLCHAIN;
		break;
	case SYS_CHAIN_DWARF:
		a->sample_type |=
		    PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
		a->exclude_callchain_user = 1;
		a->sample_regs_user = perf_regs_mask(perf_machine_here());
		a->sample_stack_user = s->stack_bytes;
		if (a->sample_regs_user == 0)
			return error_set(
			    e, "call graphs by dwarf: the registers of this machine are not known");
		break;
	case SYS_CHAIN_LBR:
		a->sample_type |= PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_BRANCH_STACK;
		a->exclude_callchain_user = 1;
		a->branch_sample_type = PERF_SAMPLE_BRANCH_USER | PERF_SAMPLE_BRANCH_CALL_STACK |
					PERF_SAMPLE_BRANCH_NO_FLAGS | PERF_SAMPLE_BRANCH_NO_CYCLES;
		break;
	}
	return 0;
}

void
sys_event_free(struct sys_event *event)
{
	free(event->name);
	free(event->format);
	free(event->cpu);
	*event = SYS_EVENT_INIT;
}
