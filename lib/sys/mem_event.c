#include "sys/mem_event.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/slice.h"
#include "sys/event.h"
#include "sys/pmu.h"

/* What libpfm4 calls loads and stores: of Skylake and later, of Haswell and Broadwell, of Ivy Bridge. */
static const char load_latency[] = "MEM_TRANS_RETIRED:LOAD_LATENCY:ldlat=";
static const char *const store[] = { "MEM_INST_RETIRED:ALL_STORES", "MEM_UOPS_RETIRED:ALL_STORES",
	"MEM_TRANS_RETIRED:PRECISE_STORE" };

static const char *const precise[] = { "ppp", "pp", "p", "" };

/* reason: it may begin with the name of the event that was tried, which is not said twice. */
static bool
passed_over(struct sys_mem_choice *c, const char *name, const char *tried, const char *reason)
{
	size_t n = strlen(c->said), k = strlen(tried);

	if (strncmp(reason, tried, k) == 0 && strncmp(reason + k, ": ", 2) == 0)
		reason += k + 2;

	snprintf(c->said + n, sizeof c->said - n, "%s%s: %s", n > 0 ? "; " : "", name, reason);
	return false;
}

static void
add(struct sys_mem_choice *c, const char *text, const char *leader, unsigned kinds)
{
	struct sys_mem_event *one = &c->event[c->n++];

	snprintf(one->text, sizeof one->text, "%s", text);
	snprintf(one->leader, sizeof one->leader, "%s", leader);
	one->kinds = kinds;
}

/* Adds an event as precise as it can be; the reason for the least precise is the one that is told. */
static bool
try_precise(struct sys_mem_choice *c, const struct sys_mem_machine *m, const char *stem,
    const char *mods, const char *leader, unsigned kinds)
{
	struct error e = { "" };
	char text[80];

	if (c->n == SYS_MEM_EVENTS)
		return false;
	for (size_t i = 0; i < sizeof precise / sizeof precise[0]; i++) {
		snprintf(text, sizeof text, "%s%s%s", stem, mods, precise[i]);
		if (m->opens(text, leader[0] ? leader : NULL, &e, m->context)) {
			add(c, text, leader, kinds);
			return true;
		}
	}
	return passed_over(c, stem, text, e.text);
}

void
sys_mem_leader(const char *root, const char *text, char leader[80])
{
	struct slice terms = slice_of(text), pmu = slice_cut(&terms, '/');
	char name[40];
	size_t n = terms.n > 9 ? 9 : terms.n;

	leader[0] = '\0';
	if (n < 9 || memcmp(terms.p, "mem-loads", 9) != 0 || terms.n == 9 ||
	    (terms.p[9] != '/' && terms.p[9] != ',') || pmu.n >= sizeof name)
		return;
	snprintf(name, sizeof name, "%.*s", SLICE_ARG(pmu));
	if (sys_pmu_has(root, name, "events/mem-loads-aux"))
		snprintf(leader, 80, "%s/mem-loads-aux/u", name);
}

/* Loads and stores of a unit whose events the kernel names. */
static bool
of_unit(struct sys_mem_choice *c, const struct sys_mem_want *want, const struct sys_mem_machine *m,
    const char *pmu)
{
	char text[80], leader[80];
	bool some = false;

	if (want->kinds & SYS_MEM_LOADS && sys_pmu_has(m->root, pmu, "events/mem-loads")) {
		snprintf(text, sizeof text, "%s/mem-loads/", pmu);
		if (sys_pmu_has(m->root, pmu, "format/ldlat") && want->ldlat > 0)
			snprintf(text, sizeof text, "%s/mem-loads,ldlat=%u/", pmu, want->ldlat);
		sys_mem_leader(m->root, text, leader);
		some |= try_precise(c, m, text, "u", leader, SYS_MEM_LOADS);
	}
	if (want->kinds & SYS_MEM_STORES && sys_pmu_has(m->root, pmu, "events/mem-stores")) {
		snprintf(text, sizeof text, "%s/mem-stores/", pmu);
		some |= try_precise(c, m, text, "u", "", SYS_MEM_STORES);
	}
	return some;
}

/* Where it cannot leave the kernel out by itself, it samples it, too. */
static bool
of_ibs(struct sys_mem_choice *c, const struct sys_mem_want *want, const struct sys_mem_machine *m)
{
	bool filter = sys_pmu_has(m->root, "ibs_op", "format/swfilt");
	struct error e = { "" };
	char text[80];

	if (!sys_pmu_has(m->root, "ibs_op", "type"))
		return false;
	snprintf(text, sizeof text, "ibs_op/%s%s%s/%s",
	    sys_pmu_has(m->root, "ibs_op", "format/cnt_ctl") ? "cnt_ctl=1" : "",
	    filter && sys_pmu_has(m->root, "ibs_op", "format/cnt_ctl") ? "," : "",
	    filter ? "swfilt=1" : "", filter ? "u" : "");
	if (m->opens(text, NULL, &e, m->context)) {
		add(c, text, "", want->kinds);
		return true;
	}
	return passed_over(c, text, text, e.text);
}

static bool
of_libpfm(
    struct sys_mem_choice *c, const struct sys_mem_want *want, const struct sys_mem_machine *m)
{
	bool some = false;
	char text[80];

	/* only where there is a PMU that samples loads: what else it is called, its kernel says itself */
	if (!sys_pmu_has(m->root, "cpu", "format/ldlat"))
		return false;
	if (want->kinds & SYS_MEM_LOADS) {
		snprintf(
		    text, sizeof text, "%s%u", load_latency, want->ldlat > 0 ? want->ldlat : 3);
		some |= try_precise(c, m, text, ":u", "", SYS_MEM_LOADS);
	}
	for (size_t i = 0; want->kinds & SYS_MEM_STORES && i < sizeof store / sizeof store[0]; i++)
		if (try_precise(c, m, store[i], ":u", "", SYS_MEM_STORES)) {
			some = true;
			break;
		}
	return some;
}

static bool
of_power(struct sys_mem_choice *c, const struct sys_mem_want *want, const struct sys_mem_machine *m)
{
	bool some = false;

	if (strncmp(m->arch, "ppc64", 5) != 0 || !sys_pmu_has(m->root, "cpu", "type"))
		return false;
	if (want->kinds & SYS_MEM_LOADS)
		some |= try_precise(c, m, "r4003E", ":u", "", SYS_MEM_LOADS);
	if (want->kinds & SYS_MEM_STORES)
		some |= try_precise(c, m, "r20016", ":u", "", SYS_MEM_STORES);
	return some;
}

static bool
of_faults(struct sys_mem_choice *c, const struct sys_mem_want *want,
    const struct sys_mem_machine *m, struct error *e)
{
	struct error tracepoint = { "" };

	c->faults = true;
	if (m->opens("exceptions:page_fault_user", NULL, &tracepoint, m->context)) {
		add(c, "exceptions:page_fault_user", "", want->kinds);
		return true;
	}
	c->blind = true;
	passed_over(c, "exceptions:page_fault_user", "exceptions:page_fault_user", tracepoint.text);
	if (m->opens("page-faults:u", NULL, e, m->context)) {
		add(c, "page-faults:u", "", want->kinds);
		return true;
	}
	return false;
}

static bool
samples(const struct sys_mem_choice *c, unsigned kind)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->event[i].kinds & kind)
			return true;
	return false;
}

int
sys_mem_choose(struct sys_mem_choice *c, const struct sys_mem_want *want,
    const struct sys_mem_machine *m, struct error *e)
{
	bool some;

	*c = (struct sys_mem_choice){ 0 };
	some = of_unit(c, want, m, "cpu");
	some |= of_unit(c, want, m, "cpu_core");
	some |= of_unit(c, want, m, "cpu_atom");
	if (some && want->kinds & SYS_MEM_LOADS && !samples(c, SYS_MEM_LOADS))
		passed_over(c, "loads", "", "nothing samples them here");
	if (some && want->kinds & SYS_MEM_STORES && !samples(c, SYS_MEM_STORES))
		passed_over(c, "stores", "", "nothing samples them here");
	if (some || of_ibs(c, want, m) || of_libpfm(c, want, m) || of_power(c, want, m))
		return 0;
	if (sys_pmu_has(m->root, "arm_spe_0", "type"))
		passed_over(
		    c, "arm_spe_0", "", "its samples come in a buffer that is not decoded here");
	return of_faults(c, want, m, e) ? 0 : -1;
}

static const char *
why(int reason)
{
	switch (reason) {
	case EACCES:
	case EPERM:
		return "not permitted: needs CAP_PERFMON, or a lower sysctl "
		       "kernel.perf_event_paranoid";
	case ENOENT:
	case ENODEV:
	case EOPNOTSUPP:
		return "this machine cannot count it";
	default:
		return strerror(reason);
	}
}

static int
open_one(const char *name, int leader, bool counts, bool cpus, struct error *e)
{
	struct sys_sampling sampling = { .period = 1000003 };
	struct sys_event event;
	struct perf_event_attr *a = &event.attr;
	int fd;

	if (sys_event_parse(&event, name, e) < 0)
		return -1;
	event.access = true;
	event.counts = counts;
	if (sys_event_sample(&event, &sampling, e) < 0) {
		sys_event_free(&event);
		return -1;
	}
	a->size = sizeof *a;
	a->disabled = 1;
	fd = (int)syscall(SYS_perf_event_open, a, cpus ? -1 : 0,
	    event.cpus > 0 ? event.cpu[0]
	    : cpus         ? 0
			   : -1,
	    leader, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		error_set(e, "%s: %s", name, why(errno));
	sys_event_free(&event);
	return fd;
}

bool
sys_mem_opens(const char *name, const char *leader, struct error *e, void *context)
{
	const bool *cpus = context;
	int first = -1, fd;

	if (leader && (first = open_one(leader, -1, true, *cpus, e)) < 0)
		return false;
	fd = open_one(name, first, false, *cpus, e);
	if (first >= 0)
		close(first);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}
