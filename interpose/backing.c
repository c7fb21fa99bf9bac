#include "interpose/backing.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "interpose/names.h"
#include "interpose/pool.h"

enum { POOLS = 8, RULES = 32, SITES = 1 << 16 /* addresses whose rules are remembered */ };

struct rule {
	unsigned pool;
	uint64_t min;
	char object[128], function[128]; /* patterns; an empty object matches any */
};

static struct source {
	char directory[256]; /* "": of a node, or any memory */
	int node;
	uint64_t bytes;
	_Atomic int state; /* 0 not made yet, 1 being made, 2 there, 3 cannot be made */
	int copy;          /* while forking */
} source[POOLS];

static struct pool pool[POOLS];
static unsigned pools, rules;
static struct rule rule[RULES];
static uint32_t everywhere; /* rules that hold for any site */
static struct wire_process *process;

/* ---- the text ---- */

static uint64_t
number(const char *s)
{
	uint64_t v = 0;

	for (; *s >= '0' && *s <= '9'; s++)
		v = v * 10 + (unsigned)(*s - '0');
	return v;
}

/* The text between the key and the end of the word. */
static void
word_after(const char *line, const char *key, char *to, size_t room)
{
	const char *at = strstr(line, key);
	size_t n;

	*to = '\0';
	if (at == NULL)
		return;
	at += strlen(key);
	n = strcspn(at, "\n");
	/* paths and patterns hold blanks: what ends them is the next key, or the line */
	for (const char *next = at; (next = strstr(next, " size=")) && next < at + n;)
		n = (size_t)(next - at);
	if (n >= room)
		n = room - 1;
	memcpy(to, at, n);
	to[n] = '\0';
}

static void
read_pool(const char *line)
{
	struct source *s = &source[pools];
	char value[32];

	if (pools == POOLS)
		return;
	word_after(line, " path=", s->directory, sizeof s->directory);
	word_after(line, " node=", value, sizeof value);
	s->node = *value ? (int)number(value) : -1;
	word_after(line, " size=", value, sizeof value);
	s->bytes = number(value);
	pools++;
}

static void
read_rule(const char *line, uint64_t min)
{
	struct rule *r = &rule[rules];
	const char *pattern = strchr(line, ' '), *colon;
	size_t n;

	if (rules == RULES || pattern == NULL)
		return;
	r->pool = (unsigned)number(line);
	r->min = min;
	pattern++;
	n = strlen(pattern);
	colon = strchr(pattern, ':');
	if (colon &&
	    colon[1] != ':') { /* the :: of C++ names stands in no mangled one, but in patterns */
		size_t length = (size_t)(colon - pattern);

		if (length >= sizeof r->object)
			return;
		memcpy(r->object, pattern, length);
		pattern = colon + 1;
		n = strlen(pattern);
	}
	if (n >= sizeof r->function || r->pool >= pools)
		return;
	memcpy(r->function, pattern, n + 1);
	if (*r->object == '\0' && strcmp(r->function, "*") == 0)
		everywhere |= 1u << rules;
	rules++;
}

static void prepare(void);
static void in_parent(void);
static void in_child(void);

void
backing_begin(const char *text, size_t n, struct wire_process *counts)
{
	char line[512];
	uint64_t min = 0;

	process = counts;
	for (size_t at = 0, length; at < n; at += length + 1) {
		const char *end = memchr(text + at, '\n', n - at);

		length = end ? (size_t)(end - text) - at : n - at;
		if (length >= sizeof line)
			continue;
		memcpy(line, text + at, length);
		line[length] = '\0';
		if (strncmp(line, "pool ", 5) == 0)
			read_pool(line + 5);
		else if (strncmp(line, "min ", 4) == 0)
			min = number(line + 4);
		else if (strncmp(line, "rule ", 5) == 0)
			read_rule(line + 5, min);
	}
	if (pools > 0)
		pthread_atfork(prepare, in_parent, in_child);
}

void
backing_forked(struct wire_process *counts)
{
	process = counts;
}

bool
backing_by_site(void)
{
	return rules > 0 && everywhere != (rules == 32 ? ~0u : (1u << rules) - 1);
}

/* ---- which rules hold for a site ---- */

/* `*` any bytes, `?` one: fnmatch(3) may allocate. */
static bool
matches(const char *pattern, const char *text)
{
	const char *star = NULL, *from = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			from = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static struct site {
	uint64_t address;
	uint32_t rules;
} * site;
static size_t sites;
static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;

static uint32_t
rules_of(uint64_t address)
{
	size_t at = (size_t)((address * 0x9e3779b97f4a7c15u) >> 48);
	struct names_place place;
	uint32_t holds = 0;

	if (site == NULL) {
		site = mmap(NULL, SITES * sizeof *site, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (site == MAP_FAILED) {
			site = NULL;
			return 0;
		}
	}
	for (; site[at].address != 0; at = (at + 1) & (SITES - 1))
		if (site[at].address == address)
			return site[at].rules;
	names_find(address, &place);
	for (unsigned i = 0; i < rules; i++)
		if (*place.function && matches(rule[i].function, place.function) &&
		    (*rule[i].object == '\0' || matches(rule[i].object, place.object)))
			holds |= 1u << i;
	if (sites >= SITES / 2) {
		memset(site, 0, SITES * sizeof *site);
		sites = 0;
		at = (size_t)((address * 0x9e3779b97f4a7c15u) >> 48);
	}
	site[at] = (struct site){ address, holds };
	sites++;
	return holds;
}

uint32_t
backing_site(const uint64_t *frame, unsigned n)
{
	uint32_t holds = everywhere;

	pthread_mutex_lock(&names_lock);
	/* behind the leaf stand return addresses: the call is before them */
	for (unsigned i = 0; i < n; i++)
		holds |= rules_of(i == 0 ? frame[i] : frame[i] - 1);
	pthread_mutex_unlock(&names_lock);
	return holds;
}

void
backing_objects_changed(void)
{
	pthread_mutex_lock(&names_lock);
	names_forget();
	if (site)
		memset(site, 0, SITES * sizeof *site);
	sites = 0;
	pthread_mutex_unlock(&names_lock);
}

/* ---- memory ---- */

static bool
is_there(unsigned i)
{
	struct source *s = &source[i];
	int state = atomic_load_explicit(&s->state, memory_order_acquire);

	if (state == 0 && atomic_compare_exchange_strong(&s->state, &state, 1)) {
		bool made = pool_open(&pool[i], s->bytes, *s->directory ? s->directory : NULL,
				s->node) == 0;

		atomic_store_explicit(&s->state, made ? 2 : 3, memory_order_release);
		return made;
	}
	return state == 2;
}

static void
count(enum wire_count which, enum wire_count bytes, size_t size)
{
	atomic_fetch_add_explicit(&process->count[which], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&process->count[bytes], size, memory_order_relaxed);
}

void *
backing_take(uint32_t which, size_t size, size_t align, bool zero)
{
	for (; which != 0; which &= which - 1) {
		const struct rule *r = &rule[__builtin_ctz(which)];
		void *at;

		if (size < r->min)
			continue;
		at = is_there(r->pool) ? pool_take(&pool[r->pool], size, align, zero) : NULL;
		if (at)
			count(WIRE_BACKED, WIRE_BACKED_BYTES, size);
		else
			count(WIRE_FULL, WIRE_FULL_BYTES, size);
		return at;
	}
	return NULL;
}

/* The pool that an address is of, or NULL. */
static struct pool *
owner(const void *at)
{
	for (unsigned i = 0; i < pools; i++)
		if (pool_owns(&pool[i], at))
			return &pool[i];
	return NULL;
}

bool
backing_owns(const void *p)
{
	return owner(p) != NULL;
}

size_t
backing_usable(const void *p)
{
	return pool_usable(p);
}

void
backing_give(void *p)
{
	pool_give(owner(p), p);
}

/* ---- fork ---- */

static void
prepare(void)
{
	pthread_mutex_lock(&names_lock);
	for (unsigned i = 0; i < pools; i++)
		source[i].copy = pool_fork_prepare(&pool[i]);
}

static void
in_parent(void)
{
	for (unsigned i = pools; i-- > 0;)
		pool_fork_parent(&pool[i], source[i].copy);
	pthread_mutex_unlock(&names_lock);
}

static void
in_child(void)
{
	for (unsigned i = 0; i < pools; i++)
		pool_fork_child(&pool[i], source[i].copy);
	names_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}
