/* Event names: what they mean, and what a wrong one is told. */
#include <linux/hw_breakpoint.h>
#include <string.h>

#include "sys/event.h"
#include "unit.h"

static struct sys_event event;
static struct error e;

static const struct perf_event_attr *
parsed(const char *text)
{
	sys_event_free(&event);
	if (sys_event_parse(&event, text, &e) == 0)
		return &event.attr;
	fprintf(stderr, "%s: %s\n", text, e.text);
	return NULL;
}

static bool
is(const char *text, uint32_t type, uint64_t config)
{
	const struct perf_event_attr *a = parsed(text);

	return a && a->type == type && a->config == config;
}

static bool
wrong(const char *text, const char *reason)
{
	sys_event_free(&event);
	if (sys_event_parse(&event, text, &e) == 0)
		return false;
	if (strstr(e.text, reason))
		return true;
	fprintf(stderr, "%s\n", e.text);
	return false;
}

int
main(void)
{
	const struct perf_event_attr *a;
	struct sys_sampling each = { .period = 7 }, often = {
		.frequency = 997, .chain = SYS_CHAIN_DWARF, .stack_bytes = 8192
	};
	const char *list = "cycles:u,mem:0x10/8:rw,faults";
	char *part;

	CLAIM(is("cpu-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK));
	CLAIM(is("faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS));
	CLAIM(is("instructions:k", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS));
	CLAIM(is("LLC-load-misses", PERF_TYPE_HW_CACHE, 2 | 1 << 16));
	CLAIM(is("dTLB-store-misses", PERF_TYPE_HW_CACHE, 3 | 1 << 8 | 1 << 16));
	CLAIM(is("r1a2", PERF_TYPE_RAW, 0x1a2));
	CLAIM(is("perf::PERF_COUNT_SW_PAGE_FAULTS", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS));

	a = parsed("cycles");
	CLAIM(
	    a && !a->exclude_user && !a->exclude_kernel && !a->exclude_hv && !event.has_privilege);
	a = parsed("cycles:u");
	CLAIM(a && !a->exclude_user && a->exclude_kernel && a->exclude_hv && event.has_privilege);
	CLAIM(strcmp(event.name, "cycles:u") == 0);
	a = parsed("cycles:ukpp");
	CLAIM(a && !a->exclude_user && !a->exclude_kernel && a->exclude_hv && a->precise_ip == 2);
	a = parsed("perf::PERF_COUNT_SW_PAGE_FAULTS:u");
	CLAIM(a && a->exclude_kernel && !a->exclude_user && event.has_privilege);
	CLAIM(wrong("cycles:pppp", "ppp"));

	a = parsed("mem:0x1000");
	CLAIM(a && a->type == PERF_TYPE_BREAKPOINT && a->bp_addr == 0x1000 && a->bp_len == 4 &&
	      a->bp_type == HW_BREAKPOINT_RW);
	a = parsed("mem:4096/8:w:u");
	CLAIM(a && a->bp_addr == 4096 && a->bp_len == 8 && a->bp_type == HW_BREAKPOINT_W &&
	      a->exclude_kernel);
	a = parsed("mem:0x1000:x");
	CLAIM(a && a->bp_len == sizeof(long) && a->bp_type == HW_BREAKPOINT_X);
	CLAIM(wrong("mem:zz", "mem:ADDR"));
	CLAIM(wrong("mem:0x1000/3", "length of 1, 2, 4 or 8"));
	CLAIM(wrong("mem:0x1000/", "length of 1, 2, 4 or 8"));
	CLAIM(wrong("mem:0x1000:rx", "data or for code"));
	CLAIM(wrong("mem:0x1000:q", "neither"));

	CLAIM(wrong("cylces", "did you mean cycles"));
	CLAIM(wrong("page_faults:u", "did you mean page-faults"));
	CLAIM(wrong("rxyz", "no such event"));
	CLAIM(wrong("", "empty"));
	CLAIM(wrong(":u", "no such event"));

	part = sys_event_cut(&list);
	CLAIM(strcmp(part, "cycles:u") == 0);
	free(part);
	part = sys_event_cut(&list);
	CLAIM(strcmp(part, "mem:0x10/8:rw") == 0);
	free(part);
	part = sys_event_cut(&list);
	CLAIM(strcmp(part, "faults") == 0 && list == NULL);
	free(part);

	/* a fixed period is not asked for: software events would sample each time */
	CLAIM(parsed("faults") && sys_event_sample(&event, &each, &e) == 0);
	CLAIM(!event.attr.freq && event.attr.sample_period == 7 &&
	      !(event.attr.sample_type & PERF_SAMPLE_PERIOD));
	CLAIM(parsed("cpu-clock") && sys_event_sample(&event, &often, &e) == 0);
	CLAIM(event.attr.freq && event.attr.sample_freq == 997 &&
	      (event.attr.sample_type & PERF_SAMPLE_PERIOD));
	CLAIM(event.attr.exclude_callchain_user && event.attr.sample_stack_user == 8192 &&
	      event.attr.sample_regs_user);
	/* breakpoints sample each time, unless told otherwise */
	CLAIM(parsed("mem:0x1000") && sys_event_sample(&event, &often, &e) == 0);
	CLAIM(!event.attr.freq && event.attr.sample_period == 1);
	sys_event_free(&event);
	return 0;
}
