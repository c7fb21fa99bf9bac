#include <elf.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "flow/join_parts.h"

enum { PAGE = 4096, STACK_BELOW = 128 << 20 };

/* The variables of an object, read at the first look into it. */
struct join_variables {
	bool read;
	struct symbols symbols;
	struct slice *section; /* what its sections are called, by index; empty until asked for */
};

/* An image where a process has it: address = vaddr + bias. */
struct join_instance {
	uint64_t lo, hi; /* hi is the first address that does not belong */
	uint64_t bias;
	uint32_t object;
};

static bool
is_anonymous(struct slice path)
{
	return path.n == 0 || slice_starts(path, SLICE("//anon")) ||
	       slice_starts(path, SLICE("[anon")) || slice_starts(path, SLICE("/dev/zero")) ||
	       slice_eq(path, SLICE("[heap]"));
}

static bool
is_stack(struct slice path)
{
	static const struct slice word = { "stack", 5 };

	if (slice_starts(path, SLICE("[stack")))
		return true;
	if (!slice_starts(path, SLICE("[anon")))
		return false;
	for (size_t i = 0; i + word.n <= path.n; i++)
		if (memcmp(path.p + i, word.p, word.n) == 0)
			return true;
	return false;
}

static const struct image *
image_of(const struct join_host *h, const struct join_instance *i)
{
	return &h->images.image[i->object];
}

/* ---- variables ---- */

static struct join_variables *
variables_of(struct join_host *h, const struct join_instance *i)
{
	struct join_variables *v;

	if (i->object >= h->variables_n) {
		size_t n = h->space.objects;

		h->variables = xrealloc(h->variables, n, sizeof *h->variables);
		memset(
		    h->variables + h->variables_n, 0, (n - h->variables_n) * sizeof *h->variables);
		h->variables_n = n;
	}
	v = &h->variables[i->object];
	if (!v->read) {
		struct object *o = image_of(h, i)->object,
			      *debug = names_debug(image_of(h, i)->names);

		v->read = true;
		v->symbols.data = true;
		v->symbols.mangled = h->images.mangled;
		if (symbols_read(&v->symbols, debug, ".symtab") == 0 &&
		    symbols_read(&v->symbols, o, ".symtab") == 0)
			symbols_read(&v->symbols, o, ".dynsym");
		v->section = xcalloc(o->sections + 1, sizeof *v->section);
	}
	return v;
}

/* The data of a stripped object has at least the name of its section. */
static bool
section_of(
    struct join_host *h, const struct join_instance *i, uint64_t vaddr, struct join_place *out)
{
	struct join_variables *v = variables_of(h, i);
	const struct object *o = image_of(h, i)->object;

	for (size_t s = 1; s < o->sections; s++) {
		const struct object_section *section = &o->section[s];

		if (!(section->flags & SHF_ALLOC) || !(section->flags & SHF_WRITE) ||
		    (section->flags & SHF_TLS) || vaddr - section->addr >= section->size)
			continue;
		if (v->section[s].n == 0) {
			struct buf b = BUF_INIT;

			buf_printf(&b, "%.*s:%.*s",
			    SLICE_ARG(slice_basename(h->space.object[i->object].path)),
			    SLICE_ARG(section->name));
			v->section[s] = arena_copy(&v->symbols.arena, buf_view(&b));
			buf_free(&b);
		}
		out->kind = JOIN_GLOBAL;
		out->object = section->addr + i->bias;
		out->size = section->size;
		out->offset = vaddr - section->addr;
		out->name = v->section[s];
		return true;
	}
	return false;
}

static bool
variable_of(
    struct join_host *h, const struct join_instance *i, uint64_t addr, struct join_place *out)
{
	uint64_t vaddr = addr - i->bias;
	const struct symbol *s;

	s = symbols_find(&variables_of(h, i)->symbols, vaddr);
	if (s == NULL)
		return section_of(h, i, vaddr, out);
	out->kind = JOIN_GLOBAL;
	out->object = s->addr + i->bias;
	/* Until the next one, where it has no size of its own. */
	out->size = s->size >> 63 ? 0 : s->size;
	out->offset = vaddr - s->addr;
	out->name = s->name;
	return true;
}

/* ---- where images lie ---- */

/* The segment of which the lowest mapping of an object is. */
static const struct object_segment *
segment_of(const struct object *o, uint64_t offset)
{
	for (size_t i = 0; i < o->segments; i++) {
		const struct object_segment *s = &o->segment[i];
		uint64_t first = s->offset & ~(uint64_t)(PAGE - 1);

		if (offset >= first && offset < s->offset + s->filesz)
			return s;
	}
	return NULL;
}

static void
add_instance(struct join_host *h, struct join_process *p, const struct space_map *map)
{
	struct image *image = images_of(&h->images, &h->space, map);
	const struct object_segment *s, *last;
	const struct object *o = image->object;
	struct join_instance *i;

	if (image->state != IMAGE_OPEN || o->segments == 0)
		return;
	s = segment_of(o, map->offset);
	if (s == NULL)
		return;
	GROW(p->instance, p->instance_cap, p->instances);
	i = &p->instance[p->instances++];
	last = &o->segment[o->segments - 1];
	i->object = map->object;
	i->bias = map->start + (s->offset - map->offset) - s->vaddr;
	i->lo = (o->segment[0].vaddr + i->bias) & ~(uint64_t)(PAGE - 1);
	i->hi = last->vaddr + last->memsz + i->bias;
}

/* The images of a process, by address; one of each object at each place. */
static void
look_at(struct join_host *h, struct join_process *p, const struct space *space)
{
	p->space = space->serial;
	p->instances = 0;
	for (size_t m = 0; m < space->maps; m++) {
		const struct space_map *map = &space->map[m];
		struct slice path = h->space.object[map->object].path;
		bool known = false;

		if (path.n == 0 || path.p[0] != '/' || is_anonymous(path))
			continue;
		for (size_t i = p->instances; i > 0 && !known; i--)
			known = p->instance[i - 1].object == map->object &&
				map->start >= p->instance[i - 1].lo &&
				map->start < p->instance[i - 1].hi;
		if (!known)
			add_instance(h, p, map);
	}
}

static const struct join_instance *
instance_of(const struct join_process *p, uint64_t addr)
{
	size_t low = 0, high = p->instances;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (p->instance[mid].lo <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 && addr < p->instance[low - 1].hi ? &p->instance[low - 1] : NULL;
}

/* ---- addresses ---- */

/* The next mapping above is the stack, which grows down to here. */
static const struct space_map *
stack_above(const struct join_host *h, const struct space *space, uint64_t addr)
{
	size_t low = 0, high = space->maps;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (space->map[mid].start > addr)
			high = mid;
		else
			low = mid + 1;
	}
	return low < space->maps &&
		       slice_starts(
			   h->space.object[space->map[low].object].path, SLICE("[stack")) &&
		       space->map[low].start - addr <= STACK_BELOW
		   ? &space->map[low]
		   : NULL;
}

static void
mapped(struct join_host *h, const struct space_map *map, uint64_t addr, struct join_place *out)
{
	struct slice path = h->space.object[map->object].path;

	if (is_stack(path)) {
		out->kind = JOIN_STACK;
		out->name = path;
	} else if (is_anonymous(path)) {
		out->kind = JOIN_HEAP;
	} else {
		out->kind = JOIN_FILE;
		out->name = path;
		out->offset = addr - map->start + map->offset;
	}
}

void
join_place(
    struct join_host *h, struct join_process *p, int64_t pid, uint64_t addr, struct join_place *out)
{
	struct space *space = spaces_of(&h->space.spaces, pid);
	const struct join_instance *i = NULL;
	const struct space_map *map = NULL;

	*out = (struct join_place){ .kind = JOIN_UNKNOWN };
	if (addr >> 63) {
		out->kind = JOIN_KERNEL;
		return;
	}
	if (space) {
		if (p->space != space->serial)
			look_at(h, p, space);
		map = space_find(space, addr);
		i = instance_of(p, addr);
	}
	/* What is told to be something else there is not the image's, but for the memory that its file does not fill. */
	if (i &&
	    (map == NULL || map->object == i->object ||
		is_anonymous(h->space.object[map->object].path)) &&
	    variable_of(h, i, addr, out))
		return;
	if (map)
		mapped(h, map, addr, out);
	else if (space && (map = stack_above(h, space, addr)))
		mapped(h, map, addr, out);
	else if (join_lives_near(p, addr))
		out->kind = JOIN_HEAP;
}

void
join_host_free(struct join_host *h)
{
	for (size_t i = 0; i < h->variables_n; i++) {
		symbols_free(&h->variables[i].symbols);
		free(h->variables[i].section);
	}
	free(h->variables);
	images_free(&h->images);
	address_space_free(&h->space);
}
