#include "flow/images.h"

#include <stdlib.h>
#include <sys/utsname.h>

#include "base/alloc.h"
#include "base/buf.h"

static struct slice
text(struct images *s, const char *format, struct slice what)
{
	struct buf b = BUF_INIT;
	struct slice copy;

	buf_printf(&b, format, SLICE_ARG(what));
	copy = arena_copy(&s->text, buf_view(&b));
	buf_free(&b);
	return copy;
}

/* Code without a file behind it. */
static bool
is_anonymous(struct slice path)
{
	return path.n == 0 || slice_starts(path, SLICE("//anon")) ||
	       slice_starts(path, SLICE("[anon")) || slice_starts(path, SLICE("anon_inode:")) ||
	       slice_starts(path, SLICE("/memfd:")) || slice_starts(path, SLICE("/dev/zero")) ||
	       slice_starts(path, SLICE("/SYSV")) || slice_eq(path, SLICE("[heap]")) ||
	       slice_eq(path, SLICE("[stack]"));
}

static bool
usable(const struct address_space *a, const struct object *o)
{
	return o && (a->arch == NULL || o->machine == a->arch->machine);
}

/* The object given with --object for this file: its build id, or where one has none, its name. */
static struct object *
given(struct images *s, const struct address_space_object *what)
{
	for (size_t i = 0; i < s->givens; i++) {
		struct object *o = s->given[i];

		if (what->buildid.n > 0 && o->buildid.n > 0) {
			if (slice_eq(what->buildid, o->buildid))
				return o;
		} else if (slice_eq(
			       slice_basename(what->path), slice_basename(slice_of(o->path)))) {
			return o;
		}
	}
	return NULL;
}

static struct object *
open_vdso(const struct address_space *a, struct slice buildid)
{
	struct utsname name;
	struct error e;

	/* Without a build id, only the same kernel has the same code. */
	if (buildid.n == 0 && (uname(&name) < 0 || !slice_eq(a->release, slice_of(name.release))))
		return NULL;
	return object_vdso(buildid, &e);
}

static struct names *
open_names(struct images *s, struct object *o)
{
	struct names *n;

	s->debug_paths.symfs = s->symfs;
	n = names_open(o, &s->debug_paths);
	if (s->mangled)
		names_mangled(n);
	return n;
}

static void
open_file(struct images *s, struct image *i, const struct address_space_object *what,
    const struct space_map *map)
{
	static const struct slice deleted = { " (deleted)", 10 };
	struct buf root = BUF_INIT, files = BUF_INIT, plain = BUF_INIT;
	struct slice path = what->path;
	bool gone = slice_ends(path, deleted);
	const char *fallback[2];
	size_t n = 0;
	struct error e;

	if (gone)
		path.n -= deleted.n;
	if (s->symfs) {
		buf_printf(&plain, "%s/%.*s", s->symfs, SLICE_ARG(path));
	} else {
		/* What the process sees under this name (it may live in a container), what it has mapped (the
		 * file may be deleted), and what we see. */
		buf_printf(&root, "/proc/%lld/root%.*s", (long long)map->pid, SLICE_ARG(path));
		buf_printf(&files, "/proc/%lld/map_files/%llx-%llx", (long long)map->pid,
		    (unsigned long long)map->start, (unsigned long long)map->end);
		buf_slice(&plain, path);
		fallback[n++] = buf_str(&files);
		fallback[n++] = buf_str(&plain);
	}
	if (gone && what->buildid.n == 0) /* the name is another file's by now */
		i->object =
		    object_open(n ? fallback[0] : buf_str(&plain), NULL, 0, what->buildid, &e);
	else
		i->object = object_open(
		    n ? buf_str(&root) : buf_str(&plain), fallback, n, what->buildid, &e);
	if (i->object == NULL && what->buildid.n > 0 && !gone) {
		struct object *other =
		    object_open(n ? buf_str(&root) : buf_str(&plain), fallback, n, SLICE(""), &e);

		if (other)
			i->state = IMAGE_MISMATCH;
		object_close(other);
	}
	buf_free(&root);
	buf_free(&files);
	buf_free(&plain);
}

struct image *
images_of(struct images *s, const struct address_space *a, const struct space_map *map)
{
	const struct address_space_object *what = &a->object[map->object];
	struct slice base;
	struct image *i;

	if (map->object >= s->images) {
		s->image = xrealloc(s->image, a->objects, sizeof *s->image);
		memset(s->image + s->images, 0, (a->objects - s->images) * sizeof *s->image);
		s->images = a->objects;
	}
	i = &s->image[map->object];
	if (i->state != IMAGE_UNOPENED)
		return i;
	i->state = IMAGE_MISSING;
	base = slice_basename(what->path);
	if (is_anonymous(what->path)) {
		i->state = IMAGE_ANONYMOUS;
		i->unnamed = SLICE("[unknown]");
		i->origin[IMAGE_USER] = i->origin[IMAGE_INLINED] = SLICE("u:[unknown]");
		i->origin[IMAGE_KERNEL] = SLICE("k:[unknown]");
		return i;
	}
	if (slice_starts(what->path, SLICE("[")) && slice_ends(base, SLICE("]")))
		i->unnamed = base; /* [vdso], [vsyscall] */
	else
		i->unnamed = text(s, "[%.*s]", base);
	i->origin[IMAGE_USER] = text(s, "u:%.*s", base);
	i->origin[IMAGE_INLINED] = text(s, "i:%.*s", base);
	i->origin[IMAGE_KERNEL] = text(s, "k:%.*s", base);
	i->object = given(s, what);
	if (i->object == NULL && slice_eq(what->path, SLICE("[vdso]")))
		i->object = open_vdso(a, what->buildid);
	else if (i->object == NULL && what->path.n > 0 && what->path.p[0] == '/')
		open_file(s, i, what, map);
	if (!usable(a, i->object)) {
		if (i->object != given(s, what))
			object_close(i->object);
		i->object = NULL;
		return i;
	}
	i->state = IMAGE_OPEN;
	i->names = open_names(s, i->object);
	return i;
}

/* The address in the object: -1 where it has none. */
int
image_vaddr(const struct image *i, const struct space_map *map, uint64_t addr, uint64_t *vaddr)
{
	if (i->object == NULL)
		return -1;
	return object_vaddr(i->object, addr - map->start + map->offset, vaddr);
}

int
images_give(struct images *s, const char *file, struct error *e)
{
	struct object *o = object_open(file, NULL, 0, SLICE(""), e);

	if (o == NULL)
		return -1;
	GROW(s->given, s->given_cap, s->givens);
	s->given[s->givens++] = o;
	if (slice_starts(slice_basename(slice_of(file)), SLICE("vmlinux")) && !s->vmlinux.object) {
		s->vmlinux.object = o;
		s->vmlinux.names = open_names(s, o);
	}
	return 0;
}

void
images_free(struct images *s)
{
	names_close(s->vmlinux.names);
	for (size_t i = 0; i < s->images; i++) {
		bool ours = true;

		names_close(s->image[i].names);
		unwind_rules_free(s->image[i].rules);
		for (size_t g = 0; g < s->givens; g++)
			ours &= s->image[i].object != s->given[g];
		if (ours)
			object_close(s->image[i].object);
	}
	for (size_t i = 0; i < s->givens; i++)
		object_close(s->given[i]);
	arena_free(&s->text);
	free(s->image);
	free(s->given);
	*s = IMAGES_INIT;
}
