#include "flow/address_space.h"

#include <stdlib.h>

#include "base/alloc.h"

enum type { START, MMAP, COMM, FORK, EXIT, OBJECT, SYM, TYPES };

static const char *const type_name[TYPES] = { "start", "mmap", "comm", "fork", "exit", "object",
	"sym" };

static enum type
type_of(struct slice name)
{
	int i = 0;

	while (i < TYPES && !slice_eq(name, slice_of(type_name[i])))
		i++;
	return i;
}

bool
address_space_wants(struct slice type)
{
	return type_of(type) != TYPES;
}

static bool
int_of(const struct trace_record *r, struct slice name, int64_t *v)
{
	int f = trace_field_of(r->shape, name, TRACE_INT);

	if (f >= 0)
		*v = r->value[f].i;
	return f >= 0;
}

static bool
addr_of(const struct trace_record *r, struct slice name, uint64_t *v)
{
	int f = trace_field_of(r->shape, name, TRACE_ADDR);

	if (f >= 0)
		*v = r->value[f].u;
	return f >= 0;
}

/* An int that may be as large as 2^64-1, or an addr. */
static bool
size_of(const struct trace_record *r, struct slice name, uint64_t *v)
{
	int f = trace_field_index(r->shape, name);
	enum trace_kind kind;

	if (f < 0)
		return false;
	kind = r->shape->field[f].kind;
	if (kind == TRACE_INT && r->value[f].i < 0)
		return false;
	if (kind != TRACE_INT && kind != TRACE_BIG && kind != TRACE_ADDR)
		return false;
	*v = r->value[f].u;
	return true;
}

static struct slice
text_of(const struct trace_record *r, struct slice name, enum trace_kind kind)
{
	int f = trace_field_of(r->shape, name, kind);

	return f < 0 ? SLICE("") : r->value[f].s;
}

static uint64_t
object_hash(const struct address_space_object *o)
{
	return hash_mix(hash_bytes(o->path.p, o->path.n), hash_bytes(o->buildid.p, o->buildid.n));
}

static uint64_t
rehash(const void *context, uint32_t item)
{
	const struct address_space *a = context;

	return object_hash(&a->object[item]);
}

static uint32_t
object_number(struct address_space *a, struct slice path, struct slice buildid)
{
	struct address_space_object o = { path, buildid };
	uint64_t hash;

	for (size_t i = a->builds; buildid.n == 0 && i > 0; i--)
		if (slice_eq(a->build[i - 1].path, path))
			o.buildid = buildid = a->build[i - 1].buildid;
	hash = object_hash(&o);
	for (struct hash_probe at = hash_first(&a->by_name, hash); hash_found(&a->by_name, &at);
	     hash_next(&a->by_name, &at))
		if (slice_eq(a->object[at.item].path, path) &&
		    slice_eq(a->object[at.item].buildid, buildid))
			return at.item;
	o.path = arena_copy(&a->text, path);
	o.buildid = arena_copy(&a->text, buildid);
	GROW(a->object, a->cap, a->objects);
	a->object[a->objects] = o;
	hash_add(&a->by_name, hash, (uint32_t)a->objects, rehash, a);
	return (uint32_t)a->objects++;
}

static int
start(struct address_space *a, const struct trace_record *r, struct error *e)
{
	struct slice arch = text_of(r, SLICE("arch"), TRACE_STR);

	if (arch.n == 0)
		return 0;
	spaces_clear(&a->spaces);
	space_symbols_clear(&a->symbols);
	a->builds = 0;
	a->release = arena_copy(&a->text, text_of(r, SLICE("release"), TRACE_STR));
	a->arch = arch_by_name(arch);
	if (a->arch == NULL)
		return error_set(
		    e, "arch=%.*s is not supported, only %s", SLICE_ARG(arch), arch_names());
	return 0;
}

int
address_space_record(struct address_space *a, const struct trace_record *r, struct error *e)
{
	int64_t pid = -1, tid = -1, ppid = -1, yes = 0;
	uint64_t addr = 0, size = 0, offset = 0;
	struct slice path;

	switch (type_of(r->shape->type)) {
	case START:
		return start(a, r, e);
	case MMAP:
		path = text_of(r, SLICE("path"), TRACE_STR);
		if (!int_of(r, SLICE("pid"), &pid) || !addr_of(r, SLICE("addr"), &addr) ||
		    !size_of(r, SLICE("size"), &size))
			break;
		size_of(r, SLICE("offset"), &offset);
		if (size > UINT64_MAX - addr)
			size = UINT64_MAX - addr;
		spaces_map(&a->spaces, pid,
		    (struct space_map){ .start = addr,
			.end = addr + size,
			.offset = offset,
			.pid = pid,
			.object =
			    object_number(a, path, text_of(r, SLICE("buildid"), TRACE_BYTES)) });
		break;
	case COMM:
		if (int_of(r, SLICE("pid"), &pid) && int_of(r, SLICE("exec"), &yes) && yes)
			spaces_exec(&a->spaces, pid);
		break;
	case FORK:
		if (int_of(r, SLICE("pid"), &pid) && int_of(r, SLICE("ppid"), &ppid))
			spaces_fork(&a->spaces, ppid, pid);
		break;
	case EXIT:
		if (int_of(r, SLICE("pid"), &pid) && int_of(r, SLICE("tid"), &tid) && pid == tid)
			spaces_exit(&a->spaces, pid);
		break;
	case OBJECT:
		path = text_of(r, SLICE("path"), TRACE_STR);
		GROW(a->build, a->build_cap, a->builds);
		a->build[a->builds++] = (struct address_space_object){ arena_copy(&a->text, path),
			arena_copy(&a->text, text_of(r, SLICE("buildid"), TRACE_BYTES)) };
		/* Mappings that were told before mean the same file. */
		for (size_t i = 0; i < a->objects; i++)
			if (a->object[i].buildid.n == 0 && slice_eq(a->object[i].path, path))
				a->object[i].buildid = a->build[a->builds - 1].buildid;
		hash_clear(&a->by_name);
		for (size_t i = 0; i < a->objects; i++)
			hash_add(&a->by_name, rehash(a, (uint32_t)i), (uint32_t)i, rehash, a);
		break;
	case SYM:
		if (!addr_of(r, SLICE("addr"), &addr))
			break;
		size_of(r, SLICE("size"), &size);
		space_symbols_add(&a->symbols, addr, size, text_of(r, SLICE("name"), TRACE_STR),
		    text_of(r, SLICE("object"), TRACE_STR));
		break;
	case TYPES:
		break;
	}
	return 0;
}

void
address_space_free(struct address_space *a)
{
	spaces_free(&a->spaces);
	space_symbols_free(&a->symbols);
	free(a->object);
	free(a->build);
	hash_free(&a->by_name);
	arena_free(&a->text);
	*a = ADDRESS_SPACE_INIT;
}
