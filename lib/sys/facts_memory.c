/* facts_memory.c - part of facts.h: memory, its nodes, and what the kernel does with it by itself */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "sys/facts_parts.h"

static bool
kib(struct slice text, const char *key, int64_t *bytes)
{
	struct slice s;

	return facts_line(text, key, &s) && num_i64(slice_cut(&s, ' '), bytes) == 0 &&
	       !__builtin_mul_overflow(*bytes, 1024, bytes);
}

static void
put_nodes(struct facts_reader *r)
{
	struct buf distance = BUF_INIT;
	const char *const *name;
	struct slice s;
	int64_t v, nodes = 0;
	size_t n = facts_list(r, "sys/devices/system/node", &name);

	for (size_t i = 0; i < n; i++) {
		char fact[128];
		uint64_t id;

		if (strncmp(name[i], "node", 4) != 0 || num_u64(slice_of(name[i] + 4), &id) < 0)
			continue;
		nodes++;
		if (facts_text(r, &s, "sys/devices/system/node/%s/meminfo", name[i])) {
			char key[64];

			snprintf(key, sizeof key, "Node %" PRIu64 " MemTotal", id);
			if (kib(s, key, &v)) {
				snprintf(fact, sizeof fact, "%s_memory", name[i]);
				facts_put_int(r, "memory", fact, v, "bytes");
			}
		}
		if (facts_text(r, &s, "sys/devices/system/node/%s/cpulist", name[i])) {
			snprintf(fact, sizeof fact, "%s_cpus", name[i]);
			facts_put_str(r, "memory", fact, s);
		}
		if (facts_text(r, &s, "sys/devices/system/node/%s/distance", name[i]))
			buf_printf(&distance, "%s%.*s", distance.n ? "," : "", SLICE_ARG(s));
	}
	if (nodes > 0)
		facts_put_int(r, "memory", "nodes", nodes, NULL);
	if (distance.n > 0)
		facts_put_str(r, "memory", "node_distances", buf_view(&distance));
	buf_free(&distance);
}

static void
put_huge(struct facts_reader *r)
{
	const char *const *name;
	size_t n = facts_list(r, "sys/kernel/mm/hugepages", &name);

	for (size_t i = 0; i < n; i++) {
		char fact[64];
		int64_t v;

		if (strncmp(name[i], "hugepages-", 10) != 0 || strlen(name[i]) > 40 ||
		    !facts_number(r, &v, "sys/kernel/mm/hugepages/%s/nr_hugepages", name[i]))
			continue;
		snprintf(fact, sizeof fact, "hugepages_%s", name[i] + 10);
		facts_put_int(r, "memory", fact, v, NULL);
	}
}

static void
put_tiers(struct facts_reader *r)
{
	const char *const *name;
	size_t n = facts_list(r, "sys/devices/virtual/memory_tiering", &name);
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		struct slice s;

		if (facts_text(r, &s, "sys/devices/virtual/memory_tiering/%s/nodelist", name[i]))
			buf_printf(&b, "%s%s=%.*s", b.n ? " " : "", name[i], SLICE_ARG(s));
	}
	if (b.n > 0)
		facts_put_str(r, "memory", "memory_tiers", buf_view(&b));
	buf_free(&b);
}

void
facts_memory(struct facts_reader *r)
{
	static const char *const ksm[] = { "off", "on", "unmerge" };
	struct slice s;
	int64_t v;

	if (facts_text(r, &s, "proc/meminfo")) {
		if (kib(s, "MemTotal", &v))
			facts_put_int(r, "memory", "memory", v, "bytes");
		if (kib(s, "SwapTotal", &v))
			facts_put_int(r, "memory", "swap", v, "bytes");
		if (kib(s, "Hugepagesize", &v))
			facts_put_int(r, "memory", "hugepage", v, "bytes");
	}
	put_huge(r);
	facts_put_chosen(r, "memory", "thp", "sys/kernel/mm/transparent_hugepage/enabled");
	facts_put_chosen(r, "memory", "thp_defrag", "sys/kernel/mm/transparent_hugepage/defrag");
	facts_put_chosen(
	    r, "memory", "thp_shmem", "sys/kernel/mm/transparent_hugepage/shmem_enabled");
	facts_put_file(r, "memory", "khugepaged_defrag",
	    "sys/kernel/mm/transparent_hugepage/khugepaged/defrag", NULL);
	if (facts_number(r, &v, "sys/kernel/mm/ksm/run") && v >= 0 && v <= 2)
		facts_put_str(r, "memory", "ksm", slice_of(ksm[v]));
	facts_put_file(r, "memory", "zswap", "sys/module/zswap/parameters/enabled", NULL);
	facts_put_file(r, "memory", "mglru", "sys/kernel/mm/lru_gen/enabled", NULL);
	facts_put_file(r, "memory", "swappiness", "proc/sys/vm/swappiness", NULL);
	facts_put_file(r, "memory", "overcommit", "proc/sys/vm/overcommit_memory", NULL);
	facts_put_file(r, "memory", "max_map_count", "proc/sys/vm/max_map_count", NULL);
	facts_put_file(r, "memory", "dirty_ratio", "proc/sys/vm/dirty_ratio", "percent");
	facts_put_file(
	    r, "memory", "dirty_background_ratio", "proc/sys/vm/dirty_background_ratio", "percent");
	facts_put_file(r, "memory", "zone_reclaim", "proc/sys/vm/zone_reclaim_mode", NULL);
	facts_put_file(r, "memory", "numa_balancing", "proc/sys/kernel/numa_balancing", NULL);
	if (facts_text(r, &s, "sys/kernel/mm/numa/demotion_enabled"))
		facts_put_str(r, "memory", "numa_demotion",
		    slice_eq(s, SLICE("true")) || slice_eq(s, SLICE("1")) ? SLICE("on")
									  : SLICE("off"));
	put_nodes(r);
	put_tiers(r);
}
