/* Units as a sysfs of other machines describes them: what their events become. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/pmu.h"
#include "unit.h"

static char root[] = "/tmp/leat-pmu-XXXXXX";

static void
put(const char *path, const char *text)
{
	char full[256];
	FILE *f;

	snprintf(full, sizeof full, "%s/%s", root, path);
	for (char *p = full + sizeof root; (p = strchr(p, '/')) != NULL; *p++ = '/') {
		*p = '\0';
		mkdir(full, 0777);
	}
	f = fopen(full, "w");
	CLAIM(f && fprintf(f, "%s\n", text) > 0 && fclose(f) == 0);
}

static struct error e;
static struct perf_event_attr a;
static struct slice rest;

static bool
is(const char *text, uint64_t config, uint64_t config1, uint64_t config2)
{
	int r;

	a = (struct perf_event_attr){ 0 };
	e.text[0] = '\0';
	r = sys_pmu_event(root, slice_of(text), &a, &rest, &e);
	if (r == 1 && a.config == config && a.config1 == config1 && a.config2 == config2)
		return true;
	fprintf(stderr, "%s: %d %llx %llx %llx %s\n", text, r, (unsigned long long)a.config,
	    (unsigned long long)a.config1, (unsigned long long)a.config2, e.text);
	return false;
}

static bool
wrong(const char *text, const char *why)
{
	a = (struct perf_event_attr){ 0 };
	if (sys_pmu_event(root, slice_of(text), &a, &rest, &e) == -1 && strstr(e.text, why) &&
	    strncmp(e.text, text, strlen(text)) == 0)
		return true;
	fprintf(stderr, "%s: %s\n", text, e.text);
	return false;
}

int
main(void)
{
	int *cpu;
	unsigned cpus;

	CLAIM(mkdtemp(root));
	put("cpu/type", "4");
	put("cpu/format/event", "config:0-7");
	put("cpu/format/umask", "config:8-15");
	put("cpu/format/inv", "config:23");
	put("cpu/format/ldlat", "config1:0-15");
	put("cpu/format/split", "config:0-7,32-35");
	put("cpu/format/all", "config2:0-63");
	put("cpu/format/odd", "config7:0");
	put("cpu/format/odder", "config:8-4");
	put("cpu/events/mem-loads", "event=0xcd,umask=0x1,ldlat=3");
	put("cpu/events/loop", "loop");
	put("cpu_atom/type", "10");
	put("cpu_atom/cpus", "16-18,27");
	put("cpu_atom/events/mem-stores", "event=0xd0,umask=0x6");
	put("cpu_atom/format/event", "config:0-7");
	put("cpu_atom/format/umask", "config:8-15");
	put("ibs_op/type", "11");
	put("ibs_op/format/cnt_ctl", "config:19");
	put("ibs_op/format/swfilt", "config2:0");

	CLAIM(is("cpu/event=0xd0,umask=0x82/", 0x82d0, 0, 0) && a.type == 4);
	CLAIM(is("cpu/mem-loads/", 0x1cd, 3, 0));
	/* what comes later counts, and does not mix with what was there */
	CLAIM(is("cpu/mem-loads,ldlat=30/pp", 0x1cd, 30, 0) && slice_eq(rest, SLICE("pp")));
	CLAIM(is("cpu/ldlat=30,mem-loads/:u", 0x1cd, 3, 0) && slice_eq(rest, SLICE(":u")));
	CLAIM(is("cpu/inv,event=16/", 0x800010, 0, 0));
	CLAIM(is("cpu/split=0xabc/", 0xa000000bc, 0, 0));
	CLAIM(is("cpu/all=0xfedcba9876543210/", 0, 0, 0xfedcba9876543210));
	CLAIM(is("cpu/config=7,config1=8,config2=9,period=1009/", 7, 8, 9) &&
	      a.sample_period == 1009);
	CLAIM(is("ibs_op//", 0, 0, 0) && a.type == 11 && rest.n == 0);
	CLAIM(is("ibs_op/cnt_ctl=1,swfilt=1/u", 1 << 19, 0, 1));

	CLAIM(wrong("cpu/event=0x1ff/", "too large"));
	CLAIM(wrong("cpu/nothing/", "cpu has no such event: nothing"));
	CLAIM(wrong("cpu/nothing=1/", "cpu has no such field: nothing"));
	CLAIM(wrong("cpu/odd=1/", "not known"));
	CLAIM(wrong("cpu/odder=1/", "not known"));
	CLAIM(wrong("cpu/loop/", "no such event"));
	CLAIM(wrong("cpu/event=x/", "NAME=NUMBER"));
	CLAIM(wrong("cpu/../format=1/", "neither") || wrong("cpu/..=1/", "neither"));
	/* no unit, no such form */
	CLAIM(sys_pmu_event(root, SLICE("gpu/x/"), &a, &rest, &e) == 0);
	CLAIM(sys_pmu_event(root, SLICE("cpu/mem-loads"), &a, &rest, &e) == 0);
	CLAIM(sys_pmu_event(root, SLICE("../cpu/mem-loads/"), &a, &rest, &e) == 0);
	CLAIM(sys_pmu_event(root, SLICE("/type/"), &a, &rest, &e) == 0);
	CLAIM(sys_pmu_event(root, SLICE(""), &a, &rest, &e) == 0);

	CLAIM(
	    sys_pmu_has(root, "cpu", "events/mem-loads") && !sys_pmu_has(root, "cpu", "events/x"));
	CLAIM(sys_pmu_cpus(root, SLICE("cpu_atom/mem-stores/P"), &cpu, &cpus) == 0 && cpus == 4);
	CLAIM(cpu[0] == 16 && cpu[2] == 18 && cpu[3] == 27);
	free(cpu);
	CLAIM(sys_pmu_cpus(root, SLICE("cpu/mem-loads/"), &cpu, &cpus) == 0 && cpus == 0);

	/* any text: an answer, and no more than that */
	for (unsigned i = 0; i < 20000; i++) {
		static const char *const part[] = { "cpu", "/", ",", "=", "event", "0x", "1", "..",
			"mem-loads", "split", "", "all", ":" };
		char text[128] = "";

		for (uint64_t n = unit_draw(9); n > 0; n--)
			strcat(text, part[unit_draw(sizeof part / sizeof part[0])]);
		a = (struct perf_event_attr){ 0 };
		sys_pmu_event(root, slice_of(text), &a, &rest, &e);
	}
	{
		char command[64];

		snprintf(command, sizeof command, "rm -rf %s", root);
		CLAIM(system(command) == 0);
	}
	return 0;
}
