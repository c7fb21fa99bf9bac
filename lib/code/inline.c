#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "code/demangle.h"
#include "code/inline.h"
#include "code/paint.h"

enum {
	DEPTH_MAX = 512, /* of nested DIEs: only damage goes deeper */
};

struct name { /* of a DIE that has one, or leads to one */
	Dwarf_Die die;
	struct slice text;
	bool known, linkage;
};

struct call { /* an inlined call */
	uint32_t name;
	uint32_t parent; /* PAINT_NONE: the function itself */
};

struct body {
	struct paint paint; /* -> call */
	struct call *call;
	size_t calls, cap;
};

struct function {
	Dwarf_Die die;
	struct body *body; /* NULL until hit */
	uint32_t name;
};

struct unit {
	Dwarf_Die die;      /* whose children are to be read */
	struct paint paint; /* -> function */
	struct function *function;
	size_t functions, cap;
	bool indexed, deep;
	bool plain; /* of a language whose names are those of its symbols */
};

struct spans {
	struct paint_span *span;
	size_t n, cap;
};

struct inlines {
	const struct object *object;
	Dwarf *dwarf, *alt;
	struct paint paint; /* -> unit */
	struct unit *unit;
	size_t units, cap_units;
	struct name *name;
	size_t names, cap_names;
	struct hash_set by_die; /* name by the address of its DIE */
	struct slice *found;
	size_t cap_found;
	struct arena arena;
	uint64_t damaged;
	bool mangled;
};

static uint64_t
name_hash(const void *context, uint32_t item)
{
	const struct inlines *in = context;

	return hash_mix(0, (uint64_t)(uintptr_t)in->name[item].die.addr);
}

static uint32_t
name_add(struct inlines *in, const Dwarf_Die *die)
{
	uint64_t h = hash_mix(0, (uint64_t)(uintptr_t)die->addr);

	for (struct hash_probe at = hash_first(&in->by_die, h); hash_found(&in->by_die, &at);
	     hash_next(&in->by_die, &at))
		if (in->name[at.item].die.addr == die->addr)
			return at.item;
	GROW(in->name, in->cap_names, in->names);
	in->name[in->names] = (struct name){ .die = *die };
	hash_add(&in->by_die, h, (uint32_t)in->names, name_hash, in);
	return (uint32_t)in->names++;
}

static struct slice
name_text(struct inlines *in, uint32_t i)
{
	static const unsigned wanted[] = { DW_AT_linkage_name, DW_AT_MIPS_linkage_name,
		DW_AT_name };
	struct name *n = &in->name[i];

	for (size_t w = 0; !n->known && w < sizeof wanted / sizeof *wanted; w++) {
		Dwarf_Attribute attr;
		const char *text;

		if (dwarf_attr_integrate(&n->die, wanted[w], &attr) == NULL)
			continue;
		text = dwarf_formstring(&attr);
		if (text == NULL || *text == '\0')
			continue;
		n->text = slice_of(text);
		n->linkage = wanted[w] != DW_AT_name;
		if (!in->mangled)
			demangle(&in->arena, n->text, &n->text);
		n->known = true;
	}
	n->known = true;
	return n->text;
}

/* Adds the ranges of a DIE; returns how many. What lies below the text are functions that the linker threw away. */
static size_t
spans_add(struct inlines *in, struct spans *s, Dwarf_Die *die, uint64_t rank, uint32_t owner)
{
	Dwarf_Addr base, lo, hi;
	ptrdiff_t at = 0;
	size_t before = s->n;

	while ((at = dwarf_ranges(die, at, &base, &lo, &hi)) > 0) {
		if (lo >= hi || lo == 0 || lo < in->object->text)
			continue;
		GROW(s->span, s->cap, s->n);
		s->span[s->n++] = (struct paint_span){ lo, hi, rank, owner };
	}
	if (at < 0)
		in->damaged++;
	return s->n - before;
}

/* To the next child; false behind the last, and where damage leads backwards. */
static bool
sibling(Dwarf_Die *die)
{
	const void *was = die->addr;
	Dwarf_Die next;

	if (dwarf_siblingof(die, &next) != 0 || (const char *)next.addr <= (const char *)was)
		return false;
	*die = next;
	return true;
}

static void
functions_read(struct inlines *in, struct unit *u, struct spans *s, Dwarf_Die *parent, int depth)
{
	Dwarf_Die die;

	if (depth > DEPTH_MAX || dwarf_child(parent, &die) != 0)
		return;
	do {
		switch (dwarf_tag(&die)) {
		case DW_TAG_subprogram:
			if (spans_add(in, s, &die, (uint64_t)depth, (uint32_t)u->functions) > 0) {
				GROW(u->function, u->cap, u->functions);
				u->function[u->functions++] =
				    (struct function){ die, NULL, name_add(in, &die) };
			}
			if (u->deep)
				functions_read(in, u, s, &die, depth + 1);
			break;
		case DW_TAG_namespace:
		case DW_TAG_module:
			functions_read(in, u, s, &die, depth + 1);
			break;
		case DW_TAG_structure_type:
		case DW_TAG_class_type:
		case DW_TAG_union_type:
		case DW_TAG_enumeration_type:
		case DW_TAG_interface_type:
		case DW_TAG_lexical_block:
		case DW_TAG_inlined_subroutine:
			if (u->deep)
				functions_read(in, u, s, &die, depth + 1);
			break;
		default:
			break;
		}
	} while (sibling(&die));
}

static void
unit_forget(struct unit *u)
{
	for (size_t i = 0; i < u->functions; i++) {
		struct body *b = u->function[i].body;

		if (b == NULL)
			continue;
		paint_free(&b->paint);
		free(b->call);
		free(b);
	}
	paint_free(&u->paint);
	free(u->function);
	u->function = NULL;
	u->functions = u->cap = 0;
}

static void
unit_index(struct inlines *in, struct unit *u, bool deep)
{
	struct spans s = { 0 };

	unit_forget(u);
	u->indexed = true;
	u->deep = deep;
	functions_read(in, u, &s, &u->die, 0);
	paint_make(&u->paint, s.span, s.n);
	free(s.span);
}

static void
calls_read(struct inlines *in, struct body *b, struct spans *s, Dwarf_Die *parent, uint32_t call,
    int depth)
{
	Dwarf_Die die;

	if (depth > DEPTH_MAX || dwarf_child(parent, &die) != 0)
		return;
	do {
		Dwarf_Attribute attr;
		Dwarf_Die origin;
		uint32_t own;

		switch (dwarf_tag(&die)) {
		case DW_TAG_inlined_subroutine:
			own = (uint32_t)b->calls;
			if (spans_add(in, s, &die, (uint64_t)depth, own) == 0)
				break;
			if (dwarf_attr(&die, DW_AT_abstract_origin, &attr) == NULL ||
			    dwarf_formref_die(&attr, &origin) == NULL) {
				in->damaged++;
				origin = die;
			}
			GROW(b->call, b->cap, b->calls);
			b->call[b->calls++] = (struct call){ name_add(in, &origin), call };
			calls_read(in, b, s, &die, own, depth + 1);
			break;
		case DW_TAG_lexical_block:
		case DW_TAG_try_block:
		case DW_TAG_catch_block:
		case DW_TAG_with_stmt:
			calls_read(in, b, s, &die, call, depth + 1);
			break;
		default:
			break;
		}
	} while (sibling(&die));
}

static struct body *
body_read(struct inlines *in, struct function *f)
{
	struct spans s = { 0 };

	f->body = xcalloc(1, sizeof *f->body);
	calls_read(in, f->body, &s, &f->die, PAINT_NONE, 0);
	paint_make(&f->body->paint, s.span, s.n);
	free(s.span);
	return f->body;
}

static bool
is_plain(Dwarf_Die *unit)
{
	switch (dwarf_srclang(unit)) {
	case DW_LANG_C89:
	case DW_LANG_C:
	case DW_LANG_C99:
	case DW_LANG_C11:
	case 0x2c: /* C17 */
	case DW_LANG_Mips_Assembler:
		return true;
	default:
		return false;
	}
}

static void
units_read(struct inlines *in)
{
	struct spans s = { 0 };
	Dwarf_CU *cu = NULL;
	Dwarf_Die die, split;
	uint8_t type;
	int r;

	while ((r = dwarf_get_units(in->dwarf, cu, &cu, NULL, &type, &die, &split)) == 0) {
		uint32_t own = (uint32_t)in->units;
		struct unit *u;

		if (type != DW_UT_compile && type != DW_UT_skeleton)
			continue;
		if (dwarf_tag(&die) != DW_TAG_compile_unit &&
		    dwarf_tag(&die) != DW_TAG_skeleton_unit)
			continue;
		GROW(in->unit, in->cap_units, in->units);
		u = &in->unit[in->units++];
		*u = (struct unit){ .die = split.addr != NULL ? split : die };
		u->plain = is_plain(&u->die);
		/* Where the linker made functions of two units one, the first shows. */
		if (spans_add(in, &s, &die, UINT32_MAX - own, own) > 0)
			continue;
		if (dwarf_hasattr(&die, DW_AT_low_pc) || dwarf_hasattr(&die, DW_AT_ranges))
			continue; /* empty, or all thrown away */
		unit_index(in, u, false);
		for (size_t i = 0; i < u->functions; i++)
			spans_add(in, &s, &u->function[i].die, UINT32_MAX - own, own);
	}
	if (r < 0)
		in->damaged++;
	paint_make(&in->paint, s.span, s.n);
	free(s.span);
}

/* libdw decompresses every section that it knows at once; those that are not needed here are a third of them, and are
 * hidden from it for that moment. */
static Dwarf *
dwarf_open(struct object *o)
{
	static const char *const unused[] = { ".debug_line", ".debug_loc", ".debug_loclists",
		".debug_macro", ".debug_macinfo", ".debug_pubnames", ".debug_pubtypes",
		".debug_aranges", ".debug_frame" };
	enum { UNUSED = sizeof unused / sizeof *unused };
	Elf_Scn *scn[UNUSED] = { 0 };
	GElf_Word type[UNUSED] = { 0 };
	GElf_Shdr sh;
	Dwarf *dwarf;

	if (object_elf(o) == NULL)
		return NULL;
	for (size_t i = 0; i < UNUSED; i++) {
		struct object_section *s = object_section(o, unused[i]);

		scn[i] = s != NULL ? elf_getscn(object_elf(o), (size_t)(s - o->section)) : NULL;
		if (scn[i] == NULL || gelf_getshdr(scn[i], &sh) == NULL)
			continue;
		type[i] = sh.sh_type;
		sh.sh_type = SHT_NOBITS;
		gelf_update_shdr(scn[i], &sh);
	}
	dwarf = dwarf_begin_elf(object_elf(o), DWARF_C_READ, NULL);
	for (size_t i = 0; i < UNUSED; i++)
		if (scn[i] != NULL && gelf_getshdr(scn[i], &sh) != NULL) {
			sh.sh_type = type[i];
			gelf_update_shdr(scn[i], &sh);
		}
	return dwarf;
}

struct inlines *
inline_open(struct object *debug, struct object *alt)
{
	struct inlines *in;
	Dwarf *dwarf;

	if (object_section(debug, ".debug_info") == NULL || object_elf(debug) == NULL ||
	    debug->type == ET_REL)
		return NULL;
	dwarf = dwarf_begin_elf(object_elf(debug), DWARF_C_READ, NULL);
	if (dwarf == NULL)
		return NULL;
	in = xcalloc(1, sizeof *in);
	in->object = debug;
	in->dwarf = dwarf;
	in->alt = alt != NULL ? dwarf_open(alt) : NULL;
	if (in->alt != NULL)
		dwarf_setalt(dwarf, in->alt);
	units_read(in);
	return in;
}

static struct function *
function_find(struct inlines *in, uint64_t addr, bool *plain)
{
	uint32_t i = paint_find(&in->paint, addr), f;
	struct unit *u;

	if (i == PAINT_NONE)
		return NULL;
	u = &in->unit[i];
	*plain = u->plain;
	if (!u->indexed)
		unit_index(in, u, false);
	f = paint_find(&u->paint, addr);
	if (f == PAINT_NONE && !u->deep) {
		/* Rare: inside a type or another function. */
		unit_index(in, u, true);
		f = paint_find(&u->paint, addr);
	}
	return f != PAINT_NONE ? &u->function[f] : NULL;
}

void
inline_mangled(struct inlines *in)
{
	in->mangled = true;
}

size_t
inline_find(struct inlines *in, uint64_t addr, const struct slice **name, bool *exact)
{
	struct function *f = function_find(in, addr, exact);
	struct body *b;
	size_t n = 0;

	if (f == NULL)
		return 0;
	b = f->body != NULL ? f->body : body_read(in, f);
	for (uint32_t c = paint_find(&b->paint, addr); c != PAINT_NONE; c = b->call[c].parent) {
		GROW(in->found, in->cap_found, n);
		in->found[n++] = name_text(in, b->call[c].name);
	}
	GROW(in->found, in->cap_found, n);
	in->found[n++] = name_text(in, f->name);
	*exact = *exact || in->name[f->name].linkage;
	*name = in->found;
	return n;
}

uint64_t
inline_damaged(const struct inlines *in)
{
	return in->damaged;
}

void
inline_close(struct inlines *in)
{
	if (in == NULL)
		return;
	for (size_t i = 0; i < in->units; i++)
		unit_forget(&in->unit[i]);
	paint_free(&in->paint);
	free(in->unit);
	free(in->name);
	hash_free(&in->by_die);
	free(in->found);
	arena_free(&in->arena);
	dwarf_end(in->dwarf);
	if (in->alt != NULL)
		dwarf_end(in->alt);
	free(in);
}
