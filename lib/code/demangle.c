#include <libiberty/demangle.h>
#include <setjmp.h>

#include "code/demangle.h"

/* Only the entries with callbacks are used: others would draw in an xmalloc() of libiberty's own. */

struct out {
	jmp_buf full;
	struct arena *arena;
	char *p;
	size_t n, cap;
};

/* A short damaged name can ask for exponentially long output, and only a jump makes the demangler stop. It keeps its
 * state on the stack, but for Unicode names of Rust, whose few bytes are then lost. */
static void
put(const char *p, size_t n, void *context)
{
	struct out *o = context;

	if (n > DEMANGLE_MAX - o->n)
		longjmp(o->full, 1);
	if (n > o->cap - o->n) {
		size_t cap = (o->n + n) * 2;
		char *bigger = arena_alloc(o->arena, cap);

		if (o->n > 0)
			memcpy(bigger, o->p, o->n);
		o->p = bigger;
		o->cap = cap;
	}
	if (n > 0)
		memcpy(o->p + o->n, p, n);
	o->n += n;
}

bool
demangle(struct arena *a, struct slice name, struct slice *out)
{
	static struct out o; /* static, so that longjmp cannot clobber it */
	static struct arena scratch;
	static char *mangled;
	bool ok = false;

	if (!demangle_wanted(name) || name.n >= DEMANGLE_MAX)
		return false;
	arena_reset(&scratch);
	mangled = (char *)arena_copy(&scratch, name).p;
	o.arena = &scratch;
	o.p = NULL;
	o.n = o.cap = 0;
	if (setjmp(o.full) == 0) {
		/* Legacy Rust names are C++ names as well, so Rust is asked first. */
		ok = rust_demangle_callback(mangled, DMGL_NO_OPTS, put, &o) != 0;
		if (!ok) {
			o.n = 0;
			ok = cplus_demangle_v3_callback(mangled, DMGL_NO_OPTS, put, &o) != 0;
		}
	} else {
		ok = false;
	}
	if (ok && o.n > 0)
		*out = arena_copy(a, (struct slice){ o.p, o.n });
	return ok && o.n > 0;
}
