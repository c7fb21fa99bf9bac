#include "sys/usage.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/num.h"
#include "sys/usage_parts.h"

enum { FILE_MAX = 16 << 20, STALE_MAX = 1000 };

static void
set_path(struct usage_parts *p, const char *format, va_list va)
{
	char path[4096];

	vsnprintf(path, sizeof path, format, va);
	p->path.n = 0;
	buf_printf(&p->path, "%s/%s", p->root, path);
	buf_str(&p->path);
}

bool
usage_text(struct usage_parts *p, struct slice *text, const char *format, ...)
{
	ssize_t got = -1;
	va_list va;
	int fd;

	va_start(va, format);
	set_path(p, format, va);
	va_end(va);
	fd = open(p->path.p, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return false;
	p->text.n = 0;
	while (p->text.n < FILE_MAX && (got = io_read(fd, buf_room(&p->text, 16384), 16384)) > 0)
		p->text.n += (size_t)got;
	close(fd);
	*text = buf_view(&p->text);
	return got >= 0;
}

bool
usage_exists(struct usage_parts *p, const char *format, ...)
{
	va_list va;

	va_start(va, format);
	set_path(p, format, va);
	va_end(va);
	return access(p->path.p, F_OK) == 0;
}

static struct usage_value *
put(struct usage_parts *p, const char *section, const char *name, const char *suffix,
    struct slice device, const char *unit)
{
	struct usage_value *v;

	GROW(p->value, p->cap, p->values);
	v = &p->value[p->values++];
	if (device.p && !slice_eq(device, p->device))
		p->device = arena_copy(&p->names, device); /* the text that it stands in goes */
	*v = (struct usage_value){ .section = section,
		.name = name,
		.suffix = suffix,
		.device = device.p ? p->device : device,
		.unit = unit };
	return v;
}

void
usage_int(struct usage_parts *p, const char *section, const char *name, struct slice device,
    int64_t v, const char *unit)
{
	struct usage_value *value;

	if (p->mute)
		return;
	value = put(p, section, name, "", device, unit);
	value->whole = true;
	value->i = v;
}

void
usage_num(struct usage_parts *p, const char *section, const char *name, struct slice device,
    double v, const char *unit)
{
	if (!p->mute)
		put(p, section, name, "", device, unit)->d = v;
}

static uint64_t
key_hash(const void *context, uint32_t item)
{
	const struct usage_parts *p = context;

	return hash_bytes(p->counter[item].key.p, p->counter[item].key.n);
}

static struct usage_counter *
find_counter(struct usage_parts *p, struct slice key)
{
	uint64_t h = hash_bytes(key.p, key.n);

	for (struct hash_probe at = hash_first(&p->by_key, h); hash_found(&p->by_key, &at);
	     hash_next(&p->by_key, &at))
		if (slice_eq(p->counter[at.item].key, key))
			return &p->counter[at.item];
	GROW(p->counter, p->counter_cap, p->counters);
	p->counter[p->counters] = (struct usage_counter){ .key = arena_copy(&p->keys, key) };
	hash_add(&p->by_key, h, (uint32_t)p->counters, key_hash, p);
	return &p->counter[p->counters++];
}

bool
usage_delta(struct usage_parts *p, const char *section, const char *name, struct slice device,
    uint64_t now, enum usage_falls falls, uint64_t *delta)
{
	struct usage_counter *c;
	bool known;

	p->key.n = 0;
	buf_put(&p->key, section, strlen(section) + 1);
	buf_put(&p->key, name, strlen(name) + 1);
	buf_slice(&p->key, device);
	c = find_counter(p, buf_view(&p->key));
	known = c->reading > 0 && c->reading == p->reading - 1;
	*delta = now - c->last;
	if (known && now < c->last) {
		if (falls == USAGE_WRAP_32 && c->last <= UINT32_MAX)
			*delta = (uint32_t)(now - c->last);
		else if (falls == USAGE_FALL_ZERO)
			*delta = 0;
		else {
			p->usage.fell++;
			known = false;
		}
	}
	c->last = now;
	c->reading = p->reading;
	return known && p->elapsed > 0;
}

void
usage_count(struct usage_parts *p, const char *section, const char *name, struct slice device,
    uint64_t now, uint64_t scale, const char *unit)
{
	struct usage_value *v;
	uint64_t delta;

	if (!usage_delta(p, section, name, device, now, USAGE_FALL_LOST, &delta) || p->mute)
		return;
	usage_int(p, section, name, device, (int64_t)(delta * scale), unit);
	v = put(p, section, name, "_rate", device, unit ? "bytes/s" : "/s");
	v->d = (double)delta * (double)scale * 1e9 / (double)p->elapsed;
}

void
usage_time(struct usage_parts *p, const char *section, const char *name, struct slice device,
    uint64_t now, uint64_t scale, enum usage_falls falls, const char *share)
{
	struct usage_value *v;
	uint64_t delta;

	if (!usage_delta(p, section, name, device, now, falls, &delta) || p->mute)
		return;
	v = put(p, section, name, "_ns", device, "ns");
	v->whole = true;
	v->i = (int64_t)(delta * scale);
	usage_num(
	    p, section, name, device, (double)delta * (double)scale / (double)p->elapsed, share);
}

bool
usage_line(struct slice text, const char *key, uint64_t *v)
{
	size_t n = strlen(key);

	while (text.n > 0) {
		struct slice line = slice_cut(&text, '\n');

		if (line.n <= n || memcmp(line.p, key, n) != 0 ||
		    (line.p[n] != ' ' && line.p[n] != ':' && line.p[n] != '\t'))
			continue;
		line.p += n + 1, line.n -= n + 1;
		line = slice_trim(line);
		return num_u64(slice_cut(&line, ' '), v) == 0;
	}
	return false;
}

bool
usage_pressure(struct slice text, const char *which, uint64_t *us)
{
	while (text.n > 0) {
		struct slice line = slice_cut(&text, '\n');

		if (!slice_eq(slice_cut(&line, ' '), slice_of(which)))
			continue;
		while (line.n > 0) {
			struct slice value = slice_cut(&line, ' '), key = slice_cut(&value, '=');

			if (slice_eq(key, SLICE("total")))
				return num_u64(value, us) == 0;
		}
	}
	return false;
}

/* Names of devices that went long ago must not fill the memory. */
static void
forget(struct usage_parts *p)
{
	struct arena keys = ARENA_INIT;
	size_t kept = 0, stale = 0;

	for (size_t i = 0; i < p->counters; i++)
		stale += p->counter[i].reading != p->reading - 1;
	if (stale < STALE_MAX || stale < p->counters / 2)
		return;
	hash_clear(&p->by_key);
	for (size_t i = 0; i < p->counters; i++) {
		struct usage_counter c = p->counter[i];

		if (c.reading != p->reading - 1)
			continue;
		c.key = arena_copy(&keys, c.key);
		p->counter[kept] = c;
		hash_add(&p->by_key, hash_bytes(c.key.p, c.key.n), (uint32_t)kept, key_hash, p);
		kept++;
	}
	p->counters = kept;
	arena_free(&p->keys);
	p->keys = keys;
}

struct usage *
usage_new(const struct usage_config *config, struct error *e)
{
	struct usage_parts *p = xcalloc(1, sizeof *p);
	bool live = config->root == NULL || strcmp(config->root, "/") == 0;
	size_t n = 0;

	p->root = xstrndup(config->root, live ? 0 : strlen(config->root));
	p->tick_ns = 1000000000 / sysconf(_SC_CLK_TCK);
	p->usage.parts = p;
	while (config->cgroup && config->cgroup[n])
		n++;
	p->cgroup = xcalloc(n + 1, sizeof *p->cgroup);
	for (; p->cgroups < n; p->cgroups++) {
		struct usage_cgroup *c = &p->cgroup[p->cgroups];
		const char *called = config->called ? config->called[p->cgroups] : NULL;

		c->path = usage_cgroup_path(p, config->cgroup[p->cgroups]);
		if (c->path == NULL) {
			error_set(e, "%s: no such cgroup below %s/sys/fs/cgroup",
			    config->cgroup[p->cgroups], p->root);
			usage_free(&p->usage);
			return NULL;
		}
		c->called = called ? xstrndup(called, strlen(called)) : NULL;
	}
	return &p->usage;
}

void
usage_read(struct usage *u, int64_t now)
{
	struct usage_parts *p = u->parts;

	p->reading++;
	p->elapsed = p->reading > 1 ? now - p->now : 0;
	p->now = now;
	p->values = 0;
	p->device = (struct slice){ 0 };
	arena_reset(&p->names);
	u->gone = u->fell = 0;
	u->missing = NULL;
	forget(p);
	usage_machine(p);
	for (size_t i = 0; i < p->cgroups; i++)
		if (!usage_of_cgroup(p, &p->cgroup[i]))
			u->missing = p->cgroup[i].called ? p->cgroup[i].called : p->cgroup[i].path;
	for (size_t i = 0; i < p->counters; i++)
		u->gone += p->reading > 1 && p->counter[i].reading == p->reading - 1;
	u->value = p->value;
	u->values = p->values;
}

void
usage_free(struct usage *u)
{
	struct usage_parts *p = u->parts;

	for (size_t i = 0; i < p->cgroups; i++) {
		free(p->cgroup[i].path);
		free(p->cgroup[i].called);
	}
	free(p->cgroup);
	free(p->root);
	free(p->value);
	free(p->counter);
	hash_free(&p->by_key);
	arena_free(&p->keys);
	arena_free(&p->names);
	buf_free(&p->text);
	buf_free(&p->path);
	buf_free(&p->key);
	free(p);
}
