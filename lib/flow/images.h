/* images.h - the objects that address spaces map, opened
 *
 * A mapping's object (address_space.h) becomes an image: its file where it is found, its names, and what its frames are
 * called where it has none. Each is looked for once, when the first address in it is asked for: what was given by
 * --object; below symfs; else as the process sees it, as what it has mapped, and as we see it.
 *
 * Units:     bytes.
 * Ownership: IMAGES_INIT to images_free(); images are good until then, their place until the next images_of().
 * Errors:    a file that is not there is a state, not an error.
 * Source:    own; proc(5).
 */
#ifndef FLOW_IMAGES_H
#define FLOW_IMAGES_H

#include "base/error.h"
#include "code/names.h"
#include "code/unwind.h"
#include "flow/address_space.h"

enum { IMAGE_USER, IMAGE_INLINED, IMAGE_KERNEL, IMAGE_KINDS };

struct image {
	enum image_state {
		IMAGE_UNOPENED,
		IMAGE_OPEN,
		IMAGE_MISSING,
		IMAGE_MISMATCH, /* a file of this name is here, with another build id */
		IMAGE_ANONYMOUS /* code made at run time */
	} state;
	struct object *object;      /* NULL unless open */
	struct names *names;        /* so, too */
	struct unwind_rules *rules; /* the caller's to make; freed here */
	struct slice unnamed;       /* "[libc.so.6]" */
	struct slice origin[IMAGE_KINDS];
};

struct images {
	const char *symfs;                  /* or NULL */
	bool mangled;                       /* see names_mangled() */
	struct image vmlinux;               /* the kernel's file, where one was given */
	struct debugfile_paths debug_paths; /* private from here */
	struct image *image;                /* by number of the object */
	size_t images;
	struct object **given;
	size_t givens, given_cap;
	struct arena text;
};

#define IMAGES_INIT ((struct images){ 0 })

/* A file to use where its build id or name is asked for; -1 where it cannot be opened. */
int images_give(struct images *s, const char *file, struct error *e);

/* The image of a mapping of a. */
struct image *images_of(
    struct images *s, const struct address_space *a, const struct space_map *map);

/* An address of the process in the object: -1 where it has none. */
int image_vaddr(const struct image *i, const struct space_map *map, uint64_t addr, uint64_t *vaddr);

void images_free(struct images *s);

#endif
