/* Any bytes as an object: opened or refused; segments, sections, symbols, linkage tables, packed symbols and names are
 * read to their end, and lie in the bytes. */
#include <stdint.h>
#include <stdlib.h>

#include "code/names.h"
#include "code/plt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned char touched;

static void
touch(struct slice s)
{
	if (s.n > 0)
		touched = (unsigned char)(s.p[0] + s.p[s.n - 1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct object *o = object_memory("fuzz", data, size, NULL);
	struct symbols s = SYMBOLS_INIT;
	const struct names_frame *frame;
	struct names *n;
	uint64_t v, offset;

	if (o == NULL)
		return 0;
	touch(o->buildid);
	for (size_t i = 0; i < o->sections; i++) {
		touch(o->section[i].name);
		touch(object_contents(o, &o->section[i]));
	}
	for (size_t i = 0; i < o->segments; i++) {
		uint64_t at = o->segment[i].vaddr;

		touch(object_bytes(o, at));
		if (object_offset(o, at, &offset) == 0 && object_vaddr(o, offset, &v) < 0)
			__builtin_trap();
	}
	symbols_read(&s, o, ".symtab");
	symbols_read(&s, o, ".dynsym");
	plt_read(&s, o);
	n = names_open(o, NULL);
	for (size_t i = 0; i < s.n && i < 64; i++) {
		const struct symbol *found = symbols_find(&s, s.symbol[i].addr);

		if (found != NULL)
			touch(found->name);
		for (size_t k = names_find(n, s.symbol[i].addr, i % 2, &frame); k > 0; k--)
			touch(frame[k - 1].name);
	}
	names_close(n);
	symbols_free(&s);
	object_close(o);
	return 0;
}
