/* What is found of this very process is where the linker has bound it; what is not of it, is not found. */

#include "flow/allocator.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/num.h"
#include "base/slice.h"
#include "unit.h"

/* The offset, in its file, of an address of this process. */
static uint64_t
offset_of(const void *address)
{
	uint64_t at = (uintptr_t)address, result = UINT64_MAX;
	char *text;
	size_t n;

	CLAIM(io_slurp("/proc/self/maps", &text, &n) == 0);
	for (struct slice rest = { text, n }; rest.n > 0;) {
		struct slice line = slice_cut(&rest, '\n'), range = slice_cut(&line, ' '), offset;
		struct slice start = slice_cut(&range, '-');
		uint64_t from, to, base;

		slice_cut(&line, ' ');
		offset = slice_cut(&line, ' ');
		CLAIM(num_hex(start, &from) == 0 && num_hex(range, &to) == 0 &&
		      num_hex(offset, &base) == 0);
		if (at >= from && at < to)
			result = base + at - from;
	}
	free(text);
	return result;
}

static const struct allocator_place *
place_of(const struct allocator *a, const char *symbol)
{
	for (size_t i = 0; i < a->places; i++)
		if (strcmp(allocator_function[a->place[i].function].symbol, symbol) == 0)
			return &a->place[i];
	return NULL;
}

/* Others may have the same name: that which is bound has to be there. */
static void
must_be_at(const struct allocator *a, const char *symbol)
{
	uint64_t entry = offset_of(dlsym(RTLD_DEFAULT, symbol));
	bool found = false;

	for (size_t i = 0; i < a->places; i++) {
		const struct allocator_place *p = &a->place[i];

		found = found || (strcmp(allocator_function[p->function].symbol, symbol) == 0 &&
				     p->offset >= entry && p->offset < entry + 64);
	}
	CLAIM(found);
}

int
main(void)
{
	static const char *const symbol[] = { "malloc", "calloc", "realloc", "reallocarray",
		"posix_memalign", "valloc", "free", "munmap", "mremap" };
	struct allocator a = ALLOCATOR_INIT;
	struct error e;
	size_t places;
	pid_t child;

	CLAIM(allocator_find(&a, getpid(), &e) == 0);
	for (size_t i = 0; i < sizeof symbol / sizeof symbol[0]; i++)
		must_be_at(&a, symbol[i]);
	CLAIM(place_of(&a, "mmap") || place_of(&a, "mmap64"));
	CLAIM(a.objects >= 1);
	for (size_t i = 0; i < a.places; i++)
		for (size_t k = 0; k < i; k++)
			CLAIM(a.place[i].offset != a.place[k].offset ||
			      strcmp(a.place[i].path, a.place[k].path) != 0);
	/* the same files again, by another process: nothing new */
	places = a.places;
	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	CLAIM(allocator_find(&a, child, &e) == 0);
	CLAIM(a.places == places);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	CLAIM(allocator_find(&a, child, &e) < 0);
	CLAIM(strstr(e.text, "no process") != NULL);
	allocator_free(&a);
	return 0;
}
