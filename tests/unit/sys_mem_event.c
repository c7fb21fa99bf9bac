/* Which events would sample accesses on machines that are not here: their sysfs as they have it, and what their kernels
 * open; and what libpfm4's names of those events are encoded as. */
#include "sys/mem_event.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/event.h"
#include "sys/pmu.h"
#include "unit.h"

static char root[] = "/tmp/leat-mem-XXXXXX";

/* Names: PMU/FILE=TEXT, one a line. */
static void
put_tree(const char *const *file)
{
	char full[256], *text;

	snprintf(full, sizeof full, "rm -rf %s/*", root);
	CLAIM(system(full) == 0);
	for (; *file; file++) {
		FILE *f;

		snprintf(full, sizeof full, "%s/%s", root, *file);
		text = strchr(full + sizeof root, '=');
		*text++ = '\0';
		for (char *p = full + sizeof root; (p = strchr(p, '/')) != NULL; *p++ = '/') {
			*p = '\0';
			mkdir(full, 0777);
		}
		f = fopen(full, "w");
		CLAIM(f && fprintf(f, "%s\n", text) > 0 && fclose(f) == 0);
	}
}

#define INTEL                                                                                      \
	"cpu/type=4", "cpu/format/event=config:0-7", "cpu/format/umask=config:8-15",               \
	    "cpu/format/ldlat=config1:0-15"

static const char *const skylake[] = { INTEL, "cpu/events/mem-loads=event=0xcd,umask=0x1,ldlat=3",
	"cpu/events/mem-stores=event=0xd0,umask=0x82", NULL };
static const char *const sapphire[] = { INTEL, "cpu/events/mem-loads=event=0xcd,umask=0x1,ldlat=3",
	"cpu/events/mem-loads-aux=event=0x03,umask=0x82",
	"cpu/events/mem-stores=event=0xcd,umask=0x2", NULL };
static const char *const alder[] = { "cpu_core/type=4", "cpu_core/format/ldlat=config1:0-15",
	"cpu_core/events/mem-loads=event=0xcd,umask=0x1,ldlat=3",
	"cpu_core/events/mem-loads-aux=event=0x03,umask=0x82",
	"cpu_core/events/mem-stores=event=0xcd,umask=0x2", "cpu_atom/type=10",
	"cpu_atom/format/ldlat=config1:0-15",
	"cpu_atom/events/mem-loads=event=0xd0,umask=0x5,ldlat=3",
	"cpu_atom/events/mem-stores=event=0xd0,umask=0x6", NULL };
static const char *const nehalem[] = { INTEL, "cpu/events/mem-loads=event=0x0b,umask=0x10,ldlat=3",
	NULL };
static const char *const nameless[] = { INTEL, NULL };
static const char *const zen3[] = { "cpu/type=4", "ibs_op/type=11",
	"ibs_op/format/cnt_ctl=config:19", "ibs_fetch/type=10", NULL };
static const char *const zen4[] = { "cpu/type=4", "ibs_op/type=11",
	"ibs_op/format/cnt_ctl=config:19", "ibs_op/format/swfilt=config2:0", NULL };
static const char *const bobcat[] = { "cpu/type=4", "ibs_op/type=11", NULL };
static const char *const power9[] = { "cpu/type=4", "cpu/events/mem-loads=event=0x34340401e0",
	"cpu/events/mem-stores=event=0x343c0401e0", NULL };
static const char *const power7[] = { "cpu/type=4", NULL };
static const char *const altra[] = { "armv8_pmuv3_0/type=8", "arm_spe_0/type=9", NULL };
static const char *const none[] = { "software/type=1", NULL };

/* A kernel opens what is in a list of names with bars around; where leaders are asked for, they are in it as LEADER+NAME. */
static bool
opens(const char *name, const char *leader, struct error *e, void *context)
{
	char wanted[256];

	snprintf(wanted, sizeof wanted, "|%s%s%s|", leader ? leader : "", leader ? "+" : "", name);
	if (strstr(context, wanted))
		return true;
	error_set(e, "%s: no such thing", name);
	return false;
}

static struct sys_mem_choice c;
static struct error e;

/* The choice as text: LEADER+NAME=KINDS for each event. */
static bool
chooses(const char *const *tree, const char *arch, unsigned kinds, unsigned ldlat,
    const char *opened, const char *want)
{
	struct sys_mem_machine m = { root, arch, opens, (void *)opened };
	char got[1024] = "";
	int r;

	put_tree(tree);
	e.text[0] = '\0';
	r = sys_mem_choose(&c, &(struct sys_mem_want){ kinds, ldlat }, &m, &e);
	for (unsigned i = 0; i < c.n; i++)
		sprintf(got + strlen(got), "%s%s%s%s=%u", i ? " " : "", c.event[i].leader,
		    c.event[i].leader[0] ? "+" : "", c.event[i].text, c.event[i].kinds);
	if (r == (want ? 0 : -1) && strcmp(got, want ? want : "") == 0)
		return true;
	fprintf(stderr, "%d %s (%s) %s\n", r, got, c.said, e.text);
	return false;
}

static void
choices(void)
{
	/* Intel: as precise as the kernel opens it */
	CLAIM(
	    chooses(skylake, "x86_64", SYS_MEM_BOTH, 0, "|cpu/mem-loads/uppp|cpu/mem-stores/uppp|",
		"cpu/mem-loads/uppp=1 cpu/mem-stores/uppp=2"));
	CLAIM(!c.faults && !c.said[0]);
	CLAIM(chooses(skylake, "x86_64", SYS_MEM_BOTH, 30,
	    "|cpu/mem-loads,ldlat=30/upp|cpu/mem-stores/up|",
	    "cpu/mem-loads,ldlat=30/upp=1 cpu/mem-stores/up=2"));
	CLAIM(chooses(skylake, "x86_64", SYS_MEM_STORES, 0,
	    "|cpu/mem-loads/uppp|cpu/mem-stores/uppp|", "cpu/mem-stores/uppp=2"));
	CLAIM(chooses(sapphire, "x86_64", SYS_MEM_LOADS, 0,
	    "|cpu/mem-loads-aux/u+cpu/mem-loads/upp|cpu/mem-loads/uppp|",
	    "cpu/mem-loads-aux/u+cpu/mem-loads/upp=1"));
	CLAIM(chooses(alder, "x86_64", SYS_MEM_BOTH, 30,
	    "|cpu_core/mem-loads-aux/u+cpu_core/mem-loads,ldlat=30/upp|cpu_core/mem-stores/uppp|"
	    "cpu_atom/mem-loads,ldlat=30/uppp|cpu_atom/mem-stores/uppp|",
	    "cpu_core/mem-loads-aux/u+cpu_core/mem-loads,ldlat=30/upp=1 cpu_core/mem-stores/uppp=2 "
	    "cpu_atom/mem-loads,ldlat=30/uppp=1 cpu_atom/mem-stores/uppp=2"));
	/* loads only: the other kind is told to be missing where it was wanted */
	CLAIM(chooses(
	    nehalem, "x86_64", SYS_MEM_BOTH, 0, "|cpu/mem-loads/upp|", "cpu/mem-loads/upp=1"));
	CLAIM(strcmp(c.said, "stores: nothing samples them here") == 0);
	CLAIM(chooses(
	    nehalem, "x86_64", SYS_MEM_LOADS, 0, "|cpu/mem-loads/upp|", "cpu/mem-loads/upp=1"));
	CLAIM(c.said[0] == '\0');
	/* an older kernel has no names for them: libpfm4 has */
	CLAIM(chooses(nameless, "x86_64", SYS_MEM_BOTH, 0,
	    "|MEM_TRANS_RETIRED:LOAD_LATENCY:ldlat=3:uppp|MEM_UOPS_RETIRED:ALL_STORES:uppp|",
	    "MEM_TRANS_RETIRED:LOAD_LATENCY:ldlat=3:uppp=1 MEM_UOPS_RETIRED:ALL_STORES:uppp=2"));

	/* AMD: one event for both; only newer kernels leave out the kernel's */
	CLAIM(
	    chooses(zen3, "x86_64", SYS_MEM_BOTH, 0, "|ibs_op/cnt_ctl=1/|", "ibs_op/cnt_ctl=1/=3"));
	CLAIM(chooses(
	    zen3, "x86_64", SYS_MEM_LOADS, 0, "|ibs_op/cnt_ctl=1/|", "ibs_op/cnt_ctl=1/=1"));
	CLAIM(chooses(zen4, "x86_64", SYS_MEM_BOTH, 0, "|ibs_op/cnt_ctl=1,swfilt=1/u|",
	    "ibs_op/cnt_ctl=1,swfilt=1/u=3"));
	CLAIM(chooses(bobcat, "x86_64", SYS_MEM_BOTH, 0, "|ibs_op//|", "ibs_op//=3"));

	CLAIM(chooses(power9, "ppc64le", SYS_MEM_BOTH, 0, "|cpu/mem-loads/u|cpu/mem-stores/u|",
	    "cpu/mem-loads/u=1 cpu/mem-stores/u=2"));
	CLAIM(chooses(power7, "ppc64", SYS_MEM_BOTH, 0, "|r4003E:uppp|r20016:uppp|",
	    "r4003E:uppp=1 r20016:uppp=2"));

	/* no PMU, or one that a virtual machine shows but cannot open */
	CLAIM(chooses(none, "x86_64", SYS_MEM_BOTH, 0, "|exceptions:page_fault_user|page-faults:u|",
	    "exceptions:page_fault_user=3"));
	CLAIM(c.faults && !c.blind && !c.said[0]);
	CLAIM(chooses(skylake, "x86_64", SYS_MEM_LOADS, 0, "|exceptions:page_fault_user|",
	    "exceptions:page_fault_user=1"));
	CLAIM(c.faults && strstr(c.said, "cpu/mem-loads/: no such thing") == c.said);
	CLAIM(chooses(zen3, "x86_64", SYS_MEM_BOTH, 0, "|page-faults:u|", "page-faults:u=3"));
	CLAIM(c.faults && c.blind && strstr(c.said, "ibs_op") && strstr(c.said, "page_fault_user"));
	CLAIM(chooses(altra, "aarch64", SYS_MEM_BOTH, 0, "|page-faults:u|", "page-faults:u=3"));
	CLAIM(c.faults && strstr(c.said, "arm_spe_0: its samples") == c.said);
	CLAIM(chooses(
	    power7, "x86_64", SYS_MEM_BOTH, 0, "|r4003E:uppp|page-faults:u|", "page-faults:u=3"));
	CLAIM(chooses(none, "x86_64", SYS_MEM_BOTH, 0, "||", NULL) &&
	      strstr(e.text, "page-faults:u"));
}

static void
leaders(void)
{
	char leader[80];

	put_tree(alder);
	sys_mem_leader(root, "cpu_core/mem-loads,ldlat=30/P", leader);
	CLAIM(strcmp(leader, "cpu_core/mem-loads-aux/u") == 0);
	sys_mem_leader(root, "cpu_core/mem-loads/", leader);
	CLAIM(strcmp(leader, "cpu_core/mem-loads-aux/u") == 0);
	sys_mem_leader(root, "cpu_core/mem-loads-aux/", leader);
	CLAIM(leader[0] == '\0');
	sys_mem_leader(root, "cpu_core/mem-stores/P", leader);
	CLAIM(leader[0] == '\0');
	sys_mem_leader(root, "cpu_atom/mem-loads/P", leader);
	CLAIM(leader[0] == '\0');
	sys_mem_leader(root, "r4003E", leader);
	CLAIM(leader[0] == '\0');
}

/* What perf_event_open(2) is given for libpfm4's names, of CPUs that are not here. */
static void
encodings(void)
{
	static const struct {
		const char *name;
		uint64_t config, config1;
		unsigned precise;
	} want[] = {
		{ "skx::MEM_TRANS_RETIRED:LOAD_LATENCY:ldlat=3:upp", 0x1cd, 3, 2 },
		{ "skx::MEM_TRANS_RETIRED:LOAD_LATENCY:ldlat=30:uppp", 0x1cd, 30, 3 },
		{ "skx::MEM_INST_RETIRED:ALL_STORES:uppp", 0x82d0, 0, 3 },
		{ "skx::MEM_INST_RETIRED:ALL_LOADS:up", 0x81d0, 0, 1 },
		{ "icl::MEM_TRANS_RETIRED:LOAD_LATENCY:ldlat=3:upp", 0x1cd, 3, 2 },
		{ "icl::MEM_INST_RETIRED:ALL_STORES:upp", 0x82d0, 0, 2 },
		{ "spr::MEM_TRANS_RETIRED:LOAD_LATENCY:ldlat=3:upp", 0x1cd, 3, 2 },
		{ "spr::MEM_INST_RETIRED:ALL_STORES:upp", 0x82d0, 0, 2 },
		{ "hsw::MEM_TRANS_RETIRED:LOAD_LATENCY:ldlat=3:upp", 0x1cd, 3, 2 },
		{ "hsw::MEM_UOPS_RETIRED:ALL_STORES:upp", 0x82d0, 0, 2 },
		{ "ivb::MEM_TRANS_RETIRED:PRECISE_STORE:upp", 0x2cd, 0, 2 },
		{ "amd64_fam19h_zen3::LS_DISPATCH:LD_DISPATCH:u", 0x129, 0, 0 },
		{ "amd64_fam17h_zen2::LS_DISPATCH:STORE_DISPATCH:u", 0x229, 0, 0 },
	};

	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		struct sys_sampling sampling = { .period = 10007 };
		struct sys_event event;
		struct perf_event_attr *a = &event.attr;

		if (sys_event_parse(&event, want[i].name, &e) < 0) {
			fprintf(stderr, "%s\n", e.text);
			CLAIM(!"parsed");
		}
		event.access = true;
		CLAIM(sys_event_sample(&event, &sampling, &e) == 0);
		if (a->config != want[i].config || a->config1 != want[i].config1)
			fprintf(stderr, "%s: %llx %llx\n", want[i].name,
			    (unsigned long long)a->config, (unsigned long long)a->config1);
		CLAIM(a->type == PERF_TYPE_RAW && a->config == want[i].config);
		CLAIM(a->config1 == want[i].config1 && a->precise_ip == want[i].precise);
		CLAIM(a->exclude_kernel && !a->exclude_user && event.has_privilege);
		CLAIM(!a->freq && a->sample_period == 10007);
		CLAIM((a->sample_type &
			  (PERF_SAMPLE_ADDR | PERF_SAMPLE_DATA_SRC | PERF_SAMPLE_WEIGHT)) ==
		      (PERF_SAMPLE_ADDR | PERF_SAMPLE_DATA_SRC | PERF_SAMPLE_WEIGHT));
		CLAIM(a->exclude_callchain_kernel);
		sys_event_free(&event);
	}
}

/* What is asked of events without a PMU, as accesses. */
static void
software(void)
{
	struct sys_sampling often = { .frequency = 999 }, each = { .period = 7 };
	struct sys_event event;

	CLAIM(sys_event_parse(&event, "page-faults:u", &e) == 0);
	event.access = true;
	CLAIM(sys_event_sample(&event, &often, &e) == 0);
	CLAIM(!event.attr.freq && event.attr.sample_period == 1);
	CLAIM(event.attr.sample_type & PERF_SAMPLE_ADDR);
	CLAIM(!(event.attr.sample_type & (PERF_SAMPLE_PERIOD | PERF_SAMPLE_DATA_SRC)));
	CLAIM(sys_event_sample(&event, &each, &e) == 0 && event.attr.sample_period == 7);
	/* and no rate of the user's changes that */
	sys_event_free(&event);
	CLAIM(sys_event_parse(&event, "page-faults:u", &e) == 0);
	event.access = often.asked = true;
	CLAIM(sys_event_sample(&event, &often, &e) == 0);
	CLAIM(!event.attr.freq && event.attr.sample_period == 1);
	sys_event_free(&event);
	/* the leader of a group takes no samples */
	CLAIM(sys_event_parse(&event, "page-faults:u", &e) == 0);
	event.counts = true;
	CLAIM(sys_event_sample(&event, &often, &e) == 0);
	CLAIM(!event.attr.freq && event.attr.sample_period == 0 && event.attr.sample_type == 0);
	sys_event_free(&event);
}

int
main(void)
{
	char command[64];

	CLAIM(mkdtemp(root));
	setenv("LIBPFM_ENCODE_INACTIVE", "1", 1);
	choices();
	leaders();
	encodings();
	software();
	snprintf(command, sizeof command, "rm -rf %s", root);
	CLAIM(system(command) == 0);
	return 0;
}
