#include <elf.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "code/demangle.h"
#include "code/symbols.h"

static void
add(struct symbols *s, struct symbol symbol)
{
	GROW(s->symbol, s->cap, s->n);
	s->symbol[s->n++] = symbol;
	s->dirty = true;
}

void
symbols_add(
    struct symbols *s, uint64_t addr, uint64_t size, struct slice name, enum symbols_bind bind)
{
	add(s, (struct symbol){
		   addr, size, arena_copy(&s->arena, name), (uint8_t)bind, false, false, false });
}

struct entry { /* of either class */
	uint64_t value, size;
	uint32_t name, section;
	uint8_t info, other;
};

static struct entry
entry_read(const struct object *o, const char *p)
{
	if (o->is64) {
		Elf64_Sym sym;

		memcpy(&sym, p, sizeof sym);
		return (struct entry){ sym.st_value, sym.st_size, sym.st_name, sym.st_shndx,
			sym.st_info, sym.st_other };
	} else {
		Elf32_Sym sym;

		memcpy(&sym, p, sizeof sym);
		return (struct entry){ sym.st_value, sym.st_size, sym.st_name, sym.st_shndx,
			sym.st_info, sym.st_other };
	}
}

static struct slice
string_at(struct slice strings, uint64_t at)
{
	if (at >= strings.n)
		return (struct slice){ "", 0 };
	return (struct slice){ strings.p + at, strnlen(strings.p + at, strings.n - (size_t)at) };
}

/* $x and $d of ARM, RISC-V: what kind of bytes follow. */
static bool
is_mapping(const struct object *o, struct slice name)
{
	if (name.n < 2 || name.p[0] != '$' ||
	    (o->machine != EM_AARCH64 && o->machine != EM_ARM && o->machine != EM_RISCV))
		return false;
	return name.p[1] == 'x' || name.p[1] == 'd' || name.p[1] == 'a' || name.p[1] == 't';
}

size_t
symbols_read(struct symbols *s, struct object *o, const char *section)
{
	struct object_section *table = object_section(o, section);
	struct slice entries = object_contents(o, table), strings = { 0 };
	size_t size = o->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym), before = s->n;

	if (entries.n == 0 || o->type == ET_REL)
		return 0;
	if (table->link < o->sections)
		strings = object_contents(o, &o->section[table->link]);
	for (size_t at = size; at + size <= entries.n; at += size) { /* the first is always empty */
		struct entry sym = entry_read(o, entries.p + at);
		unsigned type = ELF64_ST_TYPE(sym.info), bind = ELF64_ST_BIND(sym.info);
		bool label = type == STT_NOTYPE;
		struct slice name;
		struct symbol out;

		if (sym.section == SHN_UNDEF || sym.name == 0)
			continue;
		if (s->data ? type != STT_OBJECT && type != STT_COMMON
			    : type != STT_FUNC && type != STT_GNU_IFUNC && !label)
			continue;
		if (label && (!object_is_code(o, sym.section) ||
				 ELF64_ST_VISIBILITY(sym.other) == STV_HIDDEN ||
				 ELF64_ST_VISIBILITY(sym.other) == STV_INTERNAL))
			continue;
		name = string_at(strings, sym.name);
		if (name.n == 0) {
			s->damaged++;
			continue;
		}
		if (label && is_mapping(o, name))
			continue;
		if (sym.value + sym.size < sym.value) {
			s->damaged++;
			continue;
		}
		if (o->machine == EM_ARM && !label)
			sym.value &= ~1ull; /* the Thumb bit */
		out = (struct symbol){ sym.value, sym.size, name,
			bind == STB_WEAK    ? SYMBOLS_WEAK
			: bind == STB_LOCAL ? SYMBOLS_LOCAL
					    : SYMBOLS_GLOBAL,
			false, label, false };
		if (out.size == 0 && sym.section < o->sections) {
			const struct object_section *in = &o->section[sym.section];

			/* Until the table is made: reaches to the end of its section, as a mark of its own. */
			if (sym.value - in->addr < in->size)
				out.size = (1ull << 63) | (in->addr + in->size - sym.value);
		}
		add(s, out);
	}
	return s->n - before;
}

enum { UNSIZED_SHIFT = 63 };

static bool
unsized(const struct symbol *s)
{
	return s->size == 0 || s->size >> UNSIZED_SHIFT;
}

static struct slice
name_of(struct symbols *s, struct symbol *sym)
{
	if (!sym->plain) {
		sym->demangled = s->mangled ? demangle_wanted(sym->name)
					    : demangle(&s->arena, sym->name, &sym->name);
		sym->plain = true;
	}
	return sym->name;
}

static size_t
underscores(struct slice name)
{
	size_t n = 0;

	while (n < name.n && name.p[n] == '_')
		n++;
	return n;
}

/* True when b is the better name of an address than a, which came before it. */
static bool
better(struct symbols *s, struct symbol *a, struct symbol *b)
{
	struct slice x, y;

	if (a->label != b->label)
		return a->label;
	if (unsized(a) != unsized(b))
		return unsized(a);
	if ((a->bind == SYMBOLS_WEAK) != (b->bind == SYMBOLS_WEAK))
		return a->bind == SYMBOLS_WEAK;
	if (a->bind != b->bind)
		return b->bind == SYMBOLS_GLOBAL;
	x = name_of(s, a);
	y = name_of(s, b);
	if (underscores(x) != underscores(y))
		return underscores(y) < underscores(x);
	return y.n > x.n;
}

struct order {
	uint64_t addr;
	uint32_t i;
};

static int
addr_order(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->i < y->i ? -1 : x->i > y->i;
}

/* One span for each address that has symbols, with the best of them. */
static size_t
choose(struct symbols *s, const struct order *order, struct paint_span *span)
{
	size_t spans = 0;

	for (size_t i = 0, next; i < s->n; i = next) {
		uint32_t best = order[i].i;
		uint64_t addr = order[i].addr, size;
		struct symbol *sym;

		for (next = i + 1; next < s->n && order[next].addr == addr; next++)
			if (better(s, &s->symbol[best], &s->symbol[order[next].i]))
				best = order[next].i;
		sym = &s->symbol[best];
		size = sym->size;
		if (unsized(sym)) {
			uint64_t end = size & ~(1ull << UNSIZED_SHIFT);

			size = next < s->n ? order[next].addr - addr : end != 0 ? end : 1;
			if (end != 0 && end < size)
				size = end;
		}
		/* Inner symbols begin later, so they rank higher; labels rank below all functions. */
		span[spans++] = (struct paint_span){ addr, addr + size,
			sym->label      ? 0
			: addr + 1 != 0 ? addr + 1
					: addr,
			best };
	}
	return spans;
}

static void
make(struct symbols *s)
{
	struct paint_span *span = xmalloc(s->n * sizeof *span);
	size_t spans = s->n;

	if (s->latest) {
		for (size_t i = 0; i < s->n; i++)
			span[i] = (struct paint_span){ s->symbol[i].addr,
				s->symbol[i].addr + s->symbol[i].size, i, (uint32_t)i };
	} else {
		struct order *order = xmalloc(s->n * sizeof *order);

		for (size_t i = 0; i < s->n; i++)
			order[i] = (struct order){ s->symbol[i].addr, (uint32_t)i };
		qsort(order, s->n, sizeof *order, addr_order);
		spans = choose(s, order, span);
		free(order);
	}
	paint_make(&s->paint, span, spans);
	free(span);
	s->dirty = false;
}

const struct symbol *
symbols_find(struct symbols *s, uint64_t addr)
{
	uint32_t owner;

	if (s->dirty)
		make(s);
	owner = paint_find(&s->paint, addr);
	if (owner == PAINT_NONE)
		return NULL;
	name_of(s, &s->symbol[owner]);
	return &s->symbol[owner];
}

void
symbols_free(struct symbols *s)
{
	paint_free(&s->paint);
	arena_free(&s->arena);
	free(s->symbol);
	*s = SYMBOLS_INIT;
}
