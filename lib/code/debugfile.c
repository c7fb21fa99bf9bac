#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "code/debugfile.h"

static const struct debugfile_paths no_paths;

uint32_t
debugfile_crc(const void *bytes, size_t n)
{
	return lzma_crc32(bytes, n, 0);
}

/* Opens path as the file with this build id, or without one (empty), with this checksum. */
static struct object *
try_open(const char *path, struct slice buildid, const uint32_t *crc)
{
	struct object *o = object_open(path, NULL, 0, buildid, NULL);

	if (o != NULL && crc != NULL && debugfile_crc(o->image.p, o->image.n) != *crc) {
		object_close(o);
		o = NULL;
	}
	return o;
}

/* The same below the symfs and without. */
static struct object *
try_below(const struct debugfile_paths *paths, struct buf *path, struct slice buildid,
    const uint32_t *crc)
{
	struct object *o = NULL;

	if (paths->symfs != NULL && path->n > 0 && path->p[0] == '/') {
		struct buf below = BUF_INIT;

		buf_printf(&below, "%s%s", paths->symfs, buf_str(path));
		o = try_open(buf_str(&below), buildid, crc);
		buf_free(&below);
	}
	return o != NULL ? o : try_open(buf_str(path), buildid, crc);
}

static struct object *
by_buildid(struct slice id, const struct debugfile_paths *paths)
{
	const char *home = getenv("HOME");
	struct buf path = BUF_INIT, hex = BUF_INIT;
	struct object *o = NULL;

	if (id.n < 2)
		return NULL;
	for (size_t i = 0; i < id.n; i++)
		buf_printf(&hex, "%02x", (unsigned char)id.p[i]);
	buf_str(&hex);
	for (size_t i = 0; o == NULL && i <= paths->dirs; i++) {
		path.n = 0;
		buf_printf(&path, "%s/.build-id/%.2s/%s.debug",
		    i < paths->dirs ? paths->dir[i] : "/usr/lib/debug", hex.p, hex.p + 2);
		o = try_below(paths, &path, id, NULL);
	}
	for (int i = 0; o == NULL && home != NULL && i < 2; i++) {
		path.n = 0;
		if (i == 0)
			buf_printf(
			    &path, "%s/.debug/.build-id/%.2s/%s/debug", home, hex.p, hex.p + 2);
		else
			buf_printf(&path, "%s/.cache/debuginfod_client/%s/debuginfo", home, hex.p);
		o = try_open(buf_str(&path), id, NULL);
	}
	buf_free(&path);
	buf_free(&hex);
	return o;
}

/* The directory of a file's real path, with '/' at its end. */
static void
directory(struct buf *to, const char *path)
{
	char *real = realpath(path, NULL);
	const char *p = real != NULL ? real : path, *slash = strrchr(p, '/');

	if (slash != NULL)
		buf_put(to, p, (size_t)(slash - p) + 1);
	else
		buf_slice(to, SLICE("./"));
	free(real);
}

/* The name in a link section; the rest of the section is what follows. Empty where it is damaged. */
static struct slice
link_name(struct slice *section)
{
	struct slice name = { section->p, section->n > 0 ? strnlen(section->p, section->n) : 0 };

	if (name.n == 0 || name.n == section->n)
		return (struct slice){ 0 };
	section->p += name.n + 1;
	section->n -= name.n + 1;
	return name;
}

static struct object *
by_link(struct object *o, const struct debugfile_paths *paths)
{
	struct slice section = object_named(o, ".gnu_debuglink", NULL), name = link_name(&section),
		     dir;
	struct buf path = BUF_INIT, own = BUF_INIT;
	struct object *found = NULL;
	size_t pad, symfs;
	uint32_t crc;

	pad = (4 - (name.n + 1) % 4) % 4;
	if (name.n == 0 || section.n < pad + 4 || memchr(name.p, '/', name.n) != NULL)
		return NULL;
	crc = load32(section.p + pad);
	directory(&own, o->path);
	dir = buf_view(&own);
	symfs = paths->symfs != NULL ? strlen(paths->symfs) : 0;
	for (size_t i = 0; found == NULL && i < paths->dirs + 4; i++) {
		path.n = 0;
		if (i < 2) {
			buf_printf(&path, "%.*s%s%.*s", SLICE_ARG(dir), i == 0 ? "" : ".debug/",
			    SLICE_ARG(name));
		} else if (i < paths->dirs + 3) {
			struct slice in = dir;

			/* An object below the symfs has its debug file below it, under the path inside. */
			if (symfs > 0 && slice_starts(in, slice_of(paths->symfs))) {
				in.p += symfs;
				in.n -= symfs;
			}
			buf_printf(&path, "%s%s%.*s%.*s",
			    i - 2 < paths->dirs ? paths->dir[i - 2] : "/usr/lib/debug",
			    in.n > 0 && in.p[0] == '/' ? "" : "/", SLICE_ARG(in), SLICE_ARG(name));
		} else if (paths->dirs > 0) {
			buf_printf(&path, "%s/%.*s", paths->dir[0], SLICE_ARG(name));
		} else {
			break;
		}
		found = try_below(paths, &path, o->buildid, o->buildid.n > 0 ? NULL : &crc);
		if (found != NULL && strcmp(found->path, o->path) == 0) {
			object_close(found); /* links to its own name */
			found = NULL;
		}
	}
	buf_free(&path);
	buf_free(&own);
	return found;
}

struct object *
debugfile_find(struct object *o, const struct debugfile_paths *paths)
{
	struct object *found;

	if (paths == NULL)
		paths = &no_paths;
	found = by_buildid(o->buildid, paths);
	if (found != NULL && strcmp(found->path, o->path) == 0) {
		object_close(found);
		return NULL;
	}
	return found != NULL ? found : by_link(o, paths);
}

struct object *
debugfile_alt(struct object *debug, const struct debugfile_paths *paths)
{
	struct slice section = object_named(debug, ".gnu_debugaltlink", NULL),
		     name = link_name(&section);
	struct buf path = BUF_INIT;
	struct object *o;

	if (paths == NULL)
		paths = &no_paths;
	if (name.n == 0 || section.n == 0)
		return NULL;
	if (name.p[0] != '/')
		directory(&path, debug->path);
	buf_slice(&path, name);
	o = try_below(paths, &path, section, NULL);
	buf_free(&path);
	return o != NULL ? o : by_buildid(section, paths);
}

struct object *
debugfile_mini(struct object *o)
{
	struct slice packed = object_named(o, ".gnu_debugdata", NULL);
	struct buf out = BUF_INIT, name = BUF_INIT;
	struct object *mini = NULL;
	lzma_stream stream = LZMA_STREAM_INIT;
	lzma_ret r;

	if (packed.n == 0 || lzma_stream_decoder(&stream, 256 << 20, 0) != LZMA_OK)
		return NULL;
	stream.next_in = (const uint8_t *)packed.p;
	stream.avail_in = packed.n;
	do {
		size_t room;

		if (out.n >= MINIDEBUG_MAX) {
			r = LZMA_MEMLIMIT_ERROR;
			break;
		}
		stream.next_out = (uint8_t *)buf_room(&out, packed.n + 65536);
		room = out.cap - out.n;
		stream.avail_out = room;
		r = lzma_code(&stream, LZMA_FINISH);
		out.n += room - stream.avail_out;
	} while (r == LZMA_OK);
	lzma_end(&stream);
	if (r == LZMA_STREAM_END) {
		buf_printf(&name, "%s(.gnu_debugdata)", o->path);
		mini = object_memory(buf_str(&name), out.p, out.n, NULL);
	}
	buf_free(&out);
	buf_free(&name);
	return mini;
}
