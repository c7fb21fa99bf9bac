#include <stdlib.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "code/inline.h"
#include "code/names.h"
#include "code/plt.h"

struct answer {
	uint64_t addr;
	uint32_t first; /* in frame[] */
	uint32_t n : 31, inlines : 1;
};

struct names {
	struct object *object, *debug, *mini,
	    *alt; /* debug is the object where there is no other */
	const struct debugfile_paths *paths;
	struct symbols symbols;
	struct inlines *inlines;
	bool looked, read, opened; /* for the debug file, the symbols, the DWARF */
	bool mangled;
	struct hash_set by_addr;
	struct answer *answer;
	size_t answers, cap_answers;
	struct names_frame *frame;
	size_t frames, cap_frames;
};

struct names *
names_open(struct object *o, const struct debugfile_paths *paths)
{
	struct names *n = xcalloc(1, sizeof *n);

	n->object = o;
	n->paths = paths;
	return n;
}

void
names_mangled(struct names *n)
{
	n->mangled = true;
}

static bool
has(struct object *o, const char *section)
{
	return object_contents(o, object_section(o, section)).n > 0;
}

struct object *
names_debug(struct names *n)
{
	if (!n->looked) {
		n->looked = true;
		if (!has(n->object, ".debug_info"))
			n->debug = debugfile_find(n->object, n->paths);
		if (n->debug == NULL)
			n->debug = n->object;
	}
	return n->debug;
}

static void
symbols_open(struct names *n)
{
	struct object *debug = names_debug(n);

	n->read = true;
	n->symbols.mangled = n->mangled;
	/* What .symtab holds, .dynsym need not repeat; .gnu_debugdata leaves out what .dynsym has. */
	if (symbols_read(&n->symbols, debug, ".symtab") == 0 &&
	    (debug == n->object || symbols_read(&n->symbols, n->object, ".symtab") == 0)) {
		n->mini = debugfile_mini(n->object);
		if (n->mini != NULL)
			symbols_read(&n->symbols, n->mini, ".symtab");
		symbols_read(&n->symbols, n->object, ".dynsym");
	}
	plt_read(&n->symbols, n->object);
}

const struct symbol *
names_symbol(struct names *n, uint64_t addr)
{
	if (!n->read)
		symbols_open(n);
	return symbols_find(&n->symbols, addr);
}

static void
frame_add(struct names *n, struct slice name, bool inlined)
{
	GROW(n->frame, n->cap_frames, n->frames);
	n->frame[n->frames++] = (struct names_frame){ name, inlined };
}

static void
answer_make(struct names *n, uint64_t addr, bool inlines)
{
	const struct symbol *symbol;

	if (inlines && !n->opened) {
		struct object *debug = names_debug(n);

		n->opened = true;
		n->alt = debugfile_alt(debug, n->paths);
		n->inlines = inline_open(debug, n->alt);
		if (n->inlines != NULL && n->mangled)
			inline_mangled(n->inlines);
	}
	if (inlines && n->inlines != NULL) {
		const struct slice *name;
		bool exact;
		size_t found = inline_find(n->inlines, addr, &name, &exact);

		for (size_t i = 0; i + 1 < found; i++)
			if (name[i].n > 0)
				frame_add(n, name[i], true);
		if (found > 0) {
			/* A symbol tells more where only it has the mangled name, and else where DWARF has none. */
			symbol = exact && name[found - 1].n > 0 ? NULL : names_symbol(n, addr);
			if (symbol != NULL && (symbol->demangled || name[found - 1].n == 0))
				frame_add(n, symbol->name, false);
			else if (name[found - 1].n > 0)
				frame_add(n, name[found - 1], false);
			return;
		}
	}
	symbol = names_symbol(n, addr);
	if (symbol != NULL)
		frame_add(n, symbol->name, false);
}

static uint64_t
answer_hash(const void *context, uint32_t item)
{
	const struct answer *a = &((const struct names *)context)->answer[item];

	return hash_mix(a->inlines, a->addr);
}

size_t
names_find(struct names *n, uint64_t addr, bool inlines, const struct names_frame **frame)
{
	uint64_t h = hash_mix(inlines, addr);
	struct answer *a;

	for (struct hash_probe at = hash_first(&n->by_addr, h); hash_found(&n->by_addr, &at);
	     hash_next(&n->by_addr, &at)) {
		a = &n->answer[at.item];
		if (a->addr == addr && a->inlines == inlines) {
			*frame = n->frame + a->first;
			return a->n;
		}
	}
	if (n->answers == NAMES_CACHE) {
		hash_clear(&n->by_addr);
		n->answers = n->frames = 0;
	}
	GROW(n->answer, n->cap_answers, n->answers);
	a = &n->answer[n->answers];
	a->addr = addr;
	a->inlines = inlines;
	a->first = (uint32_t)n->frames;
	answer_make(n, addr, inlines);
	a->n = (uint32_t)(n->frames - a->first) & 0x7fffffff;
	hash_add(&n->by_addr, h, (uint32_t)n->answers++, answer_hash, n);
	*frame = n->frame + a->first;
	return a->n;
}

uint64_t
names_damaged(const struct names *n)
{
	return n->symbols.damaged + (n->inlines != NULL ? inline_damaged(n->inlines) : 0);
}

void
names_close(struct names *n)
{
	if (n == NULL)
		return;
	inline_close(n->inlines);
	symbols_free(&n->symbols);
	object_close(n->alt);
	object_close(n->mini);
	if (n->debug != n->object)
		object_close(n->debug);
	hash_free(&n->by_addr);
	free(n->answer);
	free(n->frame);
	free(n);
}
