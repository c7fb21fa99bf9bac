#include "sys/pmu.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/num.h"
#include "sys/rings.h"

enum { PATH = 512, NESTED = 4 };

/* A name in sysfs, which leads nowhere else. */
static bool
is_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '/' || s.p[i] == '\0')
			return false;
	return s.n > 0 && s.n < 64 && s.p[0] != '.';
}

/* The first line of a file of the unit, in line[PATH]; whether there is one. */
static bool
read_line(const char *root, struct slice pmu, const char *dir, struct slice name, char *line)
{
	char path[PATH], *text;
	size_t n;
	int k = snprintf(path, sizeof path, "%s/%.*s/%s%s%.*s", root, SLICE_ARG(pmu), dir,
	    name.n ? "/" : "", SLICE_ARG(name));

	if (k < 0 || (size_t)k >= sizeof path || io_slurp(path, &text, &n) < 0)
		return false;
	snprintf(line, PATH, "%.*s", (int)strcspn(text, "\n"), text);
	free(text);
	return true;
}

bool
sys_pmu_has(const char *root, const char *pmu, const char *file)
{
	char path[PATH];
	int k = snprintf(path, sizeof path, "%s/%s/%s", root, pmu, file);

	return k > 0 && (size_t)k < sizeof path && access(path, F_OK) == 0;
}

/* Sets the bits of a field as its format says: "config1:0-7,32-35". */
static int
set_bits(struct perf_event_attr *a, const char *format, struct slice name, uint64_t value,
    struct error *e)
{
	struct slice ranges = slice_of(format), where = slice_cut(&ranges, ':');
	uint64_t *word = NULL, left = value;
	uint64_t config1 = a->config1, config2 = a->config2, config = a->config;

	if (slice_eq(where, SLICE("config")))
		word = &config;
	else if (slice_eq(where, SLICE("config1")))
		word = &config1;
	else if (slice_eq(where, SLICE("config2")))
		word = &config2;
	if (word == NULL)
		return error_set(
		    e, "%.*s: its format \"%s\" is not known here", SLICE_ARG(name), format);
	while (ranges.n > 0) {
		struct slice to = slice_cut(&ranges, ','), from = slice_cut(&to, '-');
		uint64_t first, last, mask;

		if (num_u64(from, &first) < 0 || (to.n > 0 && num_u64(to, &last) < 0))
			return error_set(e, "%.*s: its format \"%s\" is not known here",
			    SLICE_ARG(name), format);
		if (to.n == 0)
			last = first;
		if (last > 63 || first > last)
			return error_set(e, "%.*s: its format \"%s\" is not known here",
			    SLICE_ARG(name), format);
		mask = last - first == 63 ? ~0ull : (1ull << (last - first + 1)) - 1;
		*word = (*word & ~(mask << first)) | (left & mask) << first;
		left = last - first == 63 ? 0 : left >> (last - first + 1);
	}
	if (left != 0)
		return error_set(e, "%.*s: %llu is too large for it", SLICE_ARG(name),
		    (unsigned long long)value);
	a->config = config;
	a->config1 = config1;
	a->config2 = config2;
	return 0;
}

static int terms(const char *root, struct slice pmu, struct slice list, struct perf_event_attr *a,
    int depth, struct error *e);

static int
term(const char *root, struct slice pmu, struct slice text, struct perf_event_attr *a, int depth,
    struct error *e)
{
	struct slice value = text, name = slice_cut(&value, '=');
	bool alone = name.n == text.n;
	char line[PATH];
	uint64_t v = 1;

	if (!is_name(name) || (!alone && num_any(value, &v) < 0))
		return error_set(e, "%.*s: neither a name nor NAME=NUMBER", SLICE_ARG(text));
	if (alone && depth > 0 && read_line(root, pmu, "events", name, line))
		return terms(root, pmu, slice_of(line), a, depth - 1, e);
	if (read_line(root, pmu, "format", name, line))
		return set_bits(a, line, name, v, e);
	if (alone)
		return error_set(
		    e, "%.*s has no such event: %.*s", SLICE_ARG(pmu), SLICE_ARG(name));
	if (slice_eq(name, SLICE("config")))
		a->config = v;
	else if (slice_eq(name, SLICE("config1")))
		a->config1 = v;
	else if (slice_eq(name, SLICE("config2")))
		a->config2 = v;
	else if (slice_eq(name, SLICE("period")))
		a->sample_period = v;
	else
		return error_set(
		    e, "%.*s has no such field: %.*s", SLICE_ARG(pmu), SLICE_ARG(name));
	return 0;
}

static int
terms(const char *root, struct slice pmu, struct slice list, struct perf_event_attr *a, int depth,
    struct error *e)
{
	while (list.n > 0)
		if (term(root, pmu, slice_cut(&list, ','), a, depth, e) < 0)
			return -1;
	return 0;
}

int
sys_pmu_event(const char *root, struct slice text, struct perf_event_attr *attr, struct slice *rest,
    struct error *e)
{
	struct slice list = text, pmu = slice_cut(&list, '/');
	const char *end = list.n > 0 ? memchr(list.p, '/', list.n) : NULL;
	char line[PATH];
	uint64_t type;

	if (end == NULL || !is_name(pmu) || !read_line(root, pmu, "type", SLICE(""), line) ||
	    num_u64(slice_of(line), &type) < 0)
		return 0;
	*rest = (struct slice){ end + 1, (size_t)(text.p + text.n - end - 1) };
	list.n = (size_t)(end - list.p);
	attr->type = (uint32_t)type;
	if (terms(root, pmu, list, attr, NESTED, e) < 0) {
		if (e) {
			struct error inner = *e;

			error_set(e, "%.*s: %.400s", SLICE_ARG(text), inner.text);
		}
		return -1;
	}
	return 1;
}

int
sys_pmu_cpus(const char *root, struct slice text, int **cpu, unsigned *cpus)
{
	struct slice pmu = slice_cut(&text, '/');
	char line[PATH];

	*cpu = NULL;
	*cpus = 0;
	if (text.n == 0 || !is_name(pmu) || !read_line(root, pmu, "cpus", SLICE(""), line))
		return 0;
	return sys_cpus_parse(line, cpu, cpus);
}
