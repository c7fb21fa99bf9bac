#include "sys/ksyms.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/num.h"

enum { PIECE = 1 << 16 }; /* of a read: the kernel gives a page at a time */

/* 16 bytes: names are found in the text by their offset, and end at a blank */
struct sys_ksyms_entry {
	uint64_t addr;
	uint32_t name;
	char type;
};

/* What is no function: it ends a function before it, and is never found. */
static bool
is_function(char type)
{
	return type == 't' || type == 'T' || type == 'w' || type == 'W' || type == 'i';
}

static struct slice
word_at(const struct sys_ksyms *k, uint32_t at)
{
	struct slice s = { k->text.p + at, 0 };

	while (at + s.n < k->text.n && !isspace((unsigned char)s.p[s.n]))
		s.n++;
	return s;
}

static unsigned
rank(const struct sys_ksyms *k, const struct sys_ksyms_entry *e)
{
	struct slice name = word_at(k, e->name);
	unsigned r = 0;

	if (!is_function(e->type))
		return UINT32_MAX;
	if (slice_eq(name, SLICE("_text")) || slice_eq(name, SLICE("_stext")))
		r += 1000; /* borders, not functions */
	if (e->type == 'w' || e->type == 'W')
		r += 100;
	for (size_t i = 0; i < name.n && i < 20 && name.p[i] == '_'; i++)
		r += 4;
	return r + (e->type == 't');
}

static int
by_address(const void *a, const void *b)
{
	const struct sys_ksyms_entry *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->name < y->name ? -1 : 1;
}

static void
keep_best(struct sys_ksyms *k)
{
	size_t to = 0;

	for (size_t i = 0; i < k->entries; i++)
		if (to == 0 || k->entry[to - 1].addr != k->entry[i].addr)
			k->entry[to++] = k->entry[i];
		else if (rank(k, &k->entry[i]) < rank(k, &k->entry[to - 1]))
			k->entry[to - 1] = k->entry[i];
	k->entries = to;
}

int
sys_ksyms_open(struct sys_ksyms *k, const char *path, struct error *e)
{
	*k = SYS_KSYMS_INIT;
	k->fd = open(path, O_RDONLY | O_CLOEXEC);
	return k->fd < 0 ? error_set(e, "%s: %s", path, strerror(errno)) : 0;
}

static void
add_line(struct sys_ksyms *k, struct slice line)
{
	struct slice addr = slice_cut(&line, ' '), type = slice_cut(&line, ' ');
	struct sys_ksyms_entry *new;
	uint64_t at;

	/* per-CPU variables of x86 have small addresses: they are no places */
	if (num_hex(addr, &at) < 0 || at < 4096 || type.n != 1 || line.n == 0)
		return;
	GROW(k->entry, k->entries_cap, k->entries);
	new = &k->entry[k->entries];
	*new = (struct sys_ksyms_entry){ at, (uint32_t)(line.p - k->text.p), type.p[0] };
	k->unsorted = k->unsorted || (k->entries > 0 && new[-1].addr > at);
	k->entries++;
}

/* The lines that are whole, or with `last` all there is. */
static void
add_lines(struct sys_ksyms *k, bool last)
{
	struct slice rest = { k->text.p + k->parsed, k->text.n - k->parsed };

	while (rest.n > 0 && (last || memchr(rest.p, '\n', rest.n)))
		add_line(k, slice_cut(&rest, '\n'));
	k->parsed = k->text.n - rest.n;
}

static int
give_up(struct sys_ksyms *k, struct error *e, const char *why)
{
	sys_ksyms_free(k);
	return error_set(e, "the kernel's symbols: %s", why);
}

int
sys_ksyms_read(struct sys_ksyms *k, size_t bytes, struct error *e)
{
	ssize_t n;

	if (k->fd < 0)
		return 0;
	do {
		n = io_read(k->fd, buf_room(&k->text, PIECE), PIECE);
		if (n < 0)
			return give_up(k, e, strerror(errno));
		k->text.n += (size_t)n;
		bytes -= (size_t)n < bytes ? (size_t)n : bytes;
	} while (n > 0 && bytes > 0 && k->text.n <= UINT32_MAX);
	if (k->text.n > UINT32_MAX)
		return give_up(k, e, "more than 4 GiB");
	add_lines(k, n == 0);
	if (n > 0)
		return 1;
	close(k->fd);
	k->fd = -1;
	if (k->entries == 0)
		return give_up(k, e, "their addresses are hidden (sysctl kernel.kptr_restrict)");
	if (k->unsorted)
		qsort(k->entry, k->entries, sizeof *k->entry, by_address);
	keep_best(k);
	return 0;
}

int
sys_ksyms_load(struct sys_ksyms *k, const char *path, struct error *e)
{
	return sys_ksyms_open(k, path, e) < 0 ? -1 : sys_ksyms_read(k, SIZE_MAX, e);
}

int64_t
sys_ksyms_find(const struct sys_ksyms *k, uint64_t addr, struct sys_ksym *sym)
{
	size_t low = 0, high = k->fd < 0 ? k->entries : 0;
	const struct sys_ksyms_entry *at;
	struct slice module;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (k->entry[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || !is_function(k->entry[low - 1].type))
		return -1;
	at = &k->entry[low - 1];
	sym->addr = at->addr;
	sym->name = word_at(k, at->name);
	/* the last symbol of all has no end that is known: a page, as far as it goes */
	sym->size = low < k->entries ? k->entry[low].addr - at->addr : 4096;
	module = (struct slice){ sym->name.p + sym->name.n, 0 };
	while (module.p < k->text.p + k->text.n && (*module.p == '\t' || *module.p == ' '))
		module.p++;
	if (module.p < k->text.p + k->text.n && *module.p == '[') {
		module.p++;
		while (module.p + module.n < k->text.p + k->text.n && module.p[module.n] != ']')
			module.n++;
	}
	sym->module = module;
	return addr - sym->addr < sym->size ? (int64_t)(low - 1) : -1;
}

enum { RECENT = 1 << 13 };

int
sys_ksyms_first(struct sys_ksyms *k, uint64_t addr, struct sys_ksym *sym)
{
	size_t slot = hash_mix(addr, 0) % RECENT;
	int64_t at;

	if (k->entries == 0 || k->fd >= 0)
		return 0;
	if (k->told == NULL) {
		k->told = xcalloc(k->entries, 1);
		k->recent = xcalloc(RECENT, sizeof *k->recent);
	}
	/* the same addresses come again and again: they do not reach the search */
	if (k->recent[slot] == addr)
		return 0;
	k->recent[slot] = addr;
	at = sys_ksyms_find(k, addr, sym);
	if (at < 0 || k->told[at])
		return 0;
	k->told[at] = 1;
	return 1;
}

uint64_t
sys_ksyms_address(const struct sys_ksyms *k, struct slice name)
{
	/* over the text: of several names at one address the table keeps only one */
	for (struct slice rest = buf_view(&k->text); rest.n > 0;) {
		struct slice line = slice_cut(&rest, '\n');
		struct slice addr = slice_cut(&line, ' ');
		uint64_t at;

		if (line.n == name.n + 2 && memcmp(line.p + 2, name.p, name.n) == 0 &&
		    num_hex(addr, &at) == 0)
			return at;
	}
	return 0;
}

void
sys_ksyms_free(struct sys_ksyms *k)
{
	if (k->fd >= 0)
		close(k->fd);
	buf_free(&k->text);
	free(k->entry);
	free(k->told);
	free(k->recent);
	*k = SYS_KSYMS_INIT;
}

void
sys_modules(
    void (*fn)(struct slice name, uint64_t addr, uint64_t size, void *context), void *context)
{
	char *text;
	size_t n;

	if (io_slurp("/proc/modules", &text, &n) < 0)
		return;
	for (struct slice rest = { text, n }; rest.n > 0;) {
		struct slice line = slice_cut(&rest, '\n'), name = slice_cut(&line, ' '),
			     size = slice_cut(&line, ' ');
		struct slice addr;
		uint64_t size_n, addr_n;

		/* name size users users,users, state address [taint] */
		for (int i = 0; i < 3; i++)
			slice_cut(&line, ' ');
		addr = slice_cut(&line, ' ');
		if (addr.n > 2 && num_u64(size, &size_n) == 0 &&
		    num_hex((struct slice){ addr.p + 2, addr.n - 2 }, &addr_n) == 0)
			fn(name, addr_n, size_n, context);
	}
	free(text);
}
